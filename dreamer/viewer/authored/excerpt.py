"""The lines of an environment's code that a step ran, with a few around them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup

from dreamer.viewer.authored.source import highlighted, written
from sandbox import Element

AROUND = 1  # lines before and after
MOST = 40  # lines that ran

_written = lru_cache(maxsize=8)(written)


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


def ran(source: str, elements: Iterable[Element]) -> dict[int, list[str]]:
    """What was run, by its line: the labels of branches and table entries.

    Of an entry and its parts the entry alone is told where they share a line, and else the parts.
    """
    entries = _written(source)
    found: defaultdict[int, list[str]] = defaultdict(list)
    tables: dict[str, int] = {}
    for element in elements:
        if element.kind == "table":
            tables[element.label] = entries.get((element.line, element.label), element.line)
        elif element.label not in found[element.line]:
            found[element.line].append(element.label)
    for label, line in tables.items():
        of = [whole for whole in tables if label.startswith(f"{whole}[")]
        parts = [part for part in tables if part.startswith(f"{label}[")]
        if all(tables[whole] != line for whole in of) and all(tables[part] == line for part in parts):
            found[line].append(label)
    return {line: found[line] for line in sorted(found)}


def excerpt(source: str, elements: Iterable[Element]) -> list[Line]:
    """What was run, in the order of the source."""
    labels = ran(source, elements)
    lines = highlighted(source)
    wanted = sorted({number for line in list(labels)[:MOST] for number in range(line - AROUND, line + AROUND + 1)
                     if 1 <= number <= len(lines)})
    return [Line(number, lines[number - 1], tuple(labels.get(number, ())),
                 bool(place) and wanted[place - 1] < number - 1) for place, number in enumerate(wanted)]
