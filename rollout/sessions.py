"""Logged sessions, read into trajectories from whatever format they are in.

Files are streamed: memory holds one session. Nothing is half-read: what cannot be understood stops the reading, with
file, line and what was expected instead. What a format holds besides conversations is left out and counted.
"""

import glob
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson

from rollout.formats import FORMATS
from rollout.log import Log, SessionError, Skipped
from rollout.trajectory import Call, Message, Trajectory, Turn

RECENT = 20_000  # ids kept as they are, before they are packed
# How an answer begins that says the call failed, where the log has no flag for it.
FAILURES = ("error", "invalid", "fail", "denied", "refused", "not allowed", "exception", "traceback")
# What an answer that may say so holds anywhere.
DOUBTS = re.compile(
    r"error|exception|traceback|invalid|fail|denied|refused|forbidden|unauthori|unable|unknown|cannot|can't|"
    r"could ?n[o']t|does ?n[o']t|not (found|allowed|permitted|possible|available|enough|exist|valid|supported)|no such|"
    r'already|missing|must |"(success|ok)": ?false|❌|✗',
    re.IGNORECASE,
)


@dataclass
class Use:
    """How often a tool was called, and how often it said that it failed."""

    calls: int = 0
    failed: int = 0


@dataclass
class Summary:
    """What was read.

    Attributes:
        files, sessions, turns, calls: how many.
        tools: what was called.
        outcomes: how many sessions went how well; "unknown" where the log does not say.
        formats: how many files of each.
        images: inline images, kept by their digests.
        open_ends: sessions whose log does not say whether the world ended.
        skipped: what was left out, by reason.
    """

    files: int = 0
    sessions: int = 0
    turns: int = 0
    calls: int = 0
    images: int = 0
    open_ends: int = 0
    tools: dict[str, Use] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    formats: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, Skipped] = field(default_factory=dict)

    def add(self, session: Trajectory) -> None:
        self.sessions += 1
        self.turns += len(session.turns)
        outcome = with_outcome(session).outcome
        said = "unknown" if outcome is None else f"{outcome:g}"
        self.outcomes[said] = self.outcomes.get(said, 0) + 1
        for turn in session.turns:
            for call, message in answers(turn):
                use = self.tools.setdefault(call.name, Use())
                use.calls += 1
                use.failed += message is not None and says_failure(message)
                self.calls += 1
        last = session.turns[-1]
        self.open_ends += last.terminated is None and not last.truncated

    def left_out(self) -> list[str]:
        """What a person should know was not read as it stood."""
        lines = [f"left out: {each.count:,} × {reason} (first: {each.first})" for reason, each in self.skipped.items()]
        if self.images:
            lines.append(f"{self.images:,} inline images are kept by their digests only")
        return lines

    def close(self, log: Log, format: str) -> None:
        self.files += 1
        self.images += log.images
        self.formats[format] = self.formats.get(format, 0) + 1
        for reason, skipped in log.skipped.items():
            known = self.skipped.setdefault(reason, Skipped(0, skipped.first))
            known.count += skipped.count


class Ids:
    """Which ids were seen, at 8 bytes each, so that memory hardly grows with the log."""

    def __init__(self) -> None:
        self.sorted = np.empty(0, np.uint64)
        self.recent: set[int] = set()

    def add(self, id: str) -> bool:
        """Note an id; returns whether it was there already."""
        digest = int.from_bytes(hashlib.blake2b(id.encode(), digest_size=8).digest())
        place = self.sorted.searchsorted(np.uint64(digest))
        if digest in self.recent or (place < len(self.sorted) and int(self.sorted[place]) == digest):
            return True
        self.recent.add(digest)
        if len(self.recent) == RECENT:
            self.sorted = np.union1d(self.sorted, np.fromiter(self.recent, np.uint64))
            self.recent.clear()
        return False


