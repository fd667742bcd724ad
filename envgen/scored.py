"""A logged step beside what a model expected of it.

Left out: where the expectation comes from (`belief.py`).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Literal, NamedTuple

from envgen.comparison import Comparer
from rollout.trajectory import Turn

Regime = Literal["enumerate", "search", "guided", "sample"]
FLOOR = 1e-4  # probability that a step is given at least, in nats: 9.2 at most
REGIMES: tuple[Regime, ...] = ("enumerate", "search", "guided", "sample")  # from exact to estimated


class Outcome(NamedTuple):
    """One possible answer with its probability.

    Attributes:
        imagined: the environment says that it does not know, or broke.
        fault: it broke; the observation says how.
        truncated: it stops here, though the world did not end.
        actions: the legal actions that it lists, if it does.
        support: with a counting worker, the branches and table entries that led to it; none where it came true and
            the session was followed.
    """

    probability: float
    observation: str
    reward: float
    end: bool
    imagined: bool = False
    fault: bool = False
    truncated: bool = False
    actions: frozenset[str] | None = None
    support: tuple[int, ...] = ()


@dataclass(slots=True)
class Scored:
    """One logged step under one model.

    Attributes:
        before: the observation it acted on.
        outcomes: everything the model thinks possible; where chance could not be enumerated, what was found of it.
        probability: of the logged answer, given the belief that the step starts from; a lower bound where the answer
            was searched for.
        regime: the least exact way in which a copy's chance was found.
        approximate: whether that belief was itself sampled, cut, or searched with something missed. What is said of the
            probability then leaves out the error of the belief, which may be to either side.
        standard_error: of the probability, where it was sampled; 0 where it is exact or a lower bound.
        regained: how the replay went on where no copy agreed with the log: begun anew at the text that was shown, as
            the environment did instead, or with nothing to believe in.
    """

    before: str
    turn: Turn
    outcomes: Sequence[Outcome]
    probability: float
    regime: Regime = "enumerate"
    approximate: bool = False
    standard_error: float = 0.0
    regained: Literal["anew", "as it did", "lost"] | None = None

    @property
    def nats(self) -> float:
        """Surprise at the logged answer, by the floor at most."""
        return -log(max(self.probability, FLOOR))

    @property
    def undetermined(self) -> bool:
        """Whether the answer was not met, and might have been missed."""
        return self.probability == 0.0 and (self.regime != "enumerate" or self.approximate)

    @property
    def contradicted(self) -> bool:
        """Whether the model was sure of other answers: it neither knew of the logged one nor said that it guessed."""
        if self.probability != 0.0 or self.regime != "enumerate" or self.approximate:
            return False
        return bool(self.outcomes) and not any(outcome.imagined for outcome in self.outcomes)

    @property
    def contradicted_event(self) -> bool:
        """Whether it was sure of another reward, or of another end."""
        return self.contradicted and not any(
            (self.turn.reward is None or outcome.reward == self.turn.reward)
            and (self.turn.terminated is None or outcome.end == self.turn.terminated)
            for outcome in self.outcomes
        )

    @property
    def entropy(self) -> float | None:
        """Nats of surprise that the model expects here; None where only the logged answer was looked for."""
        if self.regime in ("search", "guided"):
            return None
        if len(self.outcomes) == 1 and self.outcomes[0].probability == 1.0:
            return 0.0
        told: dict[tuple[str, float, bool], float] = defaultdict(float)
        for outcome in self.outcomes:
            told[outcome.observation, outcome.reward, outcome.end] += outcome.probability
        return -sum(p * log(p) for p in told.values() if p > 0)


def agrees(outcome: Outcome, turn: Turn, comparer: Comparer) -> bool:
    """Whether a possible answer is the logged one, in all that the log says and that is compared."""
    return (
        not outcome.imagined
        and (turn.reward is None or outcome.reward == turn.reward)
        and (turn.terminated is None or outcome.end == turn.terminated)
        and not (outcome.truncated and turn.truncated is False)
        and comparer.same(turn, outcome.observation)
    )
