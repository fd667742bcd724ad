"""All trajectories of a night, real and dreamed: filtered, sorted, counted."""

import sqlite3
from dataclasses import dataclass

from dreamer.viewer.played.filters import SORTED, Filter
from dreamer.viewer.played.index import CHOSEN, index
from dreamer.viewer.site import Place, Site

CHOICES = 200  # values of a field to choose from
COPIED = 500  # trajectories in a static copy
SHOWN_BROKEN = 5
LABELS = dict(zip(
    SORTED, ("part, line", "outcome", "turns", "imagined", "id", "task", "policy", "stopped"), strict=True))


@dataclass(frozen=True)
class Part:
    """A file of trajectories.

    Attributes:
        count: how many lines were read of it so far.
    """

    name: str
    count: int


def trajectories(site: Site, place: Place, run: str, night: int) -> str:
    """The list."""
    store = site.store(run, night)
    wanted = Filter({} if site.static else place.query, store.configuration.sessions.success)
    held = index(store)
    progress = held.update(None) if site.static else held.update()
    with held.reading() as connection:
        parts = [Part(name, lines) for name, lines in connection.execute("SELECT part, lines FROM file ORDER BY key")]
        choices = {field: [value for value, in connection.execute(
            "SELECT DISTINCT value FROM value WHERE field = ? LIMIT ?", (field, CHOICES))] for field in CHOSEN}
        summary = wanted.summary(connection)
        page = min(max(1, _whole(place.query.get("page", "1"))), summary.pages)
        rows = wanted.first(connection, copied(connection), COPIED) if site.static else wanted.rows(connection, page)
        (broken,) = connection.execute("SELECT count(*) FROM broken").fetchone()
        examples = connection.execute("SELECT part, number, why FROM broken ORDER BY key LIMIT ?",
                                      (SHOWN_BROKEN,)).fetchall()
        return site.render(
            place, "trajectories.html.jinja", title="Trajectories", wanted=wanted, progress=progress, parts=parts,
            choices=choices, summary=summary, page=page, rows=rows, broken=broken, examples=examples, labels=LABELS)


def copied(connection: sqlite3.Connection) -> int:
    """How many trajectories of each part are in a copy without a server: the first ones."""
    (parts,) = connection.execute("SELECT count(*) FROM file").fetchone()
    return max(1, COPIED // max(1, int(parts)))


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 1
