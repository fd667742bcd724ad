"""Support: which branches and which elements of constant tables a step ran.

Branches are marked in the syntax tree after the policy has checked it. Tables (literals assigned at module
or class level) are replaced by subclasses of dict, list and tuple that note what is read from them, nested
ones included, so that a row held in a local variable still counts. Reading all of a table notes all of it.

Left out: characters of a string in a table (the string is one element), and tables that are built by code.
"""

import ast
from collections.abc import Iterator
from typing import Any

from sandbox.records import Element
from sandbox.survey import is_literal

HITS = "_hits_"  # a dict whose keys are the numbers seen in this step
TABLE = "_table_"


class Counter(ast.NodeTransformer):
    """Marks the branches and tables of one module."""

    def __init__(self) -> None:
        self.elements: list[Element] = []
        self._depth = 0  # inside functions

    def _number(self, kind: str, line: int, label: str) -> int:
        self.elements.append(Element(len(self.elements), kind, line, label))
        return len(self.elements) - 1

    def _mark(self, body: list[ast.stmt], line: int, label: str) -> list[ast.stmt]:
        """`_hits_[n] = None` before a block."""
        number = self._number("branch", line, label)
        target = ast.Subscript(ast.Name(HITS, ast.Load()), ast.Constant(number), ast.Store())
        mark = ast.Assign([target], ast.Constant(None))
        return [ast.fix_missing_locations(ast.copy_location(mark, body[0])), *body] if body else body

    def _marked(self, value: ast.expr, label: str) -> ast.expr:
        """`_hits_.setdefault(n) or value`, for branches inside expressions."""
        number = self._number("branch", value.lineno, label)
        method = ast.Attribute(ast.Name(HITS, ast.Load()), "setdefault", ast.Load())
        call = ast.Call(method, [ast.Constant(number)], [])
        return ast.fix_missing_locations(ast.copy_location(ast.BoolOp(ast.Or(), [call, value]), value))

    def visit_If(self, node: ast.If) -> ast.AST:
        self.generic_visit(node)
        node.body = self._mark(node.body, node.lineno, "if")
        node.orelse = self._mark(node.orelse or [ast.copy_location(ast.Pass(), node)], node.lineno, "else")
        return node

    def visit_For(self, node: ast.For | ast.While) -> ast.AST:
        self.generic_visit(node)
        node.body = self._mark(node.body, node.lineno, "loop")
        return node

    visit_While = visit_For

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1
        node.body = self._mark(node.body, node.lineno, node.name)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        self.generic_visit(node)
        node.body = self._mark(node.body, node.lineno, "except")
        return node

    def visit_match_case(self, node: ast.match_case) -> ast.AST:
        self.generic_visit(node)
        node.body = self._mark(node.body, node.body[0].lineno, "case")
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        node.body = self._marked(node.body, "if")
        node.orelse = self._marked(node.orelse, "else")
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        target = node.targets[0]
        if self._depth or not isinstance(target, ast.Name) or not is_literal(node.value):
            return self.generic_visit(node)
        if any(_items(node.value)):
            first = len(self.elements)
            self._table(node.value, target.id)
            name = ast.Name(TABLE, ast.Load())
            call = ast.Call(name, [node.value, ast.Constant(first)], [])
            node.value = ast.fix_missing_locations(ast.copy_location(call, node.value))
        return node

    def _table(self, node: ast.expr, label: str) -> None:
        """Numbers a table's elements in the order in which `tables` walks the value."""
        for key, value in _items(node):
            here = f"{label}[{key}]"
            self._number("table", value.lineno, here)
            self._table(value, here)


def _items(node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Dict):
        # Where a key is written twice the value has it once: the last value, at the first place.
        last: dict[str, ast.expr] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            last[ast.unparse(key) if key is not None else "**"] = value
        yield from last.items()
    elif isinstance(node, ast.List | ast.Tuple):
        for index, value in enumerate(node.elts):
            yield str(index), value


