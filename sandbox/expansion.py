"""Enumeration: one run of a step for every script of draws, depth first.

A tree that has more scripts than were hoped for is followed on only while what was met of its probability promises an
end within the limit; and one that is not small only unless a few probes say that it is far too large (Knuth,
"Estimating the Efficiency of Backtrack Programs", 1975).

Left out: what a script is (`enumeration.py`).
"""

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from sandbox.chance import Generator as Source
from sandbox.copies import Copy
from sandbox.enumeration import Script
from sandbox.guided import Guided
from sandbox.likeness import Likeness
from sandbox.trial import Gathered, Trial

SMALL = 256  # runs after which a tree is probed
PROBES = 32
BEYOND = 8  # times the limit, by which the probes' mean must exceed it
REPORT = 1 << 20  # bytes of answers in one report; what is more is asked for again


class Expansion:
    """Expands trials one after another.

    Args:
        trials: the steps or resets, each with the answer whose outcomes are wanted with a copy; None if all are.
        hoped: runs after which it goes on only while the end is in sight.
        limit: most runs of one trial, and most alternatives of one draw.

    Attributes:
        found: of each trial, all outcomes, or None where they are too many or no script decides.
        runs: of each trial.
    """

    def __init__(self, trials: Sequence[tuple[Trial, Likeness | None]], hoped: int, limit: int) -> None:
        self._trials = trials
        self._hoped = hoped
        self._limit = limit
        self._size = 0
        self.found: list[Gathered | None] = []
        self.runs: list[int] = []

    def work(self) -> Iterator[None]:
        """Yields between runs; stops early where a report would grow too long."""
        for trial, target in self._trials:
            if self._size > REPORT:
                return
            self.runs.append(0)
            whole = yield from self._whole(trial, target)
            self.found.append(whole)
            self._size += 0 if whole is None else whole.size

    def _whole(self, trial: Trial, target: Likeness | None) -> Generator[None, None, Gathered | None]:
        script, gathered = Script(self._limit), Gathered(self._limit, target)
        for runs in range(1, self._limit + 1):
            self.runs[-1] = runs
            script.begin()
            ended = trial.follow(script)
            if ended is None:
                return None
            gathered.add(script.probability, *ended)
            if not script.advance():
                return gathered
            if runs >= self._hoped and gathered.total * self._limit < runs:
                return None
            if runs == SMALL and self._too_large(trial):
                return None
            yield
        return None

    def _too_large(self, trial: Trial) -> bool:
        """Whether a few runs say so: the product of its draws' widths is the number of scripts, in the mean over runs
        that take each alternative equally often.
        """
        script, scripts = Guided(Source(0)), 0
        for _ in range(PROBES):
            script.plan(())
            trial.follow(script)
            script.renew()
            scripts += math.prod(script.widths)
        return scripts > BEYOND * PROBES * self._limit

    def report(self, keep: Callable[[Sequence[Copy | None]], list[int | None]]) -> list[Any]:
        """For each trial its outcomes as `Worker.chances` reads them, or None.

        Raises:
            Fault: there is no room for all the copies; none is kept then.
        """
        ids = iter(keep([fork for gathered in self.found if gathered is not None for fork in gathered.forks()]))
        return [
            None if gathered is None else [gathered.outcomes(ids), 1.0, True, runs, 0, 0.0]
            for gathered, runs in zip(self.found, self.runs, strict=True)
        ]
