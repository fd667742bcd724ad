"""The run-time half of layer 1: what guarded operations of authored code call, and how its classes are made.

One `Guards` serves one source, for private names are renamed with that source's prefix. Its functions are
handed to the authored module as globals whose names authored code cannot write.

Left out: which names and modules authored code may use (`standins.py`).
"""

import abc
import enum
import operator
import string
import types
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from typing import Any

from RestrictedPython.Guards import (
    guarded_iter_unpack_sequence,
    guarded_unpack_sequence,
    safer_getattr_raise,
)
from RestrictedPython.transformer import INSPECT_ATTRIBUTES

from sandbox.chance import Draws
from sandbox.clone import AUTHORED
from sandbox.decks import Deck
from sandbox.normalise import DEFINABLE
from sandbox.policy import FORBIDDEN_ATTRIBUTES, GUARDED_READS
from sandbox.tables import COUNTED

ITEM_WRITABLE = frozenset((dict, list, defaultdict, OrderedDict, Counter, deque, bytearray))
IN_PLACE: dict[str, Callable[[Any, Any], Any]] = {
    "+=": operator.iadd, "-=": operator.isub, "*=": operator.imul, "/=": operator.itruediv, "%=": operator.imod,
    "**=": operator.ipow, "<<=": operator.ilshift, ">>=": operator.irshift, "|=": operator.ior, "^=": operator.ixor,
    "&=": operator.iand, "//=": operator.ifloordiv, "@=": operator.imatmul,
}  # fmt: skip
MISSING = object()
STANDS_FOR = {Draws: list, Deck: list, **{counted: kind for kind, counted in COUNTED.items()}}


class RefusedWrite:
    """Stands in for an object that may not be written to; any write to it raises."""

    __slots__ = ("_kind",)
    _kind: str

    def __init__(self, kind: str) -> None:
        object.__setattr__(self, "_kind", kind)

    def _refuse(self, *arguments: Any) -> None:
        raise TypeError(f"a {self._kind} cannot be written to in the sandbox")

    __setattr__ = __delattr__ = __setitem__ = __delitem__ = _refuse


def write(target: Any) -> Any:
    """`_write_`: the object itself where it is a container or of an authored class, else something that refuses."""
    if type(target) in ITEM_WRITABLE or hasattr(target, AUTHORED):
        return target
    return RefusedWrite(type(target).__name__)


def format_text(template: Any, *arguments: Any, **named: Any) -> Any:
    """`str.format` without attributes: fields may name arguments and items, so that a text reaches nothing new."""
    if type(template) is not str:
        if isinstance(template, str) or (isinstance(template, type) and issubclass(template, str)):
            raise TypeError("format() works on plain strings in the sandbox")
        return _not_native(template.format)(*arguments, **named)
    return "".join(_formatted(template, arguments, named, [0], 2))


def _not_native(method: Any) -> Any:
    """Refuses a formatting method written in C: `super()` hands out that of `str` without being one."""
    if isinstance(method, types.BuiltinMethodType | types.MethodDescriptorType):
        raise NotImplementedError("the format methods of str are not available in the sandbox")
    return method


def _formatted(
    template: str, arguments: tuple[Any, ...], named: dict[str, Any], automatic: list[int], depth: int
) -> Iterator[str]:
    if depth < 0:
        raise ValueError("Max string recursion exceeded")
    for literal, field, specification, conversion in string.Formatter().parse(template):
        yield literal
        if field is None:
            continue
        value = _field(field, arguments, named, automatic)
        if conversion == "r":
            value = repr(value)
        elif conversion == "s":
            value = str(value)
        elif conversion == "a":
            value = ascii(value)
        elif conversion is not None:
            raise ValueError(f"Unknown conversion specifier {conversion!r}")
        yield format(value, "".join(_formatted(specification or "", arguments, named, automatic, depth - 1)))


