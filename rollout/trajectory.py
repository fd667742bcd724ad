"""What happened between an agent and a world, real or dreamed, as one record.

Real and dreamed sessions share the type, so that replay, comparison, statistics and the viewer are each one
function. Records are frozen, versioned and import no torch. Stored as JSON lines; the token columns of rehearsed
episodes (`rollout.chat.Tokens`) lie beside them in Parquet.

A step is one message of the agent and everything that came back before its next one. Both are kept as they were
logged, part by part and in order; `text` is how a text world hears and answers them. A message that is nothing but
words is written as a plain string, so that a text game's turn reads `{"action": "left", "observation": "A wall."}`.
What a log's format says beyond that goes into `extra` and comes out again when the same format is written.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, PlainSerializer

VERSION: Literal[2] = 2

Extra = dict[str, JsonValue]


class Record(BaseModel):
    """A frozen record that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Pointer(Record):
    """Where in a log something stands: file and 1-based line."""

    file: str
    line: int = Field(ge=1)

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}"


class Text(Record):
    """Words."""

    type: Literal["text"] = "text"
    text: str
    extra: Extra | None = None


class Reasoning(Record):
    """What a model thought before it acted; no world hears it."""

    type: Literal["reasoning"] = "reasoning"
    text: str
    extra: Extra | None = None


class Call(Record):
    """A tool call.

    Attributes:
        arguments: as logged: JSON text, or whatever the model wrote instead.
        id: by which a result names the call it answers.
    """

    type: Literal["call"] = "call"
    name: str
    arguments: str
    id: str | None = None
    extra: Extra | None = None

    @property
    def text(self) -> str:
        """The call in one line: the tool's name and its arguments, keys sorted so that equal calls are equal."""
        try:
            arguments = json.dumps(json.loads(self.arguments), sort_keys=True, ensure_ascii=False)
        except (ValueError, RecursionError):  # what the model wrote is no JSON
            arguments = self.arguments
        return f"{self.name} {arguments}"


class Image(Record):
    """An image, kept by reference: its address, or the digest of what the log holds inline ("sha256:…")."""

    type: Literal["image"] = "image"
    reference: str
    media_type: str | None = None
    extra: Extra | None = None


class Other(Record):
    """A part that only its format understands, as logged."""

    type: Literal["other"] = "other"
    value: JsonValue


Part = Annotated[Text | Reasoning | Call | Image | Other, Field(discriminator="type")]


def _tuple(value: Any) -> Any:
    """Strict validation knows no lists from JSON once a validator of ours has seen them."""
    return tuple(value) if isinstance(value, list) else value



