"""One step or reset, run from the same state as often as wanted: the ground of enumeration, search and sampling.

Where a state is believed but not known, which of several it is, is one more draw, the first of every run.

Left out: which scripts to follow (`enumeration.py`, `search.py`), and what to do with copies that are kept (`host.py`).
"""

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson

from sandbox import world
from sandbox.chance import MASK128, Generator
from sandbox.clone import NotCopyable, clone, fingerprint
from sandbox.copies import Copy, Fault
from sandbox.enumeration import EnumeratingGenerator, Script, Undetermined
from sandbox.likeness import Likeness


class Trial:
    """One step or reset of one state, or of whichever of several it is.

    Args:
        originals: the environments it may be, left as they are.
        weights: their probabilities, which sum to 1.
        run: takes the step, or resets, given a copy and a seed; faults are answers.
        lazy: shuffles may leave open what is not read.
    """

    def __init__(
        self, originals: Sequence[Any], weights: Sequence[float], run: Callable[[Copy, int], list[Any]], lazy: bool
    ) -> None:
        self._originals = originals
        self._weights = weights
        self._run = run
        self._lazy = lazy

    def follow(self, script: Script) -> tuple[Any, Copy] | None:
        """The answer, or a fault's record, and the copy that gave it; None where the script cannot decide it."""
        memo: dict[int, Any] = {}
        script.within = sys._getframe()
        try:
            fork = Copy(clone(self._originals[script.decide(self._weights)], memo), ready=True)
        except (NotCopyable, RecursionError, Undetermined):
            return None
        script.lazy = self._lazy
        generators = [made for made in memo.values() if type(made) is Generator]

        def scripted(seed: int) -> Generator:
            made = EnumeratingGenerator.__new__(EnumeratingGenerator)
            Generator.__init__(made, seed)
            made._track = script
            generators.append(made)
            return made

        for generator in generators:
            generator._track = script
            generator.__class__ = EnumeratingGenerator
        world._factory[0] = scripted
        try:
            answer = self._answer(fork, 0)
        except (Undetermined, RecursionError):
            return None
        finally:
            world._factory[0] = Generator
            script.within = None
            for generator in generators:
                generator.__class__ = Generator
                generator._track = None
        return None if script.failed else (answer, fork)

    def draw(self, source: Generator) -> tuple[Any, Copy]:
        """A run by simulation, all its chance renewed from `source`.

        Raises:
            Fault: the state cannot be copied.
        """
        memo: dict[int, Any] = {}
        try:
            which = source._pick(self._weights) if len(self._weights) > 1 else 0
            fork = Copy(clone(self._originals[which], memo), ready=True)
        except (NotCopyable, RecursionError) as error:
            raise Fault(str(error), "copy") from None
        for made in memo.values():
            if type(made) is Generator:
                renew(made, source)
            elif isinstance(made, random.Random):
                made.seed(source._next64())

        def drawn(seed: int) -> Generator:
            made = Generator.__new__(Generator)
            made._track = None
            return renew(made, source)

        world._factory[0] = drawn
        try:
            return self._answer(fork, source._next64() >> 1), fork
        finally:
            world._factory[0] = Generator

    def _answer(self, fork: Copy, seed: int) -> Any:
        try:
            return self._run(fork, seed)
        except Fault as fault:
            return fault.record


def renew(generator: Generator, source: Generator) -> Generator:
    """Puts a generator on a stream of its own, drawn from another."""
    generator._state = source._next64() << 64 | source._next64()
    generator._increment = (source._next64() << 64 | source._next64() | 1) & MASK128
    generator._half = None
    return generator


class Gathered:
    """Outcomes met so far: those that look alike and lead to equal states are one, their probabilities summed.

    Args:
        most: how many are held; beyond twice as many the least likely are forgotten, but stay in `total`.
        target: the answer whose outcomes are wanted with a copy; None if all are.

    Attributes:
        total: the summed probability of all that was added.
        size: bytes of the answers on the wire.
    """

    def __init__(self, most: int, target: Likeness | None = None) -> None:
        self._most = most
        self._target = target
        self._met: dict[tuple[bytes, str], list[Any]] = {}
        self.total = 0.0
        self.size = 0

    def add(self, probability: float, answer: Any, fork: Copy) -> None:
        self.total += probability
        kept = not isinstance(answer, dict) and (self._target is None or self._target.agrees(answer))
        digest = fingerprint(fork.environment) + "-+"[fork.ready] if kept else ""
        key = orjson.dumps(answer), digest
        known = self._met.get(key)
        if known is not None:
            known[0] += probability
            return
        self.size += len(key[0])
        self._met[key] = [probability, answer, fork if kept else None, digest]
        if len(self._met) > 2 * self._most:
            self._forget()

    def _forget(self) -> None:
        ranked = sorted(self._met.items(), key=lambda item: -item[1][0])
        edge = ranked[self._most][1][0]
        kept = [item for item in ranked if item[1][0] > edge]
        tied = [item for item in ranked if item[1][0] == edge]
        # Evenly among equals, which were met in the order of the search.
        room = self._most - len(kept)
        kept += [tied[i * len(tied) // room] for i in range(room)]
        self._met = dict(kept)

    def forks(self) -> list[Copy | None]:
        """A copy for each outcome, the likeliest `most`; None where it has none."""
        if len(self._met) > self._most:
            self._forget()
        return [fork for _, _, fork, _ in self._met.values()]

    def outcomes(self, ids: Iterator[int | None]) -> list[Any]:
        """The outcomes in their form on the wire, with the ids under which the `forks` were kept."""
        return [[probability, answer, next(ids), digest] for probability, answer, _, digest in self._met.values()]
