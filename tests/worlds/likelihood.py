"""How likely a source makes logged sessions: exact forward filtering over what the texts hide."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, log
from typing import Any

from rollout.trajectory import Trajectory, Turn
from tests.worlds.enumeration import Answer, Belief, Program, Told

Predicted = dict[Answer, float]


@dataclass
class Explained:
    """One session under one source.

    Attributes:
        start: everything that `reset` may say, and its probability.
        steps: the same for every logged step up to the first impossible one.
        start_nats: of the first text.
        nats: of each step's text, reward and end; infinite from the first impossible step on.
        action_nats: of the legal actions that are listed with them, where both sides list any.
        end: the states it may have ended in.
    """

    start: Predicted
    start_nats: float = 0.0
    steps: list[Predicted] = field(default_factory=list)
    nats: list[float] = field(default_factory=list)
    action_nats: list[float] = field(default_factory=list)
    end: Belief = field(default_factory=dict)


def agrees(answer: Answer, turn: Turn) -> bool:
    """Whether text, reward and end are the logged ones; a log may be cut where a world goes on, not the reverse."""
    return answer[:3] == (turn.answer, turn.reward, turn.terminated) and not (answer.late and turn.truncated is False)


def lists(answer: Answer, turn: Turn) -> bool:
    """Whether the legal actions are the logged ones, as far as both say."""
    return answer.actions is None or turn.actions is None or sorted(answer.actions) == sorted(turn.actions)


def explain(program: Program, session: Trajectory) -> Explained:
    """A session under a source; where a start cannot be drawn, it is told."""
    text = session.observation.text
    drawn = program.start()
    found = Explained(predicted(drawn))
    belief = {state: p for (answer, state), p in drawn.items() if answer.text == text}
    found.start_nats = nats(sum(belief.values()))
    if not belief:
        belief = {state: p for (answer, state), p in program.start(text).items() if answer.text == text}
    for turn in session.turns:
        told = program.believe(_normal(belief), turn.action.text)
        fits = {after: p for after, p in told.items() if agrees(after[0], turn)}
        listed = {after: p for after, p in fits.items() if lists(after[0], turn)}
        chance = sum(fits.values())
        found.steps.append(predicted(told))
        found.nats.append(nats(chance))
        found.action_nats.append(nats(sum(listed.values()) / chance) if fits else 0.0)
        belief = defaultdict(float)
        for (_, state), p in (listed or fits).items():
            belief[state] += p
    found.end = belief
    return found


def predicted(told: Told) -> Predicted:
    """Answers alone, whatever state they lead to."""
    answers: Predicted = defaultdict(float)
    for (answer, _), probability in told.items():
        answers[answer] += probability
    return dict(answers)


def same(some: Mapping[Any, float], others: Mapping[Any, float]) -> bool:
    """Whether two distributions are one."""
    return all(abs(some.get(each, 0.0) - others.get(each, 0.0)) < 1e-9 for each in {*some, *others})


def nats(probability: float) -> float:
    """Surprise; infinite where nothing is left but rounding."""
    return -log(probability) if probability > 1e-12 else inf


def _normal(belief: Belief) -> Belief:
    total = sum(belief.values())
    return {state: weight / total for state, weight in belief.items()}
