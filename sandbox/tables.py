"""Constant tables that note which of their elements a step reads.

A counted container is a subclass of the literal's own kind. Nested ones are counted too, so that a row held in a local
variable still counts, and so are copies, until an element is written: state is not a table. An iteration notes what it
has reached, `in` and `index` what they found, whole-table methods everything.

A string is one element; where it draws a map, each of its letters is one too: a word by itself, or strings of one
length in a row.

Left out: what C code copies whole without asking (`table | other`); elements that a step looked for and did not find,
which are branches of the code that looked: that all the rest is ice is one rule, and vouched for as one.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from sandbox.records import Element
from sandbox.views import View

LARGEST = 10_000  # elements of a table; what has more is data, and not counted


class Tables:
    """Makes counted containers that write to one step's record of hits.

    Args:
        hits: the numbers seen in this step.
        elements: all that are numbered so far; those of tables are added.
    """

    def __init__(self, hits: dict[int, None], elements: list[Element]) -> None:
        self._hits = hits
        self._elements = elements

    def wrap(self, value: Any, label: str, line: int) -> Any:
        """`_table_`: the counted equal of a value that is a table; any other value as it is."""
        if type(value) is str:
            return self._wrap(value, label, line, {}) if value.split() == [value] and _draws(value) else value
        return self._wrap(value, label, line, {}) if type(value) in COUNTED and _is_table(value) else value

    def _wrap(self, value: Any, label: str, line: int, made: dict[int, Any]) -> Any:
        kind = COUNTED.get(type(value))
        if kind is None:
            return value
        if id(value) in made:  # one list in two places stays one
            return made[id(value)]
        pairs: Iterable[tuple[Any, Any]]
        if type(value) is dict:
            pairs = value.items()
        elif type(value) in (set, frozenset):
            pairs = ((item, None) for item in sorted(value, key=repr))
        else:
            pairs = enumerate(value)
        rows = type(value) in (list, tuple) and _are_rows(value)
        numbers, items = {}, []
        for key, item in pairs:
            numbers[key] = len(self._elements)
            here = f"{label}[{key!r}]"
            self._elements.append(Element(numbers[key], "table", line, here))
            whole = type(value) is str or (type(item) is str and not rows)
            items.append((key, item if whole else self._wrap(item, here, line, made)))
        if type(value) in (set, frozenset, str):
            counted = kind(value)
        else:
            counted = kind(items if type(value) is dict else [item for _, item in items])
        counted._numbers, counted._hits = numbers, self._hits
        made[id(value)] = counted
        return counted


def _is_table(value: Any) -> bool:
    """Whether there is nothing but constants in it, and not too many."""
    waiting, size = [value], 0
    while waiting and size <= LARGEST:
        part = waiting.pop()
        if type(part) in (list, tuple, set, frozenset, dict):
            size += len(part)
            waiting += [*part, *part.values()] if type(part) is dict else part
        elif type(part) is str:
            size += len(part)
        elif not (part is None or isinstance(part, int | float | complex | bytes | Counted)):
            return False
    return size <= LARGEST


def _are_rows(values: Any) -> bool:
    """Whether they are strings that draw a map, a row each."""
    return all(type(value) is str for value in values) and len({len(value) for value in values}) == 1 and len(
        values) > 1 and all(map(_draws, values))


def _draws(text: str) -> bool:
    """Whether a string can be read letter by letter: braces make it a template."""
    return len(text) > 1 and "{" not in text


class Counted:
    """What counted containers share: the numbers of their elements, by key, place or member."""

    __slots__: tuple[str, ...] = ()
    _guarded_writes = True  # as writable as what they stand for
    if TYPE_CHECKING:
        _hits: dict[int, None]
        _numbers: dict[Any, int]

    def _note(self, key: Any) -> None:
        number = self._numbers.get(key)
        if number is not None:
            self._hits[number] = None

    def _note_all(self) -> None:
        for number in self._numbers.values():
            self._hits[number] = None

    def _forget(self, key: Any) -> None:
        """What is written there is state from now on. Copies share their numbers."""
        if key in self._numbers:
            left = {known: number for known, number in self._numbers.items() if known != key}
            self._numbers = left  # type: ignore[misc]  # a slot of the classes below


def _noted(name: str, base: type) -> Any:
    """A method of the base that reads everything."""
    method = getattr(base, name)

    def whole(self: Any, *arguments: Any) -> Any:
        self._note_all()
        return method(self, *arguments)

    return whole


def _moved(name: str, base: type) -> Any:
    """A method of the base after which elements stand elsewhere: it reads everything, and the rest is state."""
    method = getattr(base, name)

    def moving(self: Any, *arguments: Any, **named: Any) -> Any:
        self._note_all()
        self._numbers = {}
        return method(self, *arguments, **named)

    return moving


class CountedDict(Counted, dict[Any, Any]):
    """A constant dict that notes which entries are read."""

    __slots__ = ("_hits", "_numbers")

    def __getitem__(self, key: Any) -> Any:
        value = super().__getitem__(key)
        self._note(key)
        return value

    def get(self, key: Any, default: Any = None) -> Any:
        self._note(key)
        return super().get(key, default)

    def __contains__(self, key: Any) -> bool:
        self._note(key)
        return super().__contains__(key)

    def __iter__(self) -> Iterator[Any]:
        for key in super().__iter__():
            self._note(key)
            yield key

    def __reversed__(self) -> Iterator[Any]:
        for key in super().__reversed__():
            self._note(key)
            yield key

    def items(self) -> Any:
        return View(self, super().items())

    def values(self) -> Any:
        return View(self, super().values())

    def keys(self) -> Any:
        return View(self, super().keys())

    def copy(self) -> Any:
        made = CountedDict(super().items())
        made._numbers, made._hits = self._numbers, self._hits
        return made

    def setdefault(self, key: Any, default: Any = None) -> Any:
        self._note(key)
        return super().setdefault(key, default)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._forget(key)
        super().__setitem__(key, value)

    def __delitem__(self, key: Any) -> None:
        super().__delitem__(key)
        self._forget(key)

    def pop(self, key: Any, *default: Any) -> Any:
        self._note(key)
        self._forget(key)
        return super().pop(key, *default)

    popitem = _moved("popitem", dict)
    update = _moved("update", dict)
    clear = _moved("clear", dict)
    __or__ = _noted("__or__", dict)
    __ror__ = _noted("__ror__", dict)
    __repr__ = _noted("__repr__", dict)


class _Sequence(Counted):
    """What lists and tuples share; `_base` is the one or the other."""

    __slots__ = ()
    _base: Any

    def __getitem__(self, index: Any) -> Any:
        value = self._base.__getitem__(self, index)
        numbers, hits = self._numbers, self._hits
        if type(index) is slice:
            for place in range(*index.indices(self._base.__len__(self))):
                if place in numbers:
                    hits[numbers[place]] = None
        else:
            place = index + self._base.__len__(self) if index < 0 else index
            if place in numbers:
                hits[numbers[place]] = None
        return value

    def __iter__(self) -> Iterator[Any]:
        note = self._note
        for place, item in enumerate(self._base.__iter__(self)):
            note(place)
            yield item

    def __reversed__(self) -> Iterator[Any]:
        for place in range(self._base.__len__(self) - 1, -1, -1):
            yield self[place]

    def __contains__(self, item: Any) -> bool:
        for place, mine in enumerate(self._base.__iter__(self)):
            if mine is item or mine == item:
                self._note(place)
                return True
        return False

    def index(self, item: Any, *bounds: Any) -> int:
        place: int = self._base.index(self, item, *bounds)
        self._note(place)
        return place


class CountedList(_Sequence, list[Any]):
    """A constant list that notes which elements are read."""

    __slots__ = ("_hits", "_numbers")
    _base = list

    def copy(self) -> Any:
        made = CountedList(list.__iter__(self))
        made._numbers, made._hits = self._numbers, self._hits
        return made

    def __setitem__(self, index: Any, value: Any) -> None:
        if type(index) is slice:
            self._note_all()
            self._numbers = {}
        else:
            self._forget(index + len(self) if index < 0 else index)
        list.__setitem__(self, index, value)

    def pop(self, index: Any = -1) -> Any:
        value = self[index]
        if index == -1 or index == len(self) - 1:
            self._forget(len(self) - 1)
        else:
            self._note_all()
            self._numbers = {}
        list.pop(self, index)
        return value

    __delitem__ = _moved("__delitem__", list)
    insert = _moved("insert", list)
    remove = _moved("remove", list)
    reverse = _moved("reverse", list)
    sort = _moved("sort", list)
    clear = _moved("clear", list)
    count = _noted("count", list)
    __add__ = _noted("__add__", list)
    __mul__ = _noted("__mul__", list)
    __rmul__ = _noted("__rmul__", list)
    __repr__ = _noted("__repr__", list)

    def __iadd__(self, other: Any) -> Any:  # type: ignore[misc]  # what it is added to stays the same list
        self.extend(other)
        return self


class CountedTuple(_Sequence, tuple[Any, ...]):
    """A constant tuple that notes which elements are read."""

    _base = tuple
    count = _noted("count", tuple)
    __add__ = _noted("__add__", tuple)
    __mul__ = _noted("__mul__", tuple)
    __rmul__ = _noted("__rmul__", tuple)
    __repr__ = _noted("__repr__", tuple)


class _Members(Counted):
    """What sets and frozen sets share; `_base` is the one or the other."""

    __slots__ = ()
    _base: Any

    def __contains__(self, item: Any) -> bool:
        found: bool = self._base.__contains__(self, item)
        if found:
            self._note(item)
        return found

    def __iter__(self) -> Iterator[Any]:
        note = self._note
        for item in self._base.__iter__(self):
            note(item)
            yield item

    def __repr__(self) -> str:
        return repr(self._base(self))


WHOLE = ("__and__", "__or__", "__sub__", "__xor__", "__rand__", "__ror__", "__rsub__", "__rxor__", "__le__", "__ge__",
         "union", "difference", "intersection", "issubset", "issuperset", "isdisjoint")  # what reads all of a set


class CountedSet(_Members, set[Any]):
    """A constant set that notes which members are found."""

    __slots__ = ("_hits", "_numbers")
    _base = set

    def copy(self) -> Any:
        made = CountedSet(set.__iter__(self))
        made._numbers, made._hits = self._numbers, self._hits
        return made

    def discard(self, item: Any) -> None:
        self._forget(item)
        set.discard(self, item)

    def remove(self, item: Any) -> None:
        set.remove(self, item)
        self._forget(item)

    pop = _moved("pop", set)
    update = _moved("update", set)
    clear = _moved("clear", set)
    vars().update({name: _noted(name, set) for name in WHOLE})


class CountedFrozenset(_Members, frozenset[Any]):
    """A constant frozen set that notes which members are found."""

    __slots__ = ("_hits", "_numbers")
    _base = frozenset
    vars().update({name: _noted(name, frozenset) for name in WHOLE})


class CountedText(_Sequence, str):
    """A constant string that notes which letters are read one by one; a method of `str` reads it as one element."""

    __slots__ = ("_hits", "_numbers")
    _base = str

    def __contains__(self, item: Any) -> bool:
        return self.find(item) >= 0

    def find(self, *searched: Any) -> int:
        place = str.find(self, *searched)
        self._note(place)
        return place

    def index(self, *searched: Any) -> int:
        place = str.index(self, *searched)
        self._note(place)
        return place


COUNTED: dict[type, Any] = {
    dict: CountedDict, list: CountedList, tuple: CountedTuple, set: CountedSet, frozenset: CountedFrozenset,
    str: CountedText,
}
