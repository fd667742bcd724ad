"""What sessions taught, as short items; each says which sessions it came from."""

import random
from collections.abc import Callable, Iterable, Sequence

from rollout.figure import Figure
from rollout.trajectory import Record, Trajectory


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


class Gathered(Record):
    """What sessions taught.

    Attributes:
        extractor: who said so: "statistics", "policy", or the name of an endpoint's model.
        sessions: how many were looked at.
        experiences: each from other sessions.
        dropped: items with which rehearsals did worse than without.
        tried: how many pairs of rehearsals that rests on; none where there is no world.
    """

    extractor: str
    sessions: int
    experiences: tuple[Experience, ...]
    dropped: tuple[Item, ...] = ()
    tried: int = 0


class Experiences:
    """Several experiences, of which each episode is taught by one; they are a teacher's `Contexts`.

    Args:
        seed: of what is drawn.
    """

    def __init__(self, experiences: Sequence[Experience], seed: int):
        self.experiences, self.random = list(experiences), random.Random(seed)

    def draw(self, observation: str, session: Trajectory | None = None) -> str:
        """One experience, without what only the session at hand taught; of all that hold something."""
        held = [each for each in self.experiences if each.items]
        if not held:
            return ""
        own = () if session is None else (session.id,)
        return Experience(items=tuple(item for item in self.random.choice(held).items if item.sources != own)).text


def _key(text: str) -> str:
    """Items that differ in nothing but case, spaces and the full stop say the same."""
    return " ".join(text.lower().split()).rstrip(".")
