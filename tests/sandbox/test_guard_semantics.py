# ruff: noqa: E501, PT012 - tables of one-line programs
"""What RestrictedPython's own test suite asks of guards, asked of our `stock` policy in our own words.

Its suite covers, file by file: names and arguments, attributes, items, iteration, unpacking, calls, augmented and
annotated assignment, classes, functions, imports, `print`, `exec`, formatting, inspection attributes, and the guards
`safer_getattr`, `full_write_guard`, `guarded_setattr`, `guarded_delattr`.

Does not apply to `stock`, and why:

- refusals of `nonlocal` (it is accepted here: its names are checked like any others) and of special method names such as
  `__len__` (accepted where `normalise.DEFINABLE` lists them, for nothing in this layer trusts their answers);
- `print` collection (`_print_`, `printed`): the normaliser takes every `print` out before the policy sees it;
- `safer_getattr` returning None for a missing attribute: it hides mistakes, so ours raises;
- `compile_restricted_eval`, `_single`, `_function` and `RestrictionCapableEval`: only modules are compiled;
- Zope's extras: `Limits`, `Utilities`, `__roles__` beyond the names, `TryStar`, template strings of later Pythons;
- refusals that the normaliser makes unnecessary by rewriting (annotated and augmented assignment): they still hold for
  the policy by itself, and are asked of it below.
"""

import ast
from typing import Any

import pytest

from sandbox import policy
from sandbox.errors import SourceRefused
from sandbox.guards import ClassBuilder, Guards, write
from sandbox.program import Program
from sandbox.standins import DERIVABLE, NAMEABLE, builtin_names, modules


def run(source: str, which: str = "stock", **replaced: Any) -> dict[str, Any]:
    """Applies the bare policy, without the normaliser, and executes; some guards may be replaced."""
    tree, _ = policy.apply(which, ast.parse(source))
    guards = Guards("hidden", NAMEABLE)
    names = guards.globals(ClassBuilder(DERIVABLE)) | replaced
    names["__builtins__"] = builtin_names(guards, modules("hidden", guards))
    names["__name__"] = "environment"
    exec(compile(ast.fix_missing_locations(tree), "<test>", "exec"), names)
    return names


REFUSED = {
    "name": "_x = 1", "name_load": "y = _x", "name_delete": "del _x", "roles": "x__roles__ = 1",
    "printed_store": "printed = 1", "print_store": "print = 1",
    "argument": "def f(_x): pass", "positional_only": "def f(_x, /): pass", "keyword_only": "def f(*, _x): pass",
    "star_argument": "def f(*_x): pass", "double_star": "def f(**_x): pass", "lambda_argument": "f = lambda _x: 1",
    "lambda_positional": "f = lambda _x, /: 1", "lambda_star": "f = lambda *_x: 1",
    "function_name": "def _f(): pass", "magic_at_module_level": "def __init__(): pass",
    "unknown_magic": "class A:\n    def __getattr__(self, n): pass", "class_name": "class _A: pass",
    "except_name": "try:\n    pass\nexcept Exception as _x:\n    pass", "with_name": "with f() as _x:\n    pass",
    "for_name": "for _x in y:\n    pass", "comprehension_name": "z = [1 for _x in y]", "walrus": "(_x := 1)",
    "import_name": "import _x", "import_as": "import math as _x", "from_name": "from math import _x",
    "from_as": "from math import pi as _x", "import_star": "from math import *",
    "attribute": "x._y", "attribute_store": "x._y = 1", "attribute_delete": "del x._y", "attribute_roles": "x.y__roles__",
    "frame": "x.gi_frame", "code": "x.gi_code", "yield_from": "x.gi_yieldfrom", "traceback": "x.tb_frame",
    "traceback_next": "x.tb_next", "back": "x.f_back", "builtins": "x.f_builtins", "globals": "x.f_globals",
    "locals": "x.f_locals", "f_code": "x.f_code", "trace": "x.f_trace", "co_code": "x.co_code", "coroutine": "x.cr_frame",
    "await_of": "x.cr_await", "origin": "x.cr_origin", "async_generator": "x.ag_frame", "mro": "x.mro",
    "augmented_attribute": "x.y += 1", "augmented_item": "x[0] += 1", "augmented_slice": "x[0:1] += [1]",
    "annotated": "x: int = 1", "exec": "exec('1')", "eval": "eval('1')", "metaclass": "class A(metaclass=type): pass",
    "async_def": "async def f(): pass", "async_for": "async def f():\n    async for x in y:\n        pass",
    "async_with": "async def f():\n    async with x:\n        pass", "await": "async def f():\n    await x",
    "except_star": "try:\n    pass\nexcept* ValueError:\n    pass", "nonlocal_private": "def f():\n    nonlocal _x",
    "global_private": "def f():\n    global _getattr_", "match_capture": "match x:\n    case _y:\n        pass",
    "match_star": "match x:\n    case [*_y]:\n        pass", "match_rest": "match x:\n    case {**_y}:\n        pass",
    "match_attribute": "match x:\n    case A(_y=1):\n        pass", "match_value": "match x:\n    case a._y:\n        pass",
    "match_frame": "match x:\n    case A(gi_frame=y):\n        pass", "match_obj": "match x:\n    case A(obj=y):\n        pass",
    "match_args": "class A:\n    __match_args__ = ('x',)",
}  # fmt: skip


