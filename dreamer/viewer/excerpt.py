"""The lines of an environment's code that a step ran, with a few around them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from sandbox import Element

AROUND = 2  # lines before and after
MOST = 40  # lines of an excerpt that ran


@dataclass(frozen=True)
class Line:
    """A line of code.

    Attributes:
        number: from 1.
        code: highlighted.
        ran: labels of its branches and table entries that were run; none where it is only shown around others.
        apart: lines before it are left out.
    """

    number: int
    code: Markup
    ran: tuple[str, ...] = ()
    apart: bool = False


@lru_cache(maxsize=16)
def highlighted(source: str) -> tuple[Markup, ...]:
    """Each line of code as markup, with Pygments' classes."""
    html = highlight(source, PythonLexer(stripnl=False, ensurenl=False), HtmlFormatter(nowrap=True))
    return tuple(map(Markup, html.split("\n")))  # Pygments escapes what it is given


def excerpt(source: str, ran: Iterable[Element]) -> list[Line]:
    """What ran, in the order of the source."""
    labels: defaultdict[int, list[str]] = defaultdict(list)
    for element in ran:
        if element.label not in labels[element.line]:
            labels[element.line].append(element.label)
    lines = highlighted(source)
    wanted = sorted({number for line in sorted(labels)[:MOST] for number in range(line - AROUND, line + AROUND + 1)
                     if 1 <= number <= len(lines)})
    return [Line(number, lines[number - 1], tuple(labels.get(number, ())), bool(place) and wanted[place - 1] < number - 1)
            for place, number in enumerate(wanted)]
