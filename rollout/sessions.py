"""Logged sessions, read into trajectories: the project's own records, or OpenAI chat messages.

Nothing is half-read: the first line that cannot be understood stops the reading, with file, line and what was
expected instead.
"""

import glob
import os
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from rollout.trajectory import Pointer, Trajectory, Turn

FORMATS = (
    'one session a line: {"id", "source", "observation", "turns": [{"action", "observation", "reward"}]} '
    'or {"messages": [{"role", "content"}], "reward"}'
)


class SessionError(ValueError):
    """A log cannot be read; the message names file, line and what was expected."""

    def __init__(self, file: str, line: int | None, problem: str, remedy: str):
        place = file if line is None else f"{file}, line {line}"
        super().__init__(f"{place}: {problem}. {remedy}")


def read(patterns: Sequence[str], folder: Path) -> list[Trajectory]:
    """All sessions of some files, in order.

    Args:
        patterns: paths or globs, relative to `folder`.

    Raises:
        SessionError: a file is missing or empty, or a line is not a session.
    """
    sessions: list[Trajectory] = []
    places: dict[str, Pointer] = {}
    for pattern in patterns:
        files = sorted(str(folder / found) for found in glob.glob(pattern, root_dir=folder))
        if not files:
            raise SessionError(str(folder / pattern), None, "no such file", "Check `sessions.files`")
        for file in files:
            for session in _read_file(file, os.path.relpath(file, folder)):
                if session.id in places:
                    raise SessionError(
                        file, session.pointer.line if session.pointer else None,
                        f"a second session with the id {session.id!r} (the first: {places[session.id].file}, "
                        f"line {places[session.id].line})", "Ids must be unique",
                    )
                if session.pointer:
                    places[session.id] = session.pointer
                sessions.append(session)
    return sessions


def _read_file(file: str, name: str) -> Iterator[Trajectory]:
    empty = True
    try:
        with open(file, "rb") as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    empty = False
                    yield _read_line(file, name, number, line)
    except OSError as error:
        raise SessionError(file, None, f"cannot be read ({error.strerror})", "Check the path and its rights") from None
    if empty:
        raise SessionError(file, None, "holds no session", f"Expected {FORMATS}")


def _read_line(file: str, name: str, number: int, line: bytes) -> Trajectory:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            raise SessionError(file, number, "not UTF-8", "Convert the file to UTF-8") from None
        raise SessionError(
            file, number, f"not JSON ({error.msg} at character {error.pos + 1} of {len(text)})",
            "Is the line cut off? Remove it, or record the session again",
        ) from None
    if not isinstance(value, dict):
        raise SessionError(file, number, "not a JSON object", f"Expected {FORMATS}")
    pointer = Pointer(file=file, line=number)
    if "messages" in value:
        return _from_chat(file, name, number, value, pointer)
    if not value.get("turns"):
        raise SessionError(file, number, "a session with no turns", f"Expected {FORMATS}")
    try:
        return Trajectory.model_validate_json(line, strict=True).model_copy(update={"pointer": pointer})
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise SessionError(file, number, f"{field}: {problem['msg']}", f"Expected {FORMATS}") from None


def _from_chat(file: str, name: str, number: int, value: dict[str, Any], pointer: Pointer) -> Trajectory:
    """A text game as a chat: the world speaks as user, the agent as assistant."""

    def refuse(problem: str, remedy: str) -> SessionError:
        return SessionError(file, number, problem, remedy)

    messages = value["messages"]
    if not isinstance(messages, list):
        raise refuse("`messages` is not a list", f"Expected {FORMATS}")
    system, spoken = None, list[tuple[str, str]]()
    for place, message in enumerate(messages):
        role, content = (message.get("role"), message.get("content")) if isinstance(message, dict) else (None, None)
        if isinstance(message, dict) and (message.get("tool_calls") or role in ("tool", "function")):
            raise refuse(f"messages[{place}] is a tool call", "Sessions with tools cannot be read yet")
        if role not in ("system", "developer", "user", "assistant") or not isinstance(content, str):
            raise refuse(
                f"messages[{place}] has role {role!r} and content of type {type(content).__name__}",
                "Expected role system, user or assistant, and text",
            )
        if role in ("system", "developer"):
            if spoken or system is not None:
                raise refuse(f"messages[{place}] is a second or late system prompt", "Expected one, at the start")
            system = content
        elif spoken and spoken[-1][0] == role:
            raise refuse(f"messages[{place}] follows another of role {role!r}", "Expected user and assistant in turn")
        else:
            spoken.append((role, content))
    if not spoken or spoken[0][0] != "user":
        raise refuse("the session does not begin with a user message", "The world's first words have role user")
    if len(spoken) < 2:
        raise refuse("a session with no turns", "Expected at least one assistant message")
    reward = value.get("reward")
    if reward is not None and (isinstance(reward, bool) or not isinstance(reward, int | float)):
        raise refuse(f"`reward` is {reward!r}", "Expected a number or null")
    said, heard = [words for _, words in spoken[1::2]], [words for _, words in spoken[2::2]]
    turns = tuple(
        Turn(action=action, observation=answer, reward=reward if place == len(said) - 1 else None)
        for place, (action, answer) in enumerate(zip_longest(said, heard))
    )
    task = value.get("task", value.get("task_id"))
    own = value.get("id")
    return Trajectory(
        id=f"{name}:{number}" if own is None else str(own), source="real", task=None if task is None else str(task),
        system=system, observation=spoken[0][1], turns=turns, outcome=reward, pointer=pointer,
    )
