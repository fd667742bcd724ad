"""Copies of an environment's state, and fingerprints by which equal states are found.

`copy.deepcopy` is several times slower and takes its orders from the objects copied; this knows the few
kinds of object that authored code can build. Code, classes and constants of the module are shared, never
copied.

Left out: state that lives outside the environment object (module globals, class attributes, closures), which
copies share, and running generators, which cannot be copied.
"""

import collections
import decimal
import enum
import fractions
import functools
import hashlib
import random
import re
import types
from typing import Any

from sandbox.chance import Generator
from sandbox.decks import Deck, Rest, Unseen

AUTHORED = "_guarded_writes"  # the mark that the class builder leaves on classes of authored code

# What counted tables hold beside their elements; authored names never begin with an underscore.
SHARED = frozenset(("_hits", "_numbers"))

UNCOUNTED = SHARED | {"np_random_seed"}  # of which equal states may differ

IMMUTABLE: set[type] = {
    int, float, complex, bool, str, bytes, type(None), type(...), type(NotImplemented), range, type, slice,
    types.FunctionType, types.BuiltinFunctionType, enum.EnumType, property, staticmethod, classmethod,
    types.MappingProxyType, types.GenericAlias, re.Pattern, re.Match, decimal.Decimal, fractions.Fraction,
}  # fmt: skip


# Trusted classes whose objects are nothing but their attributes; `world.py` adds its own.
PLAIN: set[type] = set()


class Within(dict[int, Any]):
    """The memo of a copy made within one state, where a deck and its copy have the same order."""


class NotCopyable(Exception):
    """The state holds something, such as a running generator, that has no copy."""


def clone(value: Any, memo: dict[int, Any]) -> Any:
    """A deep copy.

    Args:
        value: any object of authored code.
        memo: copies made so far, by the id of the original; filled in.

    Raises:
        NotCopyable: the value cannot be copied.
    """
    kind = type(value)
    if kind in IMMUTABLE or isinstance(value, type | enum.Enum):
        return value
    known = memo.get(id(value))
    if known is not None:
        return known
    if kind is list:
        out = memo[id(value)] = []
        out.extend([item if type(item) in IMMUTABLE else clone(item, memo) for item in value])
        return out
    if kind is dict:
        copied = memo[id(value)] = {}
        for key, item in value.items():
            copied[key if type(key) in IMMUTABLE else clone(key, memo)] = (
                item if type(item) in IMMUTABLE else clone(item, memo)
            )
        return copied
    if kind is tuple or kind is frozenset:
        same = kind([clone(item, memo) for item in value])
        memo[id(value)] = same
        return same
    if kind is set:
        members = memo[id(value)] = set()
        members.update(clone(item, memo) for item in value)
        return members
    return _clone_object(value, kind, memo)


def _clone_object(value: Any, kind: Any, memo: dict[int, Any]) -> Any:
    out: Any
    same: Any
    if kind is Unseen and type(memo) is Within:
        return clone(value.read(), memo)
    if kind is Unseen or kind is Rest:
        same = memo[id(value)] = object.__new__(kind)
        for slot in kind.__slots__:
            setattr(same, slot, clone(getattr(value, slot), memo))
        return same
    if kind is types.MethodType:
        return types.MethodType(value.__func__, clone(value.__self__, memo))
    base = _base(kind)
    if base is Generator:
        same = memo[id(value)] = object.__new__(kind)
        for slot in Generator.__slots__:
            setattr(same, slot, getattr(value, slot))
        return same
    if base is tuple:
        out = tuple.__new__(kind, [clone(item, memo) for item in tuple.__iter__(value)])
    elif base is int:
        return value
    elif base is object:
        out = object.__new__(kind)
    elif base is BaseException:
        out = kind.__new__(kind, *value.args)
    elif base is collections.deque:
        out = collections.deque.__new__(kind)
        collections.deque.__init__(out, maxlen=value.maxlen)
    elif base is not None:
        out = kind.__new__(kind)
    else:
        return _clone_other(value, memo)
    memo[id(value)] = out
    if base is dict:
        if isinstance(value, collections.defaultdict):
            out.default_factory = value.default_factory
        for key, item in dict.items(value):
            dict.__setitem__(out, clone(key, memo), clone(item, memo))
    elif base is list:
        list.extend(out, [clone(item, memo) for item in list.__iter__(value)])  # unread, if it is a table or a deck
    elif base is set:
        set.update(out, [clone(item, memo) for item in value])
    elif base is collections.deque:
        collections.deque.extend(out, [clone(item, memo) for item in value])
    elif base is bytearray:
        out[:] = value
    attributes = getattr(value, "__dict__", None)
    if attributes:
        copied = out.__dict__
        for name, item in attributes.items():
            copied[name] = item if type(item) in IMMUTABLE or name in SHARED else clone(item, memo)
    for name in _slots(kind):
        if hasattr(value, name):
            item = getattr(value, name)
            object.__setattr__(out, name, item if name in SHARED else clone(item, memo))
    return out


@functools.cache
def _base(kind: type) -> type | None:
    """What copying goes by: a built-in type, `int` for all that never change, `object` for what is its attributes."""
    for base in (Generator, tuple, int, float, str, bytes, frozenset, dict, collections.deque, list, set, bytearray):
        if issubclass(kind, base):
            return int if base in (float, str, bytes, frozenset) else base
    if kind is types.SimpleNamespace:
        return types.SimpleNamespace
    if hasattr(kind, AUTHORED) or kind in PLAIN:
        return BaseException if issubclass(kind, BaseException) else object
    return None


