"""Files that are written whole or not at all, and that are explained where they cannot be read."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from rollout.errors import UserError
from rollout.trajectory import Trajectory

R = TypeVar("R", bound=BaseModel)


class StoreError(UserError):
    """The run folder cannot be used; the message says why and what to do."""


def read_record(path: Path, kind: type[R]) -> R:
    """A record.

    Raises:
        StoreError: another version wrote it, or it is damaged.
    """
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        wrong = error.errors()[0]
        where = ".".join(map(str, wrong["loc"])) or "the file"
        raise StoreError(f"{path} is no record of this version ({where}: {wrong['msg']}): another "
                         "version of dream wrote it, or it is damaged; open it with that one, or dream again"
                         ) from None


def read_trajectories(path: Path) -> list[Trajectory]:
    """All lines of a file, each a trajectory.

    Raises:
        StoreError: one is none of this version.
    """
    try:
        with open(path, "rb") as stream:
            return [Trajectory.model_validate_json(line) for line in stream]
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        raise StoreError(f"{path} holds something else than trajectories of this version ({error.errors()[0]['msg']})"
                         ) from None


def as_json(record: BaseModel) -> bytes:
    """A record, for people to read, too."""
    return record.model_dump_json(indent=2).encode() + b"\n"


def as_lines(records: Sequence[BaseModel]) -> bytes:
    """Records, a line each."""
    return b"".join(record.model_dump_json(exclude_none=True).encode() + b"\n" for record in records)


def write(path: Path, data: bytes) -> None:
    """All or nothing, even where the power is cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.writing")
    beside.write_bytes(data)
    force(beside)
    os.replace(beside, path)
    force(path.parent)


def force(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def weights_digest(folder: Path) -> str:
    """The name of a checkpoint: equal weights, equal name. In files of an older format where it has no others."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin")):
        with open(file, "rb") as stream:
            while part := stream.read(1 << 24):
                digest.update(part)
    return digest.hexdigest()[:16]
