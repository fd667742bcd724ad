"""What an environment thinks happened in a session: weighted copies of it, filtered by what was logged.

Each logged action is taken in every copy, and the copies that answered otherwise than the log are dropped; equal ones
are merged, and the rest carry the belief on. How a step's chance was found is its regime: enumerated where its draws
are few (exact); searched under guidance of the logged answer where they are many (a lower bound); sampled where no
script decides them (a frequency). After a mismatch the replay re-enters where the text allows
it, so that one early error is not counted as a hundred; where it cannot, the rest counts as unmatched.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from envgen.comparison import Comparer
from envgen.steps import steps
from rollout.trajectory import Trajectory, Turn
from sandbox import Answer, EnvironmentFault, Target, Worker
from sandbox import Outcome as Fork

KEPT = 64  # copies of the environment; what is cut is reported as lost mass
FORKS = 4096  # scripts of draws up to which a step is enumerated
RUNS = 20_000  # of one step in one copy, when it is searched
SAMPLES = 400  # of one step in one copy, when it is sampled
FLOOR = 1e-4  # probability that a step is given at least, in nats: 9.2 at most


Regime = Literal["enumerate", "search", "sample"]
REGIMES: tuple[Regime, ...] = ("enumerate", "search", "sample")  # from exact to estimated


@dataclass(frozen=True)
class Outcome:
    """One possible answer with its probability.

    Attributes:
        imagined: the environment says that it does not know, or broke.
        fault: it broke; the observation says how.
        truncated: it stops here, though the world did not end.
        actions: the legal actions that it lists, if it does.
        support: with a counting worker, the branches and table entries that led to it.
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


@dataclass
class Scored:
    """One logged step under one model.

    Attributes:
        before: the observation it acted on.
        outcomes: everything the model thinks possible; where chance could not be enumerated, what was found of it.
        probability: of the logged answer; a lower bound where it was searched for.
        regime: the least exact way in which a copy's chance was found.
        approximate: whether the belief it starts from was itself searched or sampled.
    """

    before: str
    turn: Turn
    outcomes: list[Outcome]
    probability: float
    regime: Regime = "enumerate"
    approximate: bool = False

    @property
    def nats(self) -> float:
        """Surprise at the logged answer, by the floor at most."""
        return -float(np.log(max(self.probability, FLOOR)))

    @property
    def undetermined(self) -> bool:
        """Whether the answer was not met, and might have been missed."""
        return self.regime != "enumerate" and self.probability == 0.0

    @property
    def contradicted(self) -> bool:
        """Whether the model was sure of other answers: it neither knew of the logged one nor said that it guessed."""
        sure = self.regime == "enumerate" and not any(outcome.imagined for outcome in self.outcomes)
        return sure and bool(self.outcomes) and self.probability == 0.0

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
        if self.regime == "search":
            return None
        told: dict[tuple[str, float, bool], float] = defaultdict(float)
        for outcome in self.outcomes:
            told[outcome.observation, outcome.reward, outcome.end] += outcome.probability
        return -sum(p * float(np.log(p)) for p in told.values() if p > 0)


def agrees(outcome: Outcome, turn: Turn, comparer: Comparer) -> bool:
    """Whether a possible answer is the logged one, in all that the log says and that is compared."""
    return (
        not outcome.imagined
        and (turn.reward is None or outcome.reward == turn.reward)
        and (turn.terminated is None or outcome.end == turn.terminated)
        and not (outcome.truncated and turn.truncated is False)
        and comparer.same(turn, outcome.observation)
    )


