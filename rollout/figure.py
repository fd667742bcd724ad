"""A number with its count and its interval; never a bare percentage.

Intervals are 95 %: Wilson's for proportions of independent trials, a bootstrap over sessions for everything that
steps of one session share.
"""

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from rollout.trajectory import Record

RESAMPLES = 2000


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
    z, share = 1.959964, hits / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials)) / (1 + z * z / trials)
    low, high = max(0.0, float(middle - half)), min(1.0, float(middle + half))
    return Figure(value=share, n=trials, low=low, high=high, unit=unit)


def ratio(above: Sequence[float], below: Sequence[float], n: int | None = None, unit: str = "") -> Figure:
    """Sum over sum, bootstrapped over sessions.

    Args:
        above, below: one pair a session, e.g. probability mass and steps.
        n: the count to state; the sum of `below` where not given.
    """
    tops, bottoms = np.asarray(above, dtype=float), np.asarray(below, dtype=float)
    count = round(float(bottoms.sum())) if n is None else n
    if bottoms.sum() == 0:
        return Figure(value=None, n=count, unit=unit)
    low, high = _bootstrap(tops, bottoms)
    return Figure(value=float(tops.sum() / bottoms.sum()), n=count, low=low, high=high, unit=unit)


def mean(values: Sequence[float], unit: str = "") -> Figure:
    """Mean of independent values."""
    return ratio(values, [1.0] * len(values), unit=unit)


def difference(after: Sequence[float], before: Sequence[float], unit: str = "") -> Figure:
    """Difference of the means of two independent samples, by Welch's normal interval."""
    one, other = np.asarray(after, dtype=float), np.asarray(before, dtype=float)
    gap = float(one.mean() - other.mean())
    half = 1.959964 * float(np.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other)))
    return Figure(value=gap, n=len(one) + len(other), low=gap - half, high=gap + half, unit=unit)


def _bootstrap(tops: np.ndarray, bottoms: np.ndarray) -> tuple[float, float]:
    """Percentiles of the ratio over resampled sessions; the seed is fixed, so a report repeats exactly."""
    random = np.random.default_rng(0)
    ratios = []
    for _ in range(RESAMPLES):
        drawn = random.integers(0, len(tops), len(tops))
        below = bottoms[drawn].sum()
        if below > 0:
            ratios.append(tops[drawn].sum() / below)
    low, high = np.percentile(ratios, [2.5, 97.5])
    return float(low), float(high)
