"""How well an authored environment tells the held-out sessions, step by step.

Each session's actions are played in the environment (`envgen.belief`), and every logged (observation, reward, end) is
given the probability that the environment gave it. Beside the environment stand two references: identity (nothing ever
changes) and the count model (what followed the same text and action in the shown sessions). Answers that cannot be
compared, such as people's words, are counted and left out of every figure.

Where chance was searched, probabilities are lower bounds; where it was sampled, they are frequencies. An answer that
neither met is undetermined, never impossible, though its nats are those of the floor.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Container, Sequence

import numpy as np
from pydantic import Field

from envgen.belief import Belief
from envgen.comparison import Comparer
from envgen.counterexamples import Counterexamples, counterexamples, template
from envgen.entries import match_entries
from envgen.forms import Forms
from envgen.frequencies import Frequency, frequencies
from envgen.miner import mine
from envgen.scored import Outcome, Regime, Scored, agrees
from envgen.starts import match_starts
from envgen.steps import shows_chance, steps
from rollout.figure import Figure, proportion, ratio
from rollout.trajectory import Record, Trajectory
from sandbox import Worker

LISTED = 20  # forms, kinds and frequencies


class FidelityReport(Record):
    """What the held-out sessions say of an environment.

    Attributes:
        environment: its digest.
        sessions: how many sessions it was judged on.
        figures: by name; those of the references are prefixed `identity_` and `counts_`.
        chance: whether the sessions show that the world has chance.
        regimes: steps by how their chance was found.
        approximate: steps whose belief had been searched or sampled before.
        undetermined: steps whose answer was not met, where it might have been missed.
        not_compared: steps left out of the figures because their answers are not compared, by kind of answer.
        compared: kinds of answers that are not compared word for word, and how they are, in words.
        lost_mass: belief that was cut because there were too many copies, summed over steps.
        calibration: surprise beyond what is expected, by the form of the action; nats a step.
        counterexamples: steps that went wrong, in kinds, the commonest first.
        frequencies: answers that came more or less often than the environment says, the furthest off first.
    """

    environment: str
    sessions: int
    figures: dict[str, Figure]
    chance: bool
    regimes: dict[Regime, int]
    approximate: int
    undetermined: int
    not_compared: dict[str, int] = Field(default_factory=dict)
    compared: tuple[str, ...] = ()
    lost_mass: float
    calibration: dict[str, Figure] = Field(default_factory=dict)
    counterexamples: tuple[Counterexamples, ...] = ()
    frequencies: tuple[Frequency, ...] = ()


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


def judge(worker: Worker, environment: str, shown: Sequence[Trajectory], judged: Sequence[Trajectory],
          usual_reward: float, told: Callable[[int], None] = lambda count: None,
          comparer: Comparer | None = None) -> FidelityReport:
    """Replay sessions in an environment and in both references.

    Args:
        worker: the environment, in its sandbox.
        environment: its digest.
        shown: the sessions its author saw.
        judged: the sessions to judge it on.
        usual_reward: the reward that is not an event.
        told: is told of every session judged.
        comparer: which answers count as the logged ones; exact where not given.
    """
    comparer = comparer or Comparer()
    belief, counts = Belief(worker, comparer), CountModel(shown)
    replayed, scored, by_count, by_identity = [], [], [], []

    def score(outcomes: list[Outcome], step: Scored) -> Scored:
        hits = sum(each.probability for each in outcomes if agrees(each, step.turn, comparer))
        return Scored(step.before, step.turn, outcomes, hits)

    for session in belief.replays(judged):
        replayed.append(session)
        scored.append([step for step in session if comparer.compared(step.turn)])
        by_count.append([score(counts.outcomes(each.before, each.turn.action.text), each) for each in scored[-1]])
        by_identity.append([score([Outcome(1.0, each.before, usual_reward, False)], each) for each in scored[-1]])
        told(1)
    figures = _figures(scored, usual_reward, counts.seen)
    for prefix, reference in (("identity_", by_identity), ("counts_", by_count)):
        figures |= {prefix + name: figure for name, figure in _figures(reference, usual_reward, counts.seen).items()
                    if name in ("step_probability", "changed_step_probability", "reward_f1", "end_f1", "nats_per_step")}
    figures |= match_starts(worker, [each.observation.text for each in judged],
                            [each.observation.text for each in shown])
    figures |= match_entries(worker, judged, comparer)
    figures["nats_over_counts"] = _excess(scored, by_count)
    all_steps = [step for session in scored for step in session]
    for name in ("contradicted", "contradicted_event"):
        figures[name] = proportion(sum(getattr(step, name) for step in all_steps), len(all_steps),
                                   unit="share of steps")
    broke = [sum(outcome.probability for outcome in step.outcomes if outcome.fault) for step in all_steps]
    figures["faults"] = proportion(sum(broke), len(broke), unit="share of steps")
    figures["calibration"] = _surprise(scored)
    figures["actions_match"] = _listed(scored)
    off = frequencies(scored, comparer)
    figures["frequencies_off"] = Figure(value=max((each.off for each in off), default=0.0), n=len(all_steps),
                                        unit="share of steps")
    actions = mine((step.turn.action.text, None) for step in all_steps)
    left_out = Counter(comparer.kind(step.turn) for session in replayed for step in session
                       if not comparer.compared(step.turn))
    return FidelityReport(
        environment=environment, sessions=len(judged), figures=figures, chance=shows_chance([*shown, *judged]),
        regimes=Counter(step.regime for step in all_steps),
        approximate=sum(step.approximate for step in all_steps),
        undetermined=sum(step.undetermined for step in all_steps), not_compared=left_out,
        compared=comparer.described(),
        lost_mass=belief.lost_mass, calibration=_by_form(scored, actions),
        counterexamples=counterexamples(judged, scored, actions), frequencies=off[:LISTED],
    )


def _figures(sessions: Sequence[Sequence[Scored]], usual_reward: float, seen: Container[tuple[str, str]]
             ) -> dict[str, Figure]:
    def share(wanted: Callable[[Scored], bool]) -> Figure:
        picked = [[step for step in session if wanted(step)] for session in sessions]
        return ratio([sum(step.probability for step in session) for session in picked],
                     [len(session) for session in picked], unit="probability")

    rewarded = [[_events(step, lambda outcome: outcome.reward, step.turn.reward, usual_reward) for step in session]
                for session in sessions]
    ended = [[_events(step, lambda outcome: outcome.end, step.turn.terminated, False) for step in session]
             for session in sessions]
    whole = [float(np.prod([step.probability for step in session])) for session in sessions]
    length = [len(session) for session in sessions]
    return {
        "step_probability": share(lambda step: True),
        "changed_step_probability": share(lambda step: step.turn.answer != step.before),
        "novel_step_probability": share(lambda step: (step.before, step.turn.action.text) not in seen),
        "reward_f1": _f1(rewarded),
        "end_f1": _f1(ended),
        "episode_match": proportion(sum(whole), len(whole), unit="share of sessions"),
        "nats_per_step": ratio([sum(step.nats for step in session) for session in sessions], length, unit="nats"),
        "imagined_share": ratio(
            [sum(outcome.probability for step in session for outcome in step.outcomes if outcome.imagined)
             for session in sessions], length, unit="share of steps"),
    }


def _excess(sessions: Sequence[Sequence[Scored]], reference: Sequence[Sequence[Scored]]) -> Figure:
    """Nats a step more than the reference needs."""
    pairs = list(zip(sessions, reference, strict=True))
    return ratio([sum(step.nats for step in mine) - sum(step.nats for step in other) for mine, other in pairs],
                 [len(mine) for mine, _ in pairs], unit="nats")


def _events(step: Scored, value: Callable[[Outcome], float | bool], logged: float | bool | None,
            usual: float | bool) -> tuple[float, float]:
    """Twice the hits, and what was predicted plus what was logged; probabilities count as fractions of events.

    An environment that says it does not know predicts nothing.
    """
    if logged is None:
        return 0.0, 0.0
    told = [each for each in step.outcomes if not each.imagined and value(each) != usual]
    hits = sum(each.probability for each in told if logged != usual and value(each) == logged)
    return 2 * hits, sum(each.probability for each in told) + (logged != usual)


def _f1(sessions: Sequence[Sequence[tuple[float, float]]]) -> Figure:
    """F1 = 2·hits / (predicted + logged), over the union of logged and predicted events."""
    union = sum(below > 0 for session in sessions for _, below in session)
    return ratio([sum(top for top, _ in session) for session in sessions],
                 [sum(below for _, below in session) for session in sessions], n=union, unit="F1")


def _surprise(sessions: Sequence[Sequence[Scored]]) -> Figure:
    """Nats a step of surprise beyond what the environment expects."""
    beyond = [[step.nats - step.entropy for step in session if step.entropy is not None] for session in sessions]
    return ratio(list(map(sum, beyond)), list(map(len, beyond)), unit="nats")


def _by_form(sessions: Sequence[Sequence[Scored]], actions: Forms) -> dict[str, Figure]:
    """The same by the form of the action, the commonest first."""
    forms = {text: template(actions, text) for text in {step.turn.action.text for each in sessions for step in each}}
    counts = Counter(forms[step.turn.action.text] for session in sessions for step in session)
    return {form: _surprise([[step for step in session if forms[step.turn.action.text] == form]
                             for session in sessions]) for form, _ in counts.most_common(LISTED)}


def _listed(sessions: Sequence[Sequence[Scored]]) -> Figure:
    """Where an answer came true and both list legal actions: the share that list the same."""
    hits, listed = [], []
    for session in sessions:
        both = [(outcome.probability, outcome.actions == frozenset(step.turn.actions))
                for step in session if step.turn.actions is not None for outcome in step.outcomes
                if outcome.actions is not None and outcome.observation == step.turn.answer]
        hits.append(sum(probability for probability, same in both if same))
        listed.append(sum(probability for probability, _ in both))
    return ratio(hits, listed, unit="share of steps")
