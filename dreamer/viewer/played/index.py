"""An index of all trajectories of a night, so that lists are made without reading hundreds of megabytes again.

It is an SQLite file in the night's folder (in a temporary folder where that cannot be written), filled by a thread
while pages show what is there already. Each batch of lines is one transaction that goes on where the one before ended;
so several viewers may fill the same index, and one that is killed loses nothing. A file that is not what it was is read
anew. An index that is damaged, or of another version, is made again.
"""

import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import IO

from dreamer.store import Store
from dreamer.viewer.played.facts import facts_of
from dreamer.viewer.played.tables import FILE, INSERT, connect, forget, free_key, transaction
from rollout.errors import UserError
from rollout.log import LONGEST_LINE

BATCH = 2**20  # bytes of lines a transaction
WAIT = 0.15  # seconds that a page waits for the index before it shows what there is
CHOSEN = ("task", "policy", "stop")  # fields whose values are listed, to choose from
Files = dict[str, tuple[Path, str, int]]  # by part: where it is, what it is now, bytes


@dataclass(frozen=True)
class Progress:
    """How far an index is.

    Attributes:
        read, size: bytes of the files.
        problem: why it gets no further; None where nothing is wrong.
    """

    done: bool
    read: int
    size: int
    problem: str | None = None


class Index:
    """The trajectories of one night.

    Args:
        store: the night.
    """

    def __init__(self, store: Store):
        self.store = store
        self._path = store.index
        self._elsewhere: tempfile.TemporaryDirectory[str] | None = None
        self._lock = threading.RLock()
        self._filling: threading.Thread | None = None
        self._problem: str | None = None
        self._readers = 0

    def update(self, wait: float | None = WAIT) -> Progress:
        """Look at the files again, and begin to read those that are new or have changed.

        Args:
            wait: seconds to wait for that; None waits until all is read.
        """
        with self._lock:
            progress = self._progress()
            if progress.done:
                return progress
            if self._filling is None or not self._filling.is_alive():
                self._filling = threading.Thread(target=self._fill, daemon=True)
                self._filling.start()
            filling = self._filling
        filling.join(wait)
        return self._progress()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The index, to be asked; whoever fills it pauses meanwhile.

        Raises:
            UserError: it is damaged.
        """
        self._readers += 1
        try:
            with closing(self._open()) as connection:
                yield connection
        except sqlite3.DatabaseError as error:
            raise UserError(f"{self._path}: {error}; remove the file, and it is made again") from None
        finally:
            self._readers -= 1

    def line(self, part: str, number: int) -> bytes | None:
        """A line of a part, as it stands in its file; None where it has none of that number, from 0."""
        path = self.store.parts().get(part)
        if path is None or number >= FILE:
            return None
        with self.reading() as connection:
            found = connection.execute(
                "SELECT offset, length, stamp FROM file JOIN trajectory ON trajectory.key = file.key + ? "
                "WHERE file.part = ?", (number, part)).fetchone()
        with open(path, "rb") as stream:
            if found and found[2] == _stamp(os.fstat(stream.fileno())):
                stream.seek(found[0])
                return stream.read(found[1])
            return next(islice(stream, number, None), None)

    def _files(self) -> Files:
        stats = {part: (path, path.stat()) for part, path in self.store.parts().items()}
        return {part: (path, _stamp(stat), stat.st_size) for part, (path, stat) in stats.items()}

    def _progress(self) -> Progress:
        files = self._files()
        with self.reading() as connection:
            known = {part: (stamp, read) for part, stamp, read in
                     connection.execute("SELECT part, stamp, read FROM file")}
        read = {part: known[part][1] for part, (_, stamp, _) in files.items() if known.get(part, ("",))[0] == stamp}
        done = known.keys() == read.keys() == files.keys() and all(read[part] == files[part][2] for part in files)
        return Progress(done, sum(read.values()), sum(size for _, _, size in files.values()),
                        None if done else self._problem)

    def _open(self) -> sqlite3.Connection:
        """The index; a new one where there is none that can be used."""
        try:
            return connect(self._path)
        except sqlite3.OperationalError:  # it cannot be written there
            self._move()
        except sqlite3.DatabaseError:  # it is damaged, or of another version
            for path in self._path.parent.glob(f"{self._path.name}*"):
                path.unlink(missing_ok=True)
        return connect(self._path)

    def _move(self) -> None:
        """From now on the index is in a temporary folder."""
        with self._lock:
            if self._elsewhere is None:
                self._elsewhere = tempfile.TemporaryDirectory(prefix="dream-index-")
                self._path = Path(self._elsewhere.name) / self._path.name

    def _fill(self) -> None:
        try:
            try:
                self._take_in_all()
            except sqlite3.OperationalError:  # it can be read, but not written
                self._move()
                self._take_in_all()
            self._problem = None
        except Exception as error:  # a thread that died in silence would be begun again for ever
            self._problem = str(error) or type(error).__name__

    def _take_in_all(self) -> None:
        """Read what is new in all files."""
        with closing(self._open()) as connection:
            files = self._files()
            gone = {part for part, in connection.execute("SELECT part FROM file")} - files.keys()
            with transaction(connection):
                for part in gone:
                    forget(connection, part)
            for part in files:
                with open(files[part][0], "rb") as stream:
                    while self._take_in(connection, part, stream):
                        time.sleep(0)
                        while self._readers:  # they would wait for this thread at every row
                            time.sleep(0.001)

    def _take_in(self, connection: sqlite3.Connection, part: str, stream: IO[bytes]) -> bool:
        """Read the next batch of a file; False at its end."""
        stamp = _stamp(os.fstat(stream.fileno()))
        with transaction(connection):
            known = connection.execute("SELECT stamp, key, read, lines FROM file WHERE part = ?", (part,)).fetchone()
            if known is None or known[0] != stamp:
                forget(connection, part)
                known = (stamp, known[1] if known else free_key(connection, part), 0, 0)
            _, key, read, lines = known
            stream.seek(read)
            rows, broken, values = [], [], set[tuple[str, str, int]]()
            while stream.tell() < read + BATCH and (line := stream.readline(LONGEST_LINE + 1)):
                offset, length = stream.tell() - len(line), len(line)
                try:
                    if length > LONGEST_LINE:
                        while line and not line.endswith(b"\n"):
                            line = stream.readline(LONGEST_LINE)
                        raise ValueError(f"longer than {LONGEST_LINE // 2**20} MiB")
                    facts = facts_of(line)
                    values.update((name, facts[name], key) for name in CHOSEN if facts[name] is not None)
                    rows.append((key + lines, part, lines, offset, length, *facts.values()))
                except ValueError as error:
                    broken.append((key + lines, part, lines, str(error)))
                lines += 1
            connection.executemany(INSERT, rows)
            connection.executemany("INSERT OR REPLACE INTO broken VALUES (?, ?, ?, ?)", broken)
            connection.executemany("INSERT OR IGNORE INTO value VALUES (?, ?, ?)", values)
            connection.execute("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?)",
                               (part, key, stamp, stream.tell(), lines))
            return bool(stream.tell() > read)


def index(store: Store) -> Index:
    """The index of a night; one for all pages."""
    return _index(store.root.resolve(), store.night)


@lru_cache(maxsize=64)
def _index(root: Path, night: int) -> Index:
    return Index(Store(root, night))


def _stamp(stat: os.stat_result) -> str:
    """What is another where a file was written again."""
    return f"{stat.st_ino} {stat.st_size} {stat.st_mtime_ns}"
