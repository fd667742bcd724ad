"""What looks for things to hide, and what it finds."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol


class Span(NamedTuple):
    """A place in a text, in characters, and what stands there: lower-case letters and underscores."""

    start: int
    end: int
    kind: str


class Detector(Protocol):
    """Finds what is to be hidden; spans may overlap and come in any order."""

    def find(self, text: str) -> Iterable[Span]: ...


def occurrences(text: str, word: str, start: int = 0, end: int | None = None) -> Iterator[int]:
    """Where a word begins; each time, it is searched on from its end."""
    at = text.find(word, start, end)
    while at >= 0:
        yield at
        at = text.find(word, at + len(word), end)


def merged(spans: Iterable[Span]) -> list[Span]:
    """The spans in order; those that overlap become one, of the kind of the longest that has one."""
    apart: list[Span] = []
    longest = 0
    for span in sorted(spans, key=lambda each: (each.start, -each.end)):
        length = span.end - span.start if span.kind else 0
        if span.end <= span.start:
            continue
        if apart and span.start < apart[-1].end:
            last = apart[-1]
            apart[-1] = Span(last.start, max(last.end, span.end), span.kind if length > longest else last.kind)
            longest = max(longest, length)
        else:
            apart.append(span)
            longest = length
    return apart
