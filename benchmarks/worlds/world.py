"""A real world, text in and text out, an imperfect player of it, and the sessions the two leave behind."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, ClassVar

import gymnasium as gym

from rollout.trajectory import Trajectory, Turn

Player = Callable[[str, Mapping[str, Any]], str]  # by the last text and the engine's `info`; one a session
Expert = Callable[[str, str], str]  # by what was said last and the text that answered; one a session


class World(ABC):
    """One engine, told as text.

    Attributes:
        name: on the command line and in session ids.
        longest: turns after which a session is truncated.
    """

    name: str
    longest: ClassVar[int] = 40

    @abstractmethod
    def engine(self) -> gym.Env[str, str]:
        """The real engine: to record from, and for a policy to be tried in."""

    @abstractmethod
    def player(self, random: Random) -> Player:
        """Imperfect: partly right, partly random, now and then an action that is refused or means nothing."""

    def surprise(self, session: Trajectory) -> list[float]:
        """Nats with which a faithful source is surprised by each answer, given all that was said before it.

        Zero where everything that decides is shown or known.
        """
        return [0.0] * len(session.turns)

    def won(self, session: Trajectory) -> bool:
        """Whether the player reached what the game asks for."""
        return session.turns[-1].reward == 1.0

    def record(self, count: int, seed: int) -> list[Trajectory]:
        """Sessions; the seed decides the engine's chance and the player's."""
        env = self.engine()
        sessions = [self._play(env, number, seed) for number in range(count)]
        env.close()
        return sessions

    def _play(self, env: gym.Env[str, str], number: int, seed: int) -> Trajectory:
        name, start = f"{self.name}-{seed}-{number:04d}", seed * 100_000 + number
        act = self.player(Random(name))
        first, info = env.reset(seed=start)
        text, turns = first, list[Turn]()
        while not turns or not (turns[-1].terminated or turns[-1].truncated):
            action = act(text, info)
            text, reward, terminated, truncated, said = env.step(action)
            truncated = not terminated and (truncated or len(turns) + 1 >= self.longest)
            turns.append(Turn(action=action, observation=text, reward=reward, terminated=terminated,
                              truncated=truncated))
            info = info | said
        return Trajectory(
            id=name, source="real", task=info.get("game"), observation=first, turns=tuple(turns),
            outcome=sum(turn.reward or 0.0 for turn in turns), seed=start, policy="imperfect player",
            stop="terminated" if turns[-1].terminated else "truncated",
        )


class Skilled(World):
    """Played by one who does the right thing with some probability, and else anything.

    Attributes:
        skill: that probability.
        odd: what it says instead now and then, mostly refused.
    """

    skill: ClassVar[float]
    odd: ClassVar[tuple[str, ...]]
    err: ClassVar[float] = 0.04

    @abstractmethod
    def expert(self, random: Random) -> Expert:
        """Hears everything of one session in order, and says what to do."""

    @abstractmethod
    def anything(self, random: Random) -> str:
        """Any action."""

    def player(self, random: Random) -> Player:
        wise, said = self.expert(random), ""

        def act(text: str, info: Mapping[str, Any]) -> str:
            nonlocal said
            best, fate = wise(said, text), random.random()
            said = (random.choice(self.odd) if fate < self.err
                    else best if fate < self.err + self.skill else self.anything(random))
            return said

        return act