def _field(field: str, arguments: tuple[Any, ...], named: dict[str, Any], automatic: list[int]) -> Any:
    name, bracket, rest = field.partition("[")
    if "." in name or "." in rest.rpartition("]")[2]:
        raise ValueError("format fields cannot name attributes in the sandbox: pass the attribute's value instead")
    if not name:
        name = str(automatic[0])
        automatic[0] += 1
    value = arguments[int(name)] if name.isdigit() else named[name]
    while bracket:
        key, closing, rest = rest.partition("]")
        if not closing or (rest and not rest.startswith("[")):
            raise ValueError("format fields may name arguments and items only")
        value = value[int(key)] if key.isdigit() else value[key]
        bracket, rest = rest[:1], rest[1:]
    return value


def check_fields(made: type) -> None:
    """Refuses dataclass fields that stand for an attribute which only guarded code may read.

    Patterns, comparisons and copies read a field by its name, where no guard is.
    """
    fields = {name for base in made.__mro__ for name in base.__dict__.get("__dataclass_fields__", ())}
    refused = INSPECT_ATTRIBUTES | FORBIDDEN_ATTRIBUTES
    if issubclass(made, str | AttributeError):
        refused |= GUARDED_READS
    if found := sorted(fields & refused):
        raise TypeError(f"a dataclass field cannot be called {found[0]!r} here in the sandbox: give it another name")


class ClassBuilder:
    """`__metaclass__`: makes authored classes from permitted bases, and marks them as writable.

    Not a type itself, so that classes keep the metaclass of their bases (Enum has one).
    """

    def __init__(self, bases: frozenset[type]) -> None:
        self._bases = bases

    def __prepare__(self, name: str, bases: tuple[Any, ...]) -> Any:
        return self._metaclass(bases).__prepare__(name, bases)

    def __call__(self, name: str, bases: tuple[Any, ...], body: dict[str, Any]) -> type:
        for base in bases:
            if not isinstance(base, type) or not (AUTHORED in base.__dict__ or base in self._bases):
                raise TypeError(f"a class cannot be derived from {getattr(base, '__name__', base)!s} in the sandbox")
        made: type = self._metaclass(bases)(name, bases, body)
        check_fields(made)
        type.__setattr__(made, AUTHORED, True)
        return made

    def _metaclass(self, bases: tuple[Any, ...]) -> Any:
        chosen: type = type
        for base in bases:
            if issubclass(type(base), chosen):
                chosen = type(base)
        return chosen


def _defines(owner: type, name: str) -> bool:
    return any(name in base.__dict__ for base in owner.__mro__)


