'''NamedTuple, TypedDict, Protocol, Generic, aliases, casts and overloads.'''
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypedDict, TypeVar, Union, cast

import gymnasium as gym

if TYPE_CHECKING:
    import numpy as np

T = TypeVar("T")
Number = Union[int, float]


class Point(NamedTuple):
    x: int
    y: int = 0

    def moved(self, dx: int) -> "Point":
        return self._replace(x=self.x + dx)


class State(TypedDict):
    point: Point
    turns: int


class Shape(Protocol):
    def area(self) -> float: ...


class Stack(Generic[T]):
    def __init__(self) -> None:
        self._items: list[T] = []

    def push(self, item: T) -> None:
        self._items.append(item)

    def __len__(self) -> int:
        return len(self._items)


class World(gym.Env[str, str]):
    state: State
    rng: np.random.Generator

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.state = State(point=Point(1), turns=0)
        self.stack: Stack[Point] = Stack()
        return f"{self.state['point']}", {}

    def step(self, action: str):
        k: Number = cast(int, int(action))
        self.state["point"] = self.state["point"].moved(k)
        self.state["turns"] += 1
        self.stack.push(self.state["point"])
        x, y = self.state["point"]
        text = f"{self.state} {len(self.stack)} {x}{y} {Point._fields} {self.state['point']._asdict()}"
        return text, 0.0, self.state["turns"] == 3, False, {}
