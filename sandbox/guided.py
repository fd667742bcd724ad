"""A script that is partly planned: what one run of a search follows.

Every draw has an address: where in the code it is made, through which calls, and how often it was made there before in
this run (Wingate et al., "Lightweight Implementations of Probabilistic Programming Languages via Transformational
Compilation", 2011). So the same draw is known again in a run that draws more or less before it.

Left out: which plans to make (`search.py`), and what else than a noise decides past them (`estimate.py`).
"""

import math
import sys
from collections.abc import Mapping, Sequence

from sandbox.chance import Generator
from sandbox.enumeration import Script

WIDEST = 4096  # alternatives of one draw
LONGEST = 4096  # draws of one run
NOTHING: Mapping[int, int] = {}


class Guided(Script):
    """A script that follows a plan, and past it falls as a noise says: likely alternatives more often.

    The noise belongs to the address, so that draws which a plan leaves open fall alike in runs that differ before them.

    Args:
        source: of the noise.
        like: another script, whose addresses this one's are.

    Attributes:
        addresses: of the draws, in order; small numbers, the same in all runs of this script.
        trail: the probability of what was decided before each draw.
    """

    __slots__ = ("_first", "_known", "_made", "_noise", "_others", "_plan", "_source", "addresses", "trail")

    def __init__(self, source: Generator, like: "Guided | None" = None) -> None:
        self._source = source
        self._plan: Sequence[int] = ()
        self._others = NOTHING
        self._first = False
        self._noise: dict[int, float] = {}
        self._known: dict[tuple[int, ...], int] = {} if like is None else like._known
        self._made: dict[int, int] = {}
        self.addresses: list[int] = []
        self.trail: list[float] = []
        super().__init__(WIDEST)

    def renew(self) -> None:
        self._noise = {}

    def plan(self, choices: Sequence[int], first: bool = False, others: Mapping[int, int] = NOTHING) -> None:
        """What to choose of the first draws, and then at which address; and whether to take first alternatives past it.
        """
        self._plan, self._first, self._others = choices, first, others
        self.choices, self.widths, self.trail, self.addresses = [], [], [], []
        self._made = {}
        self.begin()

    def decide(self, weights: Sequence[float]) -> int:
        open_ways = [index for index, weight in enumerate(weights) if weight > 0]
        chosen = open_ways[self._turn(len(open_ways), [weights[index] for index in open_ways])]
        self.probability *= weights[chosen]
        return chosen

    def decide_evenly(self, count: int) -> int:
        way = self._turn(count, None)
        self.probability /= count
        return way

    def _turn(self, count: int, weights: list[float] | None) -> int:
        place = len(self.choices)
        if self.failed or count > self.limit or place >= LONGEST:
            raise self.fail()
        if count == 1:
            return 0
        address = self._address()
        way = self._plan[place] if place < len(self._plan) else self._others.get(address, count)
        if way >= count:
            way = 0 if self._first else self._fall(address, count, weights)
        self.choices.append(way)
        self.widths.append(count)
        self.trail.append(self.probability)
        self.addresses.append(address)
        return way

    def _address(self) -> int:
        frame = sys._getframe(2)
        calls: list[int] = []
        while frame is not self.within and frame.f_back is not None:
            calls += id(frame.f_code), frame.f_lasti
            frame = frame.f_back
        known = self._known
        place = known.setdefault(tuple(calls), len(known))
        times = self._made[place] = self._made.get(place, 0) + 1
        return known.setdefault((place, times), len(known))

    def _fall(self, address: int, count: int, weights: list[float] | None) -> int:
        if address not in self._noise:
            self._noise[address] = self._source.random()
        return fallen(self._noise[address], count, weights)


def fallen(point: float, count: int, weights: list[float] | None) -> int:
    """The alternative in which a point of [0, 1) lies, where they share it by their weights, or evenly."""
    if weights is None:
        return int(point * count)
    point *= math.fsum(weights)
    for index, weight in enumerate(weights):
        point -= weight
        if point < 0:
            return index
    return count - 1
