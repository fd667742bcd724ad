"""From source to a runnable environment class: normalise, check, count, compile, import.

Runs inside the confined worker only: parsing hostile text can exhaust memory or the C stack of the process
it runs in.

Left out: stepping (`host.py`).
"""

import ast
import re
import sys
import types
import warnings
from typing import Any

from sandbox import policy as policies
from sandbox import world
from sandbox.counting import HITS, TABLE, Counter
from sandbox.errors import SourceRefused
from sandbox.guards import ClassBuilder, Guards
from sandbox.normalise import Normaliser
from sandbox.records import Element
from sandbox.shuffles import GIVEN, Shuffles, readable
from sandbox.standins import DERIVABLE, NAMEABLE, builtin_names, modules
from sandbox.survey import choose_prefix
from sandbox.tables import Tables

FILENAME = "<environment>"


class Program:
    """One imported source.

    Args:
        source: Python text.
        policy: ``fast``, ``stock``, or ``off``: no language layer at all, to test the process layer alone.
        counting: note branches and table elements.

    Attributes:
        environment: the class to make copies of: the last subclass of `gymnasium.Env` that the module
        defines. elements: what counting has numbered.
        hits: numbers seen since last cleared; None without counting.
        lazy: shuffles may leave open what is not read.

    Raises:
        SourceRefused: the source cannot be run as it is.
    """

    def __init__(self, source: str, policy: str = "fast", counting: bool = False) -> None:
        self.prefix = choose_prefix(source)
        self.elements: list[Element] = []
        self.hits: dict[int, None] | None = {} if counting else None
        self.lazy = False
        self._policy = policy
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                code, names = self._compile(source, policy)
        except SyntaxError as error:
            message = f"not valid Python {sys.version_info[0]}.{sys.version_info[1]}: {error.msg}"
            raise SourceRefused(message, "syntax", error.lineno) from None
        except (RecursionError, MemoryError, SystemError, OverflowError, ValueError) as error:
            raise SourceRefused(
                f"too deeply nested or too long to compile ({type(error).__name__}: {error}).",
                "size",
                remedy="Split long expressions and nested structures into several statements.",
            ) from None
        try:
            exec(code, names)
        except BaseException as error:
            line = line_of(error)
            raise SourceRefused(
                f"importing the module raised {self.describe(error)}.", "import-time", line,
                "The module must import without errors.",
            ) from None  # fmt: skip
        self.environment = self._environment(names)
        if self.hits:
            self.hits.clear()

    def _compile(self, source: str, policy: str) -> tuple[types.CodeType, dict[str, Any]]:
        tree = ast.parse(source, FILENAME)
        names: dict[str, Any] = {"__name__": "environment"}
        written: dict[str, str] = {}
        if policy == "off":
            own = types.ModuleType("environment")
            sys.modules.update({**_plain_modules(), "environment": own})
            names = vars(own)
        else:
            guards = Guards(self.prefix, NAMEABLE)
            importable = modules(self.prefix, guards)
            self.lazy = readable(tree)
            normaliser = Normaliser(self.prefix, importable)
            tree, written = normaliser.normalise(tree), normaliser.written
            if self.lazy:
                tree = Shuffles(f"{self.prefix}X_").visit(tree)
                names |= {f"{self.prefix}X_{name}": function for name, function in GIVEN.items()}
            tree, _ = policies.apply(policy, tree)
            typed = importable["typing"]["NamedTuple"]
            names |= guards.globals(ClassBuilder(DERIVABLE | {typed}))
            names["__builtins__"] = builtin_names(guards, importable)
        if self.hits is not None:
            counter = Counter(written)
            tree = counter.visit(tree)
            self.elements = counter.elements
            names |= {HITS: self.hits, TABLE: Tables(self.hits, self.elements).wrap}
        return compile(tree, FILENAME, "exec", dont_inherit=True), names

    def _environment(self, names: dict[str, Any]) -> Any:
        found = None
        for value in names.values():
            if isinstance(value, type) and issubclass(value, world.Env) and value.__module__ == "environment":
                found = value
        if found is None:
            raise SourceRefused(
                "the module defines no subclass of gymnasium.Env.", "class",
                remedy="Write: import gymnasium as gym, and class World(gym.Env) with reset and step.",
            )  # fmt: skip
        return found

    def describe(self, error: BaseException) -> str:
        """An authored exception in words, with names as they were written. Never trusts its `__str__`."""
        try:
            text = str.__str__(str(error)).encode("utf-8", "backslashreplace").decode()
        except BaseException:
            text = "(its message cannot be shown)"
        text = re.sub(rf"\b{self.prefix}_", "_", text)
        kind = type(error).__name__.removeprefix(self.prefix)
        return f"{kind}: {text[:500]}" if text else kind


def line_of(error: BaseException) -> int | None:
    """The innermost line of authored code that an exception came through."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILENAME:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _plain_modules() -> dict[str, types.ModuleType]:
    """Modules named gymnasium for a source that runs without the language layer."""
    made = {name: types.ModuleType(name) for name in ("gymnasium", "gymnasium.spaces")}
    vars(made["gymnasium"]).update(
        Env=world.Env, Wrapper=world.Wrapper, Space=world.Space, spaces=made["gymnasium.spaces"]
    )
    vars(made["gymnasium.spaces"]).update({name: getattr(world, name) for name in world.SPACES})
    return made