@pytest.mark.parametrize("which", ["stock", "fast"])
@pytest.mark.parametrize("source", REFUSED.values(), ids=REFUSED.keys())
def test_refused_when_compiling(which: str, source: str) -> None:
    with pytest.raises((SourceRefused, SyntaxError)):
        ast_or_error = policy.apply(which, ast.parse(source))
        compile(ast.fix_missing_locations(ast_or_error[0]), "<test>", "exec")


ACCEPTED = {
    "underscore": "_ = 1\nout = _", "magic": "class A:\n    def __len__(self):\n        return 3\nout = len(A())",
    "nonlocal": "def f():\n    n = 0\n    def g():\n        nonlocal n\n        n = 1\n    g()\n    return n\nout = f()",
    "conditional": "out = 1 if True else 2", "chained": "out = 1 < 2 < 3 and not 4 in [5]", "slice": "out = [1, 2, 3][1:][::-1]",
    "unpack_nested": "(a, (b, *c)), d = (1, (2, 3, 4)), 5\nout = [a, b, c, d]",
    "for_unpack": "out = []\nfor i, (a, b) in [(1, (2, 3))]:\n    out.append(i + a + b)",
    "comprehension_unpack": "out = {k: v for k, v in [(1, 2)]}", "starred_call": "out = max(*[1, 3], *(2,), **{})",
    "with_unpack": "class C:\n    def __enter__(self):\n        return (1, 2)\n    def __exit__(self, a, b, c):\n        return True\n"
    "with C() as (x, y):\n    out = x + y", "augmented_name": "out = 1\nout += 2\nout <<= 3",
    "multiple_targets": "a, b = c = [1, 2]\nout = (a, b, c)", "decorator": "class A:\n    @property\n    def x(self):\n"
    "        return 4\nout = A().x", "walrus": "out = [y := 1, y]", "lambda": "out = (lambda x, /, *y, z=1, **k: x + z)(1)",
    "assert": "assert True\nout = 1", "try_finally": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    out = str(e)\nfinally:\n    b = 1",
}  # fmt: skip


