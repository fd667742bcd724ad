"""Thermostat."""
from __future__ import annotations
import gymnasium as gym
from typing import Optional, Protocol, runtime_checkable, ClassVar, Iterator
from abc import ABC, abstractmethod


class Sensor(ABC):
    @property
    @abstractmethod
    def reading(self) -> float: ...

    @classmethod
    def default(cls) -> "Sensor":
        return cls()


class Thermo(Sensor):
    LIMITS: ClassVar[tuple[float, float]] = (0.0, 40.0)

    def __init__(self, value: float = 20.0) -> None:
        self._value = value
        self.__secret = 3

    @property
    def value(self) -> float:
        return self._value

    @value.setter
    def value(self, new: float) -> None:
        low, high = self.LIMITS
        if not low <= new <= high:
            raise ValueError(f"{new!r} out of range [{low}, {high}]")
        self._value = new

    @value.deleter
    def value(self) -> None:
        self._value = 0.0

    @property
    def reading(self) -> float:
        return round(self._value * 1.1 + self.__secret, 2)

    class Mode:
        OFF, ON = range(2)
        names = {OFF: "off", ON: "on"}

        @staticmethod
        def name_of(mode: int) -> str:
            return Thermo.Mode.names[mode]

    def __repr__(self):
        return f"{type(self).__name__}(value={self.value:.1f})"

    def __str__(self):
        return f"<{self.__class__.__name__} {self._value:>{8}.{2}f}>"

    def __eq__(self, other):
        if not isinstance(other, Thermo):
            return NotImplemented
        return self._value == other._value

    def __hash__(self):
        return hash(self._value)

    def __len__(self):
        return int(self._value)

    def __iter__(self) -> Iterator[int]:
        yield from range(3)

    def __contains__(self, x):
        return x in (1, 2)

    def __getitem__(self, i):
        if isinstance(i, slice):
            return list(range(10))[i]
        return [5, 6, 7][i]

    def __call__(self, *args, **kwargs):
        return sum(args) + len(kwargs)


class OutOfTurn(Exception):
    def __init__(self, who: str, *, code: int = 7):
        super().__init__(f"{who} out of turn")
        self.who, self.code = who, code


class World(gym.Env):
    metadata = {"render_modes": ["ansi"]}
    total_made = 0

    def __init__(self, render_mode: Optional[str] = None, size: int = 3, **kwargs):
        super().__init__()
        self.render_mode = render_mode
        self.size = size
        self.action_space = gym.spaces.Text(max_length=20)
        self.observation_space = gym.spaces.Text(max_length=1000)
        self.thermo = Thermo.default()

    def reset(self, *, seed: Optional[int] = None, options: Optional[dict] = None):
        super().reset(seed=seed)
        self.thermo = Thermo()
        self.n = 0
        return f"{self.thermo} {self.thermo!r} {self.size=}", {"n": self.n}

    def step(self, action: str):
        self.n += 1
        t = self.thermo
        log = []
        try:
            t.value += float(self.np_random.integers(-5, 30))
            if action == "b":
                raise OutOfTurn("b", code=9)
        except ValueError as exc:
            log.append(f"{type(exc).__name__}: {exc}")
        except OutOfTurn as e:
            log.append(f"{e} {e.who} {e.code} {e.args}")
        else:
            log.append("fine")
        finally:
            log.append("done")
        try:
            try:
                {}["missing"]
            except KeyError as e:
                raise RuntimeError("wrapped") from e
        except RuntimeError as e:
            log.append(repr(e))
        assert self.n > 0, "never"
        a, *rest = t[0:4]
        log += [f"{len(t)} {list(t)} {1 in t} {t[-1]} {t(1, 2, x=3)} {a} {rest}", Thermo.Mode.name_of(Thermo.Mode.ON)]
        log.append(f"{t == Thermo(20.0)} {t != 3} {hash(t) == hash(t.value)}")
        if self.n == 3:
            del t.value
        w, x = 12, "mid"
        log.append(f"|{x:>{w}}|{x:^{w}}|{x:<{w}}|{x!r:>{w}}|{3.14159:{w}.{3}f}|{1234567:,}|{0.25:.1%}|{255:#x}|{5:03d}")
        return "\n".join(log), t.reading, self.n >= 5, False, {"log": log[:1]}

    def render(self):
        return str(self.thermo)
