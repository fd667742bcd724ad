"""A script that is partly planned: what one run of a search follows.

Left out: which plans to make (`search.py`).
"""

import math
from collections.abc import Sequence

from sandbox.chance import Generator
from sandbox.enumeration import Script

WIDEST = 1024  # alternatives of one draw
LONGEST = 4096  # draws of one run


class Guided(Script):
    """A script that follows a plan, and past it falls as a noise says: likely alternatives more often.

    The noise belongs to the place in the script, so that runs with equal beginnings end alike.
    """

    __slots__ = ("_first", "_noise", "_plan", "_source", "trail")

    def __init__(self, source: Generator) -> None:
        self._source = source
        self._plan: Sequence[int] = ()
        self._first = False
        self._noise: list[float] = []
        self.trail: list[float] = []  # the probability of what was decided before each draw
        super().__init__(WIDEST)

    def renew(self) -> None:
        self._noise = []

    def plan(self, choices: Sequence[int], first: bool = False) -> None:
        """What to choose, and whether to take first alternatives past it."""
        self._plan, self._first = choices, first
        self.choices, self.widths, self.trail = [], [], []
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
        way = self._plan[place] if place < len(self._plan) else count
        if way >= count:
            way = 0 if self._first else self._fall(place, count, weights)
        self.choices.append(way)
        self.widths.append(count)
        self.trail.append(self.probability)
        return way

    def _fall(self, place: int, count: int, weights: list[float] | None) -> int:
        while place >= len(self._noise):
            self._noise.append(self._source.random())
        point = self._noise[place]
        if weights is None:
            return int(point * count)
        point *= math.fsum(weights)
        for index, weight in enumerate(weights):
            point -= weight
            if point < 0:
                return index
        return count - 1
