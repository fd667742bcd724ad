"""Support: which branches and which elements of constant tables a step ran.

Branches are marked in the syntax tree after the policy has checked it: both ways of every condition, those of
comprehensions, guards and conditional expressions included; whether `and` and `or` went on to the next operand; loops
that were entered and loops that ran to their end; handlers, and `try` blocks that came through. Tables (containers of
constants assigned at module or class level, written out or built by an expression) are replaced by counted containers
(`tables.py`), which number their elements when the module is imported.

Left out: chained comparisons (`low < x < high` is one condition), a `try` block left by `return`, and tables that
statements fill one element at a time.
"""

import ast
from collections.abc import Mapping

from sandbox.records import Element

HITS = "_hits_"  # a dict whose keys are the numbers seen in this step
TABLE = "_table_"


class Counter(ast.NodeTransformer):
    """Marks the branches and tables of one module.

    Args:
        written: what the source calls each name that has been given another one.
    """

    def __init__(self, written: Mapping[str, str]) -> None:
        self._written = written
        self.elements: list[Element] = []
        self._depth = 0  # inside functions
        self._temporary = 0
        self._assignable = False  # whether `:=` may stand here

    def _number(self, kind: str, line: int, label: str) -> int:
        self.elements.append(Element(len(self.elements), kind, line, label))
        return len(self.elements) - 1

    def _mark(self, body: list[ast.stmt], line: int, label: str) -> list[ast.stmt]:
        """`_hits_[n] = None` before a block."""
        number = self._number("branch", line, label)
        target = ast.Subscript(ast.Name(HITS, ast.Load()), ast.Constant(number), ast.Store())
        mark = ast.Assign([target], ast.Constant(None))
        return [ast.fix_missing_locations(ast.copy_location(mark, body[0])), *body] if body else body

    def _marked(self, value: ast.expr, label: str, at: ast.expr | None = None) -> ast.expr:
        """`_hits_.setdefault(n) or value`, for branches inside expressions."""
        number = self._number("branch", (at or value).lineno, label)
        method = ast.Attribute(ast.Name(HITS, ast.Load()), "setdefault", ast.Load())
        call = ast.Call(method, [ast.Constant(number)], [])
        return ast.fix_missing_locations(ast.copy_location(ast.BoolOp(ast.Or(), [call, value]), value))

    def _condition(self, node: ast.expr) -> ast.expr:
        """A condition of which only the truth matters: operands of `and`, `or` and `not` are conditions too."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            node.operand = self._condition(node.operand)
            return node
        if not isinstance(node, ast.BoolOp):
            return self._visited(node)
        both = isinstance(node.op, ast.And)
        out = self._condition(node.values[-1])
        for value in reversed(node.values[:-1]):
            went_on = self._marked(out, "and" if both else "or", value)
            stopped = self._marked(ast.copy_location(ast.Constant(not both), value), "short", value)
            ways = (went_on, stopped) if both else (stopped, went_on)
            out = ast.copy_location(ast.IfExp(self._condition(value), *ways), node)
        return out

    def _visited(self, node: ast.expr) -> ast.expr:
        out = self.visit(node)
        assert isinstance(out, ast.expr)
        return out

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """Where the value matters, it is kept in a variable, if one may be assigned to here."""
        both = isinstance(node.op, ast.And)
        out = self._visited(node.values[-1])
        for value in reversed(node.values[:-1]):
            went_on = self._marked(out, "and" if both else "or", value)
            if not self._assignable:
                out = ast.copy_location(ast.BoolOp(node.op, [self._visited(value), went_on]), node)
                continue
            self._temporary += 1
            name = f"_value{self._temporary}_"
            test = ast.NamedExpr(ast.Name(name, ast.Store()), self._visited(value))
            stopped = self._marked(ast.copy_location(ast.Name(name, ast.Load()), value), "short", value)
            ways = (went_on, stopped) if both else (stopped, went_on)
            out = ast.copy_location(ast.IfExp(test, *ways), node)
        return ast.fix_missing_locations(out)

    def visit_If(self, node: ast.If) -> ast.AST:
        line = node.lineno
        node.test = self._condition(node.test)
        node.body, node.orelse = self._block(node.body), self._block(node.orelse)
        node.body = self._mark(node.body, line, "if")
        node.orelse = self._mark(node.orelse or [ast.copy_location(ast.Pass(), node)], line, "else")
        return node

    def _block(self, body: list[ast.stmt]) -> list[ast.stmt]:
        return [self.visit(statement) for statement in body]

    def visit_For(self, node: ast.For | ast.While) -> ast.AST:
        if isinstance(node, ast.While):
            node.test = self._condition(node.test)
        else:
            node.target, node.iter = self._visited(node.target), self._visited(node.iter)
        node.body, node.orelse = self._block(node.body), self._block(node.orelse)
        node.body = self._mark(node.body, node.lineno, "loop")
        node.orelse = self._mark(node.orelse or [ast.copy_location(ast.Pass(), node)], node.lineno, "ended")
        return node

    visit_While = visit_For

    def visit_Try(self, node: ast.Try) -> ast.AST:
        self.generic_visit(node)
        if node.handlers:
            passing = node.orelse or [ast.copy_location(ast.Pass(), node)]
            node.orelse = self._mark(passing, node.lineno, "passed")
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        node.test = self._condition(node.test)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        outside = self._assignable
        self.visit(node.args)  # defaults are evaluated where the function stands
        self._depth, self._assignable = self._depth + 1, True
        node.body = self._block(node.body)
        self._depth, self._assignable = self._depth - 1, outside
        node.body = self._mark(node.body, node.lineno, self._written.get(node.name, node.name))
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        outside, self._assignable = self._assignable, False
        self.generic_visit(node)
        self._assignable = outside
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        outside, self._assignable = self._assignable, False
        self.generic_visit(node)
        self._assignable = outside
        node.body = self._marked(node.body, "lambda")
        return node

    def _comprehension(self, node: ast.AST) -> ast.AST:
        # An assignment inside would bind outside, or not be allowed.
        outside, self._assignable = self._assignable, False
        self.generic_visit(node)
        self._assignable = outside
        return node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        node.target, node.iter = self._visited(node.target), self._visited(node.iter)
        node.ifs = [self._both_ways(test) for test in node.ifs]
        return node

    def _both_ways(self, test: ast.expr) -> ast.expr:
        """A condition whose two outcomes are marked where it stands."""
        taken = self._marked(ast.copy_location(ast.Constant(True), test), "if")
        left = self._marked(ast.copy_location(ast.Constant(False), test), "else")
        return ast.fix_missing_locations(ast.copy_location(ast.IfExp(self._condition(test), taken, left), test))

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        self.generic_visit(node)
        node.body = self._mark(node.body, node.lineno, "except")
        return node

    def visit_Match(self, node: ast.Match) -> ast.AST:
        self.generic_visit(node)
        if not any(case.guard is None and _matches_all(case.pattern) for case in node.cases):
            body: list[ast.stmt] = [ast.copy_location(ast.Pass(), node)]
            none = ast.match_case(ast.MatchAs(), None, self._mark(body, node.lineno, "no case"))
            node.cases.append(none)
            ast.fix_missing_locations(node)
        return node

    def visit_match_case(self, node: ast.match_case) -> ast.AST:
        line = node.body[0].lineno
        if node.guard is not None:
            node.guard = self._both_ways(node.guard)
        node.body = self._mark(self._block(node.body), line, "case")
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        node.test = self._condition(node.test)
        node.body = self._marked(self._visited(node.body), "if")
        node.orelse = self._marked(self._visited(node.orelse), "else")
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        node.value = self._visited(node.value)
        target = node.targets[0]
        if not self._depth and isinstance(target, ast.Name):
            said = [ast.Constant(self._written.get(target.id, target.id)), ast.Constant(node.lineno)]
            call = ast.Call(ast.Name(TABLE, ast.Load()), [node.value, *said], [])
            node.value = ast.fix_missing_locations(ast.copy_location(call, node.value))
        return node


def _matches_all(pattern: ast.pattern) -> bool:
    if isinstance(pattern, ast.MatchAs):
        return pattern.pattern is None or _matches_all(pattern.pattern)
    return isinstance(pattern, ast.MatchOr) and _matches_all(pattern.patterns[-1])
