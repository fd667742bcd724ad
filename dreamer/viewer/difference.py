"""Where two texts part, word by word."""

import re
from difflib import SequenceMatcher

from markupsafe import Markup

from dreamer.terminal import plain
from dreamer.viewer.words import indented, short

MOST = 600  # words of each text that are compared one by one; of longer differences the whole is marked
LONGEST = 6000  # characters of a text that are shown

_WORDS = re.compile(r"\w+|\s+|[^\w\s]")


def cut(text: str, longest: int = LONGEST) -> str:
    """A text that is short enough to be shown, with control characters written out."""
    shown = plain(text[:longest])
    return shown if len(text) <= longest else f"{shown}… ({len(text) - longest:,} more characters)"


def spread(one: str, other: str) -> tuple[str, str]:
    """Two texts, both indented where they are JSON, unless only their white space differs."""
    both = indented(one), indented(other)
    return (one, other) if both[0] == both[1] else both


def marked(real: str, dream: str) -> tuple[Markup, Markup]:
    """Both texts, with marks around what the other one lacks."""
    one, other = _WORDS.findall(cut(real)), _WORDS.findall(cut(dream))
    before = _alike(one, other)
    after = _alike(one[before:][::-1], other[before:][::-1])
    middle, second = one[before : len(one) - after], other[before : len(other) - after]
    if max(len(middle), len(second)) > MOST:
        blocks = [("replace", 0, len(middle), 0, len(second))]
    else:
        blocks = list(SequenceMatcher(None, middle, second, autojunk=False).get_opcodes())
    head, tail = "".join(one[:before]), "".join(one[len(one) - after :])
    left, right = Markup.escape(head), Markup.escape(head)
    for kind, begin, end, start, stop in blocks:
        left += _part("del", kind, "".join(middle[begin:end]))
        right += _part("ins", kind, "".join(second[start:stop]))
    return left + tail, right + tail


def _part(tag: str, kind: str, text: str) -> Markup:
    if kind == "equal" or not text:
        return Markup.escape(text)
    return Markup(f"<{tag}>{{}}</{tag}>").format(text)


def _alike(one: list[str], other: list[str]) -> int:
    """How many words both begin with."""
    return next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
                min(len(one), len(other)))


def parting(one: str, other: str, longest: int = 110) -> tuple[str, str]:
    """Both texts in one line, from a little before the word where they part."""
    texts = [_WORDS.findall(cut(text).replace("\n", " ⏎ ")) for text in (one, other)]
    before = _alike(*texts)
    first, length = before, 0
    while first and length < longest // 3:
        first -= 1
        length += len(texts[0][first])
    while first < before and not texts[0][first].isalnum():
        first += 1
    head = "…" if first and max(map(len, (one, other))) > longest else ""
    left, right = ("".join(words[first if head else 0 :]) for words in texts)
    return head + short(left, longest), head + short(right, longest)
