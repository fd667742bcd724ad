"""How pages say numbers, figures and times."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
from markupsafe import Markup

from dreamer.terminal import plain
from rollout.figure import Figure

LONG = 20_000  # characters of JSON, beyond which it is not indented
COUNTED = {"drafts", "environments", "episodes", "items", "sessions", "steps"}  # units of counts


def number(value: float | None, places: int = 3) -> str:
    """A number as people read it; a dash where there is none."""
    if value is None:
        return "–"
    if isinstance(value, int) or (float(value).is_integer() and abs(value) >= 10):
        return f"{int(value):,}"
    if 1e-9 < abs(value) < 10**-places:
        return f"{value:.1e}"
    return f"{value:z,.{places}f}"


def amount(value: float, unit: str) -> str:
    """A number as people read it; whole where it counts something."""
    return f"{int(value):,}" if unit in COUNTED and float(value).is_integer() else number(value)


def figure(of: Figure | None) -> Markup:
    """A figure with its interval and its count."""
    if of is None or of.value is None:
        return Markup('<span class="figure none">–</span>')
    if of.unit in COUNTED and of.low is None:
        return Markup('<span class="figure"><b>{}</b></span>').format(amount(of.value, of.unit))
    interval = "" if of.low is None or of.high is None else f" [{number(of.low)}, {number(of.high)}]"
    return Markup('<span class="figure"><b>{}</b><span class="interval">{}</span> <span class="count">n&nbsp;=&nbsp;{}'
                  "</span></span>").format(number(of.value), interval, f"{of.n:,}")


def duration(seconds: float) -> str:
    """How long something took."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def moment(at: float | str) -> str:
    """A time, from seconds since 1970 or ISO 8601, as this machine's clock says it."""
    then = datetime.fromisoformat(at) if isinstance(at, str) else datetime.fromtimestamp(at)
    return then.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def short(text: str, longest: int = 80) -> str:
    """A text in one line, cut where it is too long."""
    text = text.replace("\n", " ⏎ ")
    return text if len(text) <= longest else f"{text[:longest]}…"


def tail(text: str, longest: int = 80) -> str:
    """The end of a text in one line, for what is long and differs at its end."""
    text = text.replace("\n", " ⏎ ")
    return text if len(text) <= longest else f"…{text[-longest:]}"


def indented(text: str) -> str:
    """JSON for people to read; any other text as it is, and what indenting would change or is long, too."""
    try:
        if text[:1] not in ("{", "[") or len(text) > LONG:
            return text
        spread = orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2).decode()
    except (orjson.JSONDecodeError, TypeError):  # a TypeError where it is nested too deep to be written
        return text
    return spread if "".join(spread.split()) == "".join(text.split()) else text


FILTERS: dict[str, Callable[..., Any]] = {
    "number": number, "amount": amount, "figure": figure, "duration": duration, "moment": moment, "short": short,
    "tail": tail, "indented": indented, "plain": plain,
}
