"""One log file: opened whatever it is packed in, read line by line, and explained when it is broken.

A reader of a format asks a `Log` for its lines or its records, says what it leaves out (`skip`), and refuses what it
cannot understand (`refuse`), so that every complaint names file, line and remedy. Memory holds one line at a time.
"""

import codecs
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import orjson

from rollout.errors import UserError
from rollout.trajectory import Pointer

LONGEST_LINE = 64 * 2**20  # bytes
HEAD = 4096  # bytes
DEEPEST = 100  # levels; pydantic writes 255, and records of ours stand on some of them
GZIP = b"\x1f\x8b"
# orjson reads integers beyond 64 bits as floats; json does not, but takes three times as long.
LONG_INTEGER = b"0" * 19
DIGITS = bytes.maketrans(b"123456789", b"0" * 9)


class SessionError(UserError):
    """A log cannot be read; the message names file, line and what was expected."""

    def __init__(self, file: str, line: int | None, problem: str, remedy: str):
        place = file if line is None else f"{file}, line {line}"
        super().__init__(f"{place}: {problem}. {remedy}")


@dataclass
class Skipped:
    """Something left out: how often, and where first."""

    count: int
    first: Pointer


@dataclass
class Log:
    """A log file while it is read.

    Attributes:
        path: where it is.
        name: what the user called it; ids and pointers use it.
        skipped: what was left out, by reason.
        images: how many inline images were replaced by their digests.
    """

    path: Path
    name: str
    skipped: dict[str, Skipped] = field(default_factory=dict)
    images: int = 0

    def refuse(self, line: int | None, problem: str, remedy: str) -> SessionError:
        """An error to raise."""
        return SessionError(str(self.path), line, problem, remedy)

    def skip(self, line: int, reason: str) -> None:
        """Note that what begins at a line is left out."""
        known = self.skipped.setdefault(reason, Skipped(0, self.pointer(line)))
        known.count += 1

    def pointer(self, line: int) -> Pointer:
        return Pointer(file=self.name, line=line)

    def open(self) -> IO[bytes]:
        """The file's bytes, unpacked where it is gzipped.

        Raises:
            SessionError: it cannot be opened.
        """
        try:
            stream = open(self.path, "rb")  # noqa: SIM115
            packed = stream.peek(2)[:2] == GZIP
        except OSError as error:
            raise self.refuse(None, f"cannot be read ({error.strerror})", "Check the path and its rights") from None
        return io.BufferedReader(gzip.GzipFile(fileobj=stream), 2**20) if packed else stream

    def head(self) -> bytes:
        """The first line, or as much of the file as tells its format; nothing of a folder."""
        if self.path.is_dir():
            return b""
        with self.open() as stream:
            try:
                return (stream.readline(LONGEST_LINE) + stream.read(HEAD)).removeprefix(codecs.BOM_UTF8)
            except (EOFError, zlib.error, OSError):
                return b""  # whoever reads on will say what is wrong

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """The lines that are not blank, with their 1-based numbers.

        Raises:
            SessionError: the file cannot be read to its end, or a line is longer than `LONGEST_LINE`.
        """
        number = 0
        with self.open() as stream:
            try:
                while line := stream.readline(LONGEST_LINE + 1):
                    number += 1
                    if number == 1:
                        line = line.removeprefix(codecs.BOM_UTF8)
                    if len(line) > LONGEST_LINE:
                        raise self.refuse(
                            number, f"longer than {LONGEST_LINE // 2**20} MiB",
                            "Is it one session a line? Keep images and files outside the log",
                        )
                    if not line.isspace():
                        yield number, line
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise self.refuse(
                    number + 1, f"the gzip stream is broken here ({error})",
                    "The file was cut off or damaged; copy it again, or unpack what can be saved with `gzip -dc`",
                ) from None
            except OSError as error:
                raise self.refuse(number + 1, f"cannot be read ({error.strerror})", "Check the disk") from None

    def records(self) -> Iterator[tuple[int, Any]]:
        """The lines as JSON values."""
        for number, line in self.lines():
            yield number, self.decode(number, line)

    def decode(self, line: int, text: bytes) -> Any:
        """A JSON text that begins at a line.

        Raises:
            SessionError: it is not JSON, or nested deeper than a record can be.
        """
        try:
            value = orjson.loads(text)
            if text.count(b"{") + text.count(b"[") > DEEPEST and deep(value):
                raise self.refuse(line, "nested too deeply", f"Expected no more than {DEEPEST} levels")
            return json.loads(text) if LONG_INTEGER in text.translate(DIGITS) else value
        except orjson.JSONDecodeError as error:
            try:
                characters = len(text.decode())
            except UnicodeDecodeError as wrong:
                raise self.refuse(line, f"not UTF-8 at byte {wrong.start + 1}", "Convert the file to UTF-8") from None
            if "surrogate" in error.msg:
                raise self.refuse(
                    line, f"half of a character: a lone surrogate escape at character {error.pos + 1}",
                    r"Write whole characters, or replace the \ud800-\udfff escape",
                ) from None
            raise self.refuse(
                line + error.lineno - 1, f"not JSON ({error.msg} at character {error.pos + 1} of {characters})",
                "Is the line cut off? Remove it, or record the session again",
            ) from None


def deep(value: Any) -> bool:
    """Whether a JSON value is nested deeper than `DEEPEST`."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            each for outer in level for each in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(each, dict | list)
        ]
        if not level:
            return False
    return True


def dump(value: Any) -> bytes:
    """A JSON value in one line, with its line end."""
    try:
        return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # an integer beyond 64 bits
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
