"""What authored code may import and call: built-ins, and namespaces that hold chosen names of a few modules.

A module object is never handed out, for its attributes lead to every other module. A namespace has exactly
the names listed, is read-only, and has no `__name__`, by which an import statement would fall back to
`sys.modules`. What is listed is either harmless in C, or plain Python whose public attributes lead nowhere;
functions that take attribute names or evaluate text (`operator.attrgetter`, `functools.wraps`,
`functools.singledispatch`, `typing.get_type_hints`) are replaced or missing.

Left out: numpy, files, clocks, processes, and the global generator of `random`, which every copy would share.
"""

import bisect
import builtins
import collections
import collections.abc
import contextlib
import dataclasses
import decimal
import enum
import fractions
import functools
import heapq
import itertools
import json
import math
import operator
import re
import shlex
import statistics
import string
import textwrap
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sandbox import world
from sandbox.clone import AUTHORED, PLAIN, deep_copy, shallow_copy
from sandbox.guards import Guards, check_fields
from sandbox.streams import Random


class Namespace(Mapping[str, Any]):
    """A read-only stand-in for a module."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.__dict__.update(names)

    def __getitem__(self, name: str) -> Any:
        return self.__dict__[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__)

    def __len__(self) -> int:
        return len(self.__dict__)

    def __setattr__(self, name: str, value: Any) -> None:
        raise TypeError("a module cannot be written to in the sandbox")

    __delattr__ = None  # type: ignore[assignment]


def _pick(module: types.ModuleType, names: str) -> dict[str, Any]:
    return {name: getattr(module, name) for name in names.split()}


EXCEPTIONS = {
    name: value
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException) and not issubclass(value, BaseExceptionGroup)
}

PLAIN_BUILTINS = _pick(
    builtins,
    "None True False Ellipsis "
    "NotImplemented abs all any ascii bin bool bytearray bytes callable chr classmethod complex "
    "dict divmod enumerate filter float format frozenset hash hex int isinstance issubclass iter len list map max min "
    "next object oct ord pow property range repr reversed round set slice sorted staticmethod str sum super tuple zip "
    "__build_class__",
)


class UserDict(collections.UserDict[Any, Any]):
    """`collections.UserDict`, whose own `copy` asks any object at all how it wants to be copied."""

    def copy(self) -> Any:
        if not isinstance(self, UserDict):
            raise TypeError("copy needs a UserDict")
        made = typing.cast(UserDict, shallow_copy(self))
        made.data = dict(self.data)
        return made


PLAIN.update((UserDict, collections.UserList, collections.ChainMap))


class Generic:
    """`typing.Generic`, `Protocol` and `abc.ABC`: bases without behaviour."""

    def __class_getitem__(cls, parameters: Any) -> type:
        return cls


# Types that authored code may ask for with type(x) and derive classes from.
DERIVABLE = frozenset(
    {
        *(object, dict, list, set, frozenset, tuple, str, int, float, bytes, Generic),
        *(collections.OrderedDict, collections.Counter, collections.defaultdict, collections.deque),
        *(UserDict, collections.UserList),
        *(enum.Enum, enum.IntEnum, enum.StrEnum, enum.Flag, enum.IntFlag),
        *(world.Env, world.Wrapper, world.Space, world.Text, world.Discrete),
        *EXCEPTIONS.values(),
    }
)
NAMEABLE = DERIVABLE | {
    decimal.Decimal,
    fractions.Fraction,
    bool,
    type(None),
    type(...),
    bytearray,
    complex,
    range,
    slice,
    types.SimpleNamespace,
    Random,
}


class _Form:
    """A name of `typing` that only annotations use: subscripting and calling it give something as inert."""

    def __getitem__(self, parameters: Any) -> "_Form":
        return self

    def __call__(self, *arguments: Any, **named: Any) -> "_Form":
        return self

    def __or__(self, other: Any) -> "_Form":
        return self

    __ror__ = __or__


FORM = _Form()


def _identity(value: Any = None, *rest: Any, **named: Any) -> Any:
    return value


def _decorator(*arguments: Any, **named: Any) -> Callable[[Any], Any]:
    return _identity


def _wraps(wrapped: Any, *rest: Any, **named: Any) -> Callable[[Any], Any]:
    """`functools.wraps` that copies the name only."""

    def rename(wrapper: Any) -> Any:
        if isinstance(wrapper, types.FunctionType) and isinstance(wrapped, types.FunctionType):
            wrapper.__name__ = wrapped.__name__
        return wrapper

    return rename


def _total_ordering(cls: Any) -> Any:
    if not (isinstance(cls, type) and AUTHORED in cls.__dict__):
        raise TypeError("total_ordering works on your own classes only")
    return functools.total_ordering(cls)


def _namedtuple(prefix: str) -> Callable[..., type]:
    def namedtuple(typename: str, field_names: Any, *, defaults: Any = None) -> type:
        if type(typename) is not str:
            raise TypeError("the name of a named tuple must be a string")
        names = field_names.replace(",", " ").split() if type(field_names) is str else list(field_names)
        if not all(type(name) is str for name in names):
            raise TypeError("field names must be strings")
        return _open_namedtuple(
            prefix, collections.namedtuple(typename, names, defaults=defaults, module="environment")
        )

    return namedtuple


def _open_namedtuple(prefix: str, made: Any) -> type:
    """Gives the underscored methods of a named tuple the names that authored code calls them by."""
    for name in ("_replace", "_asdict", "_fields", "_make"):
        setattr(made, prefix + name, made.__dict__[name])
    setattr(made, AUTHORED, True)
    return typing.cast(type, made)


def _typed_tuples(prefix: str) -> Any:
    """`typing.NamedTuple` as a base: the class body's annotated names become the fields."""

    class Body(type):
        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> Any:
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = [field for field, _ in body.pop(f"{prefix}X_fields", ())]
            defaults = [body.pop(field) for field in fields if field in body]
            base: Any = collections.namedtuple(name, fields, defaults=defaults, module="environment")  # type: ignore[misc]
            made = type(name, (base,), {**body, "__slots__": ()})
            for alias in ("_replace", "_asdict", "_fields", "_make"):
                setattr(made, prefix + alias, base.__dict__[alias])
            return made

    return Body("NamedTuple", (), {AUTHORED: True})


