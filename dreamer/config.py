"""What a night is told: a TOML file, checked key by key.

Unknown keys and wrong types are refused with the key's name; paths are relative to the file.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Share = Annotated[float, Field(ge=0, le=1)]


class ConfigError(ValueError):
    """The configuration cannot be used; the message says which key and why."""


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sessions(Section):
    """Where the sessions are and how they are divided.

    Attributes:
        files: JSON lines, the project's own records or OpenAI chat messages; globs are allowed.
        selection: share of sessions used to choose among candidate environments.
        held_out: share of sessions used only to judge the chosen one.
    """

    files: tuple[str, ...] = Field(min_length=1)
    selection: Share = 0.1
    held_out: Share = 0.2


class Production(Section):
    """The real engine, if there is one to judge the night in.

    Attributes:
        engine: `file.py:Name` of something that, called with `options`, gives a Gymnasium environment with text
            observations and text actions.
        options: keyword arguments for it.
        episodes: how many episodes of each policy decide.
    """

    engine: str
    options: dict[str, Any] = {}
    episodes: int = Field(default=1000, ge=1)


class Gate(Section):
    """What held-out sessions must show before anything is rehearsed; lower bounds of 95 % intervals.

    Attributes:
        step_probability, reward_f1, end_f1: for worlds without chance.
        nats_over_counts: for worlds with chance: nats a step that the environment may be worse than the count model.
    """

    step_probability: Share = 0.9
    reward_f1: Share = 0.9
    end_f1: Share = 0.9
    nats_over_counts: float = 0.05


class Policy(Section):
    """Who acts.

    Attributes:
        model: "tiny" for a Llama built and cloned from the sessions, or a Hugging Face causal language model.
        layers, hidden, vocabulary: size of the tiny one.
        temperature: of its actions, in rehearsal and evaluation alike.
        action_tokens: an action is cut after so many tokens.
        max_length: an episode is cut before its history outgrows so many tokens.
    """

    model: str = "tiny"
    layers: int = Field(default=2, ge=1)
    hidden: int = Field(default=128, ge=16, multiple_of=8)
    vocabulary: int = Field(default=2048, ge=300)
    temperature: float = Field(default=1.0, ge=0)
    action_tokens: int = Field(default=16, ge=1)
    max_length: int = Field(default=4096, ge=16)


class Cloning(Section):
    """How the tiny policy is made into the agent that left the sessions."""

    steps: int = Field(default=60, ge=1)
    batch: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)


class Learning(Section):
    """GRPO on rehearsals.

    Attributes:
        rounds: updates, each on fresh episodes.
        groups: starts in a round.
        episodes: episodes of one start.
        beta: weight of the KL penalty to the promoted policy.
        max_turns: an episode is cut after so many actions; None takes the longest session's.
        imagined_return: what an episode is worth that ran into what no session shows; "worst" is the lowest outcome
            of the sessions.
    """

    rounds: int = Field(default=40, ge=1)
    groups: int = Field(default=16, ge=1)
    episodes: int = Field(default=8, ge=2)
    learning_rate: float = Field(default=3e-4, gt=0)
    beta: float = Field(default=0.0, ge=0)
    temperature: float = Field(default=1.0, gt=0)
    max_turns: int | None = Field(default=None, ge=1)
    max_length: int = Field(default=4096, ge=16)
    imagined_return: float | Literal["worst"] = "worst"
