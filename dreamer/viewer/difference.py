"""Where two texts part, word by word."""

import re
from collections.abc import Sequence
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
    head, middle, second, tail = _parted(real, dream)
    if max(len(middle), len(second)) > MOST:
        blocks = [("replace", 0, len(middle), 0, len(second))]
    else:
        blocks = list(SequenceMatcher(None, middle, second, autojunk=False).get_opcodes())
    left, right = Markup.escape(head), Markup.escape(head)
    for kind, begin, end, start, stop in blocks:
        left += _part("del", kind, "".join(middle[begin:end]))
        right += _part("ins", kind, "".join(second[start:stop]))
    return left + tail, right + tail


def apart(real: str, dream: str) -> int:
    """How many words lie between the first and the last one in which two texts differ, in the one with more of them."""
    _, middle, second, _ = _parted(real, dream)
    return max(len(middle), len(second))


def _parted(real: str, dream: str) -> tuple[str, list[str], list[str], str]:
    """How both begin, the words of each between, and how both end."""
    one, other = _WORDS.findall(cut(real)), _WORDS.findall(cut(dream))
    before = alike(one, other)
    after = alike(one[before:][::-1], other[before:][::-1])
    return ("".join(one[:before]), one[before : len(one) - after], other[before : len(other) - after],
            "".join(one[len(one) - after :]))


def _part(tag: str, kind: str, text: str) -> Markup:
    if kind == "equal" or not text:
        return Markup.escape(text)
    return Markup(f"<{tag}>{{}}</{tag}>").format(text)


def alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words or lines both begin with."""
    return next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
                min(len(one), len(other)))


def parting(one: str, other: str, longest: int = 110) -> tuple[str, str]:
    """Both texts in one line, from a little before the word where they part."""
    texts = [_WORDS.findall(cut(text).replace("\n", " ⏎ ")) for text in (one, other)]
    before = alike(*texts)
    first, length = before, 0
    while first and length < longest // 3:
        first -= 1
        length += len(texts[0][first])
    while first < before and not texts[0][first].isalnum():
        first += 1
    head = "…" if first and max(map(len, (one, other))) > longest else ""
    left, right = ("".join(words[first if head else 0 :]) for words in texts)
    return head + short(left, longest), head + short(right, longest)
