"""The miner of forms: reads texts once, and keeps what is different in them.

Segments that are equal, or differ in numbers alone, are kept once, so memory follows what is different, not how much
there is. It leaves out segments of more than `segments.LONGEST` characters or with control characters (one form,
unread), and which texts follow which.
"""

from bisect import insort
from collections import Counter
from collections.abc import Iterable
from itertools import groupby

from envgen.counts import EXAMPLES, Seen, located
from envgen.drafts import gathered, sentences, structures
from envgen.forms import Form, Forms, Shape
from envgen.segments import Key, Kind, Segment, segments
from envgen.tokens import mask, tokenise
from rollout.trajectory import Pointer

SHAPE = 64  # forms of a text's beginning that are kept as its shape
BUFFER = 20_000  # different texts that wait to be counted together


def mine(texts: Iterable[tuple[str, Pointer | None]], limit: int = 100_000) -> Forms:
    """Read texts once, and find their forms.

    Args:
        texts: each with where it stands, if known. The order does not matter, short of `limit`.
        limit: different segments kept; later ones are counted as left out.
    """
    miner = Miner(limit)
    for text, pointer in texts:
        miner.add(text, pointer)
    return miner.forms()


class Miner:
    """Reads texts one by one; keeps what is different in them."""

    def __init__(self, limit: int):
        self.limit = limit
        self.texts = self.left_out = self.waiting_size = 0
        self.waiting: dict[str, tuple[list[int], list[Pointer]]] = {}
        self.seen: dict[tuple[Kind, Key], Seen] = {}
        self.numbers: dict[tuple[Kind, Key], int] = {}
        self.shapes: Counter[tuple[int, ...]] = Counter()

    def add(self, text: str, pointer: Pointer | None) -> None:
        self.texts += 1
        entry = self.waiting.get(text)
        if entry is None:
            if len(self.waiting) >= BUFFER or self.waiting_size > 10_000_000:
                self._flush()
            entry = self.waiting[text] = ([0], [])
            self.waiting_size += len(text)
        entry[0][0] += 1
        if pointer is not None and (len(entry[1]) < EXAMPLES or located(pointer) < located(entry[1][-1])):
            insort(entry[1], pointer, key=located)
            del entry[1][EXAMPLES:]

    def _flush(self) -> None:
        for text, ([count], pointers) in self.waiting.items():
            shape: list[int] = []
            for segment in segments(text):
                number = self._count(segment, text, count, pointers)
                if len(shape) < SHAPE and number is not None:
                    shape.append(number)
            if tuple(shape) in self.shapes or len(self.shapes) < self.limit:
                self.shapes[tuple(shape)] += count
        self.waiting, self.waiting_size = {}, 0

    def _count(self, segment: Segment, text: str, count: int, pointers: list[Pointer]) -> int | None:
        """Count a segment; the number of its key, None if it was left out."""
        tokens = tokenise(segment.text) if segment.kind == "text" else []
        key = (segment.kind, tuple(map(mask, tokens)) if tokens else segment.key)
        seen = self.seen.get(key)
        if seen is None:
            if len(self.seen) >= self.limit:
                self.left_out += count
                return None
            seen = self.seen[key] = Seen()
            self.numbers[key] = len(self.numbers)
        seen.add(segment, tokens, text, count, pointers)
        return self.numbers[key]

    def forms(self) -> Forms:
        """The forms of everything read so far."""
        self._flush()
        said, rare = gathered(sentences(self.seen))
        drafts = sorted(said + structures(self.seen),
                        key=lambda draft: (-draft.seen.count, draft.kind, draft.tokens))
        place = {key: number for number, draft in enumerate(drafts) for key in draft.members}
        by_number = {number: place[key] for key, number in self.numbers.items()}
        shapes: Counter[tuple[tuple[int, bool], ...]] = Counter()
        for numbers, count in self.shapes.items():
            shapes[_collapsed([by_number[number] for number in numbers])] += count
        return Forms(
            forms=tuple(Form(id=number, kind=kind, template=template, count=seen.count, fields=tuple(fields),
                             examples=tuple(seen.examples), tokens=tokens)
                        for number, (kind, tokens, template, seen, fields, _) in enumerate(drafts)),
            shapes=tuple(Shape(forms=forms, count=count)
                         for forms, count in sorted(shapes.items(), key=lambda item: (-item[1], item[0]))),
            texts=self.texts, left_out=self.left_out, rare=rare,
        )


def _collapsed(forms: Iterable[int]) -> tuple[tuple[int, bool], ...]:
    """A sequence in which a form that follows itself stands once, and says so."""
    return tuple((form, len(list(run)) > 1) for form, run in groupby(forms))
