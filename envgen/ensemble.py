"""How far the members of an ensemble disagree about what happened in an episode.

An episode is dreamed in one member. Every other member replays it under its own belief, and is surprised by each
answer by -log of the probability that it gave it. Where a world has no chance, that is 0 as long as members agree;
where it has, even equal members are surprised by what chance brought.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from envgen.belief import Belief
from envgen.comparison import Comparer
from envgen.scored import FLOOR, Scored, agrees
from rollout.trajectory import Trajectory
from sandbox import Worker


class Disagreement:
    """Says on every step how far the other members are surprised.

    Args:
        members: by digest, each in its sandbox.
        comparer: which answers count as the same.
    """

    def __init__(self, members: Mapping[str, Worker], comparer: Comparer):
        self.comparer = comparer
        self.beliefs = {digest: Belief(worker, comparer) for digest, worker in members.items()}
        self.nats: dict[int, list[float]] = {}  # by what was said: a policy that has learned says much of it again

    def told(self, episodes: Sequence[Trajectory], most: int | None = None) -> list[Trajectory]:
        """The same episodes, with `Turn.disagreement` where it was measured: the mean over the other members.

        Args:
            episodes: each dreamed in the member that its `environment` names.
            most: steps to replay in each other member at most, from groups in turn; None replays all. An episode in
                which the same was said as in one before costs nothing.
        """
        if len(self.beliefs) < 2:
            return list(episodes)
        new: dict[int, Trajectory] = {}
        replayed = 0
        for episode in _in_turn(episodes):
            words = _words(episode)
            if words in self.nats or words in new:
                continue
            replayed += len(episode.turns)
            if most is not None and replayed > most:
                break
            new[words] = episode
        self.nats |= self._means(new)
        return [_with(episode, self.nats.get(_words(episode))) for episode in episodes]

    def _means(self, episodes: Mapping[int, Trajectory]) -> dict[int, list[float]]:
        """Nats of each step of each episode, over the members that did not dream it."""
        nats: dict[int, list[list[float]]] = {words: [] for words in episodes}
        for digest, belief in self.beliefs.items():
            heard = {words: episode for words, episode in episodes.items() if episode.environment != digest}
            for words, scored in zip(heard, belief.replays(heard.values()), strict=True):
                nats[words].append(list(map(self._nats, scored)))
        return {words: np.mean(each, axis=0).tolist() for words, each in nats.items()}

    def _nats(self, step: Scored) -> float:
        # A member that guesses the same is of the same mind, although a guess is no hit when it is judged.
        given = sum(outcome.probability for outcome in step.outcomes
                    if agrees(outcome._replace(imagined=False), step.turn, self.comparer))
        return -float(np.log(min(max(given, FLOOR), 1.0)))


def _in_turn(episodes: Sequence[Trajectory]) -> list[Trajectory]:
    """The first of every group, then the second of every group, and so on."""
    before: Counter[int | None] = Counter()
    ranked = []
    for episode in episodes:
        ranked.append((before[episode.group], episode))
        before[episode.group] += 1
    return [episode for _, episode in sorted(ranked, key=lambda pair: pair[0])]


def _words(episode: Trajectory) -> int:
    """Equal for episodes of one member in which the same was said."""
    turns = tuple((turn.action.text, turn.answer, turn.reward, turn.terminated) for turn in episode.turns)
    return hash((episode.environment, episode.observation.text, turns))


def _with(episode: Trajectory, nats: list[float] | None) -> Trajectory:
    if nats is None:
        return episode
    turns = tuple(turn.model_copy(update={"disagreement": each})
                  for turn, each in zip(episode.turns, nats, strict=True))
    return episode.model_copy(update={"turns": turns})
