"""Episodes: a policy acting in a world, many at once, exact to the token.

Every episode goes at its own pace: while the engine generates for those that want an action, the world answers those
that took one, and whoever ends makes room for the next start. Episodes are handed out as they end, so that thousands
take no more memory than those under way.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, takewhile
from zlib import crc32

from rollout.chat import Chat
from rollout.crew import Crew
from rollout.engines import Engine, Sampling
from rollout.episode import Episode, Tokens
from rollout.errors import UserError
from rollout.trajectory import Trajectory, Turn
from rollout.world import Reply, Start, World


@dataclass
class _Open:
    """An episode under way.

    Attributes:
        place: the engine's number for it.
        copy: the world's number for it, once it has one.
    """

    number: int
    start: Start
    place: int
    copy: int | None = None
    first: Reply = field(default_factory=lambda: Reply(""))
    pieces: list[Tokens] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    said: list[int] = field(default_factory=list)
    action: str = ""
    stop: str | None = None

    @property
    def history(self) -> list[int]:
        return self.pieces[-1].prompt + self.pieces[-1].completion

    def see(self, prompt: list[int]) -> None:
        """What the policy sees from now on, written anew."""
        self.pieces.append(Tokens(prompt, [], [], []))

    def add(self, ids: list[int], mask: int, logprobs: list[float]) -> None:
        piece = self.pieces[-1]
        piece.completion.extend(ids)
        piece.mask.extend([mask] * len(ids))
        piece.logprobs.extend(logprobs)


@dataclass(frozen=True)
class Rehearsal:
    """Plays a policy in a world.

    Attributes:
        engine: the policy.
        chat: its words.
        world: dreamed or real.
        sampling: how actions are drawn.
        max_turns: an episode is truncated after so many actions.
        concurrent: most episodes under way at once.
        in_step: the same seeds give the same episodes to the last bit; see `Crew`.
        seed: of the actions; an episode's also depend on its number and name, and on nothing else.
        system: a system prompt for every episode whose start has none.
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
    in_step: bool = True
    seed: int = 0
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
        episodes = []
        for episode in self.stream(enumerate(starts), name):
            episodes.append(episode)
            told(1)
        return sorted(episodes, key=lambda episode: episode.number)

    def stream(self, starts: Iterable[tuple[int, Start]], name: str = "episode") -> Iterator[Episode]:
        """Episodes as they end.

        Args:
            starts: what to play, numbered; drawn from as there is room.
            name: what their ids begin with.

        Raises:
            UserError: a first text leaves no room for an action.
            EnvironmentFault, WorkerDied: an authored world cannot begin.
            EngineError: a real world failed.
        """
        rest = iter(starts)
        live: dict[int, _Open] = {}  # by the engine's number
        thinking = 0
        with Crew(self.world, self.in_step) as crew:
            try:
                while True:
                    for number, start in islice(rest, self.concurrent - len(live)):
                        place = self.engine.open(crc32(f"{self.seed}/{name}/{number}".encode()))
                        live[place] = _Open(number, start, place)
                        crew.send(place, start)
                    if not live:
                        return
                    for place, copy, reply in crew.answers(idle=not thinking):
                        episode = live[place]
                        if episode.copy is None:
                            self._begin(episode, copy, reply)
                        else:
                            self._hear(episode, reply)
                        if episode.stop is None:
                            self.engine.ask(place, episode.history, self.sampling)
                            thinking += 1
                        else:
                            self.engine.close(place)
                            crew.close(copy)
                            del live[place]
                            yield self._finish(episode, name)
                    for place, completion in self.engine.step().items():
                        episode = live[place]
                        episode.add(completion.ids, 1, completion.logprobs)
                        episode.said, episode.action = completion.ids, self.chat.action(completion.ids)
                        assert episode.copy is not None
                        crew.send(place, (episode.copy, episode.action))
                        thinking -= 1
            finally:
                for episode in live.values():
                    self.engine.close(episode.place)

    def _begin(self, episode: _Open, copy: int, reply: Reply) -> None:
        episode.copy, episode.first = copy, reply
        episode.see(self.chat.prompt(reply.observation, self._system(episode.start)))
        if len(episode.history) + self.sampling.max_tokens > self.max_length:
            raise UserError(
                f"a first text takes {len(episode.history):,} tokens, which with an action of "
                f"{self.sampling.max_tokens} outgrow policy.max_length = {self.max_length:,}; raise it"
            )

    def _hear(self, episode: _Open, reply: Reply) -> None:
        piece = episode.pieces[-1]
        if self.chat.strips:
            heard = self.chat.follow(piece.prompt, episode.said, reply.observation)
            length = len(heard)
        else:
            heard = self.chat.answer(reply.observation, closed=episode.said[-1] == self.chat.stop)
            length = len(piece.prompt) + len(piece.completion) + len(heard)
        room = self.max_length - length - self.sampling.max_tokens
        last = len(episode.turns) + 1 >= self.max_turns or room < 0
        episode.turns.append(
            Turn(action=episode.action, observation=reply.observation, reward=reply.reward, terminated=reply.terminated,
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
        elif self.chat.strips:
            episode.see(heard)
        else:
            episode.add(heard, 0, [0.0] * len(heard))

    def _finish(self, episode: _Open, name: str) -> Episode:
        trajectory = Trajectory.model_validate(
            {
                "id": f"{name}-{episode.number:06d}", "source": "dreamed", "system": self._system(episode.start),
                "environment": episode.first.environment, "observation": episode.first.observation,
                "turns": tuple(episode.turns), "outcome": self._worth(episode),
                "stop": episode.stop, "seed": episode.start.seed, "group": episode.start.group, **self.labels,
            }
        )
        return Episode(episode.number, trajectory, tuple(episode.pieces))

    def _system(self, start: Start) -> str | None:
        return self.system if start.system is None else start.system

    def _worth(self, episode: _Open) -> float:
        """The sum of the rewards, as far as they count."""
        if episode.stop == "imagined" and self.imagined_return is not None:
            return self.imagined_return
        vouched = list(takewhile(lambda turn: not turn.imagined, episode.turns))
        imagined = episode.turns[len(vouched) :]
        discount = 1.0 if self.imagined_discount is None else self.imagined_discount
        return sum(turn.reward or 0.0 for turn in vouched) + discount * sum(turn.reward or 0.0 for turn in imagined)
