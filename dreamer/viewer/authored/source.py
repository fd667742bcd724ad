"""Authored code as lines: highlighted, and each with how often real sessions exercised what stands on it.

The compiler numbers branches by the line that they begin on, and all entries of a table by the line that the table
begins on. Here each entry is looked for where it is written, and lines inside branches are told too (`reach.py`).
Entries of tables that an expression builds stay where the table begins.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from dreamer.terminal import plain
from dreamer.viewer.authored.reach import end, reached
from envgen.support import Support
from sandbox import Element

Status = Literal["real", "mixed", "imagined"]

HIGHLIGHTED = 500_000  # characters; of longer code syntax is not marked

SIGNS: dict[Status | None, str] = {"real": "●", "mixed": "◐", "imagined": "○", None: ""}


@dataclass(frozen=True)
class Line:
    """A line of code.

    Attributes:
        number: from 1.
        code: highlighted; classes are those of Pygments.
        status: whether real sessions exercised all that stands there, some of it or nothing; None where there is
            nothing to exercise, or nobody counted.
        said: what was exercised by how many sessions, in words.
        first: the first of some lines in a row that are imagined in part or whole.
    """

    number: int
    code: Markup
    status: Status | None = None
    said: str = ""
    first: bool = False

    @property
    def sign(self) -> str:
        """The status as a sign."""
        return SIGNS[self.status]


@dataclass(frozen=True)
class Told:
    """How much of some code real sessions vouch for.

    Attributes:
        branches, entries: how many of each sessions exercised, and how many there are.
        sessions: how many sessions could have.
        uncounted: the names of tables whose entries nobody counted, as they are too many or not all constants.
    """

    branches: tuple[int, int]
    entries: tuple[int, int]
    sessions: int
    uncounted: Sequence[str] = ()


def as_lines(source: str) -> list[str]:
    """Code as lines, which end where they end for Python; control characters are written out."""
    return plain(source.replace("\r\n", "\n").replace("\r", "\n")).removesuffix("\n").split("\n")


@lru_cache(maxsize=16)
def highlighted(source: str) -> list[Markup]:
    """The same with Python's syntax marked, each line complete markup."""
    written = as_lines(source)
    if len(source) > HIGHLIGHTED:
        return list(map(escape, written))
    lexer = PythonLexer(stripnl=False, ensurenl=False)
    marked = highlight("\n".join([*written, ""]), lexer, HtmlFormatter(nowrap=True))
    return [Markup(line) for line in marked.removesuffix("\n").split("\n")]


def lines(source: str, support: Support | None = None) -> list[Line]:
    """Code, line by line.

    Args:
        support: what sessions exercised; None where nobody counted.
    """
    code = highlighted(source)
    if support is None:
        return [Line(number, text) for number, text in enumerate(code, start=1)]
    elements, ran = _placed(source, support)
    uncounted = _uncounted(source, support)
    found: list[Line] = []
    for number, text in enumerate(code, start=1):
        here = elements.get(number, [])
        status = _status([element.count for element in here])
        if status is None and text.strip() and number in ran:
            status = "real" if ran[number] else "imagined"
        before = found[-1].status if found else None
        first = status in ("imagined", "mixed") and before not in ("imagined", "mixed")
        found.append(Line(number, text, status, "not counted" if number in uncounted else _said(here), first))
    return found


def told(source: str, support: Support) -> Told:
    """How much of some code sessions vouch for."""
    elements, _ = _placed(source, support)
    counts: dict[str, list[int]] = {"branch": [], "table": []}
    for here in elements.values():
        for element in here:
            counts[element.kind].append(element.count)
    branches, entries = ((sum(map(bool, each)), len(each)) for each in counts.values())
    return Told(branches, entries, support.shown, list(_uncounted(source, support).values()))


def _status(counts: Sequence[int]) -> Status | None:
    if not counts:
        return None
    return "real" if all(counts) else "mixed" if any(counts) else "imagined"


def _said(elements: Sequence[Element]) -> str:
    """Branches one by one, table entries together."""
    if _status([element.count for element in elements]) == "imagined":
        return "imagined"
    said = [f"{element.label} {element.count:,}" for element in elements if element.kind == "branch"]
    entries = [element.count for element in elements if element.kind == "table"]
    seen = [count for count in entries if count]
    if len(seen) < len(entries):
        said.append(f"{len(seen):,} of {len(entries):,} entries")
    elif seen:
        said.append(f"{min(seen):,} to {max(seen):,}" if min(seen) < max(seen) else f"{seen[0]:,}")
    return ", ".join(said)


