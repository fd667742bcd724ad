"""What a source says before anything in it is rewritten: its literals, the names it binds, the parts that never run.

Left out: judging it (`normalise.py`, `policy.py`).
"""

import ast
import unicodedata
from collections.abc import Iterable


def is_literal(node: ast.AST) -> bool:
    """Whether an expression consists of constants and displays of constants only."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Constant):
            continue
        if isinstance(part, ast.List | ast.Tuple | ast.Set):
            waiting += part.elts
        elif isinstance(part, ast.Dict) and None not in part.keys:
            waiting += part.values
            waiting += [key for key in part.keys if key is not None]
        elif isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.USub) and isinstance(part.operand, ast.Constant):
            continue
        else:
            return False
    return True


def choose_prefix(source: str) -> str:
    """A word that occurs nowhere in the source, so that names made with it are new.

    The parser reads identifiers in Unicode's compatibility form, and so does this.
    """
    text = unicodedata.normalize("NFKC", source)
    prefix = "hidden"
    while prefix in text:
        prefix += "q"
    return prefix


def bound_names(tree: ast.AST, imports: bool = True) -> set[str]:
    """Every name that the source binds anywhere."""
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            bound.add(node.name)
        elif isinstance(node, ast.alias) and imports:
            bound.add(node.asname or node.name.split(".")[0])
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            bound.add(node.name)
    return bound


def without_dead_code(body: list[ast.stmt]) -> list[ast.stmt]:
    """Drops what only runs as a script or for a type checker, and module-level functions that nothing refers
    to then.

    A demonstration `main()` with argparse is no reason to refuse a world.
    """
    body = [statement for statement in body if not (isinstance(statement, ast.If) and _never_runs(statement.test))]
    while True:
        counts: dict[str, int] = {}
        for statement in body:
            names = {part.id for part in ast.walk(statement) if isinstance(part, ast.Name)}
            own = statement.name if isinstance(statement, ast.FunctionDef) else None
            for name in names - {own}:
                counts[name] = counts.get(name, 0) + 1
        kept = [
            statement
            for statement in body
            if not isinstance(statement, ast.FunctionDef) or statement.decorator_list or statement.name in counts
        ]
        if len(kept) == len(body):
            return _without_annotations(body)
        body = kept


def _never_runs(test: ast.expr) -> bool:
    return ast.unparse(test) in (
        "__name__ == '__main__'",
        "'__main__' == __name__",
        "TYPE_CHECKING",
        "typing.TYPE_CHECKING",
    )


def _without_annotations(body: Iterable[ast.stmt]) -> list[ast.stmt]:
    """Empties the annotations of functions and variables, so that a name used only there counts as unused."""
    out = list(body)
    for statement in out:
        for node in ast.walk(statement):
            if isinstance(node, ast.FunctionDef):
                node.returns = None
            elif isinstance(node, ast.arg):
                node.annotation = None
            elif isinstance(node, ast.AnnAssign) and not isinstance(node.annotation, ast.Constant):
                node.annotation = ast.copy_location(ast.Constant(ast.unparse(node.annotation)), node)
    return out