def read(
    patterns: Sequence[str], folder: Path = Path(), format: str | None = None, summary: Summary | None = None
) -> Iterator[Trajectory]:
    """All sessions of some files, in order.

    Args:
        patterns: paths or globs, relative to `folder`; `**` goes through folders.
        format: one of `FORMATS`; recognised by each file's content where not given.
        summary: is told what was read.

    Raises:
        SessionError: a file is missing or holds no session, a line cannot be understood, or two sessions have one id.
    """
    summary = Summary() if summary is None else summary
    known = Ids()
    for path in find(patterns, folder):
        log = Log(path, os.path.relpath(path, folder))
        name = format or recognise(log)
        before = summary.sessions
        for session in FORMATS[name].read(log):
            if known.add(session.id):
                first = next(each for each in read(patterns, folder, format) if each.id == session.id)
                raise log.refuse(
                    session.pointer.line if session.pointer else None,
                    f"a second session with the id {session.id!r} (the first: {first.pointer})", "Ids must be unique",
                )
            summary.add(session)
            yield session
        summary.close(log, name)
        if summary.sessions == before:
            left_out = "; ".join(f"{reason}: {each.count}, first in line {each.first.line}"
                                 for reason, each in log.skipped.items())
            raise log.refuse(
                None, f"holds no session{f' ({left_out})' if left_out else ''}", f"Expected {FORMATS[name].EXPECTED}"
            )


def answers(turn: Turn) -> Iterator[tuple[Call, Message | None]]:
    """The calls of a turn with their results: by id, or else in order; None where there is none."""
    messages = [each for each in (turn.observation.messages if turn.observation else ()) if each.role != "user"]
    by_id = {message.call: message for message in messages if message.call is not None}
    rest = [message for message in messages if message.call is None]
    for call in turn.action.calls:
        if call.id in by_id:
            yield call, by_id[call.id]
        else:
            yield call, rest.pop(0) if rest else None


def says_failure(message: Message) -> bool:
    """Whether an answer says that a call failed: by its log's own flag, or else by its first words."""
    if message.failed is not None:
        return message.failed
    return message.text[:40].lstrip(" \"'{[<*#-").lower().startswith(FAILURES)


def may_be_failure(message: Message) -> bool:
    """Whether an answer can be read as a failure; what this denies was none."""
    return says_failure(message) or DOUBTS.search(message.text) is not None


def with_outcome(session: Trajectory) -> Trajectory:
    """The session with the sum of its rewards for an outcome, where its log gives no other."""
    rewards = [turn.reward for turn in session.turns if turn.reward is not None]
    if session.outcome is None and rewards:
        return session.model_copy(update={"outcome": sum(rewards)})
    return session


def find(patterns: Sequence[str], folder: Path = Path()) -> list[Path]:
    """The files of some paths or globs, each once, in order.

    Raises:
        SessionError: a pattern finds nothing.
    """
    found: dict[Path, Path] = {}
    for pattern in patterns:
        pattern = os.path.expanduser(pattern)
        literal = os.path.exists(folder / pattern)
        files = [pattern] if literal else sorted(glob.glob(pattern, root_dir=folder, recursive=True))
        if not files:
            raise SessionError(str(folder / pattern), None, "no such file", "Check the path")
        for file in files:
            path = folder / file
            if not (path.is_file() or path.is_dir()):
                raise SessionError(str(path), None, "not a regular file", "Save what it says to a file first")
            found.setdefault(path.resolve(), path)  # by whatever name, once
    return list(found.values())


def recognise(log: Log) -> str:
    """The format of a file, by its content.

    Raises:
        SessionError: it is none that is known.
    """
    head = log.head()
    first = head.lstrip().partition(b"\n")[0]
    try:
        record = orjson.loads(first)
    except orjson.JSONDecodeError:
        record = None
    for name, format in FORMATS.items():
        if format.recognises(log, head, record):
            return name
    if log.path.is_dir():
        raise log.refuse(None, "cannot be read: a folder of no known format", "Name its files, by a glob if you like")
    if head.lstrip().startswith(b"["):
        raise log.refuse(
            1, "one JSON array of sessions", f"Write one session a line: `jq -c '.[]' {log.name} > {log.name}l`"
        )
    expected = "\n".join(f"  {name}: {format.EXPECTED}" for name, format in FORMATS.items())
    for number, line in log.lines():
        log.decode(number, line)  # says what is wrong with it, if it was meant to be JSON lines
        raise log.refuse(number, "of no known format", f"Expected one of\n{expected}\nor say which with --as")
    raise log.refuse(None, "empty", f"Expected one of\n{expected}")
