"""Where secrets and personal data stand in a text.

What `Patterns` covers:

- keys with a prefix of their own: AWS, GitHub, GitLab, Slack, Stripe, OpenAI, Anthropic, Google, Hugging Face, npm,
  PyPI and others (`KEYS`), JSON Web Tokens, private keys in PEM;
- values that are named as secrets (`NAMES`): `password=…`, `"api_key": "…"`, at any depth of JSON within JSON, in
  environments, headers, queries, flags (`--token …`), XML elements and in the words "password is …"; `Bearer …`;
  passwords in addresses and connection strings;
- e-mail, IPv4, IPv6 and MAC addresses, phone numbers with a country code (+…), IBANs and payment cards whose checksums
  are right.

What it leaves: names of people, street addresses, dates of birth, phone numbers without country code, national ids
(`Presidio` finds some of these; `Words` what is listed); a password of letters alone in running text; a password that
is not quoted, from the first quote, bracket, comma or space on; user names; cookies; anything in base64, in images, or
split over two texts. Numbered ids, prices, dates, versions, digests and UUIDs are left unless they are named as
secrets, and so are addresses that are the same for everybody (127.0.0.1, masks, 1.1.1.1).

Everything is linear in the text: what can be searched by a fixed word is, quantifiers are bounded or possessive, and a
text pays only for the rules whose word it contains.
"""

import contextlib
import ipaddress
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from rollout.errors import UserError


class PrivacyError(UserError):
    """Hiding cannot be done; the message says why and what to do, and never what was to be hidden."""


class Span(NamedTuple):
    """A place in a text, in characters, and what stands there: lower-case letters and underscores."""

    start: int
    end: int
    kind: str


class Detector(Protocol):
    """Finds what is to be hidden; spans may overlap and come in any order."""

    def find(self, text: str) -> Iterable[Span]: ...


# Bodies of keys by their prefixes. Sources: the providers' documentation of key formats (GitHub: "Behind GitHub's new
# authentication token formats"; GitLab: "Token overview"; AWS: "IAM identifiers"; Slack: "Token types"; Stripe: "API
# keys"), and where they say nothing, keys as issued.
WORD, END = r"[A-Za-z0-9_-]", r"(?![A-Za-z0-9])"
KEYS: dict[str, str] = {
    "A": r"(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16}" + END,
    "gh": r"[pousr]_[A-Za-z0-9]{36,}+",
    "github_pat_": r"[A-Za-z0-9_]{36,}+",
    "gl": r"(?:pat|ptt|dt|oas|cbt|rt|ft|imt|agent|soat|ffct)-[A-Za-z0-9_.=-]{20,}+",
    "xox": r"[abceoprs][-.][A-Za-z0-9.-]{10,}+",
    "xapp-": r"\d-[A-Za-z0-9-]{20,}+",
    "hooks.slack.com/": r"(?:services|workflows|triggers)/[A-Za-z0-9/_]{20,}+",
    **dict.fromkeys(("sk_", "rk_"), r"(?:live|test)_[A-Za-z0-9]{10,}+"),
    "whsec_": r"[A-Za-z0-9+/=]{24,}+",
    "sk-": rf"(?:(?:proj|svcacct|admin|None|ant|or|lf)-{WORD}{{20,}}+|[A-Za-z0-9]{{32,}}+)",  # OpenAI and after it
    "AIza": rf"{WORD}{{35}}(?!{WORD})",
    "ya29.": r"[A-Za-z0-9_.-]{20,}+",
    "GOCSPX-": rf"{WORD}{{20,}}+",
    "1//0": rf"{WORD}{{30,}}+",
    "hf_": r"[A-Za-z0-9]{30,}+",
    "api_org_": r"[A-Za-z0-9]{30,}+",
    "npm_": r"[A-Za-z0-9]{36}" + END,
    "pypi-": rf"{WORD}{{50,}}+",
    "eyJ": rf"{WORD}{{8,}}+(?:\.{WORD}++){{1,3}}\.{WORD}*+",  # RFC 7519 and 7516: base64url of '{"' before a dot
    "SG.": rf"{WORD}{{16,32}}\.{WORD}{{32,}}+",
    "key-": r"[0-9a-f]{32}" + END,
    "gsk_": r"[A-Za-z0-9]{40,}+",
    "xai-": r"[A-Za-z0-9]{40,}+",
    "r8_": r"[A-Za-z0-9]{37}" + END,
    "dapi": r"[0-9a-f]{32}" + END,
    "hvs.": rf"{WORD}{{24,}}+",
    "do": r"[opr]_v1_[0-9a-f]{64}" + END,
    "shp": r"(?:at|ca|pa|ss)_[0-9a-fA-F]{32}" + END,
    "lin_api_": r"[A-Za-z0-9]{32,}+",
    "ntn_": r"[A-Za-z0-9]{40,}+",
    "AGE-SECRET-KEY-1": r"[A-Z0-9]{50,}+",
    # Up to its end, or, where the log was cut, as far as its lines go.
    "-----BEGIN ": r"[A-Z0-9 ]{0,40}?PRIVATE KEY(?: BLOCK)?-----(?:"
                   r"(?:[\w+/=\s\\:,.()]|-(?!----))*+-----END [A-Z0-9 ]{0,50}-----|"
                   r"(?:(?:\s|\\++[nr])*+[A-Za-z0-9+/=]{40,}+)+)",
}

