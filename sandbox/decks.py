"""Shuffled lists whose order is decided only where it is read, so that what nobody has seen is one alternative.

A shuffled deck has 52! orders, of which a hand shows five cards. While chance is taken apart, a shuffle therefore
returns a `Deck` of `Unseen` places over one `Rest` of items, and a place is decided, uniformly among what is left, when
it is first read: later in the same run, in a later step, or, where that step is simulated, by the generator that
shuffled. All undecided places of one rest are exchangeable, so this changes no probability (Murray et al., "Delayed
Sampling and Automatic Rao-Blackwellization of Probabilistic Programs", 2018).

Left out: orders decided by authored arithmetic (a hand-written Fisher-Yates), and decks that are read whole to make
something else (`deque(deck)`, `[Card(i) for i in order]`), which decides them.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from sandbox.chance import Draws, Generator


class Rest:
    """The items that no place of a deck has yet: `counts[i]` that equal `items[i]`, `total` in all."""

    __slots__ = ("counts", "generator", "items", "total")

    def __init__(self, generator: Generator, items: Iterable[Any]) -> None:
        self.generator = generator
        self.items, self.counts = grouped(items)
        self.total = sum(self.counts)

    def take(self) -> Any:
        place = pick(self.generator, self.counts, self.total)
        self.total -= 1
        if self.counts[place] > 1:
            self.counts[place] -= 1
            return self.items[place]
        del self.counts[place]
        return self.items.pop(place)


def grouped(items: Iterable[Any]) -> tuple[list[Any], list[int]]:
    """Numbers and texts that are equal, as one alternative; anything else may be told apart and stays by itself."""
    firsts: list[Any] = []
    counts: list[int] = []
    places: dict[Any, int] = {}
    for item in items:
        if type(item) is str or type(item) is int:
            place = places.setdefault(item, len(firsts))
            if place < len(firsts):
                counts[place] += 1
                continue
        firsts.append(item)
        counts.append(1)
    return firsts, counts


def pick(generator: Generator, counts: list[int], total: int) -> int:
    if total == len(counts):
        return generator._below(total)
    return generator._pick([count / total for count in counts])


class Unseen:
    """A place that holds any of the rest with equal probability, until it is read.

    One with a `source` holds what its `table` has where the source, another place, says.
    """

    __slots__ = ("rest", "source", "table", "value")

    def __init__(self, rest: Rest | None, source: "Unseen | None" = None, table: Any = None) -> None:
        self.rest = rest
        self.source = source
        self.table = table
        self.value: Any = None

    @property
    def known(self) -> bool:
        """Whether reading it decides nothing."""
        return self.rest is None and (self.source is None or self.source.known)

    def read(self) -> Any:
        if self.source is not None:
            self.value = self.table[self.source.read()]
            self.source = self.table = None
        elif self.rest is not None:
            self.value = self.rest.take()
            self.rest = None
        return self.value


class Deck(Draws):
    """A list some of whose places are unseen. What C code reads behind its back is decided first."""

    __slots__ = ()
    _guarded_writes = True  # as writable as the list it stands for

    def raw(self) -> list[Any]:
        return list.__getitem__(self, slice(None))

    def settle(self) -> None:
        """Decides every place."""
        for place, item in enumerate(list.__iter__(self)):
            if type(item) is Unseen:
                list.__setitem__(self, place, item.read())

    def __getitem__(self, index: Any) -> Any:
        found = list.__getitem__(self, index)
        if type(index) is slice:
            return Deck(found)
        if type(found) is Unseen:
            found = found.read()
            list.__setitem__(self, index, found)
        return found

    def __iter__(self) -> Iterator[Any]:
        place = 0
        while place < len(self):
            yield self[place]
            place += 1

    def __reversed__(self) -> Iterator[Any]:
        for place in range(len(self) - 1, -1, -1):
            yield self[place]

    def pop(self, index: Any = -1) -> Any:
        found = list.pop(self, index)
        return found.read() if type(found) is Unseen else found

    def copy(self) -> "Deck":
        return Deck(self.raw())

    tolist = copy

    def __contains__(self, item: Any) -> bool:
        return any(mine is item or mine == item for mine in self)

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, list):
            return NotImplemented
        return Deck(self.raw() + (other.raw() if isinstance(other, Deck) else list(other)))

    def __radd__(self, other: Any) -> Any:
        self.settle()
        return NotImplemented

    def __iadd__(self, other: Any) -> Any:
        self.extend(other)
        return self

    def __mul__(self, count: Any) -> Any:
        self.settle()
        return list.__mul__(self, count)

    __rmul__ = __mul__

    def __eq__(self, other: Any) -> Any:
        self.settle()
        if isinstance(other, Deck):
            other.settle()
        return list.__eq__(self, other)

    def __ne__(self, other: Any) -> Any:
        return not self == other

    def __lt__(self, other: Any) -> Any:
        self.settle()
        return list(self) < list(other) if isinstance(other, list) else NotImplemented

    def __repr__(self) -> str:
        self.settle()
        return list.__repr__(self)

    def index(self, *arguments: Any) -> int:
        self.settle()
        return list.index(self, *arguments)

    def count(self, item: Any) -> int:
        self.settle()
        return list.count(self, item)

    def remove(self, item: Any) -> None:
        self.settle()
        list.remove(self, item)

    def sort(self, **how: Any) -> None:
        self.settle()
        list.sort(self, **how)


def dealt(generator: Generator, items: Iterable[Any], count: int | None = None) -> Deck:
    """`count` of the items (all, for None) in any order."""
    rest = Rest(generator, items)
    return Deck([Unseen(rest) for _ in range(rest.total if count is None else count)])


def unread(deck: Deck) -> bool:
    """Whether a deck is all its rest and nothing else, so that another shuffle changes nothing."""
    raw = deck.raw()
    rest = raw[0].rest if raw and type(raw[0]) is Unseen else None
    return (
        rest is not None and rest.total == len(raw) and all(type(item) is Unseen and item.rest is rest for item in raw)
    )


def looked_up(table: Any, places: Any) -> list[Any]:
    """`[table[place] for place in places]`, which does not read a deck of places."""
    if type(places) is not Deck or type(table) not in (list, tuple, str):
        return [table[place] for place in places]
    now = tuple(table)
    out: list[Any] = [Unseen(None, place, now) if type(place) is Unseen else table[place] for place in places.raw()]
    return Deck(out)


def whole(kind: type, items: Any) -> list[Any]:
    """`[kind(item) for item in items]`, which does not read a deck whose items are all of that kind."""
    if type(items) is not Deck or not all(type(item) is kind for item in _possible(items)):
        return [kind(item) for item in items]
    return items.copy()


def _possible(deck: Deck) -> Iterator[Any]:
    """Every item that some place of a deck may hold."""
    rests: dict[int, Rest] = {}
    for item in deck.raw():
        if type(item) is not Unseen or item.known:
            yield item.read() if type(item) is Unseen else item
        elif item.rest is not None:
            rests[id(item.rest)] = item.rest
        else:
            yield from item.table
    for rest in rests.values():
        yield from rest.items


def listed(items: Any) -> list[Any]:
    """`list(items)`, which does not read a deck."""
    return items.copy() if type(items) is Deck else list(items)
