"""`fast` refuses whatever `stock` refuses: variations of hostile, faulty and ordinary sources, by hypothesis.

A variation takes lines and expressions of several programs together, renames, nests and swaps operators. Both policies
judge it in this process, compiling only: what running them does is for `test_hostile.py`.
"""

import ast
import random
import warnings
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox import policy
from sandbox.errors import SourceRefused
from sandbox.guards import Guards
from sandbox.normalise import Normaliser
from sandbox.standins import NAMEABLE, modules
from sandbox.survey import choose_prefix
from tests.sandbox.hostile.corpus import probes
from tests.sandbox.test_faulty import CORPUS

ORDINARY = [path.read_text() for path in sorted((Path(__file__).parent / "ordinary").glob("*/*.py"))]
NAMES = [
    "_getattr_", "_write_", "__class__", "__globals__", "gi_frame", "f_back", "mro", "format", "format_map", "obj",
    "open", "getattr", "type", "super", "object", "_x", "x__roles__", "__init__", "__match_args__",
    "__builtins__", "print",
]  # fmt: skip


def parsed(sources: list[str]) -> list[ast.Module]:
    out = []
    for source in sources:
        try:
            out.append(ast.parse(source))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return out


TREES = parsed([probe.source({}) for probe in probes()] + [f.source for f in CORPUS if len(f.source) < 5000] + ORDINARY)
STATEMENTS = [ast.unparse(node) for tree in TREES for node in ast.walk(tree) if isinstance(node, ast.stmt)]
EXPRESSIONS = [
    text
    for tree in TREES
    for node in ast.walk(tree)
    if isinstance(node, ast.Attribute | ast.Call | ast.Subscript | ast.Lambda | ast.GeneratorExp)
    and isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
    and len(text := ast.unparse(node)) < 200
]


class Mutate(ast.NodeTransformer):
    """Replaces names, attributes and expressions here and there."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if self._chance.random() < 0.2:
            node.attr = self._chance.choice(NAMES)
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        roll = self._chance.random()
        if roll < 0.05:
            node.id = self._chance.choice(NAMES)
        elif roll < 0.1 and isinstance(node.ctx, ast.Load):
            return ast.parse(self._chance.choice(EXPRESSIONS), mode="eval").body
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        if self._chance.random() < 0.1:
            node.arg = self._chance.choice(NAMES)
        return node


def refuses(which: str, source: str) -> bool:
    prefix = choose_prefix(source)
    guards = Guards(prefix, NAMEABLE)
    try:
        tree = Normaliser(prefix, modules(prefix, guards)).normalise(ast.parse(source))
        compile(ast.fix_missing_locations(policy.apply(which, tree)[0]), "<fuzz>", "exec")
    except (SourceRefused, SyntaxError, ValueError):
        return True
    return False


def bare_refuses(which: str, source: str) -> bool:
    """Without the normaliser: the policies must agree on anything that might reach them."""
    try:
        compile(ast.fix_missing_locations(policy.apply(which, ast.parse(source))[0]), "<fuzz>", "exec")
    except (SourceRefused, SyntaxError, ValueError):
        return True
    return False


@settings(max_examples=2500, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32), st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=3))
def test_fast_refuses_what_stock_refuses(seed: int, statements: list[str]) -> None:
    warnings.simplefilter("ignore", SyntaxWarning)
    chance = random.Random(seed)
    tree = ast.fix_missing_locations(Mutate(chance).visit(ast.parse("\n".join(statements))))
    try:
        source = ast.unparse(tree)
        ast.parse(source)
    except (SyntaxError, ValueError):
        return
    assert refuses("fast", source) or not refuses("stock", source)
    assert bare_refuses("fast", source) or not bare_refuses("stock", source)


def test_corpora_agree() -> None:
    for tree in TREES:
        source = ast.unparse(tree)
        assert refuses("fast", source) == refuses("stock", source)