@pytest.mark.parametrize("source", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_same_meaning_as_python(source: str) -> None:
    plain: dict[str, Any] = {}
    exec(source, plain)
    for which in ("stock", "fast"):
        assert run(source, which)["out"] == plain["out"]


@pytest.mark.parametrize(
    ("source", "guard"),
    [
        ("x = [].append", "_getattr_"), ("x = [1][0]", "_getitem_"), ("x = [1][0:1]", "_getitem_"),
        ("x = {}\nx[0] = 1", "_write_"), ("x = {0: 1}\ndel x[0]", "_write_"),
        ("class A:\n    pass\na = A()\na.x = 1", "_write_"), ("for i in [1]:\n    pass", "_getiter_"),
        ("x = [i for i in [1]]", "_getiter_"), ("x = list(i for i in [1])", "_getiter_"),
        ("a, b = [1, 2]", "_unpack_sequence_"), ("for a, b in [(1, 2)]:\n    pass", "_iter_unpack_sequence_"),
        ("x = max(*[1, 2])", "_apply_"), ("x = dict(**{})", "_apply_"), ("x = 1\nx += 1", "_inplacevar_"),
        ("class A:\n    pass", "__metaclass__"), ("class A:\n    pass\nclass B(A):\n    pass", "__metaclass__"),
    ],
)  # fmt: skip
def test_stock_goes_through_the_guard(source: str, guard: str) -> None:
    """An operation asks its guard, whose refusal stops it."""
    asked = []

    def refuse(*arguments: Any, **named: Any) -> Any:
        asked.append(guard)
        raise PermissionError(guard)

    with pytest.raises(PermissionError):
        run(source, **{guard: refuse})
    assert asked


@pytest.mark.parametrize("which", ["stock", "fast"])
@pytest.mark.parametrize(
    "source",
    [
        "'{0}'.format(1)", "'{a}'.format_map({})", "str.format('{0}', 1)", "getattr('', 'format')(1)",
        "class S(str):\n    pass\nS('{0}').format(1)", "class S(str):\n    pass\nS.format('{0}', 1)",
        "getattr(1, '_' + 'x')", "getattr(1, '__class__')", "getattr(1, 1)", "hasattr(1, 1)",
        "class S(str):\n    pass\ngetattr(1, S('real'))", "getattr((x for x in [1]), 'gi_frame')",
        "setattr([], 'x', 1)", "delattr([], 'x')", "setattr(len, 'x', 1)", "def f():\n    pass\nf.x = 1",
        "def f():\n    pass\nsetattr(f, 'x', 1)", "import math\nmath.pi = 3", "import math\nsetattr(math, 'pi', 3)",
        "import math\ndel math.pi", "(1,)[0:1].x = 1", "x = 'a'\nx[0] = 'b'", "x = (1,)\ndel x[0]",
        "import gymnasium\ngymnasium.Env.x = 1", "type('A', (), {})", "class A(type):\n    pass",
        "class A(type(len)):\n    pass", "import os", "import string\nstring.Formatter", "missing",
        "object().missing", "class A:\n    pass\nA().missing", "type(len)", "type((x for x in [1]))",
        "try:\n    [].x\nexcept AttributeError as e:\n    e.obj",
        "class S(str):\n    def go(self):\n        return super().format\nS('{0}').go()",
        "class S(str):\n    def go(self):\n        return super().format_map\nS('{0}').go()",
        "class S(str):\n    def go(self):\n        return getattr(super(), 'format')\nS('{0}').go()",
        "import copy, types\nclass A:\n    pass\n"
        "copy.deepcopy(types.SimpleNamespace(**{'__reduce_ex__': lambda p: (A, (), (None, {'__class__': int}))})).missing",
        "import gymnasium\ngymnasium.Env.reset(gymnasium.Env, seed=1)",
        "import gymnasium, math\ngymnasium.Space.seed(math)",
    ],
)  # fmt: skip
def test_refused_when_running(which: str, source: str) -> None:
    """Each raises an ordinary exception."""
    with pytest.raises((Exception,)):
        run(source, which)


def test_write_guard_lets_containers_and_own_objects_by() -> None:
    class Own:
        _guarded_writes = True

    for target in ({}, [], Own(), Own):
        assert write(target) is target
    for target in ((), "x", 1, len, str, test_write_guard_lets_containers_and_own_objects_by):
        assert write(target) is not target
        with pytest.raises(TypeError):
            write(target).x = 1
        with pytest.raises(TypeError):
            write(target)[0] = 1


def test_authored_classes_are_marked_and_others_are_not() -> None:
    names = run("class A:\n    pass\nclass B(dict):\n    pass\na = A()\na.x = 1\nA.y = 2\nb = B()\nb[1] = 2\nb.z = 3")
    assert names["A"]._guarded_writes
    assert (names["a"].x, names["a"].y, names["b"][1], names["b"].z) == (1, 2, 2, 3)


def test_import_gives_namespaces_only() -> None:
    names = run(
        "import math\nimport collections.abc\nfrom collections import abc as other\nout = [math, collections, other]"
    )
    assert not [value for value in names["out"] if type(value) is type(ast)]
    for value in names["out"]:
        assert not hasattr(value, "__name__")


def test_copying_takes_no_orders() -> None:
    """`copy.deepcopy` would call what an object names as its constructor, and set any attribute of the result."""
    names = run(
        "import copy, types, dataclasses\ncalls = []\n"
        "def order(protocol):\n    calls.append(1)\n    return (dict, ())\n"
        "odd = types.SimpleNamespace(**{'__reduce_ex__': order, '__deepcopy__': order})\n"
        "copies = [copy.copy(odd), copy.deepcopy(odd), copy.deepcopy([odd]), copy.deepcopy(iter([odd]))]\n"
    )
    assert names["calls"] == []
    assert names["copies"][1] is not names["odd"]


def test_super_of_a_text_does_not_format() -> None:
    source = (
        "import gymnasium as gym\nclass S(str):\n    def go(self, *a):\n        return super().format(*a)\n"
        "class W(gym.Env):\n    pass\nS('{0.__class__}').go(1)\n"
    )
    with pytest.raises(SourceRefused, match="not available"):
        Program(source)


def test_trusted_methods_write_to_their_own_objects_only() -> None:
    source = "import gymnasium as gym, math\nclass W(gym.Env):\n    pass\ngym.Space.__init__(math, pi=3)\n"
    with pytest.raises(SourceRefused, match="needs a Space"):
        Program(source)


@pytest.mark.parametrize("which", ["stock", "fast"])
@pytest.mark.parametrize(
    "source",
    [
        "from fractions import Fraction\nFraction.numerator.__init__(lambda self: 7)",
        "import gymnasium as gym\ngym.Env.unwrapped.__init__(lambda self: 7)",
        "import math\nm = math\nm.__init__({'pi': 3})",
        "import gymnasium as gym\ngym.Space(**{'_' + '_reduce_ex__': len})",
        "from collections.abc import Sequence\nSequence.register(int)",
        "from collections.abc import Sequence\ngetattr(Sequence, 'regi' + 'ster')(int)",
        "from collections import UserList\nclass A(UserList): pass\nA.register(int)",
        "from collections import UserDict, UserList\nUserDict.copy(UserList())",
    ],
)
def test_shared_classes_stay_as_they_are(which: str, source: str) -> None:
    with pytest.raises(SourceRefused, match=r"importing the module raised (AttributeError|TypeError)"):
        Program(source, which)


@pytest.mark.parametrize("which", ["stock", "fast"])
@pytest.mark.parametrize(
    "source",
    [
        "@dataclass\nclass A:\n    gi_frame: object",
        "@dataclass\nclass A:\n    mro: object",
        "@dataclass(init=False)\nclass S(str):\n    format: object",
        "@dataclass(init=False)\nclass F:\n    format_map: object\nclass S(str, F): pass",
        "@dataclass(init=False)\nclass E(AttributeError):\n    obj: object",
    ],
)
def test_fields_stand_for_no_guarded_attribute(which: str, source: str) -> None:
    with pytest.raises(SourceRefused, match="a dataclass field cannot be called"):
        Program("from dataclasses import dataclass\n" + source, which)


def test_own_register_methods_are_called() -> None:
    source = (
        "from collections import UserList\nclass A(UserList):\n    def register(self, x): return x\nclass B(A): pass\n"
    )
    with pytest.raises(SourceRefused, match=r"no subclass of gymnasium\.Env"):
        Program(source + "assert B().register(1) == 1 and callable(B.register)")


def test_formatting_knows_arguments_and_items() -> None:
    source = (
        "import gymnasium as gym\nclass W(gym.Env):\n    pass\n"
        "out = '{} {1[k]} {n:>{w}} {{}} {2!r}'.replace('{}', '{0}', 1).format(1, {'k': 2}, 'x', n=3, w=4)"
    )
    program = Program(source)
    assert program.environment.reset.__globals__ is not None
    with pytest.raises(SourceRefused, match="cannot name attributes"):
        Program(source.replace("{1[k]}", "{1.k}"))