def _dataclass(prefix: str) -> Callable[..., Any]:
    kinds: dict[str, Any] = {
        "ClassVar": typing.ClassVar,
        "InitVar": dataclasses.InitVar,
        "KW_ONLY": dataclasses.KW_ONLY,
    }

    def dataclass(cls: Any = None, /, **options: Any) -> Any:
        if cls is None:
            return lambda decorated: dataclass(decorated, **options)
        if not (isinstance(cls, type) and AUTHORED in cls.__dict__):
            raise TypeError("dataclass works on your own classes only")
        fields = cls.__dict__.get(f"{prefix}X_fields", ())
        cls.__annotations__ = {name: kinds.get(kind, object) for name, kind in fields}
        options.pop("slots", None)  # would make a second class, which is not marked as authored
        made: Any = dataclasses.dataclass(**options)(cls)
        check_fields(made)
        return _shown(made, options)

    def _shown(made: Any, options: dict[str, Any]) -> Any:
        """Private fields show under the names they were written with."""
        if options.get("repr", True) and any(name.startswith(prefix) for name in made.__dataclass_fields__):
            generated = made.__repr__
            made.__repr__ = lambda self: generated(self).replace(prefix, "")
        return made

    return dataclass


DECIMAL = (
    "Decimal DecimalException InvalidOperation DivisionByZero Inexact Overflow Rounded ROUND_CEILING ROUND_DOWN "
    "ROUND_FLOOR ROUND_HALF_DOWN ROUND_HALF_EVEN ROUND_HALF_UP ROUND_UP ROUND_05UP"
)


