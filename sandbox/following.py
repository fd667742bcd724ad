"""Logged actions taken one after another, for as long as nothing is drawn and every answer is the logged one.

What a world without chance answers needs no copy a step: one copy is stepped on and on, with generators that refuse to
be drawn from. Where a step draws, or answers otherwise, the state before it is made again from the beginning, so that
what `expansion.py` then finds is the same as if every step had been expanded.

Left out: what follows a step that could not be followed (`envgen/belief.py`).
"""

import collections.abc
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sandbox import world
from sandbox.chance import Generator
from sandbox.clone import NotCopyable, clone, fingerprint
from sandbox.copies import Copy, Fault
from sandbox.enumeration import Script, Undetermined

if TYPE_CHECKING:
    from sandbox.host import Host

STRETCH = 0.02  # seconds between two yields, if no single step takes longer


class Still(Generator):
    """A `Generator` that is put on in place and from which nothing can be drawn: who tries is undetermined."""

    __slots__ = ()

    def _below(self, count: int) -> int:
        if count == 1:
            return 0
        raise self._track.fail()

    def _at_most(self, highest: int) -> int:
        return self._below(highest + 1)

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise self._track.fail()

    random = uniform = _pick = _unit = _next32 = _next64 = _refuse


class Stilled:
    """A copy of a state whose chance is refused while it is stepped."""

    def __init__(self, original: Any) -> None:
        memo: dict[int, Any] = {}
        self.copy = Copy(clone(original, memo), ready=True)
        self.script = Script(1)
        self._generators = [made for made in memo.values() if type(made) is Generator]
        for generator in self._generators:
            self._still(generator)

    def _still(self, generator: Generator) -> None:
        generator._track = self.script
        generator.__class__ = Still

    def __enter__(self) -> None:
        world._factory[0] = self._made

    def __exit__(self, *_: object) -> None:
        world._factory[0] = Generator

    def _made(self, seed: int) -> Generator:
        made = Generator(seed)
        self._still(made)
        self._generators.append(made)
        return made

    def released(self) -> Copy:
        """The copy, with ordinary generators again."""
        for generator in self._generators:
            generator.__class__ = Generator
            generator._track = None
        return self.copy


class Followed:
    """How far one log was followed.

    Attributes:
        steps: answered as logged.
        over: the world ended with the last of them.
        left: the state after them, where it is wanted.
        told: rewards and ends of those steps whose log says not both.
        support: what ran, with counting.
    """

    def __init__(self) -> None:
        self.steps = 0
        self.over = False
        self.left: Copy | None = None
        self.told: list[tuple[float, bool]] = []
        self.support: set[int] = set()


class Following:
    """Follows several logs.

    Args:
        host: of the copies.
        logs: each a copy's id, actions, texts, rewards and ends (None where the log does not say), and whether the copy
            is wanted where the log was followed whole.
    """

    def __init__(self, host: "Host", logs: Sequence[Sequence[Any]]) -> None:
        self._host = host
        self._logs = logs
        self._found: list[Followed] = []

    def work(self) -> Iterator[None]:
        """Yields now and then between steps."""
        for id, actions, texts, rewards, ends, wanted in self._logs:
            found = Followed()
            self._found.append(found)
            original = self._host.copies.get(id)
            stilled = self._stilled(original)
            if original is None or stilled is None:
                continue
            logged = list(zip(actions, texts, rewards, ends, strict=True))
            while self._stretch(stilled, logged, found):
                yield
            if found.steps == len(logged):
                found.left = stilled.released() if wanted and not found.over else None
            elif found.steps and not found.over:
                found.left = yield from self._again(original, actions[: found.steps])

    def report(self, keep: Callable[[Sequence[Copy | None]], list[int | None]]) -> list[Any]:
        """For each log: how many steps were followed, whether the world ended there, the copy and its digest, the
        rewards and ends that the log lacks, the support.

        Raises:
            Fault: there is no room for the copies.
        """
        ids = keep([found.left for found in self._found])
        return [
            [found.steps, found.over, id, digest(found.left), found.told, sorted(found.support)]
            for found, id in zip(self._found, ids, strict=True)
        ]

    def _stilled(self, original: Copy | None) -> Stilled | None:
        if original is None or not original.ready:
            return None
        try:
            return Stilled(original.environment)
        except (NotCopyable, RecursionError):
            return None

    def _stretch(self, stilled: Stilled, logged: list[tuple[Any, ...]], found: Followed) -> bool:
        """Follows for a while; whether there is more to follow."""
        take, copy, script = self._host.take, stilled.copy, stilled.script
        clock, until = time.perf_counter, time.perf_counter() + STRETCH
        steps = found.steps
        with stilled:
            for action, text, reward, end in logged[steps:] if steps else logged:
                try:
                    answer = take(copy, action)
                except (Fault, Undetermined, RecursionError):
                    break
                if (
                    answer[0] != text
                    or (answer[1] != reward and reward is not None)
                    or (answer[2] is not end and end is not None)
                    or (answer[3] and not answer[2])
                    or script.failed
                    or (answer[4] and answer[4].get("imagined"))
                ):
                    break
                steps += 1
                if reward is None or end is None:
                    found.told.append((answer[1], answer[2]))
                if len(answer) > 5:
                    found.support.update(answer[5])
                if not copy.ready:
                    found.over = True
                    break
                if clock() > until:
                    found.steps = steps
                    return steps < len(logged)
        found.steps = steps
        return False

    def _again(self, original: Copy, actions: Sequence[str]) -> collections.abc.Generator[None, None, Copy | None]:
        """The state after actions that are known to draw nothing; None where they now do, or go wrong."""
        stilled = self._stilled(original)
        if stilled is None:
            return None
        for action in actions:
            try:
                with stilled:
                    self._host.take(stilled.copy, action)
            except (Fault, Undetermined, RecursionError):
                return None
            yield
        return stilled.released() if stilled.copy.ready and not stilled.script.failed else None


def digest(copy: Copy | None) -> str:
    """Equal for copies in equal states."""
    return "" if copy is None else fingerprint(copy.environment) + "-+"[copy.ready]
