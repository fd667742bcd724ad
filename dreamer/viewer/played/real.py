"""The real sessions of a night: by number, by id, and by what was done where."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path

import orjson
from pydantic import ValidationError

from dreamer.files import StoreError
from dreamer.store import Store
from dreamer.viewer.played.index import index
from dreamer.viewer.site import NotThere
from envgen.steps import steps
from rollout.trajectory import Trajectory, Turn

PARTS = ("held_out", "selection", "shown")
READ = 20_000  # sessions of a part of which it is known what was done where
KEPT = 3  # places of each answer


def session(store: Store, part: str, number: int) -> Trajectory:
    """One session by its part and its line, from 0.

    Raises:
        NotThere: there is none.
        StoreError: it cannot be read.
    """
    if part not in PARTS:
        raise NotThere(f"no part {part!r} of real sessions is here; there are: {', '.join(PARTS)}")
    line = index(store).line(part, number)
    if line is None:
        raise NotThere(f"{part} has no session {number}; it has {count(store, part):,}, numbered from 0")
    return _parsed(store, part, number, line)


def number_of(store: Store, part: str, id: str) -> int | None:
    """The line, from 0, of the session with an id; None where there is none."""
    wanted = orjson.dumps(id)
    for number, line in enumerate(_lines(store, part)):
        with suppress(StoreError):
            if wanted in line and _parsed(store, part, number, line).id == id:
                return number
    return None


def count(store: Store, part: str) -> int:
    """How many sessions a part has; counted once."""
    path = store.parts().get(part)
    return 0 if path is None else _count(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _count(path: Path, _changed: int) -> int:
    with open(path, "rb") as stream:
        return sum(1 for _ in stream)


def _lines(store: Store, part: str) -> Iterator[bytes]:
    """The lines of a part; none where there is no such part."""
    path = store.parts().get(part)
    if path is not None:
        with open(path, "rb") as stream:
            yield from stream


@dataclass
class Came:
    """What came of an action somewhere, in real sessions.

    Attributes:
        turn: the first that came so.
        places: part, number and turn (from 1) of the first few.
    """

    turn: Turn
    count: int = 0
    places: list[tuple[str, int, int]] = field(default_factory=list)


@dataclass
class Past:
    """What real sessions did where, and what came of it.

    Attributes:
        openings: first texts, with how many sessions they began.
        actions: with how often they were taken.
        whole: whether all sessions were read.
        broken: how many lines hold none.
    """

    openings: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    whole: bool = True
    broken: int = 0
    done: dict[str, dict[str, dict[tuple[str, float | None, bool | None], Came]]] = field(default_factory=dict)

    def here(self, text: str) -> dict[str, int]:
        """What was done where a text was shown, with how often; the commonest first."""
        counts = {action: sum(came.count for came in answers.values())
                  for action, answers in self.done.get(text, {}).items()}
        return dict(sorted(counts.items(), key=lambda each: -each[1]))

    def came(self, text: str, action: str) -> list[Came]:
        """What came of an action where a text was shown, the commonest first; nothing where nobody did that."""
        return sorted(self.done.get(text, {}).get(action, {}).values(), key=lambda each: -each.count)

    def add(self, part: str, number: int, told: Trajectory) -> None:
        """One more session."""
        self.openings[told.observation.text] += 1
        for turn, (before, step, answer) in enumerate(steps(told), start=1):
            action = step.action.text
            self.actions[action] += 1
            key = (answer, step.reward, step.terminated)
            came = self.done.setdefault(before, {}).setdefault(action, {}).setdefault(key, Came(step))
            came.count += 1
            if len(came.places) < KEPT:
                came.places.append((part, number, turn))


def past(store: Store) -> Past:
    """What the real sessions of a night did where; read once."""
    return _past(store.root, store.night, tuple(_changed(store)))


@lru_cache(maxsize=4)
def _past(root: Path, night: int, changed: tuple[float, ...]) -> Past:
    store = Store(root, night)
    found = Past()
    for part in PARTS:
        lines = _lines(store, part)
        for number, line in enumerate(islice(lines, READ)):
            try:
                found.add(part, number, _parsed(store, part, number, line))
            except StoreError:
                found.broken += 1
        found.whole &= next(lines, None) is None
    return found


def _changed(store: Store) -> Iterator[float]:
    """When the files of the sessions were written."""
    return (path.stat().st_mtime for part, path in store.parts().items() if part in PARTS)


def _parsed(store: Store, part: str, number: int, line: bytes) -> Trajectory:
    try:
        return Trajectory.model_validate_json(line)
    except ValidationError as error:
        raise StoreError(f"{store.sessions(part)}, line {number + 1}: no trajectory of this version "
                         f"({error.errors()[0]['msg']})") from None
