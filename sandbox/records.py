"""What goes into a worker and what comes out: plain data, checked on the parent's side.

Left out: the wire format, which `worker.py` and `host.py` agree on.
"""

from dataclasses import dataclass, field
from typing import Any

from sandbox.errors import EnvironmentFault


@dataclass(frozen=True)
class Reset:
    """One environment copy to start again.

    Attributes:
        id: the copy.
        seed: of its `np_random`; None goes on with the one it has.
        observation: a text to begin from, handed over as ``options={"observation": text}``.
    """

    id: int
    seed: int | None = None
    observation: str | None = None


@dataclass(frozen=True)
class Script:
    """One whole episode: a start and the actions to take until it ends."""

    actions: tuple[str, ...] | list[str]
    seed: int | None = None
    observation: str | None = None


@dataclass(frozen=True, init=False)
class Answer:
    """What an environment answered to a reset (reward 0.0, not ended) or a step.

    Attributes:
        reward: finite.
        info: JSON data; tuples have become lists and sets sorted lists.
        support: with counting, numbers of the branches and table elements that the step ran.
    """

    observation: str
    reward: float
    terminated: bool
    truncated: bool
    info: dict[str, Any]
    support: tuple[int, ...] = ()

    def __init__(
        self,
        observation: str,
        reward: float,
        terminated: bool,
        truncated: bool,
        info: dict[str, Any],
        support: tuple[int, ...] = (),
    ) -> None:
        # One dictionary update instead of six calls of object.__setattr__: answers are made by the hundred thousand.
        self.__dict__.update(
            observation=observation,
            reward=reward,
            terminated=terminated,
            truncated=truncated,
            info=info,
            support=support,
        )


@dataclass(frozen=True)
class Episode:
    """One script's answers, the reset's first, up to the end of the episode, of the script, or a fault."""

    answers: list[Answer]
    fault: EnvironmentFault | None = None


@dataclass(frozen=True)
class Outcome:
    """One way that a step, or a reset, can fall.

    Attributes:
        probability: of this outcome; those of one expansion sum to 1.
        answer: what the agent sees, or the fault that this outcome ends in.
        id: a copy of the environment in the state it leads to; drop it when done. None after a fault.
        digest: equal for copies in equal states.
    """

    probability: float
    answer: Answer | EnvironmentFault
    id: int | None
    digest: str = ""


@dataclass(frozen=True)
class Element:
    """A branch of the authored code, or an element of one of its constant tables, numbered by the compiler.

    Attributes:
        kind: ``branch`` or ``table``.
        line: where it stands in the source.
        label: what it is, such as ``if``, ``else`` or ``TABLE['door']``.
    """

    number: int
    kind: str
    line: int
    label: str
    count: int = field(default=0, compare=False)
