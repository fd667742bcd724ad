"""Hands that carry actions to a world and bring answers back, while the engine goes on generating.

A world is stepped in other threads (and an authored one in other processes): whoever waits for an answer keeps nobody
else waiting. Whatever has gathered while all hands were busy goes in one batch.
"""

from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from rollout.world import Reply, Start, World

Answer = tuple[int, Reply]  # the copy, and what it said


@dataclass(frozen=True)
class _Errand:
    """What an episode wants of the world: to be opened at a start, or an action in its copy."""

    episode: int
    ask: Start | tuple[int, str]


class Crew:
    """The hands of one world.

    Args:
        world: whose copies are opened and stepped.
        in_step: all answers are waited for, so that what is batched with what, and with it the last bits of every sum,
            does not depend on the clock. Otherwise they are given as they come.
    """

    def __init__(self, world: World, in_step: bool):
        self.world, self.in_step = world, in_step
        self.threads = ThreadPoolExecutor(world.hands)
        self.waiting: list[_Errand] = []
        self.running: dict[Future[list[Answer]], list[_Errand]] = {}
        self.copies: set[int] = set()
        self.over: list[int] = []

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_: object) -> None:
        self.threads.shutdown(cancel_futures=True)
        self.world.close(list(self.copies))

    def send(self, episode: int, ask: Start | tuple[int, str]) -> None:
        """Open a copy for an episode, or take an action in the copy that it has."""
        self.waiting.append(_Errand(episode, ask))

    def close(self, copy: int) -> None:
        """A copy is not needed any more."""
        self.over.append(copy)

    def answers(self, idle: bool) -> list[tuple[int, int, Reply]]:
        """What has come back: episode, copy and reply.

        Args:
            idle: nobody has anything else to do, so at least one answer is waited for.

        Raises:
            Whatever the world raised.
        """
        found: list[tuple[_Errand, Answer]] = []
        self._dispatch()
        while self.running:
            wanted = self.in_step or (idle and not found)
            done, _ = wait(self.running, timeout=None if wanted else 0, return_when=FIRST_COMPLETED)
            for future in done:
                found += zip(self.running.pop(future), future.result(), strict=True)
            self._dispatch()
            if not wanted:
                break
        if self.in_step:
            found.sort(key=lambda pair: pair[0].episode)
        return [(errand.episode, *answer) for errand, answer in found]

    def _dispatch(self) -> None:
        free = self.world.hands - len(self.running)
        if free <= 0:
            return
        opening = [errand for errand in self.waiting if isinstance(errand.ask, Start)]
        acting = [errand for errand in self.waiting if not isinstance(errand.ask, Start)]
        self.waiting = []
        for errands in (opening, acting):
            share = -(-len(errands) // free)
            for first in range(0, len(errands), share or 1):
                batch = errands[first : first + share]
                over, self.over = self.over, []
                self.running[self.threads.submit(self._go, batch, over)] = batch

    def _go(self, errands: Sequence[_Errand], over: Sequence[int]) -> list[Answer]:
        if over:
            self.copies.difference_update(over)
            self.world.close(over)
        if isinstance(errands[0].ask, Start):
            opened = self.world.open([errand.ask for errand in errands if isinstance(errand.ask, Start)])
            self.copies.update(copy for copy, _ in opened)
            return opened
        acts = [errand.ask for errand in errands if not isinstance(errand.ask, Start)]
        replies = self.world.step(acts)
        return [(copy, reply) for (copy, _), reply in zip(acts, replies, strict=True)]
