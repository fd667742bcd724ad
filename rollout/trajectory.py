"""What happened between an agent and a world, real or dreamed, as one record.

Real and dreamed sessions share the type, so that replay, comparison, statistics and the viewer are each one
function. Records are frozen, versioned and import no torch. Stored as JSON lines; the token columns of rehearsed
episodes (`rollout.chat.Tokens`) lie beside them in Parquet. Tool calls are not part of version 1.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

VERSION: Literal[1] = 1


class Record(BaseModel):
    """A frozen record that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Pointer(Record):
    """Where in a log something stands: file and 1-based line."""

    file: str
    line: int = Field(ge=1)


class Turn(Record):
    """What the agent did and what the world answered.

    Attributes:
        action: the agent's words.
        observation: the world's answer; None where the log ends before it (only ever on the last turn).
        reward: None where the log has none.
        terminated: the world ended here; None where the log does not say.
        truncated: something outside the world stopped here; None where the log does not say.
        actions: the legal actions after this turn, if the log lists them.
        imagined: in a dream: no real session vouches for this step. None in real sessions.
    """

    action: str
    observation: str | None
    reward: float | None = Field(default=None, allow_inf_nan=False)
    terminated: bool | None = None
    truncated: bool | None = None
    actions: tuple[str, ...] | None = None
    imagined: bool | None = None


class Trajectory(Record):
    """One session or episode.

    Attributes:
        id: unique within its run.
        source: played in the real world, or in a dreamed one.
        task: what was asked for, where known; sessions of one task may start differently.
        system: the system prompt, if any.
        observation: the first observation.
        turns: at least one.
        outcome: how well the whole went (the sum of the rewards, or what the log says); None where unknown.
        stop: why it stopped ("terminated", "truncated", or a recorded reason).
        seed: seed of the start, where known.
        policy: digest or name of the policy that acted.
        environment: digest of the authored environment it was dreamed in.
        night, round, group: where in a night a rehearsed episode belongs.
        pointer: where in a log it was read from.
    """

    version: Literal[1] = VERSION
    id: str
    source: Literal["real", "dreamed"]
    task: str | None = None
    system: str | None = None
    observation: str
    turns: tuple[Turn, ...] = Field(min_length=1)
    outcome: float | None = Field(default=None, allow_inf_nan=False)
    stop: str | None = None
    seed: int | None = None
    policy: str | None = None
    environment: str | None = None
    night: int | None = None
    round: int | None = None
    group: int | None = None
    pointer: Pointer | None = None