class Guards:
    """The guards that depend on a source's private names."""

    def __init__(self, prefix: str, types_in_reach: frozenset[type]) -> None:
        self._prefix = prefix
        self._types = types_in_reach

    def _attribute(self, name: Any) -> str:
        """The name to look for in place of one given as a string; authored `_x` is another name at run time."""
        if type(name) is not str:
            raise TypeError("attribute name must be a string")
        if name.startswith("_"):
            if name.startswith("__") and name.endswith("__"):
                raise AttributeError(f"{name!r} is not available in the sandbox")
            return self._prefix + name
        if name in FORBIDDEN_ATTRIBUTES or name.startswith(self._prefix):
            raise AttributeError(f"{name!r} is not available in the sandbox")
        return name

    def read(self, owner: Any, name: str) -> Any:
        """`_getattr_`."""
        if name == "obj" and isinstance(owner, BaseException):
            raise AttributeError("'obj' of an exception is not available in the sandbox")
        if name in FORBIDDEN_ATTRIBUTES:
            raise AttributeError(f"{name!r} is not available in the sandbox")
        if name == "register" and isinstance(owner, abc.ABCMeta) and not _defines(owner, name):
            raise AttributeError("abstract classes register nothing in the sandbox: derive from the class")
        found = safer_getattr_raise(owner, name)
        return _not_native(found) if name in ("format", "format_map") else found

    def getattr(self, owner: Any, name: str, default: Any = MISSING) -> Any:
        name = self._attribute(name)
        if default is MISSING:
            return self.read(owner, name)
        try:
            return self.read(owner, name)
        except AttributeError:
            return default

    def hasattr(self, owner: Any, name: str) -> bool:
        try:
            self.read(owner, self._attribute(name))
        except AttributeError:
            return False
        return True

    def setattr(self, owner: Any, name: str, value: Any) -> None:
        setattr(write(owner), self._attribute(name), value)

    def delattr(self, owner: Any, name: str) -> None:
        delattr(write(owner), self._attribute(name))

    def force(self, owner: Any, name: str, value: Any) -> None:
        """`object.__setattr__`, by which a frozen dataclass fills itself in."""
        if isinstance(owner, type) or not hasattr(type(owner), AUTHORED):
            raise TypeError("object.__setattr__ works on objects of your own classes only")
        object.__setattr__(owner, self._attribute(name), value)

    def type(self, value: Any, *rest: Any) -> Any:
        """`type(x)` and `x.__class__`, for types that authored code could name itself."""
        if rest:
            raise TypeError("type() makes no classes in the sandbox: write a class statement")
        kind = STANDS_FOR.get(type(value), type(value))
        if kind in self._types or AUTHORED in kind.__dict__:
            return kind
        raise TypeError(f"the type of a {kind.__name__} is not available in the sandbox")

    def name(self, value: Any) -> str:
        """`x.__name__`."""
        if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType | types.MethodType):
            return value.__name__.removeprefix(self._prefix)
        raise AttributeError(f"a {type(value).__name__} has no __name__")

    def members(self, value: Any) -> dict[str, Any]:
        """`Colour.__members__`."""
        if not isinstance(value, enum.EnumType):
            raise AttributeError(f"a {type(value).__name__} has no __members__")
        return dict(value.__members__)

    def special(self, owner: Any, name: str) -> Any:
        """`super().__init__` and the other special methods that authored classes may define."""
        if name not in DEFINABLE:
            raise AttributeError(f"{name!r} is not available in the sandbox")
        if name == "__format__" and isinstance(owner, type):
            raise AttributeError("use format(value, specification)")
        if name == "__init__" and not isinstance(owner, type | super) and not hasattr(type(owner), AUTHORED):
            raise AttributeError(f"a {type(owner).__name__} is not initialised again in the sandbox")
        found = getattr(owner, name)
        if not isinstance(owner, type) or AUTHORED in owner.__dict__:
            return found

        def checked(target: Any, *arguments: Any, **named: Any) -> Any:
            """A trusted class's method, on its own instances only: it may write to them."""
            if not isinstance(target, owner):
                raise TypeError(f"{owner.__name__}.{name} needs a {owner.__name__}")
            return found(target, *arguments, **named)

        return checked

    def item(self, value: Any) -> Any:
        """`x.item()`, which NumPy's scalars have and the numbers and texts in their place do not need."""
        return value if type(value) in (int, float, bool, str) else self.read(value, "item")()

    def attrgetter(self, *names: str) -> Callable[[Any], Any]:
        """`operator.attrgetter`, through the guard."""
        paths = [name.split(".") for name in names]

        def get(owner: Any) -> Any:
            found = []
            for path in paths:
                value = owner
                for part in path:
                    value = self.getattr(value, part)
                found.append(value)
            return found[0] if len(found) == 1 else tuple(found)

        return get

    def methodcaller(self, name: str, /, *arguments: Any, **named: Any) -> Callable[[Any], Any]:
        """`operator.methodcaller`, through the guard."""
        return lambda owner: self.getattr(owner, name)(*arguments, **named)

    def globals(self, builder: ClassBuilder) -> dict[str, Any]:
        """The names that RestrictedPython's transformation calls, and those of the normaliser."""
        by_policy = {
            "_getattr_": self.read,
            "_getitem_": operator.getitem,
            "_getiter_": iter,
            "_write_": write,
            "_unpack_sequence_": guarded_unpack_sequence,
            "_iter_unpack_sequence_": guarded_iter_unpack_sequence,
            "_apply_": lambda function, *arguments, **named: function(*arguments, **named),
            "_inplacevar_": lambda operation, left, right: IN_PLACE[operation](left, right),
            "__metaclass__": builder,
        }
        by_normaliser = {
            "format": format_text,
            "force": self.force,
            "name": self.name,
            "members": self.members,
            "item": self.item,
            "special": self.special,
            "type": self.type,
            "slice": slice,
            "print": lambda *values, **options: None,
        }
        return by_policy | {f"{self._prefix}X_{name}": value for name, value in by_normaliser.items()}
