"""Episodes: a policy acting in a world, many at once, exact to the token.

In lockstep: every open episode gets its next action from the engine in one batch, then its answer from the world in
one batch. Episodes that end leave the batch. A wave of episodes shares one batch, and waves follow each other until
all starts are played.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from rollout.chat import Chat, Tokens
from rollout.engine import Engine, Sampling
from rollout.trajectory import Trajectory, Turn
from rollout.world import Reply, World


@dataclass(frozen=True)
class Start:
    """One episode to play: its seed, and the group of episodes that share this start."""

    seed: int
    group: int
    observation: str | None = None


@dataclass(frozen=True)
class Episode:
    """What was played, as words and as ids."""

    trajectory: Trajectory
    tokens: Tokens

    @property
    def outcome(self) -> float:
        """The sum of the rewards."""
        return self.trajectory.outcome or 0.0


@dataclass
class _Open:
    """An episode under way."""

    number: int
    start: Start
    copy: int
    first: Reply
    prompt: list[int]
    completion: list[int] = field(default_factory=list)
    mask: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    stop: str | None = None

    @property
    def history(self) -> list[int]:
        return self.prompt + self.completion

    def add(self, ids: list[int], mask: int, logprobs: list[float]) -> None:
        self.completion += ids
        self.mask += [mask] * len(ids)
        self.logprobs += logprobs


@dataclass(frozen=True)
class Rehearsal:
    """Plays a policy in a world.

    Attributes:
        engine: the policy.
        chat: its words.
        world: dreamed or real.
        sampling: how actions are drawn.
        max_turns: an episode is truncated after so many actions.
        concurrent: episodes in a wave.
        system: a system prompt for every episode.
        max_length: an episode is truncated before its history outgrows so many ids.
        imagined_discount: what rewards count for from the first imagined step on; None ends the episode there. Where
            the world itself does not know what follows it ends in any case.
        imagined_return: what an episode is worth that ended so; None leaves it what it had.
        labels: fields that every trajectory carries (policy, night, round, source).
    """

    engine: Engine
    chat: Chat
    world: World
    sampling: Sampling
    max_turns: int
    concurrent: int = 128
    system: str | None = None
    max_length: int = 4096
    imagined_discount: float | None = None
    imagined_return: float | None = None
    labels: dict[str, str | int] = field(default_factory=dict)

    def play(self, starts: Sequence[Start], told: Callable[[int], None] = lambda count: None, name: str = "episode"
             ) -> list[Episode]:
        """All episodes, in the order of their starts.

        Args:
            starts: what to play.
            told: is told how many episodes have just ended.
            name: what their ids begin with.
        """
        return [
            self._finish(episode, name)
            for first in range(0, len(starts), self.concurrent)
            for episode in self._wave(first, starts[first : first + self.concurrent], told)
        ]

    def _wave(self, first: int, starts: Sequence[Start], told: Callable[[int], None]) -> list[_Open]:
        self.engine.forget()
        opened = self.world.open([start.seed for start in starts])
        wave = [
            _Open(first + number, start, copy, reply, self.chat.prompt(reply.observation, self.system))
            for number, (start, (copy, reply)) in enumerate(zip(starts, opened, strict=True))
        ]
        active = wave
        while active:
            said = self.engine.generate({episode.number: episode.history for episode in active}, self.sampling)
            actions = []
            for episode in active:
                completion = said[episode.number]
                episode.add(completion.ids, 1, completion.logprobs)
                actions.append((episode.copy, self.chat.action(completion.ids)))
            replies = self.world.step(actions)
            for episode, (_, action), reply in zip(active, actions, replies, strict=True):
                self._hear(episode, action, reply)
            still = [episode for episode in active if episode.stop is None]
            told(len(active) - len(still))
            active = still
        self.world.close([episode.copy for episode in wave])
        return wave

    def _hear(self, episode: _Open, action: str, reply: Reply) -> None:
        closed = episode.completion[-1] == self.chat.stop
        heard = self.chat.answer(reply.observation, closed)
        room = self.max_length - len(episode.history) - len(heard) - self.sampling.max_tokens
        last = len(episode.turns) + 1 >= self.max_turns or room < 0
        episode.turns.append(
            Turn(action=action, observation=reply.observation, reward=reply.reward, terminated=reply.terminated,
                 truncated=(reply.truncated or last) and not reply.terminated, imagined=reply.imagined or None)
        )
        if reply.fault is not None:
            episode.stop = f"fault: {reply.fault}"
        elif reply.unknown or (reply.imagined and self.imagined_discount is None):
            episode.stop = "imagined"
        elif reply.terminated:
            episode.stop = "terminated"
        elif reply.truncated or last:
            episode.stop = "truncated"
        else:
            episode.add(heard, 0, [0.0] * len(heard))

    def _finish(self, episode: _Open, name: str) -> Episode:
        trajectory = Trajectory.model_validate(
            {
                "id": f"{name}-{episode.number:06d}", "source": "dreamed", "system": self.system,
                "environment": episode.first.environment, "observation": episode.first.observation,
                "turns": tuple(episode.turns), "outcome": self._worth(episode),
                "stop": episode.stop, "seed": episode.start.seed, "group": episode.start.group, **self.labels,
            }
        )
        return Episode(trajectory, Tokens(episode.prompt, episode.completion, episode.mask, episode.logprobs))

    def _worth(self, episode: _Open) -> float:
        """The sum of the rewards, as far as they count."""
        if episode.stop == "imagined" and self.imagined_return is not None:
            return self.imagined_return
        vouched = list(takewhile(lambda turn: not turn.imagined, episode.turns))
        imagined = episode.turns[len(vouched) :]
        discount = 1.0 if self.imagined_discount is None else self.imagined_discount
        return sum(turn.reward or 0.0 for turn in vouched) + discount * sum(turn.reward or 0.0 for turn in imagined)
