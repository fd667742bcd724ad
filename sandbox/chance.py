"""Random numbers for authored code: NumPy's `Generator` in plain Python, draw for draw.

`self.np_random` is the one source of chance an environment has. Outside the sandbox it is NumPy's; inside,
NumPy's objects would be a way out, so this class computes the same stream (SeedSequence, PCG64, Lemire's
bounded integers) with integers alone, and a seed gives the same episode on both sides. Sources: O'Neill,
"PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for Random Number Generation"
(2014); Lemire, "Fast Random Integer Generation in an Interval" (2019); NumPy's documentation of SeedSequence.

Every discrete draw ends in `_below` (n equally likely values) or `_pick` (weighted), every continuous one in
`random`. A subclass that overrides these three decides chance in another way: see `enumeration.py`.

Left out: arrays (lists come back, with `tolist`), and NumPy's streams of the continuous distributions other
than `random` and `uniform`: `normal` and `exponential` are right in distribution and repeatable, not NumPy's
numbers.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

MASK32, MASK64, MASK128 = 2**32 - 1, 2**64 - 1, 2**128 - 1
MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645
DOUBLE = 1.0 / 9007199254740992.0


def seed_words(entropy: int, count: int = 8) -> list[int]:
    """NumPy's SeedSequence: mixes an integer of any size into `count` 32-bit words."""
    words = [entropy & MASK32]
    while entropy := entropy >> 32:
        words.append(entropy & MASK32)
    constant = 0x43B0D7E5

    def hashed(value: int) -> int:
        nonlocal constant
        value ^= constant
        constant = constant * 0x931E8875 & MASK32
        value = value * constant & MASK32
        return value ^ value >> 16

    def mixed(left: int, right: int) -> int:
        value = left * 0xCA01F9DD - right * 0x4973F715 & MASK32
        return value ^ value >> 16

    pool = [hashed(words[i] if i < len(words) else 0) for i in range(4)]
    for source in range(4):
        for target in range(4):
            if source != target:
                pool[target] = mixed(pool[target], hashed(pool[source]))
    for word in words[4:]:
        for target in range(4):
            pool[target] = mixed(pool[target], hashed(word))
    out, constant = [], 0x8B51F9DD
    for i in range(count):
        value = pool[i % 4] ^ constant
        constant = constant * 0x58F38DED & MASK32
        value = value * constant & MASK32
        out.append(value ^ value >> 16)
    return out


class Draws(list[Any]):
    """Several draws: a list that also answers to the few array methods that models use on one."""

    def tolist(self) -> list[Any]:
        return [x.tolist() if isinstance(x, Draws) else x for x in self]


class Generator:
    """`numpy.random.Generator` over PCG64, as far as text environments use it."""

    __slots__ = ("_half", "_increment", "_state", "_track")

    def __init__(self, seed: int) -> None:
        words = seed_words(seed)
        high, low, increment_high, increment_low = (words[i] | words[i + 1] << 32 for i in (0, 2, 4, 6))
        self._increment = ((increment_high << 64 | increment_low) << 1 | 1) & MASK128
        state = self._increment + (high << 64 | low) & MASK128
        self._state = state * MULTIPLIER + self._increment & MASK128
        self._half: int | None = None
        self._track: Any = None  # for subclasses that are put on in place

    def _next64(self) -> int:
        state = self._state = self._state * MULTIPLIER + self._increment & MASK128
        value = state >> 64 ^ state & MASK64
        turn = state >> 122
        return (value >> turn | value << 64 - turn) & MASK64

    def _next32(self) -> int:
        half = self._half
        if half is not None:
            self._half = None
            return half
        value = self._next64()
        self._half = value >> 32
        return value & MASK32

    def _below(self, count: int) -> int:
        """A uniform integer in [0, count); `count` is at least 1."""
        if count == 1:
            return 0
        if count < 2**32:
            product = self._next32() * count
            if product & MASK32 < count:
                threshold = (2**32 - count) % count
                while product & MASK32 < threshold:
                    product = self._next32() * count
            return product >> 32
        if count == 2**32:
            return self._next32()
        if count >= 2**64:
            if count == 2**64:
                return self._next64()
            raise ValueError("integers: the range is wider than 64 bits")
        product = self._next64() * count
        if product & MASK64 < count:
            threshold = (2**64 - count) % count
            while product & MASK64 < threshold:
                product = self._next64() * count
        return product >> 64

    def _at_most(self, highest: int) -> int:
        """A uniform integer in [0, highest], by the masked rejection that NumPy shuffles with."""
        if highest == 0:
            return 0
        mask = (1 << highest.bit_length()) - 1
        following = self._next32 if highest <= MASK32 else self._next64
        while (value := following() & mask) > highest:
            pass
        return value

    def _pick(self, weights: Sequence[float]) -> int:
        """An index, by weights that sum to 1."""
        total, cumulative = 0.0, []
        for weight in weights:
            total += weight
            cumulative.append(total)
        point = self._unit()
        for index, edge in enumerate(cumulative):
            if edge / total > point:
                return index
        return len(cumulative) - 1

    def _unit(self) -> float:
        return (self._next64() >> 11) * DOUBLE

    def _filled(self, size: Any, draw: Callable[[], Any]) -> Any:
        """A scalar for None, else nested lists of the given shape."""
        if size is None:
            return draw()
        if isinstance(size, tuple | list):
            if not size:
                return draw()
            if len(size) > 1:
                return Draws([self._filled(tuple(size[1:]), draw) for _ in range(size[0])])
            size = size[0]
        return Draws([draw() for _ in range(size)])

    def random(self, size: Any = None, dtype: Any = None, out: Any = None) -> Any:
        """Uniform in [0, 1)."""
        if size is None:
            state = self._state = self._state * MULTIPLIER + self._increment & MASK128
            value = state >> 64 ^ state & MASK64
            turn = state >> 122
            return (((value >> turn | value << 64 - turn) & MASK64) >> 11) * DOUBLE
        return self._filled(size, self.random)

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        span = high - low
        return self._filled(size, lambda: low + span * self.random())

    def integers(
        self, low: int, high: int | None = None, size: Any = None, dtype: Any = None, endpoint: bool = False
    ) -> Any:
        """Uniform integers in [low, high), or up to `high` itself with `endpoint`; in [0, low) when high is None."""
        if high is None:
            low, high = 0, low
        count = int(high) - int(low) + (1 if endpoint else 0)
        if count <= 0:
            raise ValueError("low >= high" if not endpoint else "low > high")
        base = int(low)
        if size is None:
            return base + self._below(count)
        return self._filled(size, lambda: base + self._below(count))

    def choice(
        self,
        a: Any,
        size: Any = None,
        replace: bool = True,
        p: Any = None,
        axis: int = 0,
        shuffle: bool = True,
    ) -> Any:
        """One element of `a` (or of range(a)), or a list of them, by the probabilities `p` where given."""
        if isinstance(a, int):
            a = range(a)
        elif not isinstance(a, Sequence):
            raise ValueError("choice: a must be an integer or a sequence (a list, a tuple, a string)")
        count = len(a)
        if count == 0:
            raise ValueError("a cannot be empty unless no samples are taken")
        weights = None
        if p is not None:
            weights = [float(x) for x in p]
            if len(weights) != count:
                raise ValueError("a and p must have same size")
            if not all(weight >= 0 for weight in weights):
                raise ValueError("Probabilities are not non-negative")
            if abs(math.fsum(weights) - 1.0) > 1e-8:
                raise ValueError("Probabilities do not sum to 1")
        if size is None:
            return a[self._below(count) if weights is None else self._pick(weights)]
        if replace:
            if weights is None:
                return self._filled(size, lambda: a[self._below(count)])
            return self._filled(size, lambda: a[self._pick(weights)])
        shape = tuple(size) if isinstance(size, tuple | list) else (size,)
        total = math.prod(shape)
        if total > count:
            raise ValueError("Cannot take a larger sample than population when replace is False")
        picked = self._distinct(count, total, shuffle) if weights is None else self._distinct_weighted(weights, total)
        following = iter(picked)
        return self._filled(size, lambda: a[next(following)])

    def _distinct(self, count: int, total: int, shuffle: bool) -> list[int]:
        """Indices without replacement, as NumPy draws them: Floyd's method, or the tail of a shuffle for many."""
        if count > 10000 and total > count // (50 if shuffle else 20):
            indices = list(range(count))
            for i in range(count - 1, max(count - total, 1) - 1, -1):
                j = self._below(i + 1)
                indices[i], indices[j] = indices[j], indices[i]
            return indices[count - total :]
        picked, seen = [], set()
        for j in range(count - total, count):
            value = self._below(j + 1)
            if value in seen:
                value = j
            seen.add(value)
            picked.append(value)
        if shuffle:
            for i in range(total - 1, 0, -1):
                j = self._below(i + 1)
                picked[i], picked[j] = picked[j], picked[i]
        return picked

    def _distinct_weighted(self, weights: list[float], total: int) -> list[int]:
        if sum(weight > 0 for weight in weights) < total:
            raise ValueError("Fewer non-zero entries in p than size")
        left, picked = list(weights), list[int]()
        while len(picked) < total:
            points = [self._unit() for _ in range(total - len(picked))]
            for index in picked:
                left[index] = 0.0
            running, cumulative = 0.0, []
            for weight in left:
                running += weight
                cumulative.append(running)
            for point in points:
                index = next((i for i, edge in enumerate(cumulative) if edge / running > point), len(left) - 1)
                if index not in picked:
                    picked.append(index)
        return picked

    def shuffle(self, x: Any, axis: int = 0) -> None:
        """Reorders a list in place."""
        for i in range(len(x) - 1, 0, -1):
            j = self._at_most(i)
            x[i], x[j] = x[j], x[i]

    def permutation(self, x: Any, axis: int = 0) -> Any:
        """A reordered copy of a sequence, or of range(x)."""
        out = Draws(range(x) if isinstance(x, int) else x)
        self.shuffle(out)
        return out

    def permuted(self, x: Any, axis: Any = None, out: Any = None) -> Any:
        return self.permutation(x)

    def standard_normal(self, size: Any = None, dtype: Any = None, out: Any = None) -> Any:
        """Box and Muller's transform of two uniforms."""

        def draw() -> float:
            return math.sqrt(-2.0 * math.log(1.0 - self._unit())) * math.cos(2.0 * math.pi * self._unit())

        return self._filled(size, draw)

    def normal(self, loc: float = 0.0, scale: float = 1.0, size: Any = None) -> Any:
        return self._filled(size, lambda: loc + scale * self.standard_normal())

    def exponential(self, scale: float = 1.0, size: Any = None) -> Any:
        return self._filled(size, lambda: -scale * math.log(1.0 - self._unit()))

    def poisson(self, lam: float = 1.0, size: Any = None) -> Any:
        """Counts uniforms until their product falls below exp(-lam) (Knuth); for the small rates of text worlds."""
        if not 0 <= lam <= 500:
            raise ValueError("poisson: lam must be between 0 and 500")

        def draw() -> int:
            edge, product, count = math.exp(-lam), self._unit(), 0
            while product > edge:
                product *= self._unit()
                count += 1
            return count

        return self._filled(size, draw)

    def binomial(self, n: int, p: float, size: Any = None) -> Any:
        return self._filled(size, lambda: sum(self._unit() < p for _ in range(n)))

    def bytes(self, length: int) -> bytes:
        out = b"".join(self._next32().to_bytes(4, "little") for _ in range((length + 3) // 4))
        return out[:length]
