"""Chance taken apart: run the same step once for every way its draws can fall.

`Script` holds the decisions of one run. Where a run asks for more than the script says, it takes the first
alternative and the script remembers how many there were; `advance` then moves to the next script, depth
first. The product of the chosen alternatives' probabilities is the run's. Guided search hands in scripts of
its own; a run only follows. What a shuffle leaves unread stays undecided (`decks.py`).

A discrete draw is an n-way fork. `random()` returns an `Interval`, which forks in two where it is compared
and so narrows (`interval.py`); whatever else is asked of it makes the run `Undetermined`, never wrong.

Left out: continuous distributions other than `random` and `uniform` (undetermined), and rejection loops,
whose trees have no end and run into the caller's limit.
"""

import math
import types
from collections.abc import Sequence
from typing import Any

from sandbox.chance import Generator
from sandbox.decks import Deck, dealt, grouped, pick
from sandbox.interval import Draw, Interval


class Undetermined(BaseException):
    """The run depends on chance in a way that cannot be enumerated. Not an Exception, so that `except` lets it by."""


class Script:
    """The decisions of one run, and the place in the tree they lead to."""

    __slots__ = ("at", "choices", "failed", "lazy", "limit", "probability", "widths", "within")

    def __init__(self, limit: int) -> None:
        self.choices: list[int] = []
        self.widths: list[int] = []
        self.limit = limit
        self.lazy = False  # whether shuffles may leave open what is not read
        self.within: types.FrameType | None = None  # the frame that the run is called from
        self.begin()

    def begin(self) -> None:
        self.at = 0
        self.probability = 1.0
        self.failed = False

    def fail(self) -> Undetermined:
        self.failed = True
        return Undetermined()

    def decide(self, weights: Sequence[float]) -> int:
        """Index of the alternative this run takes. Impossible ones are not forked to."""
        if len(weights) == 1:  # such as which copy it is, where there is but one
            return 0
        open_ways = [index for index, weight in enumerate(weights) if weight > 0]
        way = self._way(len(open_ways))
        self.probability *= weights[open_ways[way]]
        return open_ways[way]

    def decide_evenly(self, count: int) -> int:
        way = self._way(count)
        self.probability /= count
        return way

    def _way(self, count: int) -> int:
        if self.failed or count > self.limit or self.at > 64 * self.limit:
            raise self.fail()
        if count == 1:
            return 0
        if self.at == len(self.choices):
            self.choices.append(0)
            self.widths.append(count)
        way = self.choices[self.at]
        self.at += 1
        return way

    def advance(self) -> bool:
        """Moves on to the next run; False when the tree is exhausted."""
        del self.choices[self.at :], self.widths[self.at :]
        while self.choices and self.choices[-1] + 1 == self.widths[-1]:
            self.choices.pop()
            self.widths.pop()
        if not self.choices:
            return False
        self.choices[-1] += 1
        return True


class EnumeratingGenerator(Generator):
    """A `Generator` that follows a script; it is put on in place (`__class__`) and taken off again."""

    __slots__ = ()

    def _below(self, count: int) -> int:
        return int(self._track.decide_evenly(count))

    def _at_most(self, highest: int) -> int:
        return int(self._track.decide_evenly(highest + 1))

    def _pick(self, weights: Sequence[float]) -> int:
        return int(self._track.decide(weights))

    def _unit(self) -> float:
        raise self._track.fail()

    def _next64(self) -> int:
        raise self._track.fail()

    def random(self, size: Any = None, dtype: Any = None, out: Any = None) -> Any:
        return self._filled(size, lambda: Interval(Draw(self)))

    def choice(
        self,
        a: Any,
        size: Any = None,
        replace: bool = True,
        p: Any = None,
        axis: int = 0,
        shuffle: bool = True,
    ) -> Any:
        open_order = self._track.lazy and shuffle and not replace and p is None and type(size) is int
        items = range(a) if isinstance(a, int) else a
        if size is None and p is None and isinstance(a, list | tuple | str) and a:
            found, counts = grouped(a)
            return found[pick(self, counts, len(a))]
        if not open_order or not isinstance(items, Sequence) or not 0 < size <= len(items):
            return super().choice(a, size, replace, p, axis, shuffle)
        return dealt(self, items, size)

    def permutation(self, x: Any, axis: int = 0) -> Any:
        if not self._track.lazy:
            return super().permutation(x, axis)
        return dealt(self, range(x) if isinstance(x, int) else x)

    def shuffle(self, x: Any, axis: int = 0) -> None:
        if type(x) is Deck:
            x.settle()
        super().shuffle(x, axis)

    def _distinct(self, count: int, total: int, shuffle: bool) -> list[int]:
        left = list(range(count))
        picked = [left.pop(self._below(len(left))) for _ in range(total)]
        return picked if shuffle else sorted(picked)

    def _distinct_weighted(self, weights: list[float], total: int) -> list[int]:
        left, picked = list(weights), list[int]()
        for _ in range(total):
            whole = math.fsum(left)
            if whole <= 0:
                raise ValueError("Fewer non-zero entries in p than size")
            picked.append(self._pick([weight / whole for weight in left]))
            left[picked[-1]] = 0.0
        return picked

    def binomial(self, n: int, p: float, size: Any = None) -> Any:
        return self._filled(size, lambda: sum(self.random() < p for _ in range(n)))