def _clone_other(value: Any, memo: dict[int, Any]) -> Any:
    """Partials, generators of `random` and the iterators of C.

    Nothing that authored code can give attributes to is asked how it wants to be copied, for the answer could name any
    function and any attribute to set.
    """
    kind: Any = type(value)
    if kind is functools.partial:
        keywords = {name: clone(item, memo) for name, item in value.keywords.items()}
        return functools.partial(clone(value.func, memo), *[clone(item, memo) for item in value.args], **keywords)
    if isinstance(value, random.Random):
        same = kind.__new__(kind)
        same.setstate(value.getstate())
        return same
    if not hasattr(value, "__dict__") and hasattr(kind, "__next__"):
        try:
            made, arguments, *rest = value.__reduce_ex__(4)
            same = made(*[clone(item, memo) for item in arguments])
            if rest and rest[0] is not None:
                same.__setstate__(clone(rest[0], memo))
            return same
        except TypeError as error:
            raise NotCopyable(f"a {kind.__name__} cannot be copied") from error
    raise NotCopyable(f"a {kind.__name__} cannot be copied")


def deep_copy(value: Any) -> Any:
    """`copy.deepcopy` for authored code."""
    try:
        return clone(value, Within())
    except NotCopyable as error:
        raise TypeError(str(error)) from None


def shallow_copy(value: Any) -> Any:
    """`copy.copy` for authored code: a new object that shares its parts."""
    # Parts that are already in the memo are taken as they are.
    parts = [
        *getattr(value, "__dict__", {}).values(),
        *(getattr(value, name, None) for name in _slots(value.__class__)),
    ]
    if isinstance(value, dict):
        parts += [*dict.keys(value), *dict.values(value)]
    elif isinstance(value, list | tuple | set | collections.deque):
        parts += list(value) if type(value) is not Deck else value.raw()
    try:
        return clone(value, {id(part): part for part in parts if part is not value})
    except NotCopyable as error:
        raise TypeError(str(error)) from None


@functools.cache
def _slots(kind: Any) -> tuple[str, ...]:
    names: list[str] = []
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ()) if hasattr(base, AUTHORED) else ()
        names += [slots] if isinstance(slots, str) else slots
    return tuple(names)


def fingerprint(value: Any) -> str:
    """A digest by which two states of the same program are equal; the state and seed of `np_random` do not count."""
    out: list[str] = []
    _describe(value, out, {})
    return hashlib.blake2b("".join(out).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _describe(value: Any, out: list[str], seen: dict[int, int]) -> None:
    kind = type(value)
    if kind is str:
        out.append(f"s{len(value)}:{value}")
    elif kind is int or kind is float or kind is bool or value is None:
        out.append(f"{kind.__name__}{value!r};")
    elif kind in IMMUTABLE or isinstance(value, type | enum.Enum):
        out.append(f"{value!r};" if kind in (range, complex, bytes, slice) else f"#{id(value)};")
    elif id(value) in seen:
        out.append(f"@{seen[id(value)]};")
    elif isinstance(value, Generator):
        out.append("generator;")
    elif kind is Unseen and value.known:
        _describe(value.read(), out, seen)
    else:
        seen[id(value)] = len(seen)
        out.append(f"{kind.__name__}{id(kind)}(")
        _describe_contents(value, out, seen)
        out.append(")")


def _describe_contents(value: Any, out: list[str], seen: dict[int, int]) -> None:
    known = False
    if type(value) is Unseen:
        _describe(value.rest, out, seen)
        _describe(value.source, out, seen)
        return _describe(value.table, out, seen)
    if type(value) is Rest:
        return out.extend(sorted(f"{n}*{_alone(item)}" for item, n in zip(value.items, value.counts, strict=True)))
    if isinstance(value, dict):
        known = True
        for key, item in dict.items(value):
            _describe(key, out, seen)
            _describe(item, out, seen)
    elif isinstance(value, list | tuple | collections.deque):
        known = True
        base: Any = list if isinstance(value, list) else tuple if isinstance(value, tuple) else collections.deque
        for item in base.__iter__(value):
            _describe(item, out, seen)
    elif isinstance(value, set | frozenset):
        known = True
        members = []
        for item in value:
            part: list[str] = []
            _describe(item, part, seen)
            members.append("".join(part))
        out.extend(sorted(members))
    elif isinstance(value, types.MethodType):
        known = True
        out.append(f"#{id(value.__func__)};")
        _describe(value.__self__, out, seen)
    elif isinstance(value, int | float | str | bytes | bytearray):
        known = True
        out.append(f"{value!r};")
    attributes = getattr(value, "__dict__", None)
    if attributes is not None:
        for name, item in attributes.items():
            if name not in UNCOUNTED:
                out.append(f".{name}=")
                _describe(item, out, seen)
    for name in _slots(value.__class__):
        if hasattr(value, name) and name not in SHARED:
            out.append(f".{name}=")
            _describe(getattr(value, name), out, seen)
    if attributes is None and not known and not hasattr(type(value), AUTHORED):
        out.append(f"#{id(value)};")  # an iterator or the like: equal to itself alone


def _alone(value: Any) -> str:
    part: list[str] = []
    _describe(value, part, {})
    return "".join(part)
