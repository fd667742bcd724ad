"""What goes into a worker and what comes out: plain data, checked on the parent's side.

Left out: the wire format, which `worker.py` and `host.py` agree on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.errors import EnvironmentFault

DEEPEST = 24  # levels of nesting in info


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


@dataclass(frozen=True)
class Answer:
    """What an environment answered to a reset (reward 0.0, not ended) or a step.

    Attributes:
        reward: finite.
        info: JSON data; tuples have become lists and sets sorted lists.
        support: with counting, numbers of the branches and table elements that the step ran.
        unvouched: those among them that were never vouched for; empty before the first `Worker.vouch`.
    """

    observation: str
    reward: float
    terminated: bool
    truncated: bool
    info: dict[str, Any]
    support: tuple[int, ...] = ()
    unvouched: tuple[int, ...] = ()


class _Thawed:
    """An `Answer` before it is frozen: its attributes are assigned three times as fast."""

    def __init__(
        self,
        observation: str,
        reward: float,
        terminated: bool,
        truncated: bool,
        info: Any,
        support: tuple[int, ...],
        unvouched: tuple[int, ...],
    ) -> None:
        self.observation = observation
        self.reward = reward
        self.terminated = terminated
        self.truncated = truncated
        self.info = info
        self.support = support
        self.unvouched = unvouched


def read_answers(items: list[Any], longest: int) -> list[Any]:
    """The answers in a reply, each with None in its place where it is not one; written for speed, as it runs
    per step.

    Args:
        items: JSON values; an answer is ``[observation, reward, terminated, truncated, info]``, with counting also
            its support and, where there is such, what of that nobody vouched for.
        longest: characters of an observation.
    """
    out: list[Any] = []
    for item in items:
        support: tuple[int, ...] = ()
        unvouched: tuple[int, ...] = ()
        if type(item) is list and 6 <= len(item) <= 7:
            numbers, strange = item[5], item[6] if len(item) == 7 else []
            if not _whole(numbers) or not _whole(strange):
                out.append(None)
                continue
            support, unvouched = tuple(numbers), tuple(strange)
            del item[5:]
        if type(item) is not list or len(item) != 5:
            out.append(None)
            continue
        observation, reward, terminated, truncated, info = item
        if (
            type(observation) is str
            and len(observation) <= longest
            and type(reward) is float
            and -1.8e308 < reward < 1.8e308
            and type(terminated) is bool
            and type(truncated) is bool
            and type(info) is dict
            and (not info or shallow(info))
        ):
            answer: Any = _Thawed(observation, reward, terminated, truncated, info, support, unvouched)
            answer.__class__ = Answer
            out.append(answer)
        else:
            out.append(None)
    return out


def _whole(numbers: Any) -> bool:
    return type(numbers) is list and all(type(number) is int for number in numbers)


def shallow(value: Any) -> bool:
    """Whether JSON data is nested no deeper than anyone's recursion can follow."""
    level: list[Any] = [value]
    for _ in range(DEEPEST):
        following: list[Any] = []
        for item in level:
            if type(item) is dict:
                following += item.values()
            elif type(item) is list:
                following += item
        if not following:
            return True
        level = following
    return False


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
class Target:
    """The logged answer that a search looks for; None where the log does not say."""

    observation: str
    reward: float | None = None
    terminated: bool | None = None


@dataclass(frozen=True)
class Move:
    """An action to try out in every copy that one believes in, for `Worker.chances_each`.

    Attributes:
        ids: the copies.
        weights: how far each is believed, in sum 1.
        target: the logged answer; where it is given, only the outcomes that agree with it have copies.
        seed: of the first copy's samples; the others' seeds follow.
    """

    ids: Sequence[int]
    weights: Sequence[float]
    action: str
    target: Target | None = None
    seed: int = 0


@dataclass(frozen=True)
class Log:
    """What was logged from a state on, for `Worker.follow`.

    Attributes:
        id: a copy in that state.
        actions, observations, rewards, ends: of each step; None where the log does not say.
        goes_on: there is more to the log, so that the state after all this is wanted.
    """

    id: int
    actions: Sequence[str]
    observations: Sequence[str]
    rewards: Sequence[float | None]
    ends: Sequence[bool | None]
    goes_on: bool = False


@dataclass(frozen=True)
class Followed:
    """How far a log was followed: as long as nothing was drawn and every answer was the logged one.

    Attributes:
        steps: how many.
        over: the environment ended with the last of them.
        id: a copy in the state after them, where the log goes on from there; drop it when done. None where the world
            is over, where the state could not be copied, and after no step at all.
        digest: equal for copies in equal states.
        events: reward and end of each step of which the log lacks one, in order.
        support: with counting, numbers of the branches and table elements that the steps ran.
    """

    steps: int
    over: bool = False
    id: int | None = None
    digest: str = ""
    events: tuple[tuple[float, bool], ...] = ()
    support: tuple[int, ...] = ()


def read_followed(item: Any, log: Log) -> Followed | None:
    """A reply about one log; None if it is not one."""
    if type(item) is not list or len(item) != 6:
        return None
    steps, over, id, digest, events, support = item
    if [type(steps), type(over), type(digest), type(events)] != [int, bool, str, list]:
        return None
    if not 0 <= steps <= len(log.actions) or not (id is None or type(id) is int) or not _whole(support):
        return None
    for event in events:
        if type(event) is not list or [type(part) for part in event] != [float, bool] or not abs(event[0]) < 1.8e308:
            return None
    lacking = sum(reward is None or end is None for reward, end in zip(log.rewards[:steps], log.ends, strict=False))
    if len(events) != lacking or (over and steps == 0):
        return None
    return Followed(steps, over, id, digest, tuple((reward, end) for reward, end in events), tuple(support))


@dataclass(frozen=True)
class Chances:
    """What was found of the ways that a step, or a reset, can fall.

    Attributes:
        regime: how it was found: by running every script of draws, by searching those that give one answer, or by
            simulation.
        outcomes: all of them; those that agree with the target; those that were met. Where they are more than the
            caller would have, the likeliest.
        probability: of all outcomes found, also of those left out: 1, or for a search a lower bound of the target's; an
            estimate where there is an error.
        exhaustive: nothing can have been missed; a search's probability is exact then.
        runs: of the step.
        undetermined: runs among them whose chance no script decides.
        error: standard error of the probability, where a part of it was met by sampling under guidance.
    """

    regime: Literal["enumerate", "search", "guided", "sample"]
    outcomes: list[Outcome]
    probability: float
    exhaustive: bool
    runs: int
    undetermined: int = 0
    error: float = 0.0


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