@dataclass
class Belief:
    """Replays sessions in an environment.

    Args:
        worker: the environment, in its sandbox.
        comparer: which answers count as the same.

    Attributes:
        lost_mass: belief that was cut because there were too many copies, summed over steps.
        exercised: with a counting worker, the branches and table entries that tell the sessions.
    """

    worker: Worker
    comparer: Comparer = field(default_factory=Comparer)
    lost_mass: float = 0.0
    exercised: set[int] = field(default_factory=set)
    copies: dict[int, float] = field(default_factory=dict)  # copy: weight
    began: Regime = "enumerate"  # how the chance of beginning here was found
    approximate: bool = False  # not everything that could be believed is

    def replay(self, session: Trajectory, drawn: bool = True) -> list[Scored]:
        """All steps of one session, scored.

        Args:
            drawn: begin with a drawn start that shows the first text, where there is one; else by being told the text.
        """
        if drawn:
            self._enter(session.observation.text, drawn=True)
        if not self.copies:
            self._enter(session.observation.text)
        scored = []
        for before, turn, text in steps(session):
            scored.append(self._step(before, turn))
            if not self.copies and not turn.terminated:
                self._enter(text)
        self.worker.drop(list(self.copies))
        self.copies = {}
        return scored

    def _step(self, before: str, turn: Turn) -> Scored:
        answers: list[tuple[float, Fork]] = []
        regime: Regime = self.began if not self.copies else "enumerate"
        approximate = self.approximate
        # What is compared otherwise than word for word cannot be searched for.
        exact = self.comparer.exact(turn)
        target = Target(turn.answer or "", turn.reward, turn.terminated) if exact else None
        for copy, weight in self.copies.items():
            found = self.worker.chances(copy, turn.action.text, target, forks=FORKS, budget=RUNS, samples=SAMPLES)
            regime = max(regime, found.regime, key=REGIMES.index)
            answers += [(weight * each.probability, each) for each in found.outcomes]
        told = [_outcome(weight, fork.answer) for weight, fork in answers]
        agreeing = [agrees(outcome, turn, self.comparer) for outcome in told]
        self.worker.drop(list(self.copies))
        self._settle([(weight, fork, good, not _over(fork.answer))
                      for (weight, fork), good in zip(answers, agreeing, strict=True)])
        hits = sum(outcome.probability for outcome, good in zip(told, agreeing, strict=True) if good)
        self.approximate |= regime != "enumerate"
        return Scored(before, turn, told, hits, regime, approximate)

    def _enter(self, text: str, drawn: bool = False) -> None:
        """Begin where the environment shows a text, drawn or by being told it, if it can."""
        found = self.worker.chances(None, None if drawn else text, Target(text), forks=FORKS, budget=RUNS,
                                    samples=SAMPLES)
        self.began = found.regime
        self.approximate = found.regime != "enumerate"
        self._settle([
            (fork.probability, fork, isinstance(fork.answer, Answer) and fork.answer.observation == text, True)
            for fork in found.outcomes
        ])

    def _settle(self, forks: Iterable[tuple[float, Fork, bool, bool]]) -> None:
        """Keep the forks that agree and go on: equal states as one, no more than `KEPT`, weights normalised."""
        weights: dict[str, float] = {}
        copies: dict[str, int] = {}
        spare: list[int] = []
        for weight, fork, good, goes_on in forks:
            if good and isinstance(fork.answer, Answer):
                self.exercised.update(fork.answer.support)
            if fork.id is None:
                continue
            if not (good and goes_on) or fork.digest in copies:
                spare.append(fork.id)
            else:
                copies[fork.digest] = fork.id
            if good and goes_on:
                weights[fork.digest] = weights.get(fork.digest, 0.0) + weight
        likeliest = sorted(weights, key=lambda digest: -weights[digest])
        total = sum(weights.values())
        kept, cut = likeliest[:KEPT], likeliest[KEPT:]
        if cut:
            lost = sum(weights[digest] for digest in cut)
            self.lost_mass += lost / total
            total -= lost
        self.worker.drop(spare + [copies[digest] for digest in cut])
        self.copies = {copies[digest]: weights[digest] / total for digest in kept}


def _over(answer: Answer | EnvironmentFault) -> bool:
    return isinstance(answer, Answer) and (answer.terminated or answer.truncated)


def _outcome(probability: float, answer: Answer | EnvironmentFault) -> Outcome:
    if isinstance(answer, EnvironmentFault):
        return Outcome(probability, f"fault: {answer}", 0.0, False, imagined=True, fault=True)
    listed = answer.info.get("actions")
    return Outcome(
        probability, answer.observation, answer.reward, answer.terminated, bool(answer.info.get("imagined")),
        truncated=answer.truncated, actions=frozenset(map(str, listed)) if isinstance(listed, list) else None,
        support=answer.support,
    )
