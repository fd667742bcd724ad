"""Which starts a round of rehearsal begins from: what the sessions need, and where the policy can go either way.

Tasks weigh by how often the sessions ask for them, how often they fail there, and how contested they are in
rehearsal: the expectation of 4·p·(1−p) for the chance p of winning, greatest where half is won, which is where a group
of episodes teaches most. A task's logged first texts share its weight by how often they occur and how contested they
are. Beside them the world draws starts of its own, as often as the next session would begin in a way that none has
(Good and Turing's estimate: the share of sessions whose first text is theirs alone); of these groups half are new and
half repeat contested ones, while there are any (Jiang et al. 2021, arXiv 2010.03934).
"""

import random
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from rollout.episode import Episode
from rollout.trajectory import Record, Trajectory
from rollout.world import Start

MOST_DRAWN = 0.5  # as estimated: a drawn start may be new, but a logged one is real
AGAIN = 0.5  # of the drawn groups
POOL = 64  # drawn starts that may be repeated
KEPT = 0.5  # of the counts from one round to the next, because the policy changes


class Standing(Record):
    """A task in the curriculum; None is what the world draws itself, whose failure no session tells.

    Attributes:
        task: its name, or its first text where it has none.
        failure: expected share of its sessions that fail.
        weight: expected share of the next round's groups.
        wins, losses: in rehearsal, as far as they still count.
    """

    task: str | None
    sessions: int
    failure: float | None
    weight: float
    wins: float
    losses: float


@dataclass
class _Tally:
    wins: float = 0.0
    losses: float = 0.0

    @property
    def contested(self) -> float:
        """The expectation of 4·p·(1−p) where p is Beta(1 + wins, 1 + losses)."""
        episodes = self.wins + self.losses
        return 4 * (1 + self.wins) * (1 + self.losses) / ((episodes + 2) * (episodes + 3))

    def fade(self) -> None:
        self.wins, self.losses = KEPT * self.wins, KEPT * self.losses


@dataclass
class _Task(_Tally):
    name: str | None = None
    sessions: int = 0
    failures: int = 0
    known: int = 0
    starts: "dict[str | int, _Start]" = field(default_factory=dict)  # by text, or by seed where the world drew it

    @property
    def failure(self) -> float:
        return (self.failures + 1) / (self.known + 2)

    def shares(self) -> "list[tuple[float, _Start]]":
        """The starts that the world has not refused, by occurrence and contest."""
        weighed = [(start.sessions * start.contested, start) for start in self.starts.values() if not start.refused]
        total = sum(weight for weight, _ in weighed)
        return [(weight / total, start) for weight, start in weighed]


@dataclass
class _Start(_Tally):
    task: _Task = field(default_factory=_Task)
    observation: str | None = None
    seed: int | None = None
    sessions: int = 1
    refused: bool = False


class Curriculum:
    """Draws the starts of every round, and is told what came of them.

    Args:
        sessions: the shown ones.
        succeeded: whether an outcome is a success.
        seed: same seed and same results, same starts.
        drawn: share of the groups that the world draws itself; None estimates it. Where all sessions begin alike it
            is 1, because entering by that text would add nothing.
    """

    def __init__(self, sessions: Sequence[Trajectory], succeeded: Callable[[float], bool], seed: int,
                 drawn: float | None = None):
        self._succeeded, self._random = succeeded, random.Random(seed)
        self._tasks: dict[str, _Task] = {}
        for session in sessions:
            text = session.observation.text
            name = session.task or text
            task = self._tasks.setdefault(name, _Task(name=name))
            task.sessions += 1
            task.known += session.outcome is not None
            task.failures += session.outcome is not None and not succeeded(session.outcome)
            task.starts.setdefault(text, _Start(task=task, observation=text, sessions=0)).sessions += 1
        texts = Counter(session.observation.text for session in sessions)
        unseen = sum(times == 1 for times in texts.values()) / max(len(sessions), 1)
        self._share = 1.0 if len(texts) < 2 else min(unseen, MOST_DRAWN) if drawn is None else drawn
        self._drawn = _Task()
        self._new = _Start(task=self._drawn)
        self._asked: dict[int | None, _Start] = {}

    def draw(self, count: int, first: int) -> list[Start]:
        """As many different groups, numbered by their seeds.

        Sampled systematically: a start is drawn as often as its weight says, rounded up or down by chance.

        Args:
            first: the groups' seeds follow each other from here, but for starts that are repeated; no two rounds may
                share any.
        """
        entries = [entry for entry in self._weights() if entry[0] > 0]
        self._random.shuffle(entries)
        bounds = list(accumulate(weight for weight, _ in entries))
        offset, starts = self._random.random(), dict[int, Start]()
        for seed in range(first, first + count):
            at = bisect_right(bounds, (seed - first + offset) / count * bounds[-1])
            start = entries[min(at, len(entries) - 1)][1]
            if start is self._new or start.seed in starts:  # repeated at most once a round
                start = _Start(task=self._drawn, seed=seed)
            group = seed if start.seed is None else start.seed
            starts[group], self._asked[group] = Start(group, group, start.observation), start
        return list(starts.values())

    def tell(self, episodes: Sequence[Episode]) -> None:
        """What came of a round, whose groups must be of those drawn here."""
        for task in (*self._tasks.values(), self._drawn):
            for tally in (task, *task.starts.values()):
                tally.fade()
        for episode in episodes:
            start = self._asked[episode.trajectory.group]
            if start.observation not in (None, episode.trajectory.observation.text):  # the world began otherwise
                start.refused = True
                continue
            for tally in (start, start.task):
                tally.wins += self._succeeded(episode.outcome)
                tally.losses += not self._succeeded(episode.outcome)
            if start.seed is not None:
                self._drawn.starts[start.seed] = start
        best = sorted(self._drawn.starts.items(), key=lambda item: -item[1].contested)[:POOL]
        self._drawn.starts = {key: start for key, start in best if start.contested > _Tally().contested}

    def summary(self) -> list[Standing]:
        """Every task and what the world draws, heaviest first."""
        weights = self._weights()
        standings = [
            Standing(task=task.name, sessions=task.sessions, failure=None if task is self._drawn else task.failure,
                     weight=sum(weight for weight, start in weights if start.task is task),
                     wins=task.wins, losses=task.losses)
            for task in (*self._tasks.values(), self._drawn)
        ]
        return sorted(standings, key=lambda standing: -standing.weight)

    def _weights(self) -> list[tuple[float, _Start]]:
        """Every start's share of the groups."""
        logged = [(task.sessions * task.failure * task.contested * share, start)
                  for task in self._tasks.values() for share, start in task.shares()]
        total = sum(weight for weight, _ in logged)
        taken = sum(start.wins + start.losses > 0 for _, start in logged)
        refused = sum(len(task.starts) for task in self._tasks.values()) - len(logged)
        # A world that refuses one text after another is not asked for all of them.
        entered = (1 - self._share) * (1 + taken) / (1 + taken + refused) if logged else 0.0
        again = AGAIN * (1 - entered) if self._drawn.starts else 0.0
        return [
            *((entered * weight / total, start) for weight, start in logged),
            *((again * share, start) for share, start in self._drawn.shares()),
            (1 - entered - again, self._new),
        ]