# What a letter may follow and still begin something: an escape of JSON or of an address.
ESCAPE = re.compile(r"(?:\\[bfnrt]|\\u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2})\Z")


def _prefixed(prefix: str, body: str) -> re.Pattern[str]:
    """A key that begins with a fixed word, by which it is searched, and is not the end of a longer word."""
    word = re.escape(prefix)
    begins = rf"(?:(?<![A-Za-z0-9]{word})|(?<=\\[bfnrt]{word})|(?<=%[0-9A-F]{{2}}{word}))"
    return re.compile(word + begins + body)


PREFIXED = {prefix: _prefixed(prefix, body) for prefix, body in KEYS.items()}

# What a secret is called, and whether anything so called is one (True), or only what looks like no word or number.
NAMES: dict[str, bool] = {
    "password": True, "passwd": True, "passwort": True, "passphrase": True, "pwd": True,
    "pass": False, "secret": False, "token": False, "key": False, "credential": False, "credentials": False,
    "authorization": False, "signature": False, "sig": False, "bearer": False,
}
BEFORE = {
    "key": re.compile(
        r"(?:api|access|secret|private|auth|encrypt(?:ion)?|sign(?:ing)?|master|account|storage|shared|service|"
        r"subscription|license|webhook|session|app|client|admin)[ _-]?\Z"
    ),
    "token": re.compile(r"(?<!page)(?<!page[_-])(?<!next)(?<!next[_-])(?<!pad[_-])(?<!eos[_-])(?<!bos[_-])\Z"),
    **dict.fromkeys(
        ("pwd", "pass", "sig", "bearer"), re.compile(r"(?:(?<![a-z])|\\[bfnrt]|%[0-9a-f]{2}|db|user|my|root|admin)\Z")
    ),
}
AFTER = re.compile(
    r"(?:[_-]?(?:\d{1,2}|prod|production|live|test|dev|staging))?"
    r"\\*[\"'`]?\]?\*{0,2}"
    r"(?P<sign>\s{0,4}(?::\s?[A-Za-z]{1,12}\s?=(?!=)|:=|={1,3}>?|:|%3d)\*{0,2}\s{0,4}|>|"
    r"\s{1,4}(?:(?:is|was)(?:\s?:)?\s{1,4})?)",
    re.IGNORECASE,
)
SCHEME = re.compile(r"(?:bearer|basic|token|digest|apikey|bot)\s{1,4}", re.IGNORECASE)
OPENING = re.compile(r"(\\*)([\"'`])")
UNQUOTED = re.compile(r"[^\s\"'`\\<>&;,(){}\[\]|]+")
LONGEST_VALUE = 1000
LETTER, DIGIT = re.compile(r"[^\W\d_]"), re.compile(r"\d")
PLACEHOLDER = re.compile(
    r"[x*•.\-_#?]+|[<$%{].*|\[.*\]|your[ _-].*|(?:none|null|nil|true|false|undefined|required|optional|invalid|"
    r"incorrect|wrong|missing|empty|redacted|hidden|masked|string|text|str|type|unknown|expired|changed|reset|"
    r"not|is|was|the|to|and|or|for)[.!]?",
    re.IGNORECASE | re.DOTALL,
)
IDENTIFIER = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+|[a-z]+(?:_[a-z]+)*_\d+|\d{4}-\d\d-\d\d\S*|\.{0,2}/\S*|\w+://\S*")

