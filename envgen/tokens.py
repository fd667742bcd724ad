"""Tokens of sentences, and what they cost in bits.

A line is a sequence of tokens, each with the white space before it; those that contain a digit are masked, and
a list of numbers is one token. A template
is a line in which some tokens are slots. Bits are what literal tokens cost, and what they are worth as evidence that
two lines are one form: words that hold sentences together say little, and only English ones are known.
"""

import re
from functools import lru_cache
from itertools import groupby, pairwise

JOINT = "\x1f"  # between the tokens of a line, so that regular expressions can match whole lines
SLOT, MASK = "\x01", "\x02"
TOKEN = re.compile(r"""\s*(?:
    https?://[^\s"'<>)\]]+ | [\w.+-]+@[\w-]+(?:\.[\w-]+)+
  | \d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?)?(?!\w) | \d+(?::\d+)+(?:\s?[AaPp][Mm]\b)?(?!\w)
  | (?!\A\[\])(?<![\w)\]])\[(?:[-+]?\d[\d.]*(?:,\s*|\s+|(?=\])))*\]
  | (?<![\w)\].])[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\w,])
  | \d+(?:\.\d+){2,}(?!\w) | (?<![\w)\].])[-+]?\d+(?:\.\d+)?(?!\w)
  | \w+(?:['’-]\w+)* | [-=*\#~+<>|/\\]+ | .)""", re.VERBOSE | re.DOTALL)
# Words that hold sentences together: they say little about which sentence it is. Other languages pay full price.
FUNCTION = frozenset((
    "a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "can't", "cannot", "could", "did", "do",
    "does", "don't", "for", "from", "had", "has", "have", "he", "her", "his", "i", "if", "in", "into", "is",
    "isn't", "it", "it's", "its", "my", "no", "nor", "not", "of", "on", "onto", "or", "our", "out", "she", "so",
    "some", "than", "that", "the", "their", "them", "then", "there", "there's", "these", "they", "this", "those",
    "to", "too", "up", "us", "was", "we", "were", "will", "with", "would", "you", "you're", "your",
))
ARTICLES, LISTING, STOPS = frozenset(("a", "an", "some", "the")), frozenset(("and", "or", ",")), frozenset(",:;")
JOINING = ARTICLES | LISTING  # between the phrases of a list
LINKS = JOINING | frozenset((  # no phrase ends with these
    "are", "at", "for", "from", "has", "have", "in", "into", "is", "of", "on", "onto", "to", "was", "were", "with",
))
SUBJECTS = frozenset(("i", "you", "he", "she", "it", "we", "they"))  # what follows these says what happened: no field
CONTENT_BITS, FUNCTION_BITS, MASK_BITS, SIGN_BITS, STOP_BITS = 8.0, 3.0, 2.0, 4.0, 1.0
LONGEST_VALUE = 30  # tokens

Tokens = tuple[str, ...]
Rows = dict[int, tuple[str, ...]]  # the values of its slots for each line


def tokenise(line: str) -> list[str]:
    """Tokens of a line, each with the white space before it; joined they are the line."""
    return TOKEN.findall(line)


def mask(token: str) -> str:
    """The token, or its white space and `MASK` if it has a digit or is an empty list."""
    if not any(map(str.isdecimal, token)) and token[-2:] != "[]":
        return token
    return token[: len(token) - len(token.lstrip())] + MASK


@lru_cache(maxsize=65536)
def bits(token: str) -> float:
    """What a literal token costs and, as evidence that two lines are one form, is worth."""
    core = token.strip()
    if core == SLOT:
        return 0.0
    if core == MASK:
        return MASK_BITS
    if any(map(str.isalnum, core)):
        return FUNCTION_BITS if core.lower() in FUNCTION else CONTENT_BITS
    return STOP_BITS if core in {".", ",", "!", "?", ";", "'", "’", ""} else SIGN_BITS


@lru_cache(maxsize=65536)
def framed(template: Tokens) -> float:
    """Bits of the literal tokens, less those that end sentences."""
    return sum(bits(token) for token in template if token[-1:] != MASK and bits(token) != STOP_BITS)


@lru_cache(maxsize=65536)
def spelling(value: str) -> tuple[int, float, frozenset[str]]:
    """How many tokens a value has, their bits, and its words."""
    tokens = value.split(JOINT)
    return len(tokens), sum(map(bits, tokens)), frozenset(token.strip() for token in tokens)


def is_letter(value: str) -> bool:
    """Whether a value is a letter, as things are named: "A" to "Z", less the word "I"."""
    return len(value) == 1 and value.isupper() and value != "I"


@lru_cache(maxsize=65536)
def phrases(value: str) -> tuple[str, ...]:
    """The phrases that a value lists: "an old chest and a coin" has two."""
    cores = [token.strip().lower() for token in value.split(JOINT)]
    runs = groupby(cores, lambda core: core[:1].isalnum() and core not in JOINING)
    return tuple(" ".join(run) for content, run in runs if content)


@lru_cache(maxsize=65536)
def torn(value: str, leads: bool) -> bool:
    """Whether a value is no whole phrase: cut off at an end, without content, or, where it leads, a clause."""
    if is_letter(value):
        return False
    words = [token.strip().lower() for token in value.split(JOINT)]
    if words[-1] in LINKS or words[-1] in STOPS or FUNCTION.issuperset(words):
        return True
    if words[0] not in ARTICLES and any(one in LISTING and other in ARTICLES for one, other in pairwise(words)):
        return True  # "key and a coin"
    return leads and (words[0] in LINKS - JOINING or not SUBJECTS.isdisjoint(words))


def specificity(template: Tokens) -> tuple[float, int, Tokens]:
    """Sort key: templates with more literal bits first, then those with fewer slots."""
    return -sum(map(bits, template)), sum(token[-1:] == SLOT for token in template), template
