"""Authored code as lines: highlighted, and each with how often real sessions exercised what stands on it.

The compiler numbers branches by the line that they begin on, and all entries of a table by the line that the table
begins on. Here each entry is looked for where it is written, and every line inside a branch is told as the branch is.
Entries of tables that an expression builds stay where the table begins.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from dreamer.terminal import plain
from envgen.support import Support
from sandbox import Element

Status = Literal["real", "mixed", "imagined"]

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
    """

    branches: tuple[int, int]
    entries: tuple[int, int]
    sessions: int


@lru_cache(maxsize=16)
def highlighted(source: str) -> list[Markup]:
    """The lines of Python code, each complete markup; control characters are written out."""
    marked = highlight(plain(source), PythonLexer(stripnl=False, ensurenl=False), HtmlFormatter(nowrap=True))
    return [Markup(line) for line in marked.removesuffix("\n").split("\n")]


def lines(source: str, support: Support | None = None) -> list[Line]:
    """Code, line by line.

    Args:
        support: what sessions exercised; None where nobody counted.
    """
    code = highlighted(source)
    if support is None:
        return [Line(number, text) for number, text in enumerate(code, start=1)]
    elements, blocks = _placed(source, support)
    found: list[Line] = []
    for number, text in enumerate(code, start=1):
        here = elements.get(number, [])
        status = _status([element.count for element in here])
        if status is None and text.strip() and number in blocks:
            status = "real" if blocks[number] else "imagined"
        before = found[-1].status if found else None
        first = status in ("imagined", "mixed") and before not in ("imagined", "mixed")
        found.append(Line(number, text, status, _said(here), first))
    return found


def told(source: str, support: Support) -> Told:
    """How much of some code sessions vouch for."""
    elements, _ = _placed(source, support)
    counts: dict[str, list[int]] = {"branch": [], "table": []}
    for here in elements.values():
        for element in here:
            counts[element.kind].append(element.count)
    branches, entries = ((sum(map(bool, each)), len(each)) for each in counts.values())
    return Told(branches, entries, support.shown)


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
def _placed(source: str, support: Support) -> tuple[Mapping[int, list[Element]], Mapping[int, int]]:
    """Elements by the line that they are written on, and for each line in a branch how often the branch was run.

    What makes an environment runs before any session begins, and no session can exercise it: it is left out.
    """
    placed: defaultdict[int, list[Element]] = defaultdict(list)
    tree = _tree(source)
    made = {line for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "__init__"
            for line in _range(node)}
    entries = dict(_entries(tree))
    branches: dict[tuple[int, str], int] = {}
    for element in support.elements:
        line = entries.get((element.line, element.label), element.line) if element.kind == "table" else element.line
        if element.kind == "branch":
            if line in made:
                continue
            branches[line, element.label] = element.count
        placed[line].append(element)
    blocks: dict[int, int] = {}
    for key, body in _bodies(tree):  # outer ones come first, and inner ones say more
        if key in branches:
            blocks |= dict.fromkeys(body, branches[key])
    return placed, blocks


def written(source: str) -> Mapping[tuple[int, str], int]:
    """The line that each entry of each written table stands on, by the line of its table and its label."""
    return dict(_entries(_tree(source)))


def _tree(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # not what was loaded; the numbers alone are left
        return ast.Module([], [])


def _range(node: ast.stmt | ast.expr) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _bodies(tree: ast.AST) -> Iterator[tuple[tuple[int, str], range]]:
    """The branches that are blocks: where each begins and how the compiler calls it, and the lines of its body."""
    for node in ast.iter_child_nodes(tree):
        blocks: list[tuple[int, str, Sequence[ast.stmt]]] = []
        match node:
            case ast.FunctionDef(name=name, body=body):
                blocks = [(node.lineno, name, body)]
            case ast.If(body=body, orelse=orelse):
                blocks = [(node.lineno, "if", body), (node.lineno, "else", orelse)]
            case ast.For(body=body, orelse=orelse) | ast.While(body=body, orelse=orelse):
                blocks = [(node.lineno, "loop", body), (node.lineno, "ended", orelse)]
            case ast.ExceptHandler(body=body):
                blocks = [(node.lineno, "except", body)]
            case ast.match_case(body=body):
                blocks = [(body[0].lineno, "case", body)]
        for line, label, block in blocks:
            if block:
                yield (line, label), range(block[0].lineno, _range(block[-1]).stop)
        yield from _bodies(node)


def _entries(tree: ast.Module) -> Iterator[tuple[tuple[int, str], int]]:
    """Where each entry of each written table stands: by the line of its table and its label."""
    scopes: list[Sequence[ast.stmt]] = [tree.body]
    scopes += [node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    for scope in scopes:
        for node in scope:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                for label, line in _inside(node.value, node.targets[0].id):
                    yield (node.lineno, label), line


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
