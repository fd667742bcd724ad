"""A uniform draw of which only as much is decided as was asked.

A world may keep one in its state and ask it again in a later step, so its bounds are copied with the state; the script
that decides is that of the run which asks. Where no script is followed, the rest is drawn as ever.
"""

import math
from collections.abc import Callable
from typing import Any

from sandbox.chance import Generator


class Draw:
    """A draw between 0 and 1.

    Attributes:
        generator: it was drawn from.
        low, high: what is decided: `low <= value < high`; both are the value once it is known.
    """

    __slots__ = ("generator", "high", "low")

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.low, self.high = 0.0, 1.0

    def below(self, edge: float) -> bool:
        """Whether it is below `edge`, deciding it if need be."""
        if edge <= self.low:
            return False
        if edge >= self.high:
            return True
        script = self.generator._track
        if script is None:
            return self.value() < edge
        share = (edge - self.low) / (self.high - self.low)
        if script.decide((share, 1.0 - share)) == 0:
            self.high = edge
            return True
        self.low = edge
        return False

    def value(self) -> float:
        """All of it. No script can decide that: the run is undetermined where one is followed."""
        if self.low < self.high:
            if self.generator._track is not None:
                raise self.generator._track.fail()
            self.low = self.high = self.low + (self.high - self.low) * self.generator.random()
        return self.low


class Interval:
    """What authored code holds of a draw u: a*u + b."""

    __slots__ = ("_add", "_draw", "_scale")

    def __init__(self, draw: Draw, scale: float = 1.0, add: float = 0.0) -> None:
        self._draw = draw
        self._scale = scale
        self._add = add

    def _value(self) -> float:
        return self._draw.value() * self._scale + self._add

    def _less(self, other: Any) -> bool:
        if not isinstance(other, int | float) or other != other:
            return self._value() < other  # type: ignore[no-any-return]
        edge = (other - self._add) / self._scale
        return self._draw.below(edge) if self._scale > 0 else not self._draw.below(edge)

    def __lt__(self, other: Any) -> bool:
        return self._less(other)

    __le__ = __lt__  # a single point has no probability

    def __gt__(self, other: Any) -> bool:
        return not self._less(other)

    __ge__ = __gt__

    def __bool__(self) -> bool:
        return True

    def _view(self, scale: float, add: float) -> "Interval":
        return Interval(self._draw, self._scale * scale, self._add * scale + add)

    def __add__(self, other: Any) -> Any:
        return self._view(1.0, other) if _finite(other) else self._value() + other

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self._view(1.0, -other) if _finite(other) else self._value() - other

    def __rsub__(self, other: Any) -> Any:
        return self._view(-1.0, other) if _finite(other) else other - self._value()

    def __mul__(self, other: Any) -> Any:
        return self._view(other, 0.0) if _finite(other) and other else self._value() * other

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return self._view(1.0 / other, 0.0) if _finite(other) and other else self._value() / other

    def __neg__(self) -> "Interval":
        return self._view(-1.0, 0.0)

    def _whole(self, rounding: Callable[[float], int]) -> int:
        """The integer that a monotonic rounding gives, decided among those still possible."""
        low, high = (bound * self._scale + self._add for bound in (self._draw.low, self._draw.high))
        first, last = sorted((rounding(low), rounding(high)))
        script = self._draw.generator._track
        if script is None or last - first > script.limit:
            return rounding(self._value())
        for value in range(first, last):
            # The edge above `value`: one past it for floor and for truncation of positives.
            if self._less(value + 1 if rounding is math.floor or value >= 0 else math.nextafter(value, math.inf)):
                return value
        return last

    def __floor__(self) -> int:
        return self._whole(math.floor)

    def __int__(self) -> int:
        return self._whole(math.trunc)

    __trunc__ = __int__

    def __floordiv__(self, other: Any) -> int:
        return int((self / other)._whole(math.floor))


def _finite(other: Any) -> bool:
    return isinstance(other, int | float) and math.isfinite(other)


def _of_the_value(name: str) -> Callable[..., Any]:
    """A method for which the whole value must be known."""
    plain = getattr(float, name)

    def method(self: Interval, *arguments: Any) -> Any:
        return plain(self._value(), *arguments)

    return method


for _name in ("__eq__", "__ne__", "__hash__", "__float__", "__str__", "__repr__", "__format__", "__mod__", "__rmod__",
              "__pow__", "__rpow__", "__rtruediv__", "__rfloordiv__", "__abs__", "__round__", "__ceil__",
              "__divmod__", "__rdivmod__"):
    setattr(Interval, _name, _of_the_value(_name))
