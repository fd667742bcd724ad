"""What formats that keep one session a file have in common: names, cut-off ends, guests from other formats."""

import hashlib
import json
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rollout.formats.conversation import AGENT
from rollout.log import Log, SessionError
from rollout.trajectory import Call, Image, Message, Other, Part, Text, Trajectory, messages_of

RESULT = ("tool", "function")


def appended(log: Log) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records of a log that a program appends to; a last line that it was still writing is left out.

    Raises:
        SessionError: a line is no JSON object.
    """
    for number, line in log.lines():
        try:
            value = log.decode(number, line)
        except SessionError:
            if line.endswith(b"\n"):
                raise
            log.skip(number, "the last line is cut off")
            return
        if not isinstance(value, dict):
            raise log.refuse(number, f"not an object but {value!r}"[:200], "Expected one JSON object a line")
        yield number, value


def file_for(folder: Path, id: str, suffix: str) -> Path:
    """Where a session is written: by its id, with a digest where that is no safe file name."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", id).lstrip(".")[:120]
    if name != id:
        name += f"-{hashlib.sha256(id.encode()).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}{suffix}"


def messages_for(session: Trajectory, format: str) -> list[Message]:
    """A session's messages for a writer.

    Of another format's, what it added is left out, parts that only it knows are in words, and every call has an id.
    """
    messages = list(messages_of(session))
    return messages if session.format == format else list(_identified(map(_bare, messages)))


def words(part: Part) -> str:
    """A part in words, or an image's address."""
    match part:
        case Other():
            return json.dumps(part.value, ensure_ascii=False)
        case Image():
            return part.reference
    return part.text


def _bare(message: Message) -> Message:
    content = message.content
    if not isinstance(content, str):
        content = tuple(
            Text(text=words(part)) if isinstance(part, Other) else part.model_copy(update={"extra": None})
            for part in content
        )
    return message.model_copy(update={"extra": None, "content": content})


def _identified(messages: Iterator[Message]) -> Iterator[Message]:
    """Calls without an id get one; a result without one answers the next call that is open."""
    open_calls: deque[str] = deque()
    made_up = 0
    for message in messages:
        if message.role == AGENT and message.calls:
            open_calls.clear()
            parts: list[Part] = []
            for part in message.parts:
                if isinstance(part, Call):
                    if part.id is None:
                        made_up += 1
                        part = part.model_copy(update={"id": f"call_made_up_{made_up}"})
                    open_calls.append(str(part.id))
                parts.append(part)
            message = message.model_copy(update={"content": tuple(parts)})
        elif message.call in open_calls:
            open_calls.remove(str(message.call))
        elif message.role in RESULT and message.call is None and open_calls:
            message = message.model_copy(update={"call": open_calls.popleft()})
        yield message
