"""Several worlds rehearsed in as one."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from rollout.world import Reply, World

A = TypeVar("A")
Q = TypeVar("Q")


class EnsembleWorld:
    """Shares episodes out among worlds.

    A start's seed decides its member, so that all episodes of a group are in one world and their returns compare;
    seeds in a row are shared out evenly.

    Args:
        members: at least one.
    """

    def __init__(self, members: Sequence[World]):
        self.members = members
        self.opened = 0
        self.copies: dict[int, tuple[int, int]] = {}  # number: its member's place, and its number there

    def open(self, seeds: Sequence[int]) -> list[tuple[int, Reply]]:
        places = [seed % len(self.members) for seed in seeds]
        opened = []
        for place, (copy, reply) in zip(places, self._ask(places, seeds, lambda at, own: at.open(own)), strict=True):
            self.opened += 1
            self.copies[self.opened] = place, copy
            opened.append((self.opened, reply))
        return opened

    def step(self, acts: Sequence[tuple[int, str]]) -> list[Reply]:
        known = [self.copies[number] for number, _ in acts]
        own = [(copy, action) for (_, copy), (_, action) in zip(known, acts, strict=True)]
        return self._ask([place for place, _ in known], own, lambda at, mine: at.step(mine))

    def close(self, copies: Sequence[int]) -> None:
        closed = [self.copies.pop(number) for number in copies]
        for place, member in enumerate(self.members):
            member.close([copy for at, copy in closed if at == place])

    def _ask(self, places: Sequence[int], asked: Sequence[Q], ask: Callable[[World, list[Q]], Iterable[A]]) -> list[A]:
        """Each member is asked its own at once; answers in the order of what was asked."""
        answers = [iter(ask(member, [each for at, each in zip(places, asked, strict=True) if at == place]))
                   for place, member in enumerate(self.members)]
        return [next(answers[place]) for place in places]
