"""The stand-in for `gymnasium`: `Env`, `Wrapper` and the spaces, in plain Python.

Left out: rendering, `make`, vector environments, and every space's arrays.
"""

import types
from typing import Any

from sandbox.chance import Generator
from sandbox.clone import PLAIN

_factory: list[Any] = [Generator]


class GymnasiumError(Exception):
    """`gymnasium.error.Error`."""


class ResetNeeded(GymnasiumError):
    """`gymnasium.error.ResetNeeded`."""


class InvalidAction(GymnasiumError):
    """`gymnasium.error.InvalidAction`."""


ERRORS = {"Error": GymnasiumError, "ResetNeeded": ResetNeeded, "InvalidAction": InvalidAction}


def assert_never(value: Any) -> Any:
    raise AssertionError(f"Expected code to be unreachable, but got: {value!r}")


def np_random(seed: int | None = None) -> tuple[Generator, int]:
    """`gymnasium.utils.seeding.np_random`; seed 0 where none is given."""
    if seed is None:
        seed = 0  # nothing here may differ from run to run
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise GymnasiumError(f"Seed must be greater or equal to zero, actual value: {seed!r}")
    return _factory[0](seed), seed


class _FirstDraw:
    """`np_random` before any seed was given: made when first read, and then an ordinary attribute."""

    def __get__(self, env: Any, owner: Any = None) -> Any:
        if env is None:
            return self
        env.np_random = np_random()[0]
        return env.np_random


class Env:
    """`gymnasium.Env`."""

    metadata: Any = types.MappingProxyType({"render_modes": ()})
    render_mode: Any = None
    spec: Any = None
    np_random_seed: int | None = None
    np_random = _FirstDraw()

    def __class_getitem__(cls, parameters: Any) -> type:
        return cls

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        if not isinstance(self, Env):  # called through the class on something else
            raise TypeError("reset needs an Env")
        if seed is not None:
            self.np_random, self.np_random_seed = np_random(seed)

    def step(self, action: Any) -> Any:
        raise NotImplementedError("step")

    def render(self) -> Any:
        raise NotImplementedError("render")

    def close(self) -> None:
        pass

    @property
    def unwrapped(self) -> "Env":
        return self

    def __enter__(self) -> "Env":
        return self

    def __exit__(self, *arguments: Any) -> None:
        self.close()


class Wrapper(Env):
    """`gymnasium.Wrapper`, for a world written as one over another."""

    def __init__(self, env: Env) -> None:
        self.env = env

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> Any:
        return self.env.step(action)

    @property
    def unwrapped(self) -> Env:
        return self.env.unwrapped


class Space:
    """A space that holds what it was given; membership is as loose as the description."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        if any(name.startswith("_") for name in named):
            raise TypeError("the arguments of a space have no leading underscore")
        self.arguments = arguments
        self.__dict__.update(named)

    def __class_getitem__(cls, parameters: Any) -> type:
        return cls

    def contains(self, x: Any) -> bool:
        return True

    def __contains__(self, x: Any) -> bool:
        return self.contains(x)

    def seed(self, seed: int | None = None) -> None:
        if not isinstance(self, Space):
            raise TypeError("seed needs a Space")
        self.generator = np_random(seed)[0]

    def _draw(self) -> Generator:
        if not hasattr(self, "generator"):
            self.seed()
        return self.generator


class Text(Space):
    """Strings over a character set."""

    def __init__(self, max_length: int, *, min_length: int = 1, charset: Any = None, seed: int | None = None) -> None:
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        self.max_length, self.min_length = max_length, min_length
        self.characters = sorted(set(charset or letters + letters.lower() + "0123456789"))
        self.character_set = frozenset(self.characters)

    def contains(self, x: Any) -> bool:
        if not isinstance(x, str) or not self.min_length <= len(x) <= self.max_length:
            return False
        return all(character in self.character_set for character in x)

    def sample(self) -> str:
        draw = self._draw()
        length = draw.integers(self.min_length, self.max_length + 1)
        return "".join(draw.choice(self.characters) for _ in range(length))


class Discrete(Space):
    """Integers from `start` up."""

    def __init__(self, n: int, seed: int | None = None, start: int = 0) -> None:
        self.n, self.start = n, start

    def contains(self, x: Any) -> bool:
        return isinstance(x, int) and self.start <= x < self.start + self.n

    def sample(self) -> int:
        return int(self._draw().integers(self.start, self.start + self.n))


class Box(Space):
    """Held, not checked."""


class MultiDiscrete(Space):
    """Held, not checked."""


class MultiBinary(Space):
    """Held, not checked."""


class Dict(Space):
    """Held, not checked."""


class Tuple(Space):
    """Held, not checked."""


PLAIN.update((Env, Wrapper, Space, Text, Discrete, Box, MultiDiscrete, MultiBinary, Dict, Tuple))
SPACES = ("Space", "Text", "Discrete", "Box", "MultiDiscrete", "MultiBinary", "Dict", "Tuple")
