"""Authored shuffles, rewritten so that they may leave an order open (`decks.py`).

`shuffle` works in place, and a plain list cannot become a deck. `rng.shuffle(deck)` is therefore rewritten so that the
variable, or the attribute, is bound to a deck, where the count of references shows that nothing else holds the list;
else, and wherever chance is not being taken apart, the list is shuffled as ever. The ways in which decks are usually
copied, `list(deck)`, `[cards[i] for i in order]` and `[int(i) for i in order]`, are rewritten so as to leave it open.

Left out: sources that reach into lists behind a deck's back, whose shuffles are decided at once.
"""

import ast
import sys
from typing import Any

from sandbox.chance import Generator
from sandbox.decks import Deck, dealt, listed, looked_up, unread, whole
from sandbox.survey import bound_names


def shuffled(method: Any, items: Any, owner: Any = None, name: str = "") -> Any:
    """Shuffles a list, at once or by making a deck of it; what the variable is then to be bound to.

    Args:
        method: a generator's bound `shuffle`, or any other method of that name.
        items: its argument; nothing but the variable, or the attribute, and this call may hold it.
        owner: the object that holds the list as its attribute `name`; None for a variable.
    """
    source = getattr(method, "__self__", None)
    if isinstance(source, Generator) and source._track is not None and source._track.lazy:
        if type(items) is Deck and unread(items):
            return items
        if type(items) is list and sys.getrefcount(items) <= ALONE:
            if owner is None:
                return dealt(source, items)
            attributes = getattr(owner, "__dict__", None)
            if type(attributes) is dict and name in attributes and attributes[name] is items:
                attributes[name] = dealt(source, items)
                return None
    method(items)
    return items


def _references_alone() -> int:
    """What `shuffled` counts for a list that only one variable of its caller holds."""

    def count(method: Any, items: Any, owner: Any = None, name: str = "") -> int:
        return sys.getrefcount(items)

    lone = [0]
    return count(None, lone)


ALONE = _references_alone()


class Shuffles(ast.NodeTransformer):
    """Rewrites the statement `rng.shuffle(deck)` as `deck = shuffled(rng.shuffle, deck)`, and copies likewise.

    Args:
        prefix: of the names that the functions in `GIVEN` have in the module.
    """

    def __init__(self, prefix: str) -> None:
        self._name = prefix + "shuffled"
        self._prefix = prefix
        self._locals: list[set[str]] = []

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "list" and len(node.args) == 1 and not node.keywords:
            node.func = ast.copy_location(ast.Name(self._prefix + "listed", ast.Load()), node.func)
        return node

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        self.generic_visit(node)
        (first, *others), made = node.generators, node.elt
        if others or first.ifs or first.is_async or not isinstance(first.target, ast.Name):
            return node
        item = first.target.id
        name, leading = "looked_up", made
        if isinstance(made, ast.Subscript) and isinstance(made.value, ast.Name) and made.value.id != item:
            leading = made.value
            if _kind_of(made.slice, item) == "int":
                first.iter = self._call("whole", ast.Name("int", ast.Load()), first.iter)
            elif not _is_item(made.slice, item):
                return node
        elif (kind := _kind_of(made, item)) is not None:
            name, leading = "whole", ast.Name(kind, ast.Load())
        else:
            return node
        return ast.fix_missing_locations(ast.copy_location(self._call(name, leading, first.iter), node))

    def _call(self, name: str, *arguments: ast.expr) -> ast.Call:
        return ast.Call(ast.Name(self._prefix + name, ast.Load()), list(arguments), [])

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self._locals.append(_local_names(node))
        self.generic_visit(node)
        self._locals.pop()
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self._locals.append(set())
        self.generic_visit(node)
        self._locals.pop()
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        self.generic_visit(node)
        call = node.value
        if not (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr == "shuffle"
            and len(call.args) == 1
            and not call.keywords
        ):
            return node
        (argument,) = call.args
        made: ast.stmt
        if isinstance(argument, ast.Name) and self._locals and argument.id in self._locals[-1]:
            shuffle = ast.Call(ast.Name(self._name, ast.Load()), [call.func, argument], [])
            made = ast.Assign([ast.Name(argument.id, ast.Store())], shuffle)
        elif isinstance(argument, ast.Attribute) and isinstance(argument.value, ast.Name):
            owner = ast.Name(argument.value.id, ast.Load())
            shuffle = ast.Call(
                ast.Name(self._name, ast.Load()), [call.func, argument, owner, ast.Constant(argument.attr)], []
            )
            made = ast.Expr(shuffle)
        else:
            return node
        return ast.fix_missing_locations(ast.copy_location(made, node))


def _local_names(function: ast.FunctionDef) -> set[str]:
    """Names that a function binds itself, outside the functions and classes within it."""
    found = {argument.arg for argument in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)}
    outer: set[str] = set()
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Global | ast.Nonlocal):
            outer.update(node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda | ast.ListComp | ast.SetComp
                          | ast.DictComp | ast.GeneratorExp):  # fmt: skip
            waiting += ast.iter_child_nodes(node)
    return found - outer


def _is_item(node: ast.expr, item: str) -> bool:
    return isinstance(node, ast.Name) and node.id == item


def _kind_of(node: ast.expr, item: str) -> str | None:
    """`int` or `str`, where the expression is that of the item."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords and len(node.args) == 1:
        return node.func.id if node.func.id in ("int", "str") and _is_item(node.args[0], item) else None
    return None


GIVEN = {"shuffled": shuffled, "listed": listed, "looked_up": looked_up, "whole": whole}


def readable(tree: ast.AST) -> bool:
    """Whether a source reaches lists only in ways that a deck notices: no `heapq`, no methods taken off `list`."""
    if not bound_names(tree).isdisjoint(("list", "int", "str")):
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.alias) and node.name in ("heapq", "*"):
            return False
        if isinstance(node, ast.ImportFrom) and node.module == "heapq":
            return False
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "list":
            return False
    return True
