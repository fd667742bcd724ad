"""Between a flat list of messages, which is what most logs hold, and turns."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from rollout.log import Log
from rollout.trajectory import Image, Message, Observation, Trajectory, Turn

AGENT = "assistant"


def conversation(
    log: Log, line: int, messages: Sequence[Message], outcome: float | None = None,
    lines: Sequence[int] | None = None, **about: Any,
) -> Trajectory | None:
    """One session from its messages, in order; None, and noted, where the agent never spoke.

    Args:
        line: where the session begins.
        outcome: of the whole session; the last turn's reward.
        lines: where each message begins, if the session spans several lines.
        about: further fields of the trajectory.
    """
    spoken = [place for place, message in enumerate(messages) if message.role == AGENT]
    if not spoken:
        log.skip(line, "the agent never speaks")
        return None
    system = messages[0] if messages[0].role in ("system", "developer") else None
    turns = []
    for number, place in enumerate(spoken):
        until = spoken[number + 1] if number + 1 < len(spoken) else len(messages)
        heard = tuple(messages[place + 1 : until])
        last = number + 1 == len(spoken)
        turns.append(Turn(
            action=messages[place], observation=None if last and not heard else Observation(messages=heard),
            reward=outcome if last else None, line=lines[place] if lines else None,
        ))
    return Trajectory(
        source="real", system=system, observation=Observation(messages=tuple(messages[bool(system) : spoken[0]])),
        turns=tuple(turns), outcome=outcome, pointer=log.pointer(line), **about,
    )


def image(log: Log, address: str, media_type: str | None = None, extra: dict[str, Any] | None = None) -> Image:
    """An image by reference: its address, or the digest of what stands inline, as a data URL or base64."""
    elsewhere = address.startswith(("http://", "https://", "file:", "sha256:"))
    if elsewhere or (len(address) < 512 and "base64," not in address):
        return Image(reference=address, media_type=media_type, extra=extra)
    log.images += 1
    head, _, data = address.rpartition("base64,")
    if head.startswith("data:"):
        media_type = media_type or head.removeprefix("data:").rstrip(";") or None
    return Image(reference=f"sha256:{hashlib.sha256(data.encode()).hexdigest()}", media_type=media_type, extra=extra)


def dumped(arguments: Any) -> str:
    """Arguments that a log holds as a JSON value, as the text that a `Call` holds; keys in the log's order."""
    return json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))


def loaded(arguments: str) -> Any:
    """The reverse of `dumped`; what is no JSON stays the text it is."""
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments
