"""A number with its count and its interval; never a bare percentage.

Intervals are 95 %: Wilson's for proportions of independent trials, a bootstrap over sessions for everything that
steps of one session share.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from pydantic import Field

from rollout.trajectory import Record

RESAMPLES = 2000
GROUPS = 1024  # of sessions, where there are more
TOGETHER = 100  # resamples


class Figure(Record):
    """One measured number, in the shape that reports and benchmarks share.

    Attributes:
        value: None where nothing was there to measure.
        n: how many trials, steps or sessions it rests on.
        low, high: the 95 % interval, where one can be given.
        target, holds: what was asked for, and whether it was reached.
        unit: of the value.
    """

    value: float | None
    n: int = Field(ge=0)
    low: float | None = None
    high: float | None = None
    target: str | None = None
    holds: bool | None = None
    unit: str = ""

    def __str__(self) -> str:
        if self.value is None:
            return f"– (n={self.n:,})"
        interval = "" if self.low is None or self.high is None else f" [{self.low:.3f}, {self.high:.3f}]"
        return f"{self.value:.3f}{interval} (n={self.n:,})"


def proportion(hits: float, trials: int, unit: str = "") -> Figure:
    """Share of trials that succeeded, with Wilson's interval (Wilson 1927)."""
    if trials == 0:
        return Figure(value=None, n=0, unit=unit)
    low, high = _wilson(hits, trials)
    return Figure(value=hits / trials, n=trials, low=low, high=high, unit=unit)


def _wilson(hits: float, trials: int) -> tuple[float, float]:
    z, share = 1.959964, hits / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials)) / (1 + z * z / trials)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


class Ratio(NamedTuple):
    """Sum over sum, to be made a figure.

    Attributes:
        above, below: one pair a session, e.g. probability mass and steps.
        n: the count to state; the sum of `below` where not given.
        unit: of the value.
    """

    above: Sequence[float] | np.ndarray
    below: Sequence[float] | np.ndarray
    n: int | None = None
    unit: str = ""


def ratios(wanted: Mapping[str, Ratio]) -> dict[str, Figure]:
    """Each sum over sum, all bootstrapped over the same draws of the same sessions."""
    if not wanted:
        return {}
    tops, bottoms = (np.column_stack([np.asarray(column, dtype=float) for column in columns])
                     for columns in zip(*((each.above, each.below) for each in wanted.values()), strict=True))
    known = np.flatnonzero(bottoms.sum(axis=0))
    intervals = dict(zip(known.tolist(), _bootstrap(tops[:, known], bottoms[:, known]), strict=True))
    figures = {}
    for place, (name, each) in enumerate(wanted.items()):
        top, bottom = float(tops[:, place].sum()), float(bottoms[:, place].sum())
        low, high = intervals.get(place, (None, None))
        figures[name] = Figure(value=top / bottom if place in intervals else None, low=low, high=high, unit=each.unit,
                               n=round(bottom) if each.n is None else each.n)
    return figures


def ratio(above: Sequence[float], below: Sequence[float], n: int | None = None, unit: str = "") -> Figure:
    """Sum over sum, bootstrapped over sessions; the arguments are those of `Ratio`."""
    return ratios({"": Ratio(above, below, n, unit)})[""]


def mean(values: Sequence[float], unit: str = "") -> Figure:
    """Mean of independent values."""
    return ratio(values, [1.0] * len(values), unit=unit)


def difference(after: Sequence[float], before: Sequence[float], unit: str = "") -> Figure:
    """Difference of the means of two independent samples, by Welch's normal interval."""
    one, other = np.asarray(after, dtype=float), np.asarray(before, dtype=float)
    gap = float(one.mean() - other.mean())
    half = 1.959964 * float(np.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other)))
    return Figure(value=gap, n=len(one) + len(other), low=gap - half, high=gap + half, unit=unit)


def paired(after: Sequence[bool], before: Sequence[bool], unit: str = "") -> Figure:
    """Difference of two shares over the same trials, after minus before.

    The interval is made of Wilson's for the two, and holds for few trials too (Newcombe 1998, Statistics in Medicine
    17, 2635-2650, method 10).
    """
    count, one, other = len(after), sum(after), sum(before)
    both = sum(new and old for new, old in zip(after, before, strict=True))
    neither = count - one - other + both
    together = float(both * neither - (one - both) * (other - both))
    if together > 0:
        together = max(together - count / 2, 0.0)
    spread = math.sqrt(one * (count - one) * other * (count - other))
    gap = apart(proportion(one, count), proportion(other, count), together / spread if spread else 0.0)
    return gap.model_copy(update={"n": count, "unit": unit})


def apart(after: Figure, before: Figure, correlation: float = 0.0) -> Figure:
    """Difference of two shares, after minus before; of independent trials, unless their correlation is given.

    The interval is made of theirs (Newcombe 1998, Statistics in Medicine 17, 873-890, method 10).

    Raises:
        ValueError: one of them was not measured.
    """
    (one, low, high), (other, other_low, other_high) = _measured(after), _measured(before)

    def reach(down: float, up: float) -> float:
        return math.sqrt(max(0.0, down * down - 2 * correlation * down * up + up * up))

    return Figure(value=one - other, low=one - other - reach(one - low, other_high - other), n=after.n + before.n,
                  high=one - other + reach(high - one, other - other_low), unit=after.unit)


def _measured(figure: Figure) -> tuple[float, float, float]:
    if figure.value is None or figure.low is None or figure.high is None:
        raise ValueError("there is no difference from what was not measured")
    return figure.value, figure.low, figure.high


def _bootstrap(tops: np.ndarray, bottoms: np.ndarray) -> list[tuple[float, float]]:
    """Percentiles of each column's ratio over resampled rows; the seed is fixed, so a report repeats exactly.

    Where there are many rows, groups of them are drawn, for an interval gains nothing from more than some hundreds.
    """
    columns = tops.shape[1]
    if columns == 0:
        return []
    sums = np.hstack([tops, bottoms])
    if len(sums) > GROUPS:
        sums = np.add.reduceat(sums, np.arange(GROUPS) * len(sums) // GROUPS)
    random, count = np.random.default_rng(0), len(sums)
    drawn = []
    for first in range(0, RESAMPLES, TOGETHER):
        rows = min(TOGETHER, RESAMPLES - first)
        places = random.integers(0, count, (rows, count)) + count * np.arange(rows)[:, None]
        drawn.append(np.bincount(places.ravel(), minlength=rows * count).reshape(rows, count) @ sums)
    above, below = np.split(np.vstack(drawn), [columns], axis=1)
    found = []
    for top, bottom in zip(above.T, below.T, strict=True):
        low, high = np.percentile(top[bottom > 0] / bottom[bottom > 0], [2.5, 97.5])
        found.append((float(low), float(high)))
    return found
