"""Charts as SVG: no script draws them, so they are there on every page, live or exported, and in print."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10

from markupsafe import Markup

from dreamer.viewer.words import number

WIDTH, HEIGHT = 460, 210
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 30
DOTS = 160  # points that get a dot of their own


@dataclass(frozen=True)
class Series:
    """One line of a chart.

    Attributes:
        name: in the legend.
        points: (x, y), x ascending.
        kind: "real", "dream", or another class of the stylesheet that says its colour.
    """

    name: str
    points: Sequence[tuple[float, float]]
    kind: str = "dream"


def lines(title: str, series: Sequence[Series], across: str, bounds: tuple[float, float] | None = None,
          limit: tuple[str, float] | None = None) -> Markup:
    """A line chart.

    Args:
        across: what is counted from left to right.
        bounds: of the vertical axis, where they are known.
        limit: a name and a height that no line should cross.
    """
    shown = [Series(each.name, [(x, y) for x, y in each.points if isfinite(y)], each.kind) for each in series]
    heights = [y for each in shown for _, y in each.points] + ([limit[1]] if limit else [])
    places = [x for each in shown for x, _ in each.points]
    if not places:
        return Markup("")
    low, high = bounds or (min(0.0, *heights), max(heights) * 1.05)
    high = high if high > low else low + 1
    first, last = min(places), max(places)
    last = last if last > first else first + 1

    def at(x: float, y: float) -> tuple[str, str]:
        return (f"{LEFT + (x - first) / (last - first) * (WIDTH - LEFT - RIGHT):.1f}",
                f"{TOP + (1 - (y - low) / (high - low)) * (HEIGHT - TOP - BOTTOM):.1f}")

    parts = []
    ticks = _ticks(low, high)
    for tick in ticks:
        _, y = at(first, tick)
        parts.append(Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="tick" x="{}" y="{}" '
                            'text-anchor="end" dy="4">{}</text>').format(
                                LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y, _label(tick, ticks[1] - ticks[0])))
    for tick in _ticks(first, last):
        if tick == int(tick):
            x, _ = at(tick, low)
            parts.append(Markup('<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>').format(
                x, HEIGHT - BOTTOM + 16, int(tick)))
    parts.append(Markup('<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>').format(
        WIDTH - RIGHT, HEIGHT - 2, across))
    if limit:
        _, y = at(first, limit[1])
        parts.append(Markup('<line class="limit" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="tick limit" x="{}" '
                            'y="{}" dy="-4" text-anchor="end">{}</text>').format(
                                LEFT, WIDTH - RIGHT, y, y, WIDTH - RIGHT, y, limit[0]))
    for each in shown:
        placed = [at(x, y) for x, y in each.points]
        parts.append(Markup('<polyline class="line {}" points="{}"/>').format(
            each.kind, " ".join(f"{x},{y}" for x, y in placed)))
        if len(placed) <= DOTS:
            dot = Markup('<circle class="dot {}" cx="{}" cy="{}" r="2.5"><title>{} {:g}: {} {}</title></circle>')
            parts += [dot.format(each.kind, x, y, across, place[0], each.name, number(place[1]))
                for (x, y), place in zip(placed, each.points, strict=True)]
    said = "; ".join(f"{each.name} from {number(each.points[0][1])} to {number(each.points[-1][1])}"
                     for each in shown if each.points)
    legend = Markup("").join(Markup('<span class="key {}">{} <b>{}</b></span>').format(
        each.kind, each.name, number(each.points[-1][1])) for each in shown if each.points)
    return Markup('<figure class="chart"><figcaption>{}<span class="legend">{}</span></figcaption>'
                  '<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg></figure>').format(
                      title, legend, WIDTH, HEIGHT, f"{title}: {said}", Markup("").join(parts))


def _ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers between two others."""
    rough = (high - low) / most
    size = 10.0 ** floor(log10(rough))
    step = next(step * size for step in (1, 2, 5, 10) if step * size >= rough)
    count = floor(low / step + 1e-9) if low % step else low / step
    ticks = []
    while count * step <= high + step * 1e-6:
        if count * step >= low - step * 1e-6:
            ticks.append(round(count * step, 12))
        count += 1
    return ticks


def _label(tick: float, step: float) -> str:
    """A tick, in as many places as tell it from its neighbours."""
    return f"{tick:,.{max(0, -floor(log10(step) + 1e-9))}f}" if step > 1e-5 else f"{tick:g}"
