"""The texts of a record, and the numbers in its structures, one after the other, each with the name that it has.

Left are the fields that say what kind of thing a record is, and the numbers that records count by.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel

from rollout.trajectory import Call

T = TypeVar("T")

KEPT = {"type", "source", "version", "role", "format"}  # fields of records that say what they are


def map_leaves(value: T, leaf: Callable[[str | int, str | None, bool], str | int], name: str | None = None) -> T:
    """A record with its texts changed, and the integers in its structures; itself where nothing is.

    Args:
        leaf: is given a text or integer, the name it has in a structure ("" for none, None in a record), and whether
            it is JSON by itself.
    """
    changed: Any = value
    match value:
        case str():
            changed = leaf(value, name, False)
        case int() if name is not None and not isinstance(value, bool):
            changed = leaf(value, name, False)
        case BaseModel():
            update: dict[str, Any] = {}
            for field in type(value).model_fields:
                if field in KEPT:
                    continue
                old = getattr(value, field)
                json_text = isinstance(value, Call) and field == "arguments"
                new = leaf(old, None, True) if json_text else map_leaves(old, leaf)
                if new is not old:
                    update[field] = new
            changed = value.model_copy(update=update) if update else value
        case dict():
            items = {map_leaves(key, leaf): map_leaves(each, leaf, key) for key, each in value.items()}
            same = items.keys() == value.keys() and all(items[key] is each for key, each in value.items())
            changed = value if same else items
        case list() | tuple():
            each_changed = [map_leaves(each, leaf, name or "") for each in value]
            same = all(new is old for new, old in zip(each_changed, value, strict=True))
            changed = value if same else type(value)(each_changed)
    return changed  # type: ignore[no-any-return]
