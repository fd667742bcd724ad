"""Which lines of authored code sessions ran, by the branches of it that they ran.

A line is run as the block is that it stands in; after a statement that may leave the block (`return`, `raise`, `break`,
`continue`), as the ways that do not are. Where that cannot be told, as behind a statement out of which an exception may
have come, nothing is.

Left out: calls out of which an exception comes that a caller handles, and loops of comprehensions.
"""

import ast
from collections.abc import Mapping, Sequence
from itertools import pairwise

Ran = bool | None  # whether sessions ran something; None where nothing tells
Branches = Mapping[tuple[int, str], Sequence[int]]


def reached(tree: ast.Module, branches: Branches) -> dict[int, bool]:
    """Whether sessions ran each line of which that can be told, by its number.

    Args:
        branches: how many sessions ran the branches that begin on a line and that the compiler calls alike, in the
            order in which it numbers them: a statement's own comes after those inside.
    """
    walk = _Walk(branches)
    try:
        walk.block(tree.body, 1, None)
    except RecursionError:  # of some that is nested too deeply nothing is told
        return {}
    return {line: ran for line, ran in walk.lines.items() if ran is not None}


def end(node: ast.stmt | ast.expr) -> int:
    """The last line of it."""
    return node.end_lineno or node.lineno


class _Walk:
    """A walk over statements in the order in which they are run. Outer ones come first, and inner ones say more."""

    def __init__(self, branches: Branches) -> None:
        self.lines: dict[int, Ran] = {}
        self._branches = branches
        self._broken: list[Ran] = []  # whether each loop around was left by `break`

    def block(self, body: Sequence[ast.stmt], first: int, ran: Ran) -> Ran:
        """A block, and comments before it from a line on. Returns whether its end was reached."""
        for node in body:
            self._tell(first, end(node), ran)
            first = end(node) + 1
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    self._inside(child)
            ran = self._statement(node, ran)
        return ran

    def _tell(self, first: int, last: int, ran: Ran) -> None:
        self.lines |= dict.fromkeys(range(first, last + 1), ran)

    def _count(self, line: int, label: str) -> Ran:
        """Whether the branch of a statement was run."""
        counts = self._branches.get((line, label))
        return bool(counts[-1]) if counts else None

    def _arm(self, line: int, label: str, body: Sequence[ast.stmt], first: int) -> Ran:
        return self.block(body, first, self._count(line, label))

    def _statement(self, node: ast.stmt, ran: Ran) -> Ran:
        """What stands in a statement. Returns whether sessions went on to the next one."""
        line = node.lineno
        match node:
            case ast.Return() | ast.Raise() | ast.Continue():
                return False
            case ast.Break():
                self._broken[-1] = _any(self._broken[-1], ran)
                return False
            case ast.If(test=head, body=body, orelse=orelse):
                return _any(self._arm(line, "if", body, end(head) + 1),
                            self._arm(line, "else", orelse, end(body[-1]) + 1))
            case ast.While(test=head, body=body, orelse=orelse) | ast.For(iter=head, body=body, orelse=orelse):
                self._broken.append(False)
                self._arm(line, "loop", body, end(head) + 1)
                broken = self._broken.pop()
                return _any(broken, self._arm(line, "ended", orelse, end(body[-1]) + 1))
            case ast.Try():
                return self._try(node, ran)
            case ast.With(body=body):
                return self.block(body, body[0].lineno, ran) or None  # it may have stopped an exception
            case ast.Match(cases=cases):
                ways = [self._arm(case.body[0].lineno, "case", case.body, case.body[0].lineno) for case in cases]
                return _any(*ways, self._count(line, "no case") or False)
            case ast.FunctionDef(name=name, body=body):
                self._arm(line, name, body, body[0].lineno)
            case ast.ClassDef(body=body):
                self.block(body, body[0].lineno, ran)
            case _:
                if ran and any(isinstance(part, ast.Yield | ast.YieldFrom) for part in ast.walk(node)):
                    return None  # nobody need have asked for more
        return ran

    def _try(self, node: ast.Try, ran: Ran) -> Ran:
        handled = _any(*(self._count(handler.lineno, "except") for handler in node.handlers))
        ended = self.block(node.body[:1], node.lineno + 1, ran)
        if ended and handled is not False and not self._count(node.lineno, "passed"):
            ended = None
        ended = self.block(node.body[1:], end(node.body[0]) + 1, ended)
        if node.handlers:
            ended = self._arm(node.lineno, "passed", node.orelse, end(node.body[-1]) + 1)
        ways = [self._arm(handler.lineno, "except", handler.body, handler.lineno + 1) for handler in node.handlers]
        last = self.block(node.finalbody, node.finalbody[0].lineno if node.finalbody else 0, ran)
        return _any(ended, *ways) if last is not False else False

    def _inside(self, expression: ast.expr) -> None:
        """Branches of an expression that goes over several lines."""
        for node in ast.walk(expression):
            match node:
                case ast.IfExp(body=body, orelse=orelse):
                    self._operand(body.lineno, "if", body)
                    self._operand(orelse.lineno, "else", orelse)
                case ast.Lambda(body=body):
                    self._operand(body.lineno, "lambda", body)
                case ast.BoolOp(op=operator, values=values):
                    for value, after in pairwise(values):
                        self._operand(value.lineno, "and" if isinstance(operator, ast.And) else "or", after)

    def _operand(self, line: int, label: str, operand: ast.expr) -> None:
        """A line can have several branches that are called alike: what only some of them say is not told."""
        counts = self._branches.get((line, label), ())
        if counts:
            self._tell(operand.lineno, end(operand), True if all(counts) else None if any(counts) else False)


def _any(*ways: Ran) -> Ran:
    """Whether one of some ways was gone."""
    return True if True in ways else None if None in ways else False