class Message(Record):
    """What one side said at once.

    Attributes:
        role: who spoke: "assistant" is the agent; "user", "tool", "system" and "developer" are the world.
        content: words, or parts in order.
        call: of a tool's result: the id of the call it answers.
        name: who spoke, by name; of a result, the tool.
        failed: of a result: whether the tool said that it failed; None where the log does not say.
    """

    role: str
    content: Annotated[str | tuple[Part, ...], BeforeValidator(_tuple)]
    call: str | None = None
    name: str | None = None
    failed: bool | None = None
    extra: Extra | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """The content as parts."""
        return (Text(text=self.content),) if isinstance(self.content, str) else self.content

    @property
    def calls(self) -> tuple[Call, ...]:
        """The tool calls, in order."""
        return tuple(part for part in self.parts if isinstance(part, Call))

    @property
    def text(self) -> str:
        """What others hear of it: words and calls, each part on lines of its own; an image by its reference."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(filter(None, map(_heard, self.content)))


class Observation(Record):
    """What the world answered: messages in order; none where the agent spoke again before anyone answered."""

    messages: tuple[Message, ...]

    @property
    def text(self) -> str:
        if len(self.messages) == 1:
            return self.messages[0].text
        return "\n".join([message.text for message in self.messages])


def _heard(part: Part) -> str:
    match part:
        case Text() | Call():
            return part.text
        case Image():
            return f"[image {part.reference}]"
        case Reasoning():
            return ""
        case Other():
            return json.dumps(part.value, ensure_ascii=False)


# Records do not change, so short messages that are said again and again are shared.
SHARED = lru_cache(maxsize=4096)
SHORT = 200  # characters


def _said(role: str, words: str) -> Message:
    return Message(role=role, content=words)


_said_often = SHARED(_said)


def _plain(role: str) -> tuple[BeforeValidator, PlainSerializer]:
    """A message of nothing but words, of the expected role, is written as a string."""

    def read(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return (_said_often if len(value) <= SHORT else _said)(role, value)

    def write(message: Message | None) -> Any:
        match message:
            case Message(content=str(words), call=None, name=None, failed=None, extra=None) if message.role == role:
                return words
        return message

    return BeforeValidator(read), PlainSerializer(write)


def _answered(words: str) -> Observation:
    return Observation(messages=(_said("user", words),))


_answered_often = SHARED(_answered)


def _read_observation(value: Any) -> Any:
    if isinstance(value, str):
        return (_answered_often if len(value) <= SHORT else _answered)(value)
    return {"messages": tuple(value)} if isinstance(value, list | tuple) else value


def _write_observation(observation: Observation | None) -> Any:
    if observation is None:
        return None
    match observation.messages:
        case (Message(role="user", content=str(words), call=None, name=None, failed=None, extra=None),):
            return words
    return observation.messages


Action = Annotated[Message, *_plain("assistant")]
System = Annotated[Message, *_plain("system")]
Heard = Annotated[Observation, BeforeValidator(_read_observation), PlainSerializer(_write_observation)]


class Turn(Record):
    """What the agent did and what the world answered.

    Attributes:
        action: the agent's message.
        observation: the world's answer; None where the log ends before it (only ever on the last turn).
        reward: None where the log has none.
        terminated: the world ended here; None where the log does not say.
        truncated: something outside the world stopped here; None where the log does not say.
        actions: the legal actions after this turn, if the log lists them.
        imagined: in a dream: no real session vouches for this step. None in real sessions.
        disagreement: in a dream: nats of surprise at the answer, the mean over the other members of the ensemble. None
            in real sessions, where there is one member, and where it was not measured.
        line: of the log, where the turn begins, if the session spans several.
    """

    action: Action
    observation: Heard | None = None
    reward: float | None = Field(default=None, allow_inf_nan=False)
    terminated: bool | None = None
    truncated: bool | None = None
    actions: tuple[str, ...] | None = None
    imagined: bool | None = None
    disagreement: float | None = None
    line: int | None = None

    @property
    def answer(self) -> str | None:
        """The text of what the world answered; None where the log ends before it."""
        return None if self.observation is None else self.observation.text


class Trajectory(Record):
    """One session or episode.

    Attributes:
        id: unique within its run.
        source: played in the real world, or in a dreamed one.
        task: what was asked for, where known; sessions of one task may start differently.
        system: the system prompt, if any.
        tools: definitions of the tools the agent had, as logged.
        observation: what was said before the agent first acted.
        turns: at least one.
        outcome: how well the whole went (the sum of the rewards, or what the log says); None where unknown.
        stop: why it stopped ("terminated", "truncated", or a recorded reason).
        seed: seed of the start, where known.
        policy: digest or name of the policy that acted.
        environment: digest of the authored environment it was dreamed in.
        night, round, group: where in a night a rehearsed episode belongs.
        recalls: the earlier night whose task a rehearsed episode is, if it is one's.
        approval: by whom, or by which rule, its actions may train; None where they may not. A log cannot say so itself.
        format: of the log it was read from.
        pointer: where in that log.
    """

    version: Literal[2] = VERSION
    id: str
    source: Literal["real", "dreamed"]
    task: str | None = None
    system: System | None = None
    tools: tuple[JsonValue, ...] | None = None
    observation: Heard
    turns: tuple[Turn, ...] = Field(min_length=1)
    outcome: float | None = Field(default=None, allow_inf_nan=False)
    stop: str | None = None
    seed: int | None = None
    policy: str | None = None
    environment: str | None = None
    night: int | None = None
    round: int | None = None
    group: int | None = None
    recalls: int | None = None
    approval: str | None = None
    format: str | None = None
    pointer: Pointer | None = None
    extra: Extra | None = None

    @property
    def instructions(self) -> str | None:
        """The text of the system prompt, if any."""
        return None if self.system is None else self.system.text


def messages_of(session: Trajectory) -> Iterator[Message]:
    """Everything that was said, in order."""
    if session.system is not None:
        yield session.system
    yield from session.observation.messages
    for turn in session.turns:
        yield turn.action
        if turn.observation is not None:
            yield from turn.observation.messages
