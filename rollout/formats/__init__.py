"""The formats of logs, one file each: `recognises` a file by its first record, `read` it, `write` it."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from rollout.formats import atif, chat, claude_code, codex, inspect_log, minari, own, verifiers
from rollout.log import Log
from rollout.trajectory import Trajectory


class Format(Protocol):
    """What each file of this folder offers; they are modules."""

    EXPECTED: str
    """What a file of this format looks like, for error messages."""
    LOSES: str
    """What of a session from elsewhere such a file cannot hold."""

    def recognises(self, log: Log, head: bytes, first: Any) -> bool:
        """Whether a file is of this format.

        Args:
            head: how the file begins.
            first: its first line as JSON value; None where that is not JSON.
        """

    def read(self, log: Log) -> Iterator[Trajectory]:
        """The sessions of a file, one at a time.

        Raises:
            SessionError: the file, from some line on, is not of this format.
        """

    def write(self, sessions: Iterable[Trajectory], path: Path) -> None:
        """Write sessions as files of this format.

        Args:
            path: a file where the format keeps many sessions in one, a folder otherwise.
        """


FORMATS: dict[str, Format] = {
    "own": own,
    "atif": atif,
    "claude_code": claude_code,
    "codex": codex,
    "verifiers": verifiers,
    "minari": minari,
    "inspect": inspect_log,
    "chat": chat,
}
