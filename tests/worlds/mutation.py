"""True sources broken in known ways, and which of them some sessions reveal.

Every mutant is one change at one place of the text, so its name can say all of it. They are made from the syntax tree
in a fixed order; where there are more than wanted, a seeded choice takes from each kind in turn. Left out: emptied
loops, which would hang plain Python.

`python -m tests.worlds.mutation --list` prints all of them as JSON with their labels, and apart from them those that
the sandbox refuses.
"""

import argparse
import ast
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from copy import deepcopy
from math import isfinite
from random import Random
from typing import Any

from sandbox import EnvironmentFault, Sandbox, SourceRefused, WorkerDied
from tests.worlds.by_hand import by_hand
from tests.worlds.mutant import Mutant, short
from tests.worlds.oracle import Oracle, Verdict, revealed
from tests.worlds.recorded import HELD_OUT, sessions
from tests.worlds.source import NAMES, read

__all__ = ["Mutant", "Verdict", "every_mutant", "judge", "mutants", "refused", "revealed", "sessions"]

MOST = 60  # mechanical mutants of one world

# Changes

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Mod: ast.FloorDiv,
}

Change = tuple[str, ast.AST, str]  # kind, what is replaced, and by which text


def changes(tree: ast.Module) -> Iterator[Change]:
    """Every change of a source, in the order of its text."""
    strings = list(dict.fromkeys(
        node.value for node, _ in _inside(tree, ()) if isinstance(node, ast.Constant) and isinstance(node.value, str)))
    for node, above in _inside(tree, ()):
        yield from _of_values(node, strings)
        yield from _of_branches(node)
        yield from _of_draws(node)
        yield from _of_answers(node)
        if above and isinstance(above[-1], ast.FunctionDef | ast.If | ast.For):
            yield from _of_statements(node, any(isinstance(each, ast.FunctionDef) and each.name == "reset"
                                                for each in above))


