"""Sessions divided into those an author may see, those that choose among candidates, and those that judge.

What must be predicted is the world, not the session: two sessions of one task, or on one map, show nearly the same
things, so they fall on the same side wherever there are enough tasks, or enough starts, to divide.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from rollout.trajectory import Trajectory

FEWEST = 10  # groups; below that, parts of groups are nothing like the shares asked for

By = Literal["task", "start", "session"]
KEYS: dict[By, Callable[[Trajectory], str | None]] = {
    "task": lambda session: session.task,
    "start": lambda session: session.observation.text,
    "session": lambda session: session.id,
}


@dataclass(frozen=True)
class Split:
    """The sessions, divided: authors see `shown`, candidates are chosen on `selection`, judged on `held_out`.

    Attributes:
        by: what was kept together.
        groups: how many groups each part has, in that order.
    """

    shown: list[Trajectory]
    selection: list[Trajectory]
    held_out: list[Trajectory]
    by: By
    groups: tuple[int, int, int]


def split(sessions: Sequence[Trajectory], selection: float, held_out: float, by: By | None = None) -> Split:
    """Divide sessions by a hash of their group, so that equal groups always fall on the same side.

    Args:
        selection, held_out: share of the groups.
        by: what to keep together; None takes tasks if there are at least `FEWEST`, else starts, else sessions.

    Raises:
        ValueError: there are too few groups for three non-empty parts, or some session has no task to divide by.
    """
    by = by or _enough(sessions)
    groups: dict[str, list[Trajectory]] = {}
    for session in sessions:
        key = KEYS[by](session)
        if key is None:
            raise ValueError(f"session {session.id!r} has no {by} to divide by")
        groups.setdefault(key, []).append(session)
    ordered = sorted(groups, key=_place)
    judged = max(1, sum(_place(key) < held_out for key in ordered))
    chosen = max(1, sum(held_out <= _place(key) < held_out + selection for key in ordered))
    shown = len(ordered) - judged - chosen
    if shown < 1:
        raise ValueError(f"{len(ordered)} {by}s are too few to show some, choose on some and judge on the rest")
    held, chose, rest = (
        [session for key in part for session in groups[key]]
        for part in (ordered[:judged], ordered[judged : judged + chosen], ordered[judged + chosen :])
    )
    return Split(rest, chose, held, by, (shown, chosen, judged))


def _enough(sessions: Sequence[Trajectory]) -> By:
    for by in KEYS:
        keys = {KEYS[by](session) for session in sessions}
        if None not in keys and len(keys) >= FEWEST:
            return by
    return "session"


def _place(key: str) -> float:  # in [0, 1)
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) / 2**64
