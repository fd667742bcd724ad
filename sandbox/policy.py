"""Layer 1: the two restricted languages, as transformers over RestrictedPython.

`Stock` is RestrictedPython with all of its run-time guards: every attribute and item read, iteration,
unpacking and write goes through a function. It adds `match` and `nonlocal`, whose names are checked like any
other, and the special methods of `normalise.DEFINABLE`.

`Fast` is what runs by default. Attribute names are constants in the syntax tree, and the dangerous ones are
refused when compiling, so reads, iteration, unpacking and calls can be Python's own. Run-time guards stay
where the object matters too: the formatting methods, `obj` (an AttributeError hands out the object it was
raised for), `register` (an abstract class claims foreign objects for its patterns), and all writes.

Left out: what a transformer cannot see. The objects in reach are chosen in `guards.py` and `standins.py` so
that no public attribute of any of them leads out; and the process is confined (`confinement.py`) as if this
layer were absent.
"""

import ast
from typing import Any

from RestrictedPython.transformer import RestrictingNodeTransformer, copy_locations

from sandbox.errors import SourceRefused
from sandbox.normalise import DEFINABLE

# Read through the guard even in `Fast`: whether they are safe depends on the object.
GUARDED_READS = frozenset(("format", "format_map", "vformat", "get_field", "get_value", "Formatter", "obj", "register"))
# Refused on every object: `mro` lists the trusted bases of a class.
FORBIDDEN_ATTRIBUTES = frozenset(("mro",))


class Stock(RestrictingNodeTransformer):
    """RestrictedPython with its run-time guards."""

    def check_name(self, node: Any, name: str | None, allow_magic_methods: bool = False) -> None:
        if (
            name in DEFINABLE
            and getattr(node, "col_offset", 0) != 0
            and (allow_magic_methods or isinstance(node, ast.Name))
        ):
            return
        super().check_name(node, name, allow_magic_methods)

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        if node.attr in FORBIDDEN_ATTRIBUTES:
            self.error(node, f'"{node.attr}" is a restricted name.')
        return super().visit_Attribute(node)

    def _literal(self, node: Any) -> Any:
        """A large constant table that the normaliser has looked through."""
        return node if getattr(node, "literal", False) else self.node_contents_visit(node)

    visit_Dict = visit_List = visit_Tuple = visit_Set = _literal

    def visit_Nonlocal(self, node: ast.Nonlocal) -> Any:
        for name in node.names:
            self.check_name(node, name)
        return node

    def visit_Global(self, node: ast.Global) -> Any:
        for name in node.names:
            self.check_name(node, name)
        return node

    # Patterns hold no run-time guards: they name attributes and bind names, and both are checked here.

    def visit_Match(self, node: Any) -> Any:
        return self.node_contents_visit(node)

    visit_match_case = visit_MatchSequence = visit_MatchOr = visit_MatchSingleton = visit_Match

    def visit_MatchAs(self, node: Any) -> Any:
        self.check_name(node, node.name)
        return self.node_contents_visit(node)

    visit_MatchStar = visit_MatchAs

    def visit_MatchValue(self, node: ast.MatchValue) -> Any:
        self._check_pattern_value(node.value)
        return node

    def visit_MatchMapping(self, node: ast.MatchMapping) -> Any:
        self.check_name(node, node.rest)
        for key in node.keys:
            self._check_pattern_value(key)
        node.patterns = [self.visit(pattern) for pattern in node.patterns]
        return node

    def visit_MatchClass(self, node: ast.MatchClass) -> Any:
        self._check_pattern_value(node.cls)
        for name in node.kwd_attrs:
            self._check_pattern_attribute(node, name)
        node.patterns = [self.visit(pattern) for pattern in node.patterns]
        node.kwd_patterns = [self.visit(pattern) for pattern in node.kwd_patterns]
        return node

    def _check_pattern_value(self, value: ast.expr) -> None:
        """A pattern may name a constant or a dotted path; it must stay one, so it is checked and not rewritten."""
        for part in ast.walk(value):
            if isinstance(part, ast.Name):
                self.used_names[part.id] = True
                self.check_name(part, part.id)
            elif isinstance(part, ast.Attribute):
                self._check_pattern_attribute(part, part.attr)

    def _check_pattern_attribute(self, node: ast.AST, name: str) -> None:
        if name in GUARDED_READS:
            self.error(node, f'"{name}" cannot be read in a pattern.')
        probe = ast.Attribute(ast.Constant(None), name, ast.Store())
        copy_locations(probe, node)  # type: ignore[arg-type]
        Stock.visit_Attribute(self, probe)


class Fast(Stock):
    """Python's own reads, iteration, unpacking and calls; guarded writes and formatting."""

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        if not isinstance(node.ctx, ast.Load) or node.attr in GUARDED_READS:
            return super().visit_Attribute(node)
        value = node.value
        # The checks of the name, on a node that is thrown away.
        probe = ast.Attribute(ast.Constant(None), node.attr, ast.Load())
        copy_locations(probe, node)
        super().visit_Attribute(probe)
        node.value = self.visit(value)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        if isinstance(node.ctx, ast.Load):
            return self.node_contents_visit(node)
        return super().visit_Subscript(node)

    def guard_iter(self, node: Any) -> Any:
        return self.node_contents_visit(node)

    def visit_Assign(self, node: ast.Assign) -> Any:
        return self.node_contents_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        if isinstance(node.target, ast.Name):
            return self.node_contents_visit(node)
        return super().visit_AugAssign(node)

    def visit_With(self, node: ast.With) -> Any:
        return self.node_contents_visit(node)

    def visit_Call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Name) and node.func.id in ("exec", "eval"):
            return super().visit_Call(node)
        return self.node_contents_visit(node)


POLICIES: dict[str, type[Stock]] = {"fast": Fast, "stock": Stock}


def apply(policy: str, tree: ast.Module) -> tuple[ast.Module, dict[str, bool]]:
    """Checks and transforms a syntax tree.

    Returns:
        The tree with its guards, and the names that it loads.

    Raises:
        SourceRefused: with every reason found.
    """
    errors: list[str] = []
    used: dict[str, bool] = {}
    transformed = POLICIES[policy](errors, [], used).visit(tree)
    if errors:
        line, _, text = errors[0].partition(": ")
        number = line.removeprefix("Line ")
        more = "".join(f"\n{error}" for error in dict.fromkeys(errors[1:12]))
        raise SourceRefused(
            f"{text}{more}",
            "policy",
            int(number) if number.isdigit() else None,
            "Use plain names without leading underscores and ordinary statements.",
        )
    return transformed, used
