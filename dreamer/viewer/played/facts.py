"""What lists say of a trajectory, taken from its line as it is: validating a hundred thousand would take minutes."""

from typing import Any

import orjson

from rollout.trajectory import VERSION

SAID = 120  # characters of the first text, to be searched
OPTIONAL: dict[str, type | tuple[type, ...]] = {
    "version": int, "task": str, "outcome": (int, float), "policy": str, "round": int, "stop": str, "approval": str}
INTEGERS = range(-2**63, 2**63)  # that SQLite holds


def facts_of(line: bytes) -> dict[str, Any]:
    """The facts of a line.

    Raises:
        ValueError: it is no trajectory; the message says why.
    """
    try:
        session = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error})") from None
    if not isinstance(session, dict) or not isinstance(session.get("id"), str):
        raise ValueError("no trajectory: it has no id")
    for name, kind in OPTIONAL.items():
        value = session.get(name)
        if value is not None and not isinstance(value, kind):
            raise ValueError(f"no trajectory: its {name} is a {type(value).__name__}")
        if isinstance(value, int) and value not in INTEGERS:
            raise ValueError(f"its {name} has more than 64 bits")
    if session.get("version", VERSION) != VERSION:
        raise ValueError(f"version {session['version']!r}; this version of dream reads {VERSION}")
    turns: Any = session.get("turns")
    try:
        imagined = len([turn for turn in turns if turn.get("imagined")]) / len(turns)
    except (TypeError, AttributeError, ZeroDivisionError):
        raise ValueError("no trajectory: it has no turns") from None
    dreamed = session.get("source") == "dreamed"
    return {
        "id": session["id"], "source": "dreamed" if dreamed else "real", "task": session.get("task"),
        "outcome": session.get("outcome"), "turns": len(turns), "imagined": imagined if dreamed else None,
        "policy": session.get("policy"), "round": session.get("round"), "stop": session.get("stop"),
        "approval": session.get("approval"), "said": _words(session.get("observation"))[:SAID],
    }


def _words(said: Any) -> str:
    """The first words of an observation, however it is written."""
    while True:  # it may lie deeper than calls may
        match said:
            case str():
                return said
            case {"content": said} | {"messages": said} | {"text": said} | [said, *_]:
                pass
            case _:
                return ""
