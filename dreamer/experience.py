"""What sessions taught, as short items; each says which sessions it came from."""

from collections.abc import Callable, Iterable

from rollout.figure import Figure
from rollout.trajectory import Record


class Item(Record):
    """One thing learnt.

    Attributes:
        text: one line.
        sources: ids of the trajectories it came from.
        gain: of the mean outcome of rehearsals, with it against without; None where it was not tried.
    """

    text: str
    sources: tuple[str, ...]
    gain: Figure | None = None

    @property
    def harms(self) -> bool:
        """Whether rehearsals do worse with it than without, by the interval."""
        return self.gain is not None and self.gain.high is not None and self.gain.high < 0


class Experience(Record):
    """Items, the most important first."""

    items: tuple[Item, ...] = ()

    @property
    def text(self) -> str:
        """As a model is told it: a line each."""
        return "\n".join(f"- {item.text}" for item in self.items)

    def add(self, items: Iterable[Item], fits: Callable[[str], bool]) -> "Experience":
        """With more items. One that is there already is not repeated, but its sources are known of both.

        Args:
            fits: whether a text is within the limit; an item with which it is not is left out.
        """
        kept = {_key(item.text): item for item in self.items}
        for item in items:
            known = kept.get(_key(item.text))
            if known is not None:
                sources = tuple(dict.fromkeys([*known.sources, *item.sources]))
                kept[_key(item.text)] = known.model_copy(update={"sources": sources})
            elif fits(Experience(items=(*kept.values(), item)).text):
                kept[_key(item.text)] = item
        return Experience(items=tuple(kept.values()))

    def without(self, texts: Iterable[str]) -> "Experience":
        """Without the items of these texts."""
        gone = set(texts)
        return Experience(items=tuple(item for item in self.items if item.text not in gone))


def _key(text: str) -> str:
    """Items that differ in nothing but case, spaces and the full stop say the same."""
    return " ".join(text.lower().split()).rstrip(".")
