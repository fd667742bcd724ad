"""Where episodes happen: many copies of one world, stepped together.

Two worlds: the authored one, in its sandbox workers, and a real engine in this process, which counts every step
taken in it, because a night must not touch reality between recording and accreditation.
"""

import itertools
import math
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Protocol

import gymnasium as gym

from rollout.errors import UserError
from rollout.privacy import Privacy
from sandbox import EnvironmentFault, Pool, Reset, Worker, WorkerDied


@dataclass(frozen=True)
class Start:
    """One episode to play.

    Attributes:
        seed: of what the world draws.
        group: which episodes share this start.
        observation: the first text that the world is to begin with; None lets it draw one, as it does where it refuses
            the text.
        system: the system prompt of the policy; None takes what all are told. The world does not hear it.
    """

    seed: int
    group: int
    observation: str | None = None
    system: str | None = None


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
    """Copies of one world, by number.

    Attributes:
        hands: how many threads may open and step copies at once, each copy by one of them.
    """

    hands: int

    def open(self, starts: Sequence[Start]) -> list[tuple[int, Reply]]:
        """New copies, each at its start: their numbers and first observations."""

    def step(self, acts: Sequence[tuple[int, str]]) -> list[Reply]:
        """One action in each of the copies named."""

    def close(self, copies: Sequence[int]) -> None:
        """These copies are not needed any more."""


class DreamWorld:
    """An authored environment in a sandbox.

    A worker that dies takes with it the copies that it held: their next answers say so, and other episodes go on.

    Args:
        worker: the environment, in one sandbox worker or spread over several.
        environment: its digest.
    """

    hands = 1

    def __init__(self, worker: Worker | Pool, environment: str | None = None):
        self.worker, self.environment = worker, environment
        self.steps = 0

    def open(self, starts: Sequence[Start]) -> list[tuple[int, Reply]]:
        copies = self.worker.make(len(starts))
        answers = list(self.worker.reset_batch([
            Reset(copy, start.seed, start.observation) for copy, start in zip(copies, starts, strict=True)
        ]))
        refused = [place for place, (start, answer) in enumerate(zip(starts, answers, strict=True))
                   if isinstance(answer, EnvironmentFault) and start.observation is not None]
        drawn = self.worker.reset_batch([Reset(copies[place], starts[place].seed) for place in refused])
        for place, answer in zip(refused, drawn, strict=True):
            answers[place] = answer
        for answer in answers:
            if isinstance(answer, EnvironmentFault | WorkerDied):  # a world that cannot begin is no world
                self.worker.drop(copies)
                raise answer
        replies = [replace(_reply(answer), environment=self.environment) for answer in answers]
        return list(zip(copies, replies, strict=True))

    def step(self, acts: Sequence[tuple[int, str]]) -> list[Reply]:
        self.steps += len(acts)
        return [_reply(answer) for answer in self.worker.step_batch(acts)]

    def close(self, copies: Sequence[int]) -> None:
        self.worker.drop(copies)


def _reply(answer: Any) -> Reply:
    if isinstance(answer, EnvironmentFault | WorkerDied):
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

    Args:
        make: makes one.
        hands: how many threads may be in different environments of it at once.

    Attributes:
        steps: taken so far.

    Raises:
        EngineError: from `open` and `step`, where the engine fails.
    """

    def __init__(self, make: Callable[[], gym.Env[str, str]], hands: int = 1):
        self.make, self.hands = make, hands
        self.used: dict[int, gym.Env[str, str]] = {}
        self.idle: list[gym.Env[str, str]] = []
        self.numbers = itertools.count(1)
        self.steps = 0
        self.taking = Lock()

    def open(self, starts: Sequence[Start]) -> list[tuple[int, Reply]]:
        opened: list[tuple[int, Reply]] = []
        try:
            for start in starts:
                with _engine("reset"):
                    with self.taking:
                        idle = self.idle.pop() if self.idle else None
                    env = idle or self.make()
                    options = None if start.observation is None else {"observation": start.observation}
                    observation, _ = env.reset(seed=start.seed, options=options)
                    if not isinstance(observation, str):
                        raise TypeError(f"observations must be text, not {type(observation).__name__}")
                number = next(self.numbers)
                self.used[number] = env
                opened.append((number, Reply(observation)))
        except EngineError:
            self.close([copy for copy, _ in opened])
            raise
        return opened

    def step(self, acts: Sequence[tuple[int, str]]) -> list[Reply]:
        with self.taking:
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
        self.hands = world.hands

    def open(self, starts: Sequence[Start]) -> list[tuple[int, Reply]]:
        return [(copy, self._hide(reply)) for copy, reply in self.world.open(starts)]

    def step(self, acts: Sequence[tuple[int, str]]) -> list[Reply]:
        return [self._hide(reply)
                for reply in self.world.step([(copy, self.privacy.reveal(action)) for copy, action in acts])]

    def close(self, copies: Sequence[int]) -> None:
        self.world.close(copies)

    def _hide(self, reply: Reply) -> Reply:
        return replace(reply, observation=self.privacy.hide(reply.observation))
