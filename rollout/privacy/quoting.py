"""How texts are written into JSON, and JSON into its strings, as far as replacing a part of them needs.

A token takes the place of some characters. In JSON it must not begin or end within an escape, nor span two strings; a
bare number gives way to a string. JSON is not parsed into a tree and written anew, which would lose its white space.
"""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from rollout.privacy.detector import Span, occurrences

ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|[bfnrt\"/\\u])")
LONGEST_ESCAPE = 6
# What a letter may follow and still begin something: an escape of JSON or of an address.
ESCAPED = re.compile(r"(?:\\[bfnrt]|\\u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2})\Z")
LEXEME = re.compile(r"(\\*)\"|(\\+[bfnrtu/])|[^\s\"{}\[\],:\\]+")
DEEPEST = 3


class Lexeme(NamedTuple):
    """A string's inside, or a bare value and the quotes that would make it a string."""

    start: int
    end: int
    quote: str | None


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
    for at in occurrences(text, mark, start, end):
        run = at
        while run > start and text[run - 1] == "\\":
            run -= 1
        if (at - run) % (2 * slashes + 2) == slashes:
            return at - slashes
    return None


def replaceable(text: str, spans: list[Span], scalars: bool = False) -> Iterator[tuple[int, int, str, str]]:
    """What of the spans can be replaced, with their kinds and the quotes that a token must bring.

    In JSON that is what of them lies in strings, and whole bare values; in other texts all of them.

    Args:
        spans: in order and apart.
        scalars: a number alone is JSON too.
    """
    if not is_json(text, scalars=scalars):
        yield from ((*span, "") for span in spans)
        return
    waiting = iter(spans)
    span = next(waiting, None)
    for start, end, quote in lexemes(text):
        while span and span.end <= start:
            span = next(waiting, None)
        if span and quote is not None and span.start < end:
            yield start, end, span.kind, quote
        while span and quote is None and span.start < end:
            first, last = _whole_escapes(text, start, max(span.start, start), min(span.end, end))
            if first < last:
                yield first, last, span.kind, ""
            if span.end > end:
                break
            span = next(waiting, None)


def _whole_escapes(text: str, string: int, start: int, end: int) -> tuple[int, int]:
    """A span in a string that begins at `string`: behind an escape that it begins in, with one that it ends in."""
    inside = text.rfind("\\", max(string, start - LONGEST_ESCAPE), start)
    inside = start if inside < 0 else inside
    while inside > string and text[inside - 1] == "\\":
        inside -= 1
    for escape in ESCAPE.finditer(text, inside, end + LONGEST_ESCAPE):
        if escape.start() < start < escape.end():
            start = escape.end()
        if escape.start() < end < escape.end():
            end = escape.end()
    return start, end


def behind_escape(text: str, start: int) -> int:
    """Where a span may begin that would begin within an escape: replacing "nova" in "\\nova" would spoil JSON."""
    escape = ESCAPE.match(text, start - 1) if start else None
    return escape.end() if escape else start


def can_begin(text: str, at: int) -> bool:
    """Whether something can begin here, and is no end of a word or number."""
    before = text[max(0, at - 6):at]
    return not before or not (before[-1].isalnum() or before[-1] in "_.") or ESCAPED.search(before) is not None
