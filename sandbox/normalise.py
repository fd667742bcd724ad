"""Rewrites ordinary Python into the part of it that the policies accept, or says why that cannot be.

Models write `self._x`, `self.n += 1`, annotations, `super().__init__()`, `print`, a `__main__` block. Each
has an equal that needs none of what a restricted language must refuse: names with a leading underscore get
another name throughout, augmented assignments are spelled out with every part evaluated once, annotations go
(dataclass fields are kept as a list of names), and the few double-underscore attributes with an innocent
meaning become calls of run-time functions. What has no safe equal is refused with its line and what to write
instead.

The rewriting protects nothing by itself: `policy.py` checks its output as if it were the source.

Left out: names made at run time (`getattr(self, "_x")`), which `guards.py` renames in the same way.
"""

import ast
from collections.abc import Mapping
from typing import Any, TypeVar

from sandbox.errors import SourceRefused
from sandbox.remedies import ATTRIBUTE_REMEDIES, IMPORT_REMEDIES, UNAVAILABLE_NAMES
from sandbox.survey import bound_names, is_literal, without_dead_code

# Methods that authored classes may define. Not among them: whatever takes part in attribute look-up, in
# making classes and objects, in copying and pickling, or runs when an object dies.
DEFINABLE = frozenset(
    f"__{name}__"
    for name in [
        "init",
        "post_init",
        "repr",
        "str",
        "len",
        "iter",
        "next",
        "contains",
        "getitem",
        "setitem",
        "delitem",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "hash",
        "bool",
        "call",
        "enter",
        "exit",
        "add",
        "radd",
        "iadd",
        "sub",
        "rsub",
        "isub",
        "mul",
        "rmul",
        "imul",
        "truediv",
        "rtruediv",
        "floordiv",
        "rfloordiv",
        "mod",
        "rmod",
        "pow",
        "rpow",
        "divmod",
        "and",
        "rand",
        "or",
        "ror",
        "xor",
        "rxor",
        "lshift",
        "rshift",
        "invert",
        "neg",
        "pos",
        "abs",
        "int",
        "float",
        "index",
        "round",
        "trunc",
        "floor",
        "ceil",
        "reversed",
        "missing",
        "format",
        "matmul",
        "ior",
        "iand",
        "ixor",
        "itruediv",
        "ifloordiv",
        "imod",
    ]
)

_Node = TypeVar("_Node", bound=ast.AST)


