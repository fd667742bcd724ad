"""Episodes on disk: one by one while they are played, and as two columns of files once all have been.

While a rehearsal goes on, every episode that ends is one line of `journal.jsonl`, words and ids together, handed to the
kernel at once: a killed process loses none of them, and goes on with those that are missing. In the end they are put in
order: words as JSON lines (`episodes.jsonl`), ids as Parquet (`tokens.parquet`), a row for each piece of an episode.
What an update did to the first of them comes later, likewise (`learnt.parquet`).

Left out: surviving a power cut; nothing is forced onto the disk before the end.
"""

import fcntl
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from rollout.episode import Episode, Learnt, Tokens
from rollout.errors import UserError
from rollout.trajectory import Trajectory
from rollout.world import Start

if TYPE_CHECKING:
    from rollout.rehearsal import Rehearsal

ROWS = 512  # of a group in Parquet, and in memory
IDS, FLOATS = pa.list_(pa.int32()), pa.list_(pa.float32())
COLUMNS = pa.schema([
    ("id", pa.string()), ("prompt", IDS), ("completion", IDS), ("mask", pa.list_(pa.int8())),
    ("logprobs", FLOATS),
])
LEARNT = pa.schema([("id", pa.string()), ("advantages", FLOATS), ("logprobs", FLOATS), ("entropies", FLOATS)])


class Journal:
    """The episodes of a rehearsal so far.

    Args:
        path: of the file, made where there is none. A last line that a kill cut off is cut off.

    Attributes:
        places: by the number of each episode, where in the file its line begins.

    Raises:
        UserError: somebody else is writing there, or it is no journal.
    """

    def __init__(self, path: Path):
        self.path = path
        self.places: dict[int, int] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self.stream = open(path, "a+b")  # noqa: SIM115
        try:
            fcntl.flock(self.stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.stream.close()
            raise UserError(
                f"{path} is being written by another process; let it end, or choose another folder") from None
        self.stream.seek(0)
        end = 0
        for line in self.stream:
            if not line.endswith(b"\n"):
                break
            try:
                self.places[_number(orjson.loads(line))] = end
            except (orjson.JSONDecodeError, KeyError, TypeError):
                self.stream.close()
                raise UserError(f"{path}, at byte {end:,}: this is no episode; remove the file to begin anew") from None
            end += len(line)
        self.stream.truncate(end)
        self.stream.seek(end)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()

    def __len__(self) -> int:
        return len(self.places)

    def add(self, episode: Episode) -> None:
        """Keep an episode that ended."""
        pieces = [[piece.prompt, piece.completion, piece.mask, piece.logprobs] for piece in episode.pieces]
        words = episode.trajectory.model_dump_json(exclude_none=True).encode()
        line = orjson.dumps({"number": episode.number, "trajectory": orjson.Fragment(words), "pieces": pieces}) + b"\n"
        place = self.stream.seek(0, os.SEEK_END)
        self.stream.write(line)
        self.stream.flush()
        self.places[episode.number] = place

    def play(self, rehearsal: "Rehearsal", starts: Sequence[Start], name: str) -> Iterator[Episode]:
        """Those episodes that are missing, as they end and are kept; see `Rehearsal.stream`."""
        missing = ((number, start) for number, start in enumerate(starts) if number not in self.places)
        for episode in rehearsal.stream(missing, name):
            self.add(episode)
            yield episode

    def __iter__(self) -> Iterator[Episode]:
        """All episodes, by number."""
        with open(self.path, "rb") as stream:
            for number in sorted(self.places):
                stream.seek(self.places[number])
                held = orjson.loads(stream.readline())
                trajectory = Trajectory.model_validate_json(orjson.dumps(held["trajectory"]))
                yield Episode(number, trajectory, tuple(Tokens(*piece) for piece in held["pieces"]))

    def remove(self) -> None:
        """The episodes are elsewhere now."""
        self.stream.close()
        self.path.unlink()


def _number(held: Any) -> int:
    """Of a line that holds an episode.

    Raises:
        KeyError, TypeError: it holds something else.
    """
    number, _, _ = held["number"], held["trajectory"], held["pieces"]
    if type(number) is not int:
        raise TypeError(f"number is {number!r}")
    return number


def write_episodes(folder: Path, episodes: Iterable[Episode]) -> None:
    """Write `episodes.jsonl` and `tokens.parquet`, whole or not at all, a few hundred episodes in memory at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    words, ids = folder / ".episodes.jsonl.writing", folder / ".tokens.parquet.writing"
    with open(words, "wb") as lines, pq.ParquetWriter(ids, COLUMNS) as columns:
        rest = iter(episodes)
        while some := list(islice(rest, ROWS)):
            lines.writelines(each.trajectory.model_dump_json(exclude_none=True).encode() + b"\n" for each in some)
            pieces = [(each.trajectory.id, piece) for each in some for piece in each.pieces]
            columns.write_table(pa.table({
                "id": [id for id, _ in pieces],
                **{name: [getattr(piece, name) for _, piece in pieces] for name in COLUMNS.names[1:]},
            }, schema=COLUMNS))
    (folder / "learnt.parquet").unlink(missing_ok=True)  # that was of other episodes
    os.replace(words, folder / "episodes.jsonl")
    os.replace(ids, folder / "tokens.parquet")


def read_tokens(folder: Path, most: int) -> list[Tokens]:
    """The first pieces that `write_episodes` wrote, and no more than so many."""
    names = COLUMNS.names[1:]
    with pq.ParquetFile(folder / "tokens.parquet") as columns:
        rows = chain.from_iterable(batch.to_pylist() for batch in columns.iter_batches(ROWS, columns=names))
        return [Tokens(**row) for row in islice(rows, most)]


def read_pieces(folder: Path, id: str) -> list[Tokens]:
    """The pieces of one episode; none where it is not among those that were written."""
    path = folder / "tokens.parquet"
    found = pq.read_table(path, columns=COLUMNS.names[1:], filters=[("id", "=", id)]) if path.exists() else None
    return [Tokens(**row) for row in found.to_pylist()] if found else []


def write_learnt(folder: Path, rows: Sequence[tuple[str, Learnt]]) -> None:
    """Write `learnt.parquet` beside the episodes, whole or not at all.

    Args:
        rows: one for each piece, with the id of its episode; those of an episode in the order of its pieces.
    """
    beside = folder / ".learnt.parquet.writing"
    columns = {name: [getattr(each, name) for _, each in rows] for name in LEARNT.names[1:]}
    pq.write_table(pa.table({"id": [id for id, _ in rows], **columns}, schema=LEARNT), beside)
    os.replace(beside, folder / "learnt.parquet")


def read_learnt(folder: Path) -> dict[str, list[Learnt]]:
    """What `write_learnt` wrote: each piece of an episode, by the id of the episode; empty where nothing was."""
    path = folder / "learnt.parquet"
    found = defaultdict[str, list[Learnt]](list)
    for row in pq.read_table(path).to_pylist() if path.exists() else ():
        found[row.pop("id")].append(Learnt(**row))
    return dict(found)
