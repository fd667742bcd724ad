"""The project's own records: one `Trajectory` a line."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rollout.log import Log
from rollout.trajectory import VERSION, Trajectory

LOSES = "nothing"
EXPECTED = 'one session a line: {"id", "source", "observation", "turns": [{"action", "observation", "reward"}]}'


def recognises(log: Log, head: bytes, first: Any) -> bool:
    return isinstance(first, dict) and "turns" in first


def read(log: Log) -> Iterator[Trajectory]:
    """Sessions keep the pointer to the log that they were first read from."""
    for number, line in log.lines():
        try:
            session = Trajectory.model_validate_json(line, strict=True)
        except ValidationError as error:
            value = log.decode(number, line)
            if not isinstance(value, dict):
                raise log.refuse(number, "not a JSON object", f"Expected {EXPECTED}") from None
            if value.get("version", VERSION) != VERSION:
                raise log.refuse(
                    number, f"a record of version {value['version']!r}, not {VERSION}",
                    "Import the log it was made from again, or use the release that wrote it",
                ) from None
            if value.get("turns") == []:
                log.skip(number, "no turn")
                continue
            problem = error.errors()[0]
            field = ".".join(str(part) for part in problem["loc"])
            raise log.refuse(number, f"{field}: {problem['msg']}", f"Expected {EXPECTED}") from None
        yield session if session.pointer else session.model_copy(update={"pointer": log.pointer(number)})


def write(sessions: Iterable[Trajectory], path: Path) -> None:
    with open(path, "wb") as stream:
        for session in sessions:
            stream.write(session.model_dump_json(exclude_none=True).encode() + b"\n")