class Tables:
    """Makes counted containers that write to one step's record of hits."""

    def __init__(self, hits: dict[int, None]) -> None:
        self._hits = hits

    def wrap(self, value: Any, first: int) -> Any:
        """`_table_`: the counted equal of a literal whose elements are numbered from `first`."""
        return self._wrap(value, [first])

    def _wrap(self, value: Any, following: list[int]) -> Any:
        if type(value) not in (dict, list, tuple):
            return value
        numbers, items = {}, []
        for key, item in value.items() if type(value) is dict else enumerate(value):
            numbers[key] = following[0]
            following[0] += 1
            items.append((key, self._wrap(item, following)))
        if type(value) is dict:
            return CountedDict(items, numbers, self._hits)
        kind = CountedList if type(value) is list else CountedTuple
        return kind.made([item for _, item in items], numbers, self._hits)


class CountedDict(dict[Any, Any]):
    """A constant dict that notes which entries are read."""

    __slots__ = ("_hits", "_numbers")
    _guarded_writes = True  # as writable as the dict it stands for

    def __init__(self, items: Any, numbers: dict[Any, int], hits: dict[int, None]) -> None:
        super().__init__(items)
        self._numbers = numbers
        self._hits = hits

    def _note(self, key: Any) -> None:
        number = self._numbers.get(key)
        if number is not None:
            self._hits[number] = None

    def _note_all(self) -> None:
        for number in self._numbers.values():
            self._hits[number] = None

    def __getitem__(self, key: Any) -> Any:
        value = super().__getitem__(key)
        self._note(key)
        return value

    def get(self, key: Any, default: Any = None) -> Any:
        self._note(key)
        return super().get(key, default)

    def __contains__(self, key: Any) -> bool:
        self._note(key)
        return super().__contains__(key)

    def __iter__(self) -> Iterator[Any]:
        self._note_all()
        return super().__iter__()

    def items(self) -> Any:
        self._note_all()
        return super().items()

    def values(self) -> Any:
        self._note_all()
        return super().values()

    def keys(self) -> Any:
        self._note_all()
        return super().keys()


def _sequence_read(self: Any, base: Any, index: Any) -> Any:
    value = base.__getitem__(self, index)
    numbers, hits = self._numbers, self._hits
    if isinstance(index, slice):
        for place in range(*index.indices(len(self))):
            if place in numbers:
                hits[numbers[place]] = None
    else:
        place = index + len(self) if index < 0 else index
        if place in numbers:
            hits[numbers[place]] = None
    return value


class CountedList(list[Any]):
    """A constant list that notes which elements are read."""

    __slots__ = ("_hits", "_numbers")
    _guarded_writes = True
    _hits: dict[int, None]
    _numbers: dict[int, int]

    @classmethod
    def made(cls, items: list[Any], numbers: dict[int, int], hits: dict[int, None]) -> "CountedList":
        out = cls(items)
        out._numbers, out._hits = numbers, hits
        return out

    def __getitem__(self, index: Any) -> Any:
        return _sequence_read(self, list, index)

    def __iter__(self) -> Iterator[Any]:
        for number in self._numbers.values():
            self._hits[number] = None
        return super().__iter__()


class CountedTuple(tuple[Any, ...]):
    """A constant tuple that notes which elements are read."""

    _guarded_writes = True
    _hits: dict[int, None]
    _numbers: dict[int, int]

    @classmethod
    def made(cls, items: list[Any], numbers: dict[int, int], hits: dict[int, None]) -> "CountedTuple":
        out = cls(items)
        out._numbers, out._hits = numbers, hits
        return out

    def __getitem__(self, index: Any) -> Any:
        return _sequence_read(self, tuple, index)

    def __iter__(self) -> Iterator[Any]:
        for number in self._numbers.values():
            self._hits[number] = None
        return super().__iter__()
