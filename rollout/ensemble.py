"""Several worlds rehearsed in as one."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import TypeVar

from rollout.world import Reply, Start, World

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
        self.hands = sum(member.hands for member in members)
        self.locks = [Lock() for _ in members]
        self.numbers = itertools.count(1)
        self.copies: dict[int, tuple[int, int]] = {}  # number: its member's place, and its number there

    def open(self, starts: Sequence[Start]) -> list[tuple[int, Reply]]:
        places = [start.seed % len(self.members) for start in starts]
        opened = []
        for place, (copy, reply) in zip(places, self._ask(places, starts, lambda at, own: at.open(own)), strict=True):
            number = next(self.numbers)
            self.copies[number] = place, copy
            opened.append((number, reply))
        return opened

    def step(self, acts: Sequence[tuple[int, str]]) -> list[Reply]:
        known = [self.copies[number] for number, _ in acts]
        own = [(copy, action) for (_, copy), (_, action) in zip(known, acts, strict=True)]
        return self._ask([place for place, _ in known], own, lambda at, mine: at.step(mine))

    def close(self, copies: Sequence[int]) -> None:
        closed = [self.copies.pop(number) for number in copies]
        for place, member in enumerate(self.members):
            if own := [copy for at, copy in closed if at == place]:
                with self.locks[place]:
                    member.close(own)

    def _ask(self, places: Sequence[int], asked: Sequence[Q], ask: Callable[[World, list[Q]], Iterable[A]]) -> list[A]:
        """Each member is asked its own at once; answers in the order of what was asked."""
        answers = {}
        for place, member in enumerate(self.members):
            if own := [each for at, each in zip(places, asked, strict=True) if at == place]:
                with self.locks[place]:
                    answers[place] = iter(ask(member, own))
        return [next(answers[place]) for place in places]