USERINFO = re.compile(r"://[^\s/:@\"'<>\\]{0,256}:([^\s/\"'<>\\]{1,256})@(?=[\w\[<])")
USER = re.compile(r"(?:-u|--user)[ =]\s{0,4}\\*[\"']?[^\s\"':]{1,128}:([^\s\"'\\<>]{1,256})")

USERNAME = re.compile(r"://[^\s/:@]{0,76}:\Z")

LOCAL = re.compile(r"[A-Za-z0-9À-ɏ._+&-]{1,64}")
DOMAIN = re.compile(r"(?!\d+x\.)(?:[A-Za-z0-9À-ɏ-]{1,63}\.){1,8}[A-Za-zÀ-ɏ]{2,24}(?![A-Za-z0-9])")
SHARED_ACCOUNTS = {"git"}  # git@github.com

DOTS = re.compile(r"\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]")
IPV4 = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(?!\w|\.[0-9])")
VERSION = re.compile(r"(?i:\bv|\bver\.?|version|release|build|\brev)[\s:=\"'\\]{0,4}\Z|[A-Z][A-Za-z]*/\Z")
IPV6 = re.compile(r":(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4}(?![\w:])")
MACS = [re.compile(f"{mark}(?:[0-9A-Fa-f]{{2}}{mark}){{4}}[0-9A-Fa-f]{{2}}(?![\\w:-])") for mark in ":-"]
PHONES = [re.compile(rf"{plus}[0-9](?:[ .\-/()]{{0,2}}[0-9]){{6,14}}(?![0-9])") for plus in (r"\+", "%2B")]
# ITU-T E.164: country codes and at most 15 digits; the North American plan has no 0 or 1 in two places.
COUNTRY = re.compile(
    r"1[2-9]\d\d[2-9]\d{6}\Z|7\d{10}\Z|(?:2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])\d{7,}|"
    r"(?:2[1-69]\d|3[578]\d|42\d|5[09]\d|6[7-9]\d|85\d|88[0-8]|9[679]\d)\d{6,}"
)
# ISO 13616: lengths by country.
IBAN = re.compile(r"[A-Z][A-Z][0-9][0-9](?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?")
IBAN_LENGTHS = {
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


class Patterns:
    """The patterns that are always searched for; see the module."""

    def find(self, text: str) -> Iterator[Span]:
        for prefix, pattern in PREFIXED.items():
            if prefix in text:
                for match in pattern.finditer(text):
                    yield Span(*match.span(), "key")
        lower = text.lower()
        if len(lower) != len(text):  # "İ" becomes two characters
            lower = "".join(each.lower() if each.isascii() else each for each in text)
        for name, any_value in NAMES.items():
            at = lower.find(name)
            while at >= 0:
                if span := _named(text, lower, at, name, any_value):
                    yield span
                at = lower.find(name, at + len(name))
        if "://" in text:
            for match in USERINFO.finditer(text):
                yield Span(*match.span(1), "password")
        if "curl" in lower:
            for match in USER.finditer(text):
                yield Span(*match.span(1), "password")
        for sign in ("@", "%40", "\\u0040"):
            if sign in text:
                yield from _emails(text, sign)
        yield from _numbers(text)


def named_secret(name: str, value: str) -> Span | None:
    """Where a secret stands in a value that is stored under a name, as in an object of JSON."""
    lower = name.lower()
    for word, any_value in NAMES.items():
        at = lower.rfind(word)
        if at >= 0 and _is_name(lower, at, word) and (after := AFTER.match(f"{name}:", at + len(word))):
            start = scheme.end() if (scheme := SCHEME.match(value)) else 0
            if after.end() == len(name) + 1 and _is_secret(value[start:], any_value, quoted=True):
                return Span(start, len(value), _kind(any_value))
    return None


def closing(text: str, start: int, slashes: int, mark: str = '"', end: int | None = None) -> int | None:
    """Where the quote that opened a string closes it, in JSON that was written into strings of JSON.

    A quote at some depth is written with 2^depth - 1 backslashes before it; with more, it belongs to the string
    unless the rest are escaped backslashes, which come in multiples of twice as many.

    Args:
        start: behind the opening quote.
        slashes: how many backslashes it had.
        mark: which quote.

    Returns:
        Where the backslashes of the closing quote begin; None if there is none before `end`.
    """
    limit = len(text) if end is None else end
    at = text.find(mark, start, limit)
    while at >= 0:
        run = at
        while run > start and text[run - 1] == "\\":
            run -= 1
        if (at - run) % (2 * slashes + 2) == slashes:
            return at - slashes
        at = text.find(mark, at + 1, limit)
    return None


def _is_name(lower: str, at: int, name: str) -> bool:
    before = BEFORE.get(name)
    return before is None or before.search(lower[max(0, at - 14):at]) is not None


def _kind(any_value: bool) -> str:
    return "password" if any_value else "key"


def _named(text: str, lower: str, at: int, name: str, any_value: bool) -> Span | None:
    """The secret that a name announces."""
    after = AFTER.match(text, at + len(name))
    if after is None or not _is_name(lower, at, name):
        return None
    sign = after["sign"].strip().rstrip("*").lower()
    flag = sign == "" and re.search(r"--[a-z-]{0,30}\Z", lower[max(0, at - 32):at])
    if sign == "" and not flag and name != "bearer":
        return None
    if sign == ">" and not re.search(r"<[\w:.-]{0,30}\Z", lower[max(0, at - 31):at]):
        return None
    start = after.end()
    opening = OPENING.match(text, start)
    if opening:
        start = opening.end()
        end = closing(text, start, len(opening[1]), opening[2], start + LONGEST_VALUE)
        if end is None:
            opening = None
    if scheme := SCHEME.match(text, start):
        start = scheme.end()
    if not opening:
        match = UNQUOTED.match(text, start, start + LONGEST_VALUE)
        if match is None or text[match.end():match.end() + 1] in ("(", "["):  # code
            return None
        value = match[0].partition("%26")[0].rstrip(".:!?*")
        end = start + len(value)
    assert end is not None
    value = text[start:end]
    if not _is_secret(value, any_value, quoted=opening is not None, sign=sign, rest=text[end:end + 1]):
        return None
    return Span(start, end, _kind(any_value))


def _is_secret(value: str, any_value: bool, quoted: bool, sign: str = ":", rest: str = "") -> bool:
    """Whether what is named as a secret looks like one."""
    if len(value) < 4 or PLACEHOLDER.fullmatch(value):
        return False
    letters, digits = LETTER.search(value) is not None, DIGIT.search(value) is not None
    if not any_value:
        if IDENTIFIER.fullmatch(value) or re.search(r"\s", value):
            return False
        return (len(value) >= 8 and letters and digits) or (quoted and len(value) >= 20 and value.isalpha())
    if not digits and any(name in value.lower() for name in ("password", "passwd", "pwd")):
        return False  # a label, or a variable
    if quoted:
        return "\n" not in value
    if IDENTIFIER.fullmatch(value) and not digits:
        return False
    if sign in ("is", "was", "is:", "was:", "is :", "was :"):
        return len(value) >= 6 and letters and digits
    if value.isalpha():
        return rest in ("", "\n", "\r", "\\") or (sign in ("=", ">") and rest in (" ", "&", ";", "<", '"', "'"))
    return len(value) >= 6 or sign != ":" or rest in ("", "\n", "\r", "\\")


def _free(text: str, at: int) -> bool:
    """Whether something can begin here, and is no end of a word or number."""
    before = text[max(0, at - 6):at]
    return not before or not (before[-1].isalnum() or before[-1] in "_.") or ESCAPE.search(before) is not None


def behind_escape(text: str, start: int) -> int:
    """Where a span may begin that would begin within an escape: replacing "nova" in "\\nova" would spoil JSON."""
    if start and text[start - 1] == "\\" and text[start:start + 1] in tuple('bfnrt"/\\u'):
        return start + (5 if re.match("u[0-9A-Fa-f]{4}", text[start:start + 5]) else 1)
    return start


def _emails(text: str, sign: str) -> Iterator[Span]:
    at = text.find(sign)
    while at >= 0:
        behind = at + len(sign)
        domain = DOMAIN.match(text, behind)
        if domain:
            before = text[max(0, at - 64):at].rstrip("\\")
            start = end = max(0, at - 64) + len(before)
            if local := LOCAL.match(before[::-1]):
                start -= len(local[0].rstrip("."))
            start = behind_escape(text, start)
            if text[start - 1:start] == "%" and start + 2 < end:
                start += 2
            password = text[start - 1:start] == ":" and USERNAME.search(text, max(0, start - 80), start)
            if start < end and text[start:end] not in SHARED_ACCOUNTS and not password:
                yield Span(start, domain.end(), "email")
                behind = domain.end()
        at = text.find(sign, behind)


def _numbers(text: str) -> Iterator[Span]:
    """What is recognised by its digits."""
    for match in IPV4.finditer(text) if DOTS.search(text) else ():
        start, end = match.span()
        octets = [int(each) for each in match[0].split(".")]
        named = max(octets) < 256 and max(octets) > 9 and octets[0] not in (0, 127, 255)
        if named and _free(text, start) and not VERSION.search(text[max(0, start - 14):start]):
            yield Span(start, end, "ip")
    if text.count(":") > 1:
        yield from _ipv6(text)
    for match in (match for pattern in MACS for match in pattern.finditer(text)):
        start = match.start() - 2
        first, rest = text[max(0, start):match.start()], match[0]
        known = re.fullmatch("[0-9A-Fa-f]{2}", first) and (rest[0] == ":" or re.search("[A-Fa-f]", first + rest))
        if known and _free(text, start):
            yield Span(start, match.end(), "mac")
    for match in (match for pattern in PHONES for match in pattern.finditer(text)):
        digits = re.sub("[^0-9]", "", match[0].removeprefix("%2B"))
        glued = text[max(0, match.start() - 1):match.start()].isalnum() and not _free(text, match.start())
        if not glued and COUNTRY.match(digits):
            yield Span(*match.span(), "phone")
    for match in IBAN.finditer(text):
        length = IBAN_LENGTHS.get(match[0][:2], 99)
        compact = match[0].replace(" ", "")[:length]
        if len(compact) == length and _free(text, match.start()) and _mod97(compact) == 1:
            end = match.start() + _nth(match[0], length)
            if not text[end:end + 1].isalnum():
                yield Span(match.start(), end, "iban")
    for match in CARD.finditer(text):
        digits = re.sub("[ -]", "", match[0])
        if ISSUER.match(digits) and _luhn(digits) and _free(text, match.start()):
            rest = text[match.end():match.end() + 2]
            if not (rest[:1].isalnum() or rest[:1] == "_" or (rest[:1] == "." and rest[1:].isdigit())):
                yield Span(*match.span(), "card")


def _ipv6(text: str) -> Iterator[Span]:
    for match in IPV6.finditer(text):
        short = "::" in match[0]
        if not short and match[0].count(":") < 7:  # the time of day
            continue
        start = match.start()
        while start > max(0, match.start() - 4) and text[start - 1] in "0123456789abcdefABCDEF":
            start -= 1
        value = text[start:match.end()]
        if short and (value.find(":") < 3 or len(value.replace(":", "")) < 5):  # C++, slices, loopback
            continue
        if _free(text, start) and any(each.isdigit() for each in value):
            with contextlib.suppress(ValueError):
                ipaddress.IPv6Address(value)
                yield Span(start, match.end(), "ip")


def _mod97(iban: str) -> int:
    """ISO 7064: 1 where the check digits are right."""
    return int("".join(str(int(each, 36)) for each in iban[4:] + iban[:4])) % 97


def _nth(text: str, count: int) -> int:
    """Where so many characters that are no spaces have passed."""
    for place, each in enumerate(text, start=1):
        count -= each != " "
        if count == 0:
            return place
    return len(text)


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812, annex B."""
    doubled = (sum(divmod(2 * int(each), 10)) for each in digits[-2::-2])
    return (sum(int(each) for each in digits[-1::-2]) + sum(doubled)) % 10 == 0


class Words:
    """What a user lists: words or phrases, however they are capitalised, and regular expressions.

    A word is found by its first run of letters and digits, so that ten thousand cost no more than ten. It must not go
    on in letters or digits, except in scripts that are written without spaces.

    Raises:
        PrivacyError: an entry is empty, or no regular expression.
    """

    def __init__(self, words: Sequence[str] = (), patterns: Sequence[str] = ()):
        self.words: dict[str, list[tuple[int, str]]] = {}
        self.anywhere: list[str] = []
        self.patterns: list[re.Pattern[str]] = []
        for number, word in enumerate(words, start=1):
            if not word.strip():
                raise PrivacyError(f"word {number} to hide is empty; remove it")
            run = re.search(r"[^\W_]+", word)
            if run is None or any(ord(each) >= 0x0E00 for each in word):
                self.anywhere.append(word)
            else:
                self.words.setdefault(run[0].lower(), []).append((run.start(), word.lower()))
        for number, pattern in enumerate(patterns, start=1):
            try:
                self.patterns.append(re.compile(pattern))
            except re.error as error:
                raise PrivacyError(f"pattern {number} to hide is no regular expression: {error.msg}") from None

    def find(self, text: str) -> Iterator[Span]:
        if self.words and not self.words.keys().isdisjoint(re.findall(r"[^\W_]+", text.lower())):
            for run in re.finditer(r"[^\W_]+", text):
                for offset, word in self.words.get(run[0].lower(), ()):
                    start, end = run.start() - offset, run.start() - offset + len(word)
                    whole = not (word[-1].isalnum() and text[end:end + 1].isalnum())
                    if start >= 0 and whole and text[start:end].lower() == word:
                        yield Span(start, end, "word")
        for word in self.anywhere:
            at = text.find(word)
            while at >= 0:
                yield Span(at, at + len(word), "word")
                at = text.find(word, at + len(word))
        for pattern in self.patterns:
            for match in pattern.finditer(text):
                if match.end() > match.start():
                    yield Span(*match.span(), "word")


class Presidio:
    """Microsoft's presidio-analyzer, for what needs a language model or a country's rules: names, places, tax ids.

    Nothing is ever downloaded. Without a model it runs its pattern recognisers alone; with the name or folder of an
    installed spaCy model it finds people and places too. What `Patterns` finds it is not asked for, nor addresses of
    the web and dates, which are what sessions are about. It reads some tens of kilobytes a second.

    Args:
        model: a spaCy model that is installed.
        language: of the sessions.
        score: what it is less sure of is left. Below 0.5 any ten digits are a phone number.

    Raises:
        PrivacyError: the library or the model is not installed.
    """

    LEFT = frozenset(
        {"EMAIL_ADDRESS", "URL", "DATE_TIME", "UUID", "IP_ADDRESS", "MAC_ADDRESS", "CREDIT_CARD", "IBAN_CODE"}
    )

    def __init__(self, model: str | None = None, language: str = "en", score: float = 0.5):
        try:
            import spacy
            from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
            from presidio_analyzer.nlp_engine import SpacyNlpEngine
        except ImportError:
            raise PrivacyError(
                "presidio-analyzer is not installed; run: pip install 'dreaming-simulator[privacy]'"
            ) from None
        if model is not None and not spacy.util.is_package(model) and not Path(model).exists():
            raise PrivacyError(f"the spaCy model {model!r} is not installed; run: python -m spacy download {model}")

        class Installed(SpacyNlpEngine):  # theirs would download
            def load(self) -> None:
                self.nlp = {language: spacy.load(model) if model else spacy.blank(language)}

        engine = Installed(models=[{"lang_code": language, "model_name": model or "blank"}])
        engine.load()
        registry = RecognizerRegistry(supported_languages=[language])
        registry.load_predefined_recognizers(languages=[language], nlp_engine=engine if model else None)
        self.language, self.score = language, score
        self.analyzer: Any = AnalyzerEngine(
            registry=registry, nlp_engine=engine, supported_languages=[language], default_score_threshold=score
        )
        self.entities = sorted(set(self.analyzer.get_supported_entities(language)) - self.LEFT)

    def find(self, text: str) -> Iterator[Span]:
        for each in self.analyzer.analyze(text, self.language, entities=self.entities):
            yield Span(each.start, each.end, each.entity_type)


class Lexeme(NamedTuple):
    """A string's inside, or a bare value and the quotes that would make it a string."""

    start: int
    end: int
    quote: str | None


LEXEME = re.compile(r"(\\*)\"|(\\+[bfnrtu/])|[^\s\"{}\[\],:\\]+")
DEEPEST = 3


def lexemes(text: str, start: int = 0, end: int | None = None, depth: int = 0) -> Iterator[Lexeme]:
    """What may be replaced in JSON so that it stays JSON, and the JSON in its strings too, in order."""
    end = len(text) if end is None else end
    slashes = 2**depth - 1
    at = start
    while match := LEXEME.search(text, at, end):
        at = match.end()
        if match[2]:  # white space in JSON that was written into a string
            continue
        if match[1] is None:
            yield Lexeme(*match.span(), "\\" * slashes + '"')
        elif len(match[1]) == slashes:
            close = closing(text, at, slashes, end=end)
            if close is None:
                return
            if depth < DEEPEST and is_json(text[at:close], depth + 1):
                yield from lexemes(text, at, close, depth + 1)
            else:
                yield Lexeme(at, close, None)
            at = close + slashes + 1


def is_json(text: str, depth: int = 0, scalars: bool = False) -> bool:
    """Whether a text is JSON: an object or array, written so deep in strings, or at no depth any value.

    Args:
        scalars: count numbers, true, false and null.
    """
    if not scalars and text.lstrip()[:1] not in (("{", "[") if depth else ("{", "[", '"')):
        return False
    try:
        for _ in range(depth):
            text = json.loads(f'"{text}"')
        json.loads(text, parse_int=str)
    except (ValueError, RecursionError):
        return False
    return True
