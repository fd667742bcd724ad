import gymnasium as gym
from collections import UserDict
from typing import TypeVar, Generic, Callable, Any, Iterable, Dict, List, Tuple, Union
import random

T = TypeVar("T")
Handler = Callable[["World", str], str]
Grid = List[List[str]]


class Registry:
    def __init__(self):
        self._handlers: Dict[str, Handler] = {}

    def register(self, *names):
        def wrap(fn):
            for name in names:
                self._handlers[name] = fn
            return fn
        return wrap

    def __getitem__(self, k):
        return self._handlers[k]

    def __contains__(self, k):
        return k in self._handlers


registry = Registry()


class Stack(Generic[T]):
    def __init__(self, items: Iterable[T] = ()):
        self._items: list[T] = list(items)

    def push(self, item: T) -> "Stack[T]":
        self._items.append(item)
        return self

    def pop(self) -> T:
        return self._items.pop()

    def __bool__(self):
        return bool(self._items)

    def __len__(self):
        return len(self._items)

    def __iter__(self):
        return iter(self._items)


class Lower(UserDict):
    def __setitem__(self, k, v):
        super().__setitem__(k.lower(), v)


class Singleton:
    _instance = None

    @classmethod
    def get(cls):
        if cls._instance is None:
            cls._instance = cls()
        return cls._instance


class Vec:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __add__(self, o):
        return Vec(self.x + o.x, self.y + o.y)

    def __mul__(self, k):
        return Vec(self.x * k, self.y * k)

    __rmul__ = __mul__

    def __neg__(self):
        return -1 * self

    def __lt__(self, o):
        return (self.x, self.y) < (o.x, o.y)

    def __repr__(self):
        return f"Vec({self.x}, {self.y})"

    def __iadd__(self, o):
        self.x += o.x
        self.y += o.y
        return self


@registry.register("look", "l")
def do_look(env, arg):
    """Look around."""
    return f"You look at {arg or 'nothing'}."


class Timer:
    def __enter__(self):
        self.log = ["in"]
        return self

    def __exit__(self, exc_type, exc, tb):
        self.log.append(exc_type.__name__ if exc_type else "none")
        return exc_type is KeyError


class World(gym.Env):
    MAX = 5
    DIRS: Dict[str, Tuple[int, int]] = {"n": (0, -1), "s": (0, 1)}

    def __init__(self, cfg: Dict[str, Any] | None = None, *args, **kwargs):
        super().__init__()
        self.cfg = {"size": 3, **(cfg or {})}
        self.rng = random.Random()

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.rng.seed(seed)
        self.pos = [0, 0]
        self.board: Grid = [["." for _ in range(self.cfg["size"])] for _ in range(self.cfg["size"])]
        self.steps = 0
        self.stack = Stack([1]).push(2)
        self.lower = Lower(A=1)
        return self._obs(), self._info()

    def _obs(self) -> str:
        return "\n".join("".join(r) for r in self.board)

    def _info(self) -> dict:
        return {"pos": tuple(self.pos), "steps": self.steps, 1: None}

    def step(self, action: str) -> Tuple[str, float, bool, bool, dict]:
        self.steps += 1
        self.board[self.steps % 3][self.rng.randrange(3)] = action[:1] or "?"
        with Timer() as t:
            {}["k"]
        v = Vec(1, 2) + 2 * Vec(1, 1)
        v += Vec(1, 0)
        x = y = 3
        x, y = y + 1, x - 1
        if (method := getattr(self, f"cmd_{action}", None)) is not None and callable(method):
            said = method()
        elif action in registry:
            said = registry[action](self, "")
        else:
            said = self.__class__.__name__ + do_look.__name__
        s = self.stack
        while s and len(s) > 1:
            s.pop()
        for i, (k, (dx, dy)) in enumerate(self.DIRS.items(), start=1):
            if dy < 0:
                continue
            said += f" {i}{k}{dx}{dy}"
        else:
            said += " end"
        said += f" {sorted([v, -v])} {t.log} {x}{y} {Singleton.get() is Singleton.get()} {self.lower.data} {'a' in self.lower}"
        said += f" {self.rng.choice(['p', 'q'])} {self.rng.sample(range(10), 3)}"
        lst = [3, 1, 2]
        lst.sort(key=lambda q: (-q, str(q)))
        lst[1:2] = [9, 9]
        del lst[0]
        said += str(lst) + str(lst[::-1]) + str(any(q > 8 for q in lst)) + str(divmod(7, 2)) + "ß".upper() + "x".join(map(str, lst))
        return self._obs() + said, 1, self.steps >= self.MAX, bool(0), self._info()

    def cmd_b(self):
        return "did b"
