"""One trajectory: who acted where, what was said turn by turn, and what its tokens were worth."""

from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError

from dreamer.files import StoreError
from dreamer.store import Store
from dreamer.terminal import plain
from dreamer.viewer.pages.trajectories import copied
from dreamer.viewer.played.filters import Filter
from dreamer.viewer.played.index import index
from dreamer.viewer.played.tokens import measured
from dreamer.viewer.played.transcript import Transcript
from dreamer.viewer.site import NotThere, Place, Site
from dreamer.viewer.words import short
from envgen.tasks import succeeds
from rollout.trajectory import Trajectory

TURNS = 200  # on a page


@dataclass(frozen=True)
class Shown:
    """A trajectory with some of its turns.

    Attributes:
        first: the number of the first of them, from 0.
        turns: how many there are in all.
        rewards: of all turns.
    """

    session: Trajectory
    first: int
    turns: int
    rewards: list[float | None]

    @property
    def last(self) -> int:
        """The number of the last turn that is shown, from 1."""
        return self.first + len(self.session.turns)


def trajectory(site: Site, place: Place, run: str, night: int, part: str, number: int) -> str:
    """The page of a trajectory."""
    store = site.store(run, night)
    shown = _shown(store, part, number, _line(store, part, number), place.query.get("from", ""))
    session = shown.session
    success = store.configuration.sessions.success
    wanted = Filter({} if site.static else place.query, success)
    held = index(store)
    progress = held.update(None) if site.static else held.update()
    with held.reading() as connection:
        before, after = wanted.beside(connection, part, number, copied(connection) if site.static else None)
    environment = session.environment
    return site.render(
        place, "trajectory.html.jinja", title=short(plain(session.id), 120), session=session,
        shown=shown, part=part, number=number, transcript=Transcript(session, shown.first),
        tokens=measured(store, part, session, shown.first, shown.rewards),
        won=None if session.outcome is None else succeeds(session.outcome, success),
        wanted=wanted, before=before, after=after, progress=progress,
        path=store.parts()[part].relative_to(store.root),
        dreamed_in=environment if environment and store.has_environment(environment) else None)


def raw(site: Site, place: Place, run: str, night: int, part: str, number: int) -> bytes:
    """A trajectory's line, as it stands in its file."""
    return _line(site.store(run, night), part, number)


def _line(store: Store, part: str, number: int) -> bytes:
    line = index(store).line(part, number)
    if line is None:
        raise NotThere(f"there is no trajectory {number + 1:,} in {part!r}; there are the parts: "
                       f"{', '.join(store.parts()) or 'none yet'}")
    return line


def _shown(store: Store, part: str, number: int, line: bytes, wanted: str) -> Shown:
    """The turns of a line that a page shows, for a line may hold a hundred thousand.

    Args:
        wanted: the number of a turn, from 1.

    Raises:
        StoreError: the line holds no trajectory of this version.
    """
    try:
        held: dict[str, Any] = orjson.loads(line)
        turns = held["turns"]
        first = (min(int(wanted), len(turns)) - 1) // TURNS * TURNS if wanted.isdecimal() and len(wanted) < 10 else 0
        given = [turn.get("reward") for turn in turns]
        rewards = [None if reward is None else float(reward) for reward in given]
        some = held | {"turns": turns[max(0, first):][:TURNS]}
        return Shown(Trajectory.model_validate_json(orjson.dumps(some)), max(0, first), len(turns), rewards)
    except (ValueError, AttributeError, KeyError, TypeError) as error:  # ValidationError is a ValueError
        what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise StoreError(f"{store.parts()[part]}, line {number + 1}: no trajectory of this version ({what}); another "
                         f"version of dream wrote it, or it is damaged") from None
