'''Private attributes, name mangling and augmented assignment in every form.'''
from __future__ import annotations

import gymnasium as gym


class Ledger:
    def __init__(self, _start: int = 0) -> None:
        self.__total = _start
        self._rows: list[int] = [0, 0, 0]
        self._names: dict[str, int] = {}

    def _bump(self, by: int = 1) -> None:
        self.__total += by
        self._rows[self.__total % 3] += by
        self._names[f"k{by}"] = self._names.get(f"k{by}", 0) | by

    @property
    def total(self) -> int:
        return self.__total


class World(gym.Env):
    _limit: int = 12

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._ledger = Ledger(_start=2)
        self._log, self._turn = [], 0
        return self._show(), {}

    def _show(self) -> str:
        return f"{self._ledger.total} {self._ledger._rows} {self._ledger._names} {self._log[-2:]}"

    def step(self, action):
        self._turn += 1
        verb, *_rest = action.split()
        if verb == "inc":
            self._ledger._bump()
        elif verb == "add":
            self._ledger._bump(by=int(_rest[0]))
        elif verb == "item":
            self._ledger._rows[-1] *= 5
            self._ledger._rows[self._turn % 3] -= self._turn
        elif verb == "slice":
            self._ledger._rows[1:2] += [7, 8]
        self._log += [verb]
        self._turn <<= 1
        self._turn //= 2
        return self._show(), float(self._ledger.total), self._ledger.total >= self._limit, False, {}
