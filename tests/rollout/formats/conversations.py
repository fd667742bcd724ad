"""Made-up conversations in their plainest form: what every format must be able to write and read again.

A conversation has no `extra`; a system prompt and tools or none; users speak first; an agent's message holds at most
one thought, then at most one text, then parallel calls with ids of their own; each call is answered, in any order, and
users may add to that. It may end before the last answer. Nothing but text and JSON objects: no images, no failures.
"""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from rollout.formats.conversation import loaded
from rollout.trajectory import Call, Image, Message, Observation, Part, Reasoning, Text, Trajectory, Turn

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_-]{0,15}", fullmatch=True)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)
TOOLS = st.builds(
    lambda name, description: {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": {"type": "object", "properties": {}}},
    },
    NAMES, WORDS,
)
USERS = st.builds(Message, role=st.just("user"), content=WORDS)


@st.composite
def conversations(draw: Callable[..., Any]) -> Trajectory:
    """One conversation of one to four turns."""
    turns: list[Turn] = []
    calls = 0
    for last in [False] * draw(st.integers(0, 3)) + [True]:
        names = draw(st.lists(NAMES, max_size=3))
        parts: list[Part] = [Reasoning(text=draw(WORDS))] if draw(st.booleans()) else []
        parts += [Text(text=draw(WORDS))] if not names or draw(st.booleans()) else []
        ids = [f"call_{calls + number}" for number in range(len(names))]
        calls += len(names)
        parts += [
            Call(name=name, arguments=dumped(draw(st.dictionaries(WORDS, VALUES, max_size=3))), id=id)
            for name, id in zip(names, ids, strict=True)
        ]
        only = parts[0] if len(parts) == 1 else None
        action = Message(role="assistant", content=only.text if isinstance(only, Text) else tuple(parts))
        answers = [Message(role="tool", content=draw(WORDS), call=id) for id in draw(st.permutations(ids))]
        answers += draw(st.lists(USERS, min_size=0 if answers else 1, max_size=2))
        heard = None if last and draw(st.booleans()) else Observation(messages=tuple(answers))
        turns.append(Turn(action=action, observation=heard))
    tools = draw(st.none() | st.lists(TOOLS, min_size=1, max_size=3).map(tuple))
    return Trajectory(
        id=draw(NAMES), source="real", tools=tools, turns=tuple(turns),
        system=draw(st.none() | st.builds(Message, role=st.just("system"), content=WORDS)),
        observation=Observation(messages=tuple(draw(st.lists(USERS, min_size=1, max_size=2)))),
    )


def dumped(arguments: Any) -> str:
    return json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))


def said(session: Trajectory) -> list[Any]:
    """What a conversation says, turn by turn, however its messages are stored: comparable between formats."""
    opening = [*([session.system] if session.system else []), *session.observation.messages]
    rest = [
        [_said(turn.action), None if turn.observation is None else [_said(each) for each in turn.observation.messages]]
        for turn in session.turns
    ]
    return [[_said(message) for message in opening], *rest]


def _said(message: Message) -> list[Any]:
    return [message.role, message.call, [_part(part) for part in message.parts]]


def _part(part: Part) -> list[Any]:
    match part:
        case Text() | Reasoning():
            return [part.type, part.text]
        case Call():
            return [part.type, part.name, loaded(part.arguments), part.id]
        case Image():
            return [part.type, part.reference, part.media_type]
    return [part.type, part.value]
