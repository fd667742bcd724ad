"""What an environment is judged beside: models that anybody could make of the shown sessions."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Protocol

from envgen.scored import Outcome
from envgen.steps import steps
from rollout.trajectory import Trajectory


class Reference(Protocol):
    """A model of what follows a text and an action, whatever came before."""

    def outcomes(self, before: str, action: str) -> list[Outcome]:
        """Everything that it thinks possible, if anything."""


class Identity:
    """Nothing ever changes.

    Args:
        usual_reward: what every step brings.
    """

    def __init__(self, usual_reward: float):
        self.usual_reward = usual_reward

    def outcomes(self, before: str, action: str) -> list[Outcome]:
        return [Outcome(1.0, before, self.usual_reward, False)]


class CountModel:
    """Frequencies of what followed the same text and action in the shown sessions: the reference to beat."""

    def __init__(self, shown: Sequence[Trajectory]):
        self.seen: dict[tuple[str, str], Counter[tuple[str, float, bool]]] = defaultdict(Counter)
        for session in shown:
            for before, turn, text in steps(session):
                answer = (text, turn.reward or 0.0, bool(turn.terminated))
                self.seen[before, turn.action.text][answer] += 1

    def outcomes(self, before: str, action: str) -> list[Outcome]:
        counts = self.seen.get((before, action), Counter())
        return [Outcome(count / counts.total(), *answer) for answer, count in counts.items()]
