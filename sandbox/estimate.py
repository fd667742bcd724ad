"""What a search has not met of an answer's probability, estimated from scripts drawn where those that agree lie.

Importance sampling: a draw falls as it fell at its address in runs that agreed, where they all agree in it, for then
the text most likely tells it; half so and half as the world draws it, where they do not. Each run that agrees counts by
how much likelier it is in the world than so drawn. Rounds grow, and each draws from what those before it met (Cappé et
al., "Population Monte Carlo", 2004). What the search has run is known and left out, so its lower bound is only added
to; whatever the proposals, what is added has no bias, only an error that is told. Where many runs agree and none of
them is new, nothing is added: the lower bound stays what it is.

Left out: draws that depend on each other given the answer; each address is learnt by itself.
"""

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence

from sandbox.chance import Generator
from sandbox.guided import Guided, fallen
from sandbox.likeness import Likeness
from sandbox.trial import Gathered, Trial

ROUNDS = (8, 8, 4, 2)  # parts of the samples
PILOTS = 2  # rounds that are only learnt from, for what the search has met may lie all in one corner
ENOUGH = 400  # runs that agree, none of them new, after which the search is taken to be complete
TRUST = 2.0  # how many met runs the world's own odds count as
DOUBT = 1 / 16  # and for each run met, where all that were met agree in a draw
TOLD = 16.0  # how many met runs those of the search count as, which lie close together

Met = tuple[Sequence[int], Sequence[int], float]  # the addresses of a run that agreed, its choices, its weight


class Proposals(Guided):
    """A script that falls as runs fell that agreed.

    Attributes:
        ratio: the probability of this run in the world, over that with which it was drawn.
    """

    __slots__ = ("_odds", "ratio")

    def __init__(self, source: Generator, like: Guided) -> None:
        self._odds: dict[int, dict[int, float]] = {}
        super().__init__(source, like)

    def begin(self) -> None:
        super().begin()
        self.ratio = 1.0

    def learn(self, met: Sequence[Met], most: float = math.inf) -> None:
        """Takes runs as `most` of equal weight, or as many as their unequal weights amount to (Kish, 1965)."""
        total = math.fsum(weight for _, _, weight in met)
        squares = math.fsum(weight * weight for _, _, weight in met)
        if not squares:
            return
        scale = min(total * total / squares, most) / total
        self._odds = {}
        for addresses, choices, weight in met:
            for address, way in zip(addresses, choices, strict=True):
                odds = self._odds.setdefault(address, {})
                odds[way] = odds.get(way, 0.0) + weight * scale

    def _fall(self, address: int, count: int, weights: list[float] | None) -> int:
        odds = self._odds.get(address)
        if odds is None:
            return fallen(self._source.random(), count, weights)
        if max(odds) >= count:
            odds = {way: weight for way, weight in odds.items() if way < count}
        held = math.fsum(odds.values())
        own = TRUST + held * (DOUBT if len(odds) == 1 else 1.0)
        if self._source.random() * (held + own) < held:
            ways = list(odds)
            way = ways[fallen(self._source.random(), len(ways), list(odds.values()))]
        else:
            way = fallen(self._source.random(), count, weights)
        share = 1 / count if weights is None else weights[way] / math.fsum(weights)
        self.ratio *= share * (held + own) / (odds.get(way, 0.0) + own * share)
        return way


class Estimate:
    """Adds to what was gathered of an answer.

    Args:
        trial, target: as searched.
        like: the script of the search, whose addresses are meant.
        met: runs that agreed, by their probabilities.
        ran: the choices of every run that was counted.
        samples: runs to make.
        gathered: what is added to.

    Attributes:
        error: standard error of the probability that was added; 0 where nothing was.
    """

    def __init__(self, trial: Trial, target: Likeness, like: Guided, met: Iterable[Met], ran: set[bytes], samples: int,
                 seed: int, gathered: Gathered) -> None:  # fmt: skip
        self._trial, self._target = trial, target
        self._script = Proposals(Generator(seed), like)
        self._script.learn(list(met), TOLD)
        self._ran = ran
        self._sizes = [-(-samples // part) for part in ROUNDS]
        self._gathered = gathered
        self.runs = self.undetermined = 0
        self.error = 0.0

    def work(self) -> Iterator[None]:
        """Yields between runs."""
        met: list[Met] = []
        total, variance, news = sum(self._sizes[PILOTS:]), 0.0, 0
        for number, size in enumerate(self._sizes):
            if len(met) >= ENOUGH and not news:
                break
            added = squares = 0.0
            for _ in range(size):
                ratio, new = self._run(0.0 if number < PILOTS else 1 / total, met)
                news += new
                added += ratio * new
                squares += ratio * ratio * new
                yield
            if number >= PILOTS:  # the variance of the sum, within each round, for only there all odds are equal
                variance += (squares - added * added / size) * size / max(size - 1, 1) / total**2
            self._script.learn(met)
        self.error = math.sqrt(variance)

    def _run(self, share: float, met: list[Met]) -> tuple[float, bool]:
        """One run, whose ratio counts for that share; the ratio, and whether it agrees and the search missed it."""
        script = self._script
        script.plan(())
        self.runs += 1
        ended = self._trial.follow(script)
        if ended is None:
            self.undetermined += 1
            return 0.0, False
        answer, fork = ended
        if isinstance(answer, dict) or not self._target.agrees(answer):
            return 0.0, False
        met.append((script.addresses, script.choices, script.ratio))
        if array("H", script.choices).tobytes() in self._ran:
            return script.ratio, False
        if share:
            self._gathered.add(script.ratio * share, answer, fork)
        return script.ratio, True