class Normaliser(ast.NodeTransformer):
    """One source's rewriting.

    Args:
        prefix: from `choose_prefix`. `_x` becomes `<prefix>_x`; run-time functions are `<prefix>X_name`.
        modules: importable names and what they offer, nested where a module holds another.

    Attributes:
        written: what the source calls each name that has been given another one.
    """

    def __init__(self, prefix: str, modules: Mapping[str, Any]) -> None:
        self.prefix = prefix
        self.modules = modules
        self.refusals: list[SourceRefused] = []
        self.written: dict[str, str] = {}
        self._imported: dict[str, Any] = {}
        self._classes: list[str] = []
        self._forgiving = 0  # inside a try that expects imports to fail
        self._temporaries = 0

    def normalise(self, tree: ast.Module) -> ast.Module:
        """Rewrites the tree in place.

        Raises:
            SourceRefused: with every reason found, and the line of the first.
        """
        tree.body = without_dead_code(tree.body)
        tree = self.visit(tree)
        ast.fix_missing_locations(tree)
        if self.refusals:
            raise combine(self.refusals)
        return tree

    def refuse(self, node: ast.AST, reason: str, message: str, remedy: str) -> None:
        self.refusals.append(SourceRefused(message, reason, getattr(node, "lineno", None), remedy))

    # Names

    def rename(self, name: str) -> str:
        """The name that stands for one with a leading underscore, with Python's own mangling of `__x` in classes."""
        if name.startswith("__") and not name.endswith("__") and self._classes:
            owner = self._classes[-1].lstrip("_")
            return self._renamed(name, f"_{owner}{name}" if owner else name)
        return self._renamed(name, name)

    def _renamed(self, name: str, private: str) -> str:
        renamed = self.prefix + private
        self.written[renamed] = name
        return renamed

    def _runtime(self, name: str) -> ast.Name:
        return ast.Name(f"{self.prefix}X_{name}", ast.Load())

    def _call(self, node: ast.AST, name: str, *arguments: ast.expr) -> ast.Call:
        return ast.copy_location(ast.Call(self._runtime(name), list(arguments), []), node)

    def _temporary(self) -> str:
        self._temporaries += 1
        return f"{self.prefix}T{self._temporaries}"

    def _public(self, name: str) -> str:
        if name in ("printed", "builtins"):
            return self._renamed(name, f"_{name}")
        if not name.startswith("_") or name == "_":
            return name
        return self.rename(name)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        name = node.id
        if isinstance(node.ctx, ast.Load):
            if name == "print":
                return ast.copy_location(self._runtime("print"), node)
            if name == "__name__":
                return ast.copy_location(ast.Constant("environment"), node)
            if name == "__debug__":
                return ast.copy_location(ast.Constant(True), node)
            if name in UNAVAILABLE_NAMES and name not in self._bound:
                self.refuse(node, "name", f"{name} is not available in the sandbox.", UNAVAILABLE_NAMES[name])
        elif self._classes and _is_special(name) and name not in DEFINABLE:
            self.refuse(node, "name", f"{name} cannot be set in a class of the sandbox.", "Use a plain name.")
        if not (name in DEFINABLE and self._classes):
            node.id = self._public(name)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.arg = self._public(node.arg)
        node.annotation = None
        return node

    def visit_keyword(self, node: ast.keyword) -> ast.keyword:
        if node.arg is not None:
            node.arg = self._public(node.arg)
        return self._contents(node)

    def visit_Global(self, node: ast.Global) -> ast.Global:
        node.names = [self._public(name) for name in node.names]
        return node

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.Nonlocal:
        node.names = [self._public(name) for name in node.names]
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.ExceptHandler:
        if node.name:
            node.name = self._public(node.name)
        return self._contents(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> ast.MatchAs:
        if node.name:
            node.name = self._public(node.name)
        return self._contents(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> ast.MatchStar:
        if node.name:
            node.name = self._public(node.name)
        return node

    def visit_MatchMapping(self, node: ast.MatchMapping) -> ast.MatchMapping:
        if node.rest:
            node.rest = self._public(node.rest)
        return self._contents(node)

    def visit_MatchClass(self, node: ast.MatchClass) -> ast.MatchClass:
        node.kwd_attrs = [self._public(name) for name in node.kwd_attrs]
        return self._contents(node)

    def _contents(self, node: _Node) -> _Node:
        return super().generic_visit(node)  # type: ignore[return-value]

    # Attributes and calls

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self._check_module_attribute(node)
        attribute = node.attr
        node = self._contents(node)
        if attribute == "print":
            node.attr = f"{self.prefix}_print"
        if not attribute.startswith("_") or attribute == "_":
            return node
        if not (attribute.startswith("__") and attribute.endswith("__")):
            node.attr = "np_random" if attribute == "_np_random" else self.rename(attribute)
            return node
        if isinstance(node.ctx, ast.Load):
            if attribute == "__class__":
                return self._call(node, "type", node.value)
            if attribute == "__members__":
                return self._call(node, "members", node.value)
            if attribute in ("__name__", "__qualname__"):
                return self._call(node, "name", node.value)
            if attribute in DEFINABLE:
                return self._call(node, "special", node.value, ast.copy_location(ast.Constant(attribute), node))
        remedy = ATTRIBUTE_REMEDIES.get(attribute, "Give it a name without underscores, or leave it out.")
        self.refuse(node, "attribute", f"the attribute {attribute} is not available in the sandbox.", remedy)
        return node

    def _check_module_attribute(self, node: ast.Attribute) -> None:
        owner = self._module(node.value)
        if owner is not None and node.attr not in owner and isinstance(node.ctx, ast.Load):
            known = ", ".join(sorted(name for name in owner if not name.startswith("_")))
            self.refuse(
                node,
                "import",
                f"{ast.unparse(node)} is not available in the sandbox.",
                f"Of that module there are: {known}." if len(known) < 600 else "Write what you need in plain Python.",
            )

    def _module(self, node: ast.expr) -> Mapping[str, Any] | None:
        """What the module that an expression names offers, or None if it names none."""
        if isinstance(node, ast.Name):
            found = self._imported.get(node.id) if node.id not in self._rebound else None
        elif isinstance(node, ast.Attribute):
            owner = self._module(node.value)
            found = owner.get(node.attr) if owner is not None else None
        else:
            return None
        return found if isinstance(found, Mapping) else None

    def visit_Call(self, node: ast.Call) -> ast.expr:
        function = node.func
        if isinstance(function, ast.Attribute):
            if function.attr == "format":
                # Formatting a text that names attributes is a way out; the run-time function knows fields
                # and items.
                node = self._contents(node)
                node.args.insert(0, node.func.value)  # type: ignore[attr-defined]
                node.func = ast.copy_location(self._runtime("format"), function)
                return node
            if function.attr == "item" and not node.args and not node.keywords:
                # What is a NumPy scalar outside is a plain number here.
                return self._call(node, "item", self.visit(function.value))
            if (
                function.attr == "__setattr__"
                and isinstance(function.value, ast.Name)
                and function.value.id == "object"
                and len(node.args) == 3
            ):
                return self._call(node, "force", *[self.visit(argument) for argument in node.args])
        return self._contents(node)

    # Statements

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        """`a.x += v` becomes `t = a; u = t.x; u += v; t.x = u`: each part evaluated once, in Python's order."""
        node = self._contents(node)
        target = node.target
        if isinstance(target, ast.Name):
            return node
        owner, value = self._temporary(), self._temporary()
        before = [_assign(owner, target.value)]
        load: ast.expr
        store: ast.expr
        if isinstance(target, ast.Attribute):
            load = ast.Attribute(_name(owner), target.attr, ast.Load())
            store = ast.Attribute(_name(owner), target.attr, ast.Store())
        else:
            key = target.slice
            if not isinstance(key, ast.Constant):
                index = self._temporary()
                before.append(_assign(index, self._slices(key)))
                key = _name(index)
            load = ast.Subscript(_name(owner), key, ast.Load())
            store = ast.Subscript(_name(owner), key, ast.Store())
        statements: list[ast.stmt] = [
            *before,
            _assign(value, load),
            ast.AugAssign(ast.Name(value, ast.Store()), node.op, node.value),
            ast.Assign([store], _name(value)),
        ]
        for statement in statements:
            for part in ast.walk(statement):
                if not hasattr(part, "lineno") and "lineno" in part._attributes:
                    ast.copy_location(part, node)
        return statements

    def _slices(self, key: ast.expr) -> ast.expr:
        """A subscript as a value of its own: `a:b` is `slice(a, b, None)`."""
        if isinstance(key, ast.Slice):
            bounds = [part or ast.Constant(None) for part in (key.lower, key.upper, key.step)]
            return self._call(key, "slice", *bounds)
        if isinstance(key, ast.Tuple):
            key.elts = [self._slices(part) for part in key.elts]
        return key

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is None:
            return None
        plain = ast.copy_location(ast.Assign([node.target], node.value), node)
        return self.visit(plain)

    def visit_Assign(self, node: ast.Assign) -> Any:
        if self._classes and isinstance(node.targets[0], ast.Name):
            if node.targets[0].id == "__slots__":
                return None  # the attributes of every object are open
            if node.targets[0].id == "__match_args__":
                self.refuse(node, "name", "__match_args__ is not available.", "Match with keywords: case Point(x=0).")
        if isinstance(node.value, ast.Dict | ast.List | ast.Tuple | ast.Set) and is_literal(node.value):
            node.value.literal = True  # type: ignore[union-attr]
            node.targets = [self.visit(target) for target in node.targets]
            return node
        return self._contents(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        name = node.name
        if name.startswith("__") and name.endswith("__"):
            if name not in DEFINABLE or not self._classes:
                remedy = ATTRIBUTE_REMEDIES.get(name, "Give the method a plain name and call it.")
                self.refuse(node, "method", f"a method {name} cannot be defined in the sandbox.", remedy)
        elif name == "print":
            node.name = self._renamed(name, "_print")
        else:
            node.name = self._public(name)
        node.returns = None
        return self._with_body(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Any:
        self.refuse(node, "syntax", "async functions are not available.", "Write an ordinary function.")
        return node

    def visit_TryStar(self, node: Any) -> Any:
        self.refuse(node, "syntax", "except* is not available.", "Use except.")
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        fields = self._fields(node)
        bases = {ast.unparse(base).split(".")[-1] for base in node.bases}
        for keyword in node.keywords:
            if keyword.arg == "total" and "TypedDict" in bases:
                continue  # which keys must be there is for type checkers
            if keyword.arg != "metaclass" or ast.unparse(keyword.value).split(".")[-1] not in (
                "ABCMeta",
                "EnumMeta",
            ):
                self.refuse(node, "class", "keyword arguments of a class are not available.", "Remove them.")
        node.keywords = []
        node.name = self._public(node.name)
        self._classes.append(node.name.removeprefix(self.prefix))
        node = self._with_body(node)
        self._classes.pop()
        if fields is not None:
            node.body.append(ast.copy_location(_assign(f"{self.prefix}X_fields", fields), node))
        return node

    def _fields(self, node: ast.ClassDef) -> ast.expr | None:
        """The annotated names of a class body, with what kind of field each is, where something may ask for them."""
        bases = [ast.unparse(base).split(".")[-1] for base in node.bases]
        if not node.decorator_list and not {"NamedTuple", "TypedDict"} & set(bases):
            return None
        pairs: list[ast.expr] = []
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                text = statement.annotation
                words = text.value if isinstance(text, ast.Constant) else ast.unparse(text)
                kind = str(words).split("[")[0].split(".")[-1]
                self._classes.append(node.name)
                name = self._public(statement.target.id)
                self._classes.pop()
                pairs.append(ast.Tuple([ast.Constant(name), ast.Constant(kind)], ast.Load()))
        return ast.Tuple(pairs, ast.Load()) if pairs else None

    def _with_body(self, node: Any) -> Any:
        node = self._contents(node)
        if not node.body:
            node.body = [ast.copy_location(ast.Pass(), node)]
        return node

    visit_If = visit_For = visit_While = visit_With = _with_body

    def visit_match_case(self, node: ast.match_case) -> ast.match_case:
        node = self._contents(node)
        if not node.body:
            node.body = [ast.Pass(lineno=1, col_offset=0)]
        return node

    def visit_Try(self, node: ast.Try) -> Any:
        expecting = any(
            handler.type is None or {"ImportError", "ModuleNotFoundError", "Exception"} & _names(handler.type)
            for handler in node.handlers
        )
        self._forgiving += expecting
        node.body = self._statements(node.body)
        self._forgiving -= expecting
        node.handlers = [self.visit(handler) for handler in node.handlers]
        for handler in node.handlers:
            handler.body = handler.body or [ast.copy_location(ast.Pass(), handler)]
        node.orelse = self._statements(node.orelse) if node.orelse else []
        node.finalbody = self._statements(node.finalbody) if node.finalbody else []
        return node

    def _statements(self, body: list[ast.stmt]) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for statement in body:
            result = self.visit(statement)
            if result is not None:
                out.extend(result if isinstance(result, list) else [result])
        return out or [ast.copy_location(ast.Pass(), body[0])]

    # Imports

    def visit_Module(self, node: ast.Module) -> ast.Module:
        self._bound = bound_names(node)
        self._rebound = bound_names(node, imports=False)
        self._used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        return self._contents(node)

    def visit_Import(self, node: ast.Import) -> Any:
        kept = []
        for alias in node.names:
            bound = alias.asname or alias.name.split(".")[0]
            if alias.name not in self.modules:
                if self._forgiving:
                    return self._failing_import(node, alias.name)
                if bound in self._used:
                    self._refuse_import(node, alias.name)
                continue
            self._imported[bound] = self.modules[alias.name if alias.asname else alias.name.split(".")[0]]
            alias.asname = self._public(bound) if alias.asname else None
            kept.append(alias)
        node.names = kept
        return node if kept else None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        if node.module == "__future__":
            return None
        kept = []
        for alias in node.names:
            bound = alias.asname or alias.name
            offered = self.modules.get(node.module or "") if not node.level else None
            if offered is None or alias.name not in offered:
                if self._forgiving:
                    return self._failing_import(node, f"{node.module}.{alias.name}")
                if bound in self._used or alias.name == "*":
                    self._refuse_import(node, f"{node.module}.{alias.name}")
                continue
            self._imported[bound] = offered[alias.name]
            alias.asname = self._public(bound) if alias.asname or bound.startswith("_") else None
            kept.append(alias)
        node.names = kept
        return node if kept else None

    def _failing_import(self, node: ast.stmt, name: str) -> ast.stmt:
        error = ast.Call(_name("ImportError"), [ast.Constant(f"No module named {name!r}")], [])
        return ast.copy_location(ast.Raise(error, None), node)

    def _refuse_import(self, node: ast.stmt, name: str) -> None:
        top = name.split(".")[0]
        if name.endswith("*"):
            remedy = "Import the names one by one."
        elif top in self.modules:
            remedy = "Write what you need of it in plain Python."
        else:
            available = ", ".join(sorted(module for module in self.modules if "." not in module))
            remedy = IMPORT_REMEDIES.get(top, f"Write what you need in plain Python; available are {available}.")
        self.refuse(node, "import", f"import of {name} is not available in the sandbox.", remedy)


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__") and len(name) > 4


def combine(refusals: list[SourceRefused]) -> SourceRefused:
    """One refusal that lists all, in the order of their lines."""
    ordered = sorted(refusals, key=lambda refusal: refusal.line or 0)
    first = ordered[0]
    first.args = ("\n".join(dict.fromkeys(str(refusal) for refusal in ordered[:12])),)
    return first


def _name(identifier: str) -> ast.Name:
    return ast.Name(identifier, ast.Load())


def _assign(identifier: str, value: ast.expr) -> ast.Assign:
    return ast.Assign([ast.Name(identifier, ast.Store())], value)


def _names(node: ast.expr) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
