"""A trajectory as what was said, turn by turn; cut where a browser would choke on it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import orjson

from dreamer.viewer.words import indented
from rollout.trajectory import Call, Image, Message, Observation, Other, Part, Reasoning, Text, Trajectory, Turn

LONG = 20_000  # characters of a text
TOGETHER = 1_000_000  # characters of a page; texts after these are cut at `SHORT`
SHORT = 500
GIST = 400
PARTS = 100  # of what was said at once


@dataclass(frozen=True)
class Said:
    """Something that was said, called, answered or thought.

    Attributes:
        who: said it, or which tool; empty where that goes without saying.
        left: how many more characters there are.
        failed: of a result: the tool said that it failed.
    """

    kind: Literal["text", "reasoning", "call", "result", "image", "other"]
    text: str
    who: str = ""
    left: int = 0
    failed: bool = False

    @property
    def gist(self) -> str:
        """Its beginning, in one line."""
        return " ".join(self.text[:GIST].split())


@dataclass(frozen=True)
class Step:
    """A turn.

    Attributes:
        number: from 1.
        answer: None where the log ends before it.
        more: how many parts are left out.
    """

    number: int
    turn: Turn
    action: list[Said]
    answer: list[Said] | None
    more: int = 0


class Transcript:
    """What is shown of a trajectory.

    Args:
        session: with the turns that are shown.
        first: the number of the first of them, from 0.

    Attributes:
        instructions: the system prompt.
        opening: what was said before the agent first acted.
        tools: definitions of the tools it had.
        steps: the turns.
    """

    def __init__(self, session: Trajectory, first: int):
        self._left = TOGETHER
        self.instructions = [*self._parts(session.system)] if session.system else []
        self.tools = self._cut(Said("other", _json(session.tools))) if session.tools else None
        self.opening = [*self._heard(session.observation, {})] if first == 0 else []
        self.steps = [self._step(number, turn) for number, turn in enumerate(session.turns, start=first + 1)]

    def _step(self, number: int, turn: Turn) -> Step:
        names = {call.id: call.name for call in turn.action.calls if call.id}
        heard = turn.observation
        more = max(0, len(turn.action.parts) - PARTS) + max(0, len(heard.messages) - PARTS if heard else 0)
        return Step(number, turn, [*self._parts(turn.action)], [*self._heard(heard, names)] if heard else None, more)

    def _heard(self, observation: Observation, names: dict[str, str]) -> Iterator[Said]:
        for message in observation.messages[:PARTS]:
            if message.role == "tool" or message.call is not None:
                name = message.name or names.get(message.call or "", "")
                yield self._cut(Said("result", indented(message.text), name, failed=bool(message.failed)))
            else:
                yield from self._parts(message, "" if message.role == "user" else message.role)

    def _parts(self, message: Message, who: str = "") -> Iterator[Said]:
        who = ", ".join(filter(None, (who, message.name)))
        return (self._cut(each) for each in _said(message.parts[:PARTS], who))

    def _cut(self, said: Said) -> Said:
        """What a page can hold of it."""
        most = LONG if self._left > 0 else SHORT
        self._left -= min(len(said.text), most)
        if len(said.text) <= most:
            return said
        return Said(said.kind, said.text[:most], said.who, len(said.text) - most, said.failed)


def _said(parts: Iterable[Part], who: str) -> Iterator[Said]:
    for part in parts:
        match part:
            case Text():
                if part.text:
                    yield Said("text", part.text, who)
            case Reasoning():
                yield Said("reasoning", part.text, who)
            case Call():
                yield Said("call", indented(part.arguments), part.name)
            case Image():
                yield Said("image", " ".join(filter(None, (part.reference, part.media_type))), who)
            case Other():
                yield Said("other", _json(part.value), who)


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
