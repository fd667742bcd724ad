"""Keys, values and items of a counted dict.

Left out: comparing two views by `<` and `>`.
"""

from collections.abc import Iterator
from typing import Any


class View:
    """A dict's keys, values or items: an iteration notes what it has reached."""

    __slots__ = ("_table", "_view")

    def __init__(self, table: Any, view: Any) -> None:
        self._table = table
        self._view = view

    def __iter__(self) -> Iterator[Any]:
        note = self._table._note
        for key, value in zip(dict.keys(self._table), self._view, strict=True):
            note(key)
            yield value

    def __reversed__(self) -> Iterator[Any]:
        return iter(list(self)[::-1])

    def __len__(self) -> int:
        return len(self._view)

    def __repr__(self) -> str:
        return repr(self._all())

    def _all(self) -> Any:
        self._table._note_all()
        return self._view

    def __contains__(self, item: Any) -> bool:
        for key, value in zip(dict.keys(self._table), self._view, strict=True):
            if value is item or value == item:
                self._table._note(key)
                return True
        return False

    def __eq__(self, other: Any) -> bool:
        return bool(self._all() == (other._all() if isinstance(other, View) else other))

    __hash__ = None  # type: ignore[assignment]

    def __and__(self, other: Any) -> Any:
        return self._all() & _members(other)

    def __or__(self, other: Any) -> Any:
        return self._all() | _members(other)

    def __sub__(self, other: Any) -> Any:
        return self._all() - _members(other)

    def __xor__(self, other: Any) -> Any:
        return self._all() ^ _members(other)

    def __rsub__(self, other: Any) -> Any:
        return _members(other) - self._all()

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __le__(self, other: Any) -> bool:
        return bool(self._all() <= _members(other))

    def __ge__(self, other: Any) -> bool:
        return bool(self._all() >= _members(other))

    def isdisjoint(self, other: Any) -> bool:
        return bool(self._all().isdisjoint(other))


def _members(other: Any) -> Any:
    return other._all() if isinstance(other, View) else other