def _shlex_split(text: str, comments: bool = False, posix: bool = True) -> list[str]:
    """Of a string only: `shlex` would read anything else like a file."""
    if type(text) is not str:
        raise TypeError("shlex.split takes a string")
    return shlex.split(text, comments, posix)


def _asdict(value: Any, *, dict_factory: Any = dict) -> Any:
    """`dataclasses.asdict`, whose own copies of the leaves would ask them how to be copied."""

    def inner(part: Any) -> Any:
        if dataclasses.is_dataclass(part) and not isinstance(part, type):
            return dict_factory([(field.name, inner(getattr(part, field.name))) for field in dataclasses.fields(part)])
        return _inside(part, inner)

    return inner(value)


def _astuple(value: Any, *, tuple_factory: Any = tuple) -> Any:
    """`dataclasses.astuple`, likewise."""

    def inner(part: Any) -> Any:
        if dataclasses.is_dataclass(part) and not isinstance(part, type):
            return tuple_factory([inner(getattr(part, field.name)) for field in dataclasses.fields(part)])
        return _inside(part, inner)

    return inner(value)


def _inside(part: Any, inner: Callable[[Any], Any]) -> Any:
    if type(part) in (list, tuple):
        return type(part)([inner(item) for item in part])
    if type(part) is dict:
        return {inner(key): inner(item) for key, item in part.items()}
    return deep_copy(part)


def _json() -> dict[str, Any]:
    def dumps(
        value: Any, *, indent: Any = None, sort_keys: bool = False, separators: Any = None, ensure_ascii: bool = True,
        default: Any = None,
    ) -> str:  # fmt: skip
        return json.dumps(
            value,
            indent=indent,
            sort_keys=sort_keys,
            separators=separators,
            ensure_ascii=ensure_ascii,
            default=default,
        )

    def loads(text: str) -> Any:
        return json.loads(text)

    return {"dumps": dumps, "loads": loads, "JSONDecodeError": json.JSONDecodeError}


TYPING_FORMS = (
    "Any Optional Union List Dict Tuple Set FrozenSet Callable Iterable Iterator Sequence Mapping MutableMapping "
    "Literal Final ClassVar Type Deque DefaultDict Counter Annotated SupportsFloat SupportsInt NoReturn Self TypeAlias "
    "Generator Hashable Never Text Collection MutableSequence OrderedDict Concatenate ParamSpec Required NotRequired"
)


