"""The tables of the index of trajectories: files by part, what each of their lines holds, and lines that hold none."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FORM = 1  # of the tables; another is made again
PATIENCE = 10.0  # seconds that one process waits for another's transaction
ORDER = ("shown", "selection", "held_out", "rehearsal", "round", "judging")  # parts, by how their names begin
# A trajectory's key is its file's plus its number, so that keys sort as parts and lines do.
PLACE, FILE = 2**52, 2**32
TABLES = f"""
PRAGMA journal_mode = WAL;
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS file (part TEXT PRIMARY KEY, key INTEGER UNIQUE, stamp TEXT, read INTEGER, lines INTEGER);
CREATE TABLE IF NOT EXISTS trajectory (key INTEGER PRIMARY KEY, part TEXT, number INTEGER, offset INTEGER,
    length INTEGER, id TEXT, source TEXT, task TEXT, outcome REAL, turns INTEGER, imagined REAL, policy TEXT,
    round INTEGER, stop TEXT, approval TEXT, said TEXT);
CREATE TABLE IF NOT EXISTS broken (key INTEGER PRIMARY KEY, part TEXT, number INTEGER, why TEXT);
CREATE TABLE IF NOT EXISTS value (field TEXT, value TEXT, file INTEGER, PRIMARY KEY (field, value, file)) WITHOUT ROWID;
PRAGMA user_version = {FORM};
COMMIT;
"""
INSERT = f"INSERT OR REPLACE INTO trajectory VALUES ({', '.join('?' * 16)})"


def connect(path: Path) -> sqlite3.Connection:
    """An index, with its tables.

    Raises:
        sqlite3.OperationalError: it cannot be written.
        sqlite3.DatabaseError: it is no index of this version.
    """
    connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    connection.row_factory = sqlite3.Row
    try:
        (form,) = connection.execute("PRAGMA user_version").fetchone()
        if form not in (0, FORM):
            raise sqlite3.DatabaseError("of another version")
        if not form:
            connection.executescript(TABLES)
        connection.execute("PRAGMA synchronous = OFF")  # what a power cut breaks is made again
        return connection
    except sqlite3.Error:
        connection.close()
        raise


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def forget(connection: sqlite3.Connection, part: str) -> None:
    """Leave out all that came of a file."""
    for key, in connection.execute("SELECT key FROM file WHERE part = ?", (part,)).fetchall():
        for table in ("trajectory", "broken"):
            connection.execute(f"DELETE FROM {table} WHERE key >= ? AND key < ?", (key, key + FILE))
        connection.execute("DELETE FROM value WHERE file = ?", (key,))
        connection.execute("DELETE FROM file WHERE key = ?", (key,))


def free_key(connection: sqlite3.Connection, part: str) -> int:
    """A key for a file: after those of other parts of its kind."""
    place = next((place for place, begin in enumerate(ORDER) if part.startswith(begin)), len(ORDER)) * PLACE
    (last,) = connection.execute(
        "SELECT max(key) FROM file WHERE key >= ? AND key < ?", (place, place + PLACE)).fetchone()
    return place if last is None else int(last) + FILE
