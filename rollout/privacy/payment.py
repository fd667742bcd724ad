"""Numbers of bank accounts (IBAN) and payment cards, told from other numbers by their lengths and checksums.

Left are bank accounts in a country's own writing, expiry dates and security codes.
"""

import re
from collections.abc import Iterator

from rollout.privacy.detector import Span
from rollout.privacy.quoting import can_begin

# ISO 13616: lengths by country.
IBAN = re.compile(r"[A-Z][A-Z][0-9][0-9](?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?")
LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK", 21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO EG GT HU LB NI PL SV",
        29: "BR PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}
CARD = re.compile(r"[2-6][0-9]{3}([ -]?)[0-9]{4,6}\1[0-9]{4,5}(?:\1[0-9]{4})?(?![0-9])")
# ISO/IEC 7812: whose numbers begin how, and their lengths.
ISSUER = re.compile(
    r"(?:4\d{15}|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|(?:6011|65\d\d|64[4-9]\d)\d{12}|35\d{14}|3(?:0[0-5]|[68]\d)\d{11}|"
    r"62\d{14,17})\Z"
)


def find_payment(text: str) -> Iterator[Span]:
    """IBANs and card numbers."""
    for match in IBAN.finditer(text):
        length = LENGTHS.get(match[0][:2], 99)
        whole = re.match(rf"(?:\w ?){{{length - 1}}}\w", match[0])
        if whole and can_begin(text, match.start()) and _mod97(whole[0].replace(" ", "")) == 1:
            end = match.start() + whole.end()
            if not text[end:end + 1].isalnum():
                yield Span(match.start(), end, "iban")
    for match in CARD.finditer(text):
        digits = re.sub("[ -]", "", match[0])
        if ISSUER.match(digits) and _luhn(digits) and can_begin(text, match.start()):
            rest = text[match.end():match.end() + 2]
            if not (rest[:1].isalnum() or rest[:1] == "_" or (rest[:1] == "." and rest[1:].isdigit())):
                yield Span(*match.span(), "card")


def _mod97(iban: str) -> int:
    """ISO 7064: 1 where the check digits are right."""
    return int("".join(str(int(each, 36)) for each in iban[4:] + iban[:4])) % 97


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812, annex B."""
    doubled = (sum(divmod(2 * int(each), 10)) for each in digits[-2::-2])
    return (sum(int(each) for each in digits[-1::-2]) + sum(doubled)) % 10 == 0
