"""Values told by the words beside them: in commands, netrc files and cookies; US phone and social security numbers.

Left are passwords of other commands, cookies that are short or not sent in a header, and numbers without such a word.
"""

import re
from collections.abc import Iterator

from rollout.privacy.detector import Span, occurrences
from rollout.privacy.named import PLACEHOLDER, changes, value_at

GAP = r"(?:\s|\\+[nrt]){1,9}"
# Before a password, by a word that must be in the text. A command ends with its line, or at a pipe.
COMMANDS = {
    "sshpass": re.compile(r"\bsshpass\s{1,4}(?:-v\s{1,4})?-p\s{0,4}"),
    **{word: re.compile(
        rf"\b{word}(?:-?(?:dump|admin|import|show|check|slap))?(?=\s)[^\n\\|;&]{{0,200}}?\s-p(?=[^\s-])"
    ) for word in ("mysql", "mariadb")},
    "redis-cli": re.compile(r"\bredis-cli(?=\s)[^\n\\|;&]{0,100}?\s-a\s{1,4}"),
    " login ": re.compile(r"\b(?:docker|podman|helm|registry|skopeo|buildah) login(?=\s)[^\n\\|;&]{0,100}?\s-p\s{1,4}"),
    "machine": re.compile(rf"\bmachine{GAP}[^\s\\]{{1,256}}{GAP}login{GAP}[^\s\\]{{1,128}}{GAP}password{GAP}"),
}

COOKIES = re.compile(r"\\*[\"']?(?:\s{0,4}[:=]\s{0,4}|\s{1,4})\\*[\"']?(?=[\w.$-]{1,64}=)", re.ASCII)
COOKIE = re.compile(r"([\w.$-]{1,64})=([^\s;,\"'\\<>]{0,1024})(?:;\s{0,4})?", re.ASCII)
SESSION = re.compile(r"sess|sid|auth|token|jwt|csrf|xsrf|remember|login|ticket|secret|\Aid\Z", re.IGNORECASE)

SSN = re.compile(r"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\w-])", re.ASCII)
US_PHONE = re.compile(r"(?<![\w+.-])(?:\([2-9]\d\d\) ?|[2-9]\d\d-)[2-9]\d\d-\d{4}(?![\w-])", re.ASCII)
DASHED = re.compile(r"-(?:\d\d-)?\d{4}", re.ASCII)  # both end so
SSN_WORD = re.compile(r"(?<![a-z])ssn(?![a-z])|social[ _-]?security|socialsecurity")
PHONE_WORD = re.compile(
    r"(?<![a-z])(?:tel|cell|fax|mobile|call|called|calling|dial|text|sms|whatsapp|contact|reach)(?![a-z])|phone"
)
NUMBERS = {"ssn": (SSN, SSN_WORD), "phone": (US_PHONE, PHONE_WORD)}
BEFORE, BEHIND = 40, 16  # characters in which the word must stand
TELLING = re.compile(r"cookie|ssn|social|phone|(?<![a-z])(?:tel|cell|fax|mobile|contact)(?![a-z])", re.IGNORECASE)


def find_beside(text: str) -> Iterator[Span]:
    """Values told by the words beside them."""
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(each.lower() if each.isascii() else each for each in text)
    yield from _commands(text, lower)
    if "cookie" in lower:
        yield from _cookies(text, lower)
    if DASHED.search(text):
        for kind, (number, word) in NUMBERS.items():
            for match in number.finditer(text) if word.search(lower) else ():
                start, end = match.span()
                if word.search(lower, max(0, start - BEFORE), start) or word.search(lower, end, end + BEHIND):
                    yield Span(start, end, kind)


def beside_name(name: str, value: str) -> list[Span]:
    """What the name under which a value is stored tells of it."""
    if not TELLING.search(name):
        return []
    before = f"{name}: "
    return [
        Span(start - len(before), end - len(before), kind)
        for start, end, kind in find_beside(before + value) if start >= len(before)
    ]


def _commands(text: str, lower: str) -> Iterator[Span]:
    for word, pattern in COMMANDS.items():
        for match in pattern.finditer(text) if word in lower else ():
            value = value_at(text, match.end())
            if value and value[1] - value[0] >= 3 and not PLACEHOLDER.fullmatch(text, *value[:2]):
                yield Span(*value[:2], "password")


def _cookies(text: str, lower: str) -> Iterator[Span]:
    behind = 0
    for at in occurrences(lower, "cookie"):
        opening = COOKIES.match(text, at + len("cookie"))
        if at < behind or not opening or (opening[0].isspace() and lower[at - 2:at] != "--"):
            continue
        behind = opening.end()
        while cookie := COOKIE.match(text, behind):
            behind = cookie.end()
            name, value = cookie.groups()
            odd = any(each.isdigit() for each in value) or changes(value) > 3
            told = SESSION.search(name) is not None and (len(value) >= 16 or (len(value) >= 6 and odd))
            if (told or (len(value) >= 16 and odd and changes(value) > 3)) and not PLACEHOLDER.fullmatch(value):
                yield Span(*cookie.span(2), "cookie")
            if lower[at - 4:at - 1] == "set" or not cookie[0].rstrip().endswith(";"):  # what follows are attributes
                break
