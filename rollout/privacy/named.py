"""Values that are named as secrets: `password=…`, `"api_key": "…"`, `--token …`, "the password is …".

What is called a password is one whatever it looks like, unless it is a placeholder or code; what is called a key or
token must look like no word or number. What may stand between name and value, and where the value ends, is the same
for all names: an assignment, a header, a query, a flag, an XML element, a sentence, quoted or not, at any depth of JSON
within JSON.
"""

import re
from collections.abc import Iterator

from rollout.privacy.detector import Span, occurrences
from rollout.privacy.quoting import closing

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
# Where a plain word is rather a password: a line, sentence or pair begins here, if need be with whose it is.
CONFIG = re.compile(
    r"(?:\A|[\r\n]|\\[nrt]|\.\s|[^\w\s.\-*#@/'’]|[:=]\s?(?!the\b|an?\b)[^\s:=]{1,64}\s)[\s\-*#>]{0,8}"
    r"(?:(?:your|my|our|new|old|current|initial|default|temporary|temp|root|admin|user|login|account|e-?mail|wi-?fi|db|"
    r"database|master|app|server|service|mysql|postgres|ssh|ftp|smtp|and|with|info|debug|warn(?:ing)?|error|trace)"
    r"\s{1,4}){0,3}[\w.\-*\"'`]{0,40}\Z"
)
# Before what rather is a thing of a story: "the secret: walk42north", "storage key: shelf12b".
STORY = re.compile(r"\b(?:the|an?|this|that|its|his|her|their)\s{1,3}\w{1,16}\Z|"
                   r"\b(?:master|account|storage|shared|service|session|app|client|admin)\skey\Z")
CAMEL = re.compile(r"[A-Z]?[a-z]+(?:[A-Z][a-z]+)*|[A-Z]+")
SIGN_KINDS = re.compile(r"[a-z]+|[A-Z]+|[0-9]+|[^A-Za-z0-9]+")
FOLDER = re.compile(r"(?:\A|/)[A-Z]?[a-z]{3,}(?:/|\Z)")
BASE64 = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
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
FLAG = re.compile(r"--[a-z-]{0,30}\Z")
ELEMENT = re.compile(r"<[\w:.-]{0,30}\Z")


def find_named(text: str) -> Iterator[Span]:
    """Secrets behind their names in a text."""
    lower = text.lower()
    if len(lower) != len(text):  # "İ" becomes two characters
        lower = "".join(each.lower() if each.isascii() else each for each in text)
    for name in [name for name in NAMES if name in lower]:
        for at in occurrences(lower, name):
            if span := _announced(text, lower, at, name, NAMES[name]):
                yield span


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


def value_at(text: str, start: int) -> tuple[int, int, bool] | None:
    """Where the value that stands here begins and ends, and whether it is quoted; None where it is code or nothing."""
    end = None
    if opening := OPENING.match(text, start):
        start = opening.end()
        end = closing(text, start, len(opening[1]), opening[2], start + LONGEST_VALUE)
    if scheme := SCHEME.match(text, start):
        start = scheme.end()
    if end is not None:
        return start, end, True
    match = UNQUOTED.match(text, start, start + LONGEST_VALUE)
    if match is None or text[match.end():match.end() + 1] in ("(", "["):
        return None
    return start, start + len(match[0].partition("%26")[0].rstrip(".:!?*")), False


def changes(value: str) -> int:
    """How often small letters, capitals, digits and other signs take turns: often in a key, seldom in a word."""
    return len(SIGN_KINDS.findall(value)) - 1


def _is_name(lower: str, at: int, name: str) -> bool:
    before = BEFORE.get(name)
    return before is None or before.search(lower[max(0, at - 14):at]) is not None


def _in_story(lower: str, end: int) -> bool:
    return STORY.search(lower, max(0, end - 32), end) is not None


def _kind(any_value: bool) -> str:
    return "password" if any_value else "key"


def _announced(text: str, lower: str, at: int, name: str, any_value: bool) -> Span | None:
    """The secret that a name announces."""
    after = AFTER.match(text, at + len(name))
    if after is None or not _is_name(lower, at, name):
        return None
    sign = after["sign"].strip().rstrip("*").lower()
    if sign == "" and name != "bearer" and not FLAG.search(lower, max(0, at - 32), at):
        return None
    if sign == ">" and not ELEMENT.search(lower, max(0, at - 31), at):
        return None
    value = value_at(text, after.end())
    if value is None:
        return None
    start, end, quoted = value
    if any_value:
        plain = sign.startswith(":") and "=" not in sign and not CONFIG.search(lower, max(0, at - 120), at)
    else:
        plain = sign.rstrip(" :") in ("", "is", "was") and _in_story(lower, at + len(name))
    if _is_secret(text[start:end], any_value, quoted, sign, rest=text[end:end + 1], plain=plain):
        return Span(start, end, _kind(any_value))
    return None


def _is_secret(
    value: str, any_value: bool, quoted: bool, sign: str = ":", rest: str = "", plain: bool = False
) -> bool:
    """Whether what is named as a secret looks like one.

    Args:
        any_value: whether it may look like a word.
        sign: what stands between name and value.
        rest: the character behind it.
        plain: whether the name stands as in a story, where only what is odd is a secret.
    """
    if len(value) < 4 or PLACEHOLDER.fullmatch(value):
        return False
    letters, digits = LETTER.search(value) is not None, DIGIT.search(value) is not None
    if not any_value:
        if (IDENTIFIER.fullmatch(value) and not _is_base64(value)) or re.search(r"\s", value):
            return False
        if plain and not quoted and changes(value) < 3:
            return False
        return (len(value) >= 8 and letters and digits) or (quoted and len(value) >= 20 and value.isalpha())
    if not digits and any(name in value.lower() for name in ("password", "passwd", "pwd")):
        return False  # a label, or a variable
    if quoted:
        return "\n" not in value
    if IDENTIFIER.fullmatch(value) and not digits:
        return False
    if sign.rstrip(" :") in ("is", "was"):
        return len(value) >= 6 and letters and digits
    ends_line = rest in ("", "\n", "\r", "\\", '"', "'", "`")
    if value.isalpha():
        if len(value) >= 8 and value.isascii() and not CAMEL.fullmatch(value):
            return True
        return (ends_line and not plain) or (sign in ("=", ">") and rest in (" ", "&", ";", "<", '"', "'"))
    return len(value) >= 6 or sign != ":" or ends_line


def _is_base64(value: str) -> bool:
    """Whether a value that may be a path, for it begins with a slash, has the random signs of base64.

    In base64, more than a third of the neighbours are of different kinds, and hardly a word stands between slashes.
    """
    letters = re.sub("[^A-Za-z0-9]", "", value)
    return (
        BASE64.fullmatch(value) is not None and not FOLDER.search(value) and DIGIT.search(value) is not None
        and not (value.islower() or value.isupper()) and changes(letters) >= 0.35 * len(letters)
    )
