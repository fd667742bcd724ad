"""Where episodes happen: many copies of one world, stepped together.

Two worlds: the authored one, in its sandbox worker, and a real engine in this process, which counts every step
taken in it, because a night must not touch reality between recording and accreditation.
"""

import math
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import gymnasium as gym

from rollout.errors import UserError
from rollout.privacy import Privacy
from sandbox import EnvironmentFault, Reset, Worker


@dataclass(frozen=True)
class Reply:
    """What a world answered. The last four can only be set in a dream.

    Attributes:
        imagined: no session vouches for this step.
        unknown: the world itself does not know what follows, so nothing can.
        fault: the world broke; why.
        environment: in a first answer: which one, by its digest.
    """

    observation: str
    reward: float = 0.0
    terminated: bool = False
    truncated: bool = False
    imagined: bool = False
    unknown: bool = False
    fault: str | None = None
    environment: str | None = None

    @property
    def over(self) -> bool:
        """Whether the episode cannot go on."""
        return self.terminated or self.truncated or self.unknown or self.fault is not None


class World(Protocol):
    """Copies of one world, by number."""

    def open(self, seeds: Sequence[int]) -> list[tuple[int, Reply]]:
        """New copies, each started from its seed: their numbers and first observations."""

    def step(self, acts: Sequence[tuple[int, str]]) -> list[Reply]:
        """One action in each of the copies named."""

    def close(self, copies: Sequence[int]) -> None:
        """These copies are not needed any more."""


class DreamWorld:
    """An authored environment in a sandbox worker.

    Args:
        worker: the environment, in its sandbox.
        environment: its digest.
    """

    def __init__(self, worker: Worker, environment: str | None = None):
        self.worker, self.environment = worker, environment
        self.steps = 0

    def open(self, seeds: Sequence[int]) -> list[tuple[int, Reply]]:
        copies = self.worker.make(len(seeds))
        answers = self.worker.reset_batch([Reset(copy, seed) for copy, seed in zip(copies, seeds, strict=True)])
        for answer in answers:
            if isinstance(answer, EnvironmentFault):  # a world that cannot begin is no world
                raise answer
        replies = [replace(_reply(answer), environment=self.environment) for answer in answers]
        return list(zip(copies, replies, strict=True))

    def step(self, acts: Sequence[tuple[int, str]]) -> list[Reply]:
        self.steps += len(acts)
        return [_reply(answer) for answer in self.worker.step_batch(acts)]

    def close(self, copies: Sequence[int]) -> None:
        self.worker.drop(copies)


def _reply(answer: Any) -> Reply:
    if isinstance(answer, EnvironmentFault):
        return Reply(observation="", fault=str(answer))
    unknown = bool(answer.info.get("imagined", False))
    return Reply(answer.observation, answer.reward, answer.terminated, answer.truncated,
                 imagined=unknown or bool(answer.unvouched), unknown=unknown)


class EngineError(UserError):
    """A real engine failed or broke its contract; the message says where and how."""


@contextmanager
def _engine(doing: str) -> Iterator[None]:
    """What goes wrong inside the user's engine is told as that; a call of exit() in it is no exception to this."""
    try:
        yield
    except (Exception, SystemExit) as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise EngineError(
            f"the production engine failed in {doing}: {type(error).__name__}: {error} ({place.filename}, line "
            f"{place.lineno}); mend the engine, then go on with --resume"
        ) from error


def _checked(answer: Any) -> Reply:
    """A step's answer, if it is one of Gymnasium's with text.

    Raises:
        TypeError, ValueError: it is not.
    """
    if not isinstance(answer, tuple) or len(answer) != 5:
        raise TypeError("step() must return (observation, reward, terminated, truncated, info)")
    observation, reward, terminated, truncated, _ = answer
    if not isinstance(observation, str):
        raise TypeError(f"observations must be text, not {type(observation).__name__}")
    if not math.isfinite(reward):
        raise ValueError(f"the reward is {reward}")
    return Reply(observation, float(reward), bool(terminated), bool(truncated))


class RealWorld:
    """A real engine: a function that makes Gymnasium environments with text in and text out.

    Raises:
        EngineError: from `open` and `step`, where the engine fails.
    """

    def __init__(self, make: Callable[[], gym.Env[str, str]]):
        self.make = make
        self.steps = 0
        self.used: dict[int, gym.Env[str, str]] = {}
        self.idle: list[gym.Env[str, str]] = []
        self.opened = 0

    def open(self, seeds: Sequence[int]) -> list[tuple[int, Reply]]:
        opened = []
        for seed in seeds:
            with _engine("reset"):
                env = self.idle.pop() if self.idle else self.make()
                observation, _ = env.reset(seed=seed)
                if not isinstance(observation, str):
                    raise TypeError(f"observations must be text, not {type(observation).__name__}")
            self.opened += 1
            self.used[self.opened] = env
            opened.append((self.opened, Reply(observation)))
        return opened

    def step(self, acts: Sequence[tuple[int, str]]) -> list[Reply]:
        self.steps += len(acts)
        replies = []
        for copy, action in acts:
            with _engine("step"):
                replies.append(_checked(self.used[copy].step(action)))
        return replies

    def close(self, copies: Sequence[int]) -> None:
        self.idle += [self.used.pop(copy) for copy in copies]


class PrivateWorld:
    """A real world in which secrets have tokens: they are revealed to the engine, and hidden from everyone else."""

    def __init__(self, world: World, privacy: Privacy):
        self.world, self.privacy = world, privacy

    def open(self, seeds: Sequence[int]) -> list[tuple[int, Reply]]:
        return [(copy, self._hide(reply)) for copy, reply in self.world.open(seeds)]

    def step(self, acts: Sequence[tuple[int, str]]) -> list[Reply]:
        return [self._hide(reply)
                for reply in self.world.step([(copy, self.privacy.reveal(action)) for copy, action in acts])]

    def close(self, copies: Sequence[int]) -> None:
        self.world.close(copies)

    def _hide(self, reply: Reply) -> Reply:
        return replace(reply, observation=self.privacy.hide(reply.observation))