@lru_cache(maxsize=8)
def _placed(source: str, support: Support) -> tuple[Mapping[int, list[Element]], Mapping[int, bool]]:
    """Elements by the line that they are written on, and whether sessions ran the lines of branches.

    What makes an environment runs before any session begins, and no session can exercise it: it is left out.
    """
    placed: defaultdict[int, list[Element]] = defaultdict(list)
    branches: defaultdict[tuple[int, str], list[int]] = defaultdict(list)
    tree = _tree(source)
    made, entries = set(_made(tree)), dict(_entries(tree))
    for element in support.elements:
        line = element.line
        if element.kind == "table":
            line = entries.get((line, element.label), line)
        elif line in made:
            continue
        else:
            branches[line, element.label].append(element.count)
        placed[line].append(element)
    return placed, reached(tree, branches)


@lru_cache(maxsize=8)
def _uncounted(source: str, support: Support) -> Mapping[int, str]:
    """The names of written tables that nobody counted, by the line that each begins on."""
    counted = {(element.line, element.label.split("[")[0]) for element in support.elements if element.kind == "table"}
    return {line: name for line, name, value in _tables(_tree(source))
            if _is_table(value) and (line, name) not in counted and name != "__slots__"}


def written(source: str) -> Mapping[tuple[int, str], int]:
    """The line that each entry of each written table stands on, by the line of its table and its label."""
    return dict(_entries(_tree(source)))


def _tree(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # not what was loaded; the numbers alone are left
        return ast.Module([], [])


def _made(tree: ast.Module) -> Iterator[int]:
    """The lines of what makes environments: `__init__` of the classes that derive from that of Gymnasium."""
    kinds = {"Env"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            kinds |= {alias.asname for alias in node.names if alias.name == "Env" and alias.asname}
        elif isinstance(node, ast.ClassDef) and kinds & {ast.unparse(base).split(".")[-1] for base in node.bases}:
            kinds.add(node.name)
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                    yield from range(part.lineno, end(part) + 1)


def _entries(tree: ast.Module) -> Iterator[tuple[tuple[int, str], int]]:
    """Where each entry of each written table stands: by the line of its table and its label."""
    for line, name, value in _tables(tree):
        for label, where in _inside(value, name):
            yield (line, label), where


def _tables(tree: ast.Module) -> Iterator[tuple[int, str, ast.expr]]:
    """Where in modules and classes a name is given to what may be a table, and what it is given to."""
    scopes: list[Sequence[ast.stmt]] = [tree.body]
    scopes += [node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    for scope in scopes:
        for node in scope:
            match node:
                case ast.Assign(targets=[ast.Name(id=name), *_], value=value):
                    yield node.lineno, name, value
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    yield node.lineno, name, value


def _is_table(value: ast.expr) -> bool:
    """Whether it is a container with something in it, written out or built by a comprehension."""
    match value:
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items) | ast.Dict(values=items):
            return bool(items)
    return isinstance(value, ast.ListComp | ast.SetComp | ast.DictComp)


def _inside(value: ast.expr, label: str) -> Iterator[tuple[str, int]]:
    pairs: list[tuple[Any, ast.expr, int]] = []
    match value:
        case ast.Dict(keys=keys, values=values):
            pairs = [(_constant(key), item, key.lineno) for key, item in zip(keys, values, strict=True) if key]
        case ast.List(elts=items) | ast.Tuple(elts=items):
            pairs = [(place, item, item.lineno) for place, item in enumerate(items)]
        case ast.Set(elts=items):
            pairs = [(_constant(item), item, item.lineno) for item in items]
        case ast.Constant(value=str(text)):
            pairs = [(place, value, value.lineno) for place in range(len(text))]
    for key, item, line in pairs:
        here = f"{label}[{key!r}]"
        yield here, line
        if item is not value:
            yield from _inside(item, here)


def _constant(node: ast.expr) -> Any:
    """A key as Python has it; one that is no literal is none that a label names."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError):
        return node