def modules(prefix: str, guards: Guards) -> dict[str, Namespace]:
    """The importable modules of one source, by dotted name."""
    abstract = Namespace(
        {name: getattr(collections.abc, name) for name in collections.abc.__all__ if not name.startswith("_")}
    )
    collected = Namespace(
        _pick(collections, "deque defaultdict Counter OrderedDict ChainMap UserList")
        | {"UserDict": UserDict, "namedtuple": _namedtuple(prefix), "abc": abstract}
    )
    spaces = Namespace({name: getattr(world, name) for name in world.SPACES})
    seeding = Namespace({"np_random": world.np_random})
    utilities = Namespace({"seeding": seeding})
    registration = Namespace({"register": _identity})
    gymnasium = Namespace(
        {
            "Env": world.Env,
            "Wrapper": world.Wrapper,
            "Space": world.Space,
            "spaces": spaces,
            "utils": utilities,
            "register": _identity,
            "envs": Namespace({"registration": registration}),
            "error": Namespace(world.ERRORS),
            "core": Namespace({"Env": world.Env, "Wrapper": world.Wrapper, "ObsType": FORM, "ActType": FORM}),
        }
    )
    typed: dict[str, Any] = {name: FORM for name in TYPING_FORMS.split()}
    typed |= {"Generic": Generic, "Protocol": Generic, "NamedTuple": _typed_tuples(prefix), "TypedDict": dict}
    typed |= {"TYPE_CHECKING": False, "TypeVar": _decorator, "NewType": lambda name, kind: kind}
    typed |= {
        "cast": lambda kind, value: value,
        "overload": _identity,
        "final": _identity,
        "override": _identity,
    }
    typed |= {"runtime_checkable": _identity, "no_type_check": _identity, "assert_never": world.assert_never}
    listed: dict[str, Mapping[str, Any]] = {
        "math": {name: value for name, value in vars(math).items() if not name.startswith("_")},
        "string": {name: getattr(string, name) for name in string.__all__ if name not in ("Formatter", "Template")},
        "itertools": {name: value for name, value in vars(itertools).items() if not name.startswith("_")},
        "functools": _pick(functools, "reduce partial lru_cache cache cached_property cmp_to_key")
        | {"wraps": _wraps, "total_ordering": _total_ordering},
        "operator": {name: getattr(operator, name) for name in operator.__all__}
        | {"attrgetter": guards.attrgetter, "methodcaller": guards.methodcaller},
        "heapq": {name: getattr(heapq, name) for name in heapq.__all__},
        "bisect": _pick(bisect, "bisect bisect_left bisect_right insort insort_left insort_right"),
        "copy": {"copy": shallow_copy, "deepcopy": deep_copy},
        "dataclasses": _pick(dataclasses, "field fields replace is_dataclass InitVar KW_ONLY MISSING")
        | {"dataclass": _dataclass(prefix), "asdict": _asdict}
        | {"astuple": _astuple}
        | {"FrozenInstanceError": dataclasses.FrozenInstanceError},
        "enum": _pick(enum, "Enum IntEnum StrEnum Flag IntFlag auto unique"),
        "abc": {"ABC": Generic, "ABCMeta": FORM, "abstractmethod": _identity, "abstractproperty": property},
        "json": _json(),
        "re": _pick(re, "compile search match fullmatch split findall finditer sub subn escape error")
        | _pick(re, "IGNORECASE I MULTILINE M DOTALL S VERBOSE X ASCII A UNICODE U Pattern Match"),
        "textwrap": _pick(textwrap, "wrap fill shorten dedent indent"),
        "fractions": _pick(fractions, "Fraction"),
        "random": {"Random": Random},
        "types": {"SimpleNamespace": types.SimpleNamespace, "MappingProxyType": types.MappingProxyType},
        "contextlib": _pick(contextlib, "contextmanager suppress nullcontext"),
        "decimal": {name: getattr(decimal, name) for name in DECIMAL.split()},
        "shlex": {"split": _shlex_split, "quote": shlex.quote, "join": shlex.join},
        "statistics": _pick(statistics, "mean fmean median mode pstdev stdev variance pvariance"),
        "__future__": {},
        "typing": typed,
        "typing_extensions": typed,
        "collections": collected,
        "collections.abc": abstract,
        "gymnasium": gymnasium,
        "gymnasium.spaces": spaces,
        "gymnasium.core": gymnasium["core"],
        "gymnasium.error": gymnasium["error"],
        "gymnasium.utils": utilities,
        "gymnasium.utils.seeding": seeding,
        "gymnasium.envs": gymnasium["envs"],
        "gymnasium.envs.registration": registration,
    }
    return {name: value if isinstance(value, Namespace) else Namespace(value) for name, value in listed.items()}


def builtin_names(guards: Guards, importable: Mapping[str, Namespace]) -> dict[str, Any]:
    """The built-ins of one source."""

    def importer(name: str, _globals: Any = None, _locals: Any = None, wanted: Any = (), level: int = 0) -> Namespace:
        if level or name not in importable:
            raise ImportError(f"No module named {name!r} in the sandbox")
        for part in wanted or ():
            if part not in importable[name]:
                raise ImportError(f"cannot import name {part!r} from {name!r} in the sandbox")
        return importable[name if wanted else name.split(".")[0]]

    return (
        PLAIN_BUILTINS
        | EXCEPTIONS
        | {
            "__import__": importer,
            "type": guards.type,
            "getattr": guards.getattr,
            "hasattr": guards.hasattr,
            "setattr": guards.setattr,
            "delattr": guards.delattr,
        }
    )
