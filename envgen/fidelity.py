"""How well an authored environment tells the held-out sessions, step by step.

Each session's actions are played in the environment, and every logged (observation, reward, end) is given the
probability that the environment gave it. Chance is enumerated: the environment's draws are forked, copies that
answered otherwise than the log are dropped, and the rest carry the belief on. After a mismatch the replay re-enters
where the text allows it, so that one early error is not counted as a hundred; where it cannot, the rest counts as
unmatched. Beside the environment stand two references: identity (nothing ever changes) and the count model (what
followed the same text and action in the shown sessions).

Left out: guided search and sampling where chance cannot be enumerated; such steps count as undetermined.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from envgen.steps import shows_chance, steps
from rollout.figure import Figure, proportion, ratio
from rollout.trajectory import Record, Trajectory, Turn
from sandbox import Answer, EnvironmentFault, Worker
from sandbox import Outcome as Fork

FLOOR = 1e-4  # probability that a step is given at least, in nats: 9.2 at most
BELIEF = 64  # copies of the environment kept; what is cut is reported as lost mass
FORKS = 4096  # a step with more outcomes is undetermined


class FidelityReport(Record):
    """What the held-out sessions say of an environment.

    Attributes:
        environment: its digest.
        sessions: how many sessions it was judged on.
        figures: by name; those of the references are prefixed `identity_` and `counts_`.
        chance: whether the sessions show that the world has chance.
        undetermined: steps whose chance could not be enumerated.
        lost_mass: belief that was cut because there were too many copies, summed over steps.
        mismatches: the first few steps that went wrong.
    """

    environment: str
    sessions: int
    figures: dict[str, Figure]
    chance: bool
    undetermined: int
    lost_mass: float
    mismatches: tuple["Mismatch", ...] = ()


class Mismatch(Record):
    """A step that the environment gave little or no probability."""

    session: str
    turn: int
    before: str
    action: str
    logged: str
    expected: str
    probability: float


@dataclass(frozen=True)
class Outcome:
    """One possible answer with its probability."""

    probability: float
    observation: str
    reward: float
    end: bool
    imagined: bool = False


@dataclass
class Scored:
    """One logged step under one model."""

    before: str
    turn: Turn
    outcomes: list[Outcome]

    @property
    def probability(self) -> float:
        return sum(outcome.probability for outcome in self.outcomes if agrees(outcome, self.turn))

    @property
    def entropy(self) -> float:
        """Nats of surprise that the model expects here."""
        told: dict[tuple[str, float, bool], float] = defaultdict(float)
        for outcome in self.outcomes:
            told[outcome.observation, outcome.reward, outcome.end] += outcome.probability
        return -sum(p * float(np.log(p)) for p in told.values() if p > 0)


def agrees(outcome: Outcome, turn: Turn) -> bool:
    """Whether a possible answer is the logged one, in all that the log says."""
    return (
        not outcome.imagined
        and outcome.observation == turn.answer
        and (turn.reward is None or outcome.reward == turn.reward)
        and (turn.terminated is None or outcome.end == turn.terminated)
    )


@dataclass
class Replay:
    """Plays sessions in an environment and keeps what it believes."""

    worker: Worker
    undetermined: int = 0
    lost_mass: float = 0.0
    belief: dict[int, float] = field(default_factory=dict)  # copy: weight
    unknown: bool = False  # the chance of beginning here could not be enumerated

    def session(self, session: Trajectory) -> list[Scored]:
        """All steps of one session, scored."""
        self._enter(session.observation.text, drawn=True)
        if not self.belief:
            self._enter(session.observation.text)
        scored = []
        for before, turn, text in steps(session):
            scored.append(self._step(before, turn))
            if not self.belief and not turn.terminated:
                self._enter(text)
        self.worker.drop(list(self.belief))
        self.belief = {}
        return scored

    def _step(self, before: str, turn: Turn) -> Scored:
        answers, unknown = [], self.unknown and not self.belief
        for copy, weight in self.belief.items():
            outcomes = self.worker.expand(copy, turn.action.text, limit=FORKS)
            if outcomes is None:
                unknown = True
                continue
            answers += [(weight * each.probability, each) for each in outcomes]
        self.undetermined += unknown
        told = [_outcome(weight, fork.answer) for weight, fork in answers]
        self.worker.drop(list(self.belief))
        self._settle([(weight, fork, agrees(outcome, turn) and not _over(fork.answer))
                      for (weight, fork), outcome in zip(answers, told, strict=True)])
        return Scored(before, turn, told)

    def _enter(self, text: str, drawn: bool = False) -> None:
        """Begin where the environment shows a text, drawn or by being told it, if it can."""
        forks = self.worker.expand_reset(observation=None if drawn else text, limit=FORKS)
        self.unknown = forks is None
        self._settle([(fork.probability, fork, isinstance(fork.answer, Answer) and fork.answer.observation == text)
                      for fork in forks or []])

    def _settle(self, forks: Iterable[tuple[float, Fork, bool]]) -> None:
        """Keep the forks that agree: equal states as one, no more than `BELIEF`, weights normalised; drop the rest."""
        weights: dict[str, float] = {}
        copies: dict[str, int] = {}
        spare: list[int] = []
        for weight, fork, good in forks:
            if fork.id is None:
                continue
            if not good or fork.digest in copies:
                spare.append(fork.id)
            else:
                copies[fork.digest] = fork.id
            if good:
                weights[fork.digest] = weights.get(fork.digest, 0.0) + weight
        likeliest = sorted(weights, key=lambda digest: -weights[digest])
        total = sum(weights.values())
        kept, cut = likeliest[:BELIEF], likeliest[BELIEF:]
        if cut:
            lost = sum(weights[digest] for digest in cut)
            self.lost_mass += lost / total
            total -= lost
        self.worker.drop(spare + [copies[digest] for digest in cut])
        self.belief = {copies[digest]: weights[digest] / total for digest in kept}


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
          usual_reward: float, told: Callable[[int], None] = lambda count: None) -> FidelityReport:
    """Replay sessions in an environment and in both references.

    Args:
        worker: the environment, in its sandbox.
        environment: its digest.
        shown: the sessions its author saw.
        judged: the sessions to judge it on.
        usual_reward: the reward that is not an event.
        told: is told of every session judged.
    """
    replay, counts = Replay(worker), CountModel(shown)
    mine, by_count, by_identity, mismatches = [], [], [], list[Mismatch]()
    for session in judged:
        scored = replay.session(session)
        mine.append(scored)
        by_count.append([Scored(each.before, each.turn, counts.outcomes(each.before, each.turn.action.text))
                         for each in scored])
        by_identity.append([Scored(each.before, each.turn, [Outcome(1.0, each.before, usual_reward, False)])
                            for each in scored])
        mismatches += _mismatches(session, scored)
        told(1)
    figures = _figures(mine, usual_reward, counts.seen)
    for prefix, reference in (("identity_", by_identity), ("counts_", by_count)):
        figures |= {prefix + name: figure for name, figure in _figures(reference, usual_reward, counts.seen).items()
                    if name in ("step_probability", "changed_step_probability", "reward_f1", "end_f1", "nats_per_step")}
    figures["nats_over_counts"] = _excess(mine, by_count)
    figures["calibration"] = ratio([sum(_nats(step) - step.entropy for step in session) for session in mine],
                                   [len(session) for session in mine], unit="nats")
    return FidelityReport(
        environment=environment, sessions=len(judged), figures=figures, chance=shows_chance([*shown, *judged]),
        undetermined=replay.undetermined, lost_mass=replay.lost_mass, mismatches=tuple(mismatches[:20]),
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
        "nats_per_step": ratio([sum(map(_nats, session)) for session in sessions], length, unit="nats"),
        "imagined_share": ratio(
            [sum(outcome.probability for step in session for outcome in step.outcomes if outcome.imagined)
             for session in sessions], length, unit="share of steps"),
    }


def _nats(step: Scored) -> float:
    return -float(np.log(max(step.probability, FLOOR)))


def _excess(sessions: Sequence[Sequence[Scored]], reference: Sequence[Sequence[Scored]]) -> Figure:
    """Nats a step more than the reference needs."""
    pairs = list(zip(sessions, reference, strict=True))
    return ratio([sum(map(_nats, mine)) - sum(map(_nats, other)) for mine, other in pairs],
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


def _mismatches(session: Trajectory, scored: Sequence[Scored]) -> list[Mismatch]:
    found = []
    for number, step in enumerate(scored, start=1):
        if step.probability < FLOOR:
            likeliest = max(step.outcomes, key=lambda outcome: outcome.probability, default=None)
            expected = "no state to act in" if likeliest is None else "unknown" if likeliest.imagined else (
                f"{likeliest.observation} (reward {likeliest.reward:g}, end {likeliest.end})"
            )
            found.append(Mismatch(
                session=session.id, turn=number, before=step.before, action=step.turn.action.text,
                logged=f"{step.turn.answer} (reward {step.turn.reward}, end {step.turn.terminated})",
                expected=expected, probability=step.probability,
            ))
    return found


def _over(answer: Answer | EnvironmentFault) -> bool:
    return isinstance(answer, Answer) and (answer.terminated or answer.truncated)


def _outcome(probability: float, answer: Answer | EnvironmentFault) -> Outcome:
    if isinstance(answer, EnvironmentFault):
        return Outcome(probability, f"fault: {answer}", 0.0, False, imagined=True)
    return Outcome(probability, answer.observation, answer.reward, answer.terminated, bool(answer.info.get("imagined")))