def _inside(node: ast.AST, above: tuple[ast.AST, ...]) -> Iterator[tuple[ast.AST, tuple[ast.AST, ...]]]:
    """Nodes worth changing, with what they lie in: no docstrings, imports, spaces, or words of errors."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom) or (
            isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
        ) or (isinstance(child, ast.Assign) and "_space" in ast.unparse(child.targets[0])):
            continue
        yield child, (*above, node)
        if not isinstance(child, ast.Raise):
            yield from _inside(child, (*above, node))


def _of_values(node: ast.AST, strings: Sequence[str]) -> Iterator[Change]:
    match node:
        case ast.Constant(value=bool(value)):
            yield "constant", node, str(not value)
        case ast.Constant(value=int(value)):
            yield from (("constant", node, str(other)) for other in (value + 1, value - 1))
        case ast.Constant(value=float(value)):
            chances, rewards = (1 - value, value / 2, (1 + value) / 2), (-value or -1.0, value + 1.0, 0.0)
            others = [other for other in (chances if 0 < value < 1 else rewards) if other != value]
            yield from (("constant", node, repr(round(other, 6))) for other in dict.fromkeys(others))
        case ast.Constant(value=str(value)):
            yield "string", node, repr(strings[(strings.index(value) + 1) % len(strings)])
        case ast.List(elts=parts) | ast.Tuple(elts=parts, ctx=ast.Load()) if len(parts) > 2 and all(
            isinstance(part, ast.Constant) for part in parts
        ):
            words = [ast.unparse(part) for part in parts]
            yield from (("choices", node, f"({', '.join(others)})") for others in (words[1:], words[:-1], [
                *words, words[0]], words[::-1]))
        case ast.BinOp(op=operator) if type(operator) in OPERATORS:
            yield "operator", node, _with(node, op=OPERATORS[type(operator)]())
        case ast.Call(func=ast.Name(id=("min" | "max") as name), args=[first, second]):
            yield "bound", node, _with(node, func=ast.Name({"min": "max", "max": "min"}[name]))
            yield from (("bound", node, ast.unparse(each)) for each in (first, second))


def _of_branches(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Compare(left=left, ops=operators):
            for place, operator in enumerate(operators):
                for other in COMPARISONS[type(operator)]:
                    if other is ast.LtE and ast.unparse(left) == "self.np_random.random()":
                        continue  # a single point has no probability
                    yield "comparison", node, _with(node, ops=[
                        *operators[:place], other(), *operators[place + 1:]])
        case ast.BoolOp(op=operator, values=values):
            turned = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield "branch", node, f"({_with(node, op=turned)})"
            yield from (("branch", node, ast.unparse(each)) for each in values)
        case ast.IfExp(body=body, orelse=orelse):
            yield "branch", node, f"({_with(node, body=orelse, orelse=body)})"
            yield from (("branch", node, f"({ast.unparse(each)})") for each in (body, orelse))
        case ast.If(test=test):
            yield from (("branch", test, text) for text in (f"not ({ast.unparse(test)})", "False", "True"))


def _of_draws(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="np_random"), attr=kind), args=args):
            words = [ast.unparse(each) for each in args]
            if kind == "random":
                yield from (("draw", node, fixed) for fixed in ("0.0", "0.5", "1.0"))
            elif kind == "choice":
                yield from (("draw", node, f"({words[0]})[{place}]") for place in (0, -1))
                source = ast.unparse(node.func)
                yield from (("draw", node, f"{source}(({words[0]})[{cut}])") for cut in ("1:", ":-1"))
            else:
                yield "draw", node, words[0] if len(words) == 2 else "0"
                yield "draw", node, f"({words[-1]}) - 1"
                yield "draw", node, f"{ast.unparse(node.func)}({', '.join([*words[:-1], words[-1] + ' - 1'])})"


def _of_answers(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Return(value=ast.Tuple(elts=[_, reward, end, _, _])):
            paid = ast.unparse(reward)
            others = ("1.0", "-1.0") if paid == "0.0" else ("0.0", "1.0", f"-({paid})", f"2 * ({paid})")
            yield from (("reward", reward, other) for other in others if other != paid)
            yield from (("end", end, other) for other in ("True", "False", f"not ({ast.unparse(end)})"))


def _of_statements(node: ast.AST, resetting: bool) -> Iterator[Change]:
    match node:
        case ast.Assign(targets=[target]):
            yield "removed", node, "pass"
            named = [part.attr for part in ast.walk(target) if isinstance(part, ast.Attribute)]
            if resetting and named:
                yield "kept", node, f"if not hasattr(self, {named[0]!r}): {ast.unparse(node)}"
        case ast.AugAssign(op=operator):
            yield "removed", node, "pass"
            if type(operator) in OPERATORS:
                yield "operator", node, _with(node, op=OPERATORS[type(operator)]())
        case ast.Expr() | ast.Raise():
            yield "removed", node, "pass"


def _with(node: ast.AST, **fields: Any) -> str:
    changed = deepcopy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return ast.unparse(changed)


class _Swap(ast.NodeTransformer):
    """Puts one node in the place of another."""

    def __init__(self, old: ast.AST, new: ast.AST):
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        return self.new if node is self.old else self.generic_visit(node)


def apply(source: str, tree: ast.Module, change: Change) -> tuple[ast.AST, str, str]:
    """A source after a change: the outermost node that was written anew, its new text, and all of the source.

    Nodes inside an f-string do not know where they stand, so the f-string is written anew as a whole.
    """
    _, node, text = change
    for outer in ast.walk(tree):
        if isinstance(outer, ast.JoinedStr) and any(node is inner for inner in ast.walk(outer)) and node is not outer:
            both = deepcopy([outer, node], {})
            text = ast.unparse(_Swap(both[1], ast.parse(text, mode="eval").body).visit(both[0]))
            node = outer
            break
    lines = source.splitlines(keepends=True)
    begin, end = (sum(map(len, lines[: line - 1])) + column for line, column in (
        (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)))  # type: ignore[attr-defined]
    return node, text, source[:begin] + text + source[end:]


def mutants(world: str, most: int = MOST, seed: int = 0) -> list[Mutant]:
    """Mechanical mutants of a world's true source, all different from it and from each other, in the text's order."""
    source = read(world)
    tree = ast.parse(source)
    seen, found = {ast.dump(tree)}, list[Mutant]()
    for change in changes(tree):
        node, text, changed = apply(source, tree, change)
        try:
            shape = ast.dump(ast.parse(changed))
        except SyntaxError:  # where a name in a pattern or a target was written over
            continue
        if shape not in seen:
            seen.add(shape)
            place = f"line {node.lineno}, column {node.col_offset + 1}"  # type: ignore[attr-defined]
            name = f"{world}: {place}: {short(ast.unparse(node))} -> {short(text)}"
            found.append(Mutant(world, change[0], name, changed))
    kinds = defaultdict(list)
    for mutant in Random(f"{world} {seed}").sample(found, len(found)):
        kinds[mutant.kind].append(mutant)
    taken = set[str]()
    while len(taken) < min(most, len(found)):
        for kind in sorted(kinds):
            if kinds[kind] and len(taken) < most:
                taken.add(kinds[kind].pop().name)
    return [mutant for mutant in found if mutant.name in taken]


def every_mutant(most: int = MOST, seed: int = 0) -> list[Mutant]:
    """Mechanical mutants of every world, up to so many of each, and those by hand."""
    return [*(mutant for world in NAMES for mutant in mutants(world, most, seed)), *by_hand()]


def judge(found: Sequence[Mutant], count: int = HELD_OUT, seed: int = 1) -> dict[str, Verdict]:
    """By name, what the held-out sessions of its world say of each mutant."""
    oracles: dict[str, Oracle] = {}
    verdicts = {}
    for mutant in found:
        if mutant.world not in oracles:
            oracles[mutant.world] = Oracle(read(mutant.world), sessions(mutant.world, count, seed))
        verdicts[mutant.name] = oracles[mutant.world].judge(mutant.source)
    return verdicts


def refused(found: Sequence[Mutant], sandbox: Sandbox) -> dict[str, str]:
    """By name, why the sandbox will not run a mutant or finds that it is no environment."""
    reasons = {}
    for mutant in found:
        try:
            with sandbox.load(mutant.source) as worker:
                if said := worker.check():
                    reasons[mutant.name] = said[0]
        except (SourceRefused, WorkerDied, EnvironmentFault) as fault:
            reasons[mutant.name] = str(fault)
    return reasons


def main(arguments: list[str] | None = None) -> int:
    """Prints the mutants with their labels."""
    parser = argparse.ArgumentParser(prog="python -m tests.worlds.mutation", description=__doc__.split("\n\n")[0])
    parser.add_argument("--list", action="store_true", required=True, help="all mutants as JSON, with their labels")
    parser.add_argument("--seed", type=int, default=0, help="of the choice among mechanical mutants")
    parser.add_argument("--world", choices=NAMES, help="only those of one world")
    options = parser.parse_args(arguments)
    found = [mutant for mutant in every_mutant(seed=options.seed) if options.world in (None, mutant.world)]
    with Sandbox() as sandbox:
        reasons = refused(found, sandbox)
    verdicts = judge([mutant for mutant in found if mutant.name not in reasons])
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for mutant in found:
        counts[mutant.world]["refused" if mutant.name in reasons else verdicts[mutant.name].label] += 1
    json.dump({
        "counts": counts,
        "mutants": [{
            "name": mutant.name, "world": mutant.world, "kind": mutant.kind,
            "label": verdicts[mutant.name].label, "by": verdicts[mutant.name].by,
            "nats": {part: excess if isfinite(excess) else None  # None: impossible
                     for part, excess in verdicts[mutant.name].nats.items()},
        } for mutant in found if mutant.name not in reasons],
        "refused": [{"name": name, "reason": reason} for name, reason in reasons.items()],
    }, sys.stdout, indent=1)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
