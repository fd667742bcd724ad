"""Outcomes by simulation, for chance that can be neither enumerated nor searched: continuous draws, most of all.

Left out: how sure a share is. With n runs its standard error is sqrt(p (1 - p) / n), and an answer that no run gave is
undetermined, not impossible.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sandbox.chance import Generator
from sandbox.copies import Copy
from sandbox.trial import Gathered, Trial


class Sampling:
    """Runs one trial `count` times, the same times for the same seed.

    Attributes:
        gathered: the outcomes, each with its share of the runs.
        runs: made so far.
    """

    def __init__(self, trial: Trial, count: int, seed: int, most: int) -> None:
        self._trial = trial
        self._count = count
        self._source = Generator(seed)
        self.gathered = Gathered(most)
        self.runs = 0

    def work(self) -> Iterator[None]:
        """Yields after every run."""
        for _ in range(self._count):
            answer, fork = self._trial.draw(self._source)
            self.runs += 1
            self.gathered.add(1.0 / self._count, answer, fork)
            yield

    def report(self, keep: Callable[[Sequence[Copy | None]], list[int | None]]) -> list[Any]:
        return [self.gathered.outcomes(iter(keep(self.gathered.forks()))), 1.0, False, self.runs, 0, 0.0]
