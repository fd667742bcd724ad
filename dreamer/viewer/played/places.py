"""From places in logs to the pages of the sessions that stand there."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import orjson

from dreamer.store import Store
from envgen.steps import Place
from rollout.trajectory import Pointer

PART = "shown"  # patterns are those of the sessions that authors may see
BYTES = 1 << 28  # of sessions, beyond which places are told without links


@dataclass(frozen=True)
class Way:
    """To a session or one of its turns.

    Attributes:
        path: of the page, below that of the night.
        turn: from 1; None for what came before the first.
    """

    path: str
    turn: int | None


class Places:
    """Where the sessions of a night's patterns are.

    Args:
        places, lines: those that are asked for.
    """

    def __init__(self, store: Store, places: Iterable[Place], lines: Iterable[Pointer]):
        self.numbers: dict[str, int] = {}
        self.turns: dict[tuple[str, int], tuple[int, int | None]] = {}
        path = store.sessions(PART)
        if path.exists():
            stamp = path.stat()
            self.numbers, self.turns = _found(path, stamp.st_mtime_ns, stamp.st_size,
                                              frozenset(place.session for place in places),
                                              frozenset((line.file, line.line) for line in lines))

    def way(self, to: Place | Pointer) -> Way | None:
        """To a place; None where its session is not kept."""
        number: int | None
        if isinstance(to, Pointer):
            number, turn = self.turns.get((to.file, to.line), (None, None))
        else:
            number, turn = self.numbers.get(to.session), to.turn
        if number is None:
            return None
        return Way(f"trajectories/{PART}/{number}", None if turn is None else turn + 1)


@lru_cache(maxsize=4)
def _found(path: Path, _time: int, _size: int, ids: frozenset[str], lines: frozenset[tuple[str, int]]
           ) -> tuple[dict[str, int], dict[tuple[str, int], tuple[int, int | None]]]:
    """The numbers of sessions by their ids, and numbers and turns by the lines of logs."""
    numbers: dict[str, int] = {}
    turns: dict[tuple[str, int], tuple[int, int | None]] = {}
    read = 0
    with open(path, "rb") as stream:
        for number, text in enumerate(stream):
            read += len(text)
            if read > BYTES or (len(numbers), len(turns)) == (len(ids), len(lines)):
                break
            try:
                session = orjson.loads(text)
                if session["id"] in ids:
                    numbers[session["id"]] = number
                if pointer := session.get("pointer"):
                    file = pointer["file"]
                    begins: list[tuple[int | None, int | None]] = [(None, pointer["line"])]
                    begins += [(turn, each.get("line")) for turn, each in enumerate(session["turns"])]
                    turns |= {(file, line): (number, turn) for turn, line in begins
                              if line is not None and (file, line) in lines}
            except (ValueError, LookupError, TypeError, AttributeError):  # trajectories say which are broken
                continue
    return numbers, turns
