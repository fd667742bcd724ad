"""Which trajectories a reader asks for, and in which order: an address's query, as questions to the index."""

import math
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from rollout.figure import Figure, mean, proportion

PAGE = 100  # rows
MANY = 1000  # trajectories
LONGEST = 500  # characters of what is asked for
RANGES = {"outcome": "outcome", "turns": "turns", "imagined": "imagined share"}
SORTED = ("key", "outcome", "turns", "imagined", "id", "task", "policy", "stop")
FILTERS = ("q", "part", "task", "outcome", "policy", "stop",
           *(f"{name}_{end}" for name in RANGES for end in ("from", "to")))


@dataclass(frozen=True)
class Summary:
    """What matches, in numbers.

    Attributes:
        won: the share of those with a known outcome that succeeded.
        turns: mean length.
    """

    count: int
    won: Figure
    turns: Figure

    @property
    def pages(self) -> int:
        return max(1, math.ceil(self.count / PAGE))


class Filter:
    """What is asked for.

    Args:
        query: of the address.
        success: see `envgen.tasks.succeeds`.

    Attributes:
        asked: what of the query means anything.
        problems: what does not, in words.
        sort, falling: the column that rows are sorted by, and whether the largest comes first.
        won: whether a trajectory succeeded, as SQL.
        values: of the parameters of its SQL.
    """

    def __init__(self, query: Mapping[str, str], success: float | None):
        self.problems: list[str] = []
        self.asked = {name: query[name][:LONGEST] for name in FILTERS if query.get(name)}
        self.values: dict[str, object] = {"success": success or 0.0}
        self.won = "outcome > :success" if success is None else "outcome >= :success"
        self._clauses = [*self._chosen(), *self._between()]
        sort = query.get("sort", "")
        self.falling, self.sort = sort.startswith("-"), sort.removeprefix("-") or "key"
        if self.sort not in SORTED:
            self._refuse(f"there is no column {self.sort!r} to sort by; there are: {', '.join(SORTED[1:])}")
            self.sort, self.falling = "key", False

    @property
    def query(self) -> dict[str, str]:
        """The part of an address that asks for the same."""
        order = ("-" if self.falling else "") + self.sort
        return self.asked | ({"sort": order} if order != "key" else {})

    def sorting(self, column: str) -> str:
        """The query that sorts by a column: rising first, the other way if that is how it is sorted already."""
        falling = self.sort == column and not self.falling
        return "?" + urlencode(self.asked | {"sort": ("-" if falling else "") + column})

    def paging(self, page: int) -> str:
        """The query of another page."""
        return "?" + urlencode(self.query | {"page": page})

    def rows(self, connection: sqlite3.Connection, page: int) -> list[sqlite3.Row]:
        """A page of what matches, from 1."""
        order = f"{self._order()} {'DESC' if self.falling else 'ASC'}, key"
        return connection.execute(  # keys are sorted first, for whole rows are long
            f"SELECT *, {self.won} AS won FROM trajectory JOIN (SELECT key FROM trajectory {self._where()} "
            f"ORDER BY {order} LIMIT {PAGE} OFFSET {(page - 1) * PAGE}) USING (key) ORDER BY {order}",
            self.values).fetchall()

    def first(self, connection: sqlite3.Connection, each: int, most: int) -> list[sqlite3.Row]:
        """The first rows of each part, and no more than so many in all."""
        return connection.execute(f"SELECT *, {self.won} AS won FROM trajectory WHERE number < :each ORDER BY key "
                                  "LIMIT :most", self.values | {"each": each, "most": most}).fetchall()

    def summary(self, connection: sqlite3.Connection) -> Summary:
        """All that matches, in numbers."""
        count, known, won, turns, squares = connection.execute(
            f"SELECT count(*), count(outcome), total({self.won}), avg(turns), total(turns * turns) FROM trajectory "
            f"{self._where()}", self.values).fetchone()
        return Summary(count, proportion(won, known), self._length(connection, count, turns, squares))

    def _length(self, connection: sqlite3.Connection, count: int, turns: float, squares: float) -> Figure:
        """The mean length: bootstrapped, or where there are many by the normal interval, which then is the same."""
        if count <= MANY:
            return mean([row["turns"] for row in connection.execute(
                f"SELECT turns FROM trajectory {self._where()}", self.values)])
        half = 1.959964 * math.sqrt(max(0.0, squares / count - turns**2) / (count - 1))
        return Figure(value=turns, n=count, low=turns - half, high=turns + half)

    def beside(self, connection: sqlite3.Connection, part: str, number: int, each: int | None = None
               ) -> tuple[sqlite3.Row | None, sqlite3.Row | None]:
        """The trajectories that come before and after one of them.

        Args:
            each: only the first so many of each part.
        """
        clauses = [*self._clauses, *(["number < :each"] if each is not None else [])]
        here = connection.execute(f"SELECT {self._order()} AS at, key FROM trajectory WHERE part = :part AND "
                                  "number = :number", {"part": part, "number": number}).fetchone()
        if here is None:
            return None, None

        def next_to(backwards: bool) -> sqlite3.Row | None:
            after = "<" if backwards != self.falling else ">"
            beyond = (f"({self._order()} {after} :at OR "
                      f"({self._order()} = :at AND key {'<' if backwards else '>'} :key))")
            row: sqlite3.Row | None = connection.execute(
                f"SELECT part, number FROM trajectory WHERE {' AND '.join([*clauses, beyond])} ORDER BY "
                f"{self._order()} {'DESC' if after == '<' else 'ASC'}, key {'DESC' if backwards else 'ASC'} LIMIT 1",
                self.values | {"at": here["at"], "key": here["key"], "each": each}).fetchone()
            return row

        return next_to(backwards=True), next_to(backwards=False)

    def _order(self) -> str:
        """What rows are sorted by; what is not known comes last either way."""
        if self.sort == "key":
            return "key"
        last = "-9e999" if self.falling else "x''"  # numbers come before texts, and these before bytes
        return f"ifnull({self.sort}, {last})"

    def _where(self) -> str:
        return f"WHERE {' AND '.join(self._clauses)}" if self._clauses else ""

    def _chosen(self) -> Iterator[str]:
        """Clauses for what is one of some, or holds some words."""
        for name, value in self.asked.items():
            match name, value:
                case "part", "real" | "dreamed":
                    yield self._bound("source = :part", part=value)
                case "part", _:
                    yield self._bound("part = :part", part=value)
                case "policy" | "stop", _:
                    yield self._bound(f"{name} = :{name}", **{name: value})
                case "task", _:
                    yield self._bound("task LIKE :task ESCAPE '\\'", task=_like(value))
                case "q", _:
                    yield self._bound("(id LIKE :q ESCAPE '\\' OR said LIKE :q ESCAPE '\\')", q=_like(value))
                case "outcome", "won":
                    yield self.won
                case "outcome", "lost":
                    yield f"NOT {self.won}"
                case "outcome", "unknown":
                    yield "outcome IS NULL"
                case "outcome", _:
                    self._refuse(f"an outcome is won, lost or unknown, not {value!r}")

    def _between(self) -> Iterator[str]:
        """Clauses for what lies in a range."""
        for name, words in RANGES.items():
            for end, sign in (("from", ">="), ("to", "<=")):
                given = self.asked.get(f"{name}_{end}")
                if given is None:
                    continue
                try:
                    yield self._bound(f"{name} {sign} :{name}_{end}", **{f"{name}_{end}": float(given)})
                except ValueError:
                    self._refuse(f"{words} {end} {given!r}: that is no number")

    def _bound(self, clause: str, **values: object) -> str:
        self.values.update(values)
        return clause

    def _refuse(self, problem: str) -> None:
        self.problems.append(problem)


def _like(words: str) -> str:
    """A pattern of LIKE for texts that hold some words."""
    for sign in "\\%_":
        words = words.replace(sign, f"\\{sign}")
    return f"%{words}%"
