"""The record that each stage of a night ends with, in the order of the stages, and the report of them all.

No torch is imported here, so that whoever only reads what a night came to starts at once.
"""

from typing import Literal

from pydantic import BaseModel

from envgen.fidelity import FidelityReport
from envgen.split import By
from envgen.support import Support
from rollout.figure import Figure
from rollout.trajectory import Record

SOURCES = {"production": "the real engine", "sessions": "new real sessions"}


class Logs(Record):
    """The sessions that were read.

    Attributes:
        shown, selection, held_out: how many sessions each part has.
        turns, longest: of all sessions: how many, and the most that one has.
        usual_reward: the commonest reward of a turn; others are events.
        split: what was kept together, and how many of these groups each part has.
        files: how many sessions each log gave; the run's own are logs, too.
        rejected: how many were left out because someone said so.
        approvals: of the shown sessions, how many may train, and by whose word.
    """

    shown: int
    selection: int
    held_out: int
    split: tuple[By, tuple[int, int, int]]
    files: dict[str, int]
    rejected: int
    approvals: dict[str, int]
    turns: int
    longest: int
    usual_reward: float
    worst_outcome: float
    system: str | None = None


class Candidate(Record):
    """One draft, and how it did on the sessions kept for selection."""

    environment: str
    author: str
    states: int | None
    lines: int
    step_probability: Figure
    nats_per_step: Figure


class Authored(Record):
    """What was drafted.

    Attributes:
        candidates: best first.
        rejected: drafts that cannot be used, and why.
    """

    candidates: tuple[Candidate, ...]
    rejected: tuple[str, ...] = ()


class Judged(Record):
    """What the held-out sessions say of a candidate.

    Attributes:
        report: None where the sandbox had to stop it.
        refusals: why it is no member; empty for members.
        support: how often the shown sessions exercise its code; None where the sandbox had to stop it.
    """

    environment: str
    author: str
    report: FidelityReport | None
    refusals: tuple[str, ...]
    support: Support | None = None

    @property
    def vouched(self) -> tuple[int, ...]:
        """The elements of its code that sessions exercise; steps that run others are imagined."""
        return self.support.vouched if self.support else ()


class Validated(Record):
    """What the held-out sessions say of the best candidates.

    Attributes:
        judged: best first on the sessions kept for selection.
        looks: how many environments have been judged on these held-out sessions so far, over all nights. The more,
            the likelier that one passes by luck.
    """

    judged: tuple[Judged, ...]
    looks: int

    @property
    def members(self) -> tuple[Judged, ...]:
        """Those that the gate passes."""
        return tuple(each for each in self.judged if not each.refusals)

    def of(self, environment: str) -> Judged | None:
        """What was said of the environment with a digest; None where it was not judged."""
        return next((each for each in self.judged if each.environment == environment), None)

    @property
    def worlds(self) -> dict[str, tuple[int, ...]]:
        """Of each member, by its digest, what of its code sessions vouch for."""
        return {each.environment: each.vouched for each in self.members}

    @property
    def best(self) -> Judged:
        """The first member; where there is none, the first that was refused."""
        return (self.members or self.judged)[0]


class Base(Record):
    """The policy that the night begins with.

    Attributes:
        policy: its digest.
        origin: what earlier nights promoted, or began with: the same policy, before its adapters were merged.
    """

    policy: str
    origin: str | None = None
    parameters: int
    cloned_steps: int
    loss: float | None


class Played(Record):
    """How a policy did over some episodes.

    Attributes:
        disagreement: nats of surprise a step of the members that did not dream it, over the steps where it was
            measured; None where it was on none.
    """

    success: Figure
    outcome: Figure
    turns: float
    imagined_share: Figure
    disagreement: Figure | None = None
    seconds: float


class Rehearsed(Record):
    """How the base does in the dream, and what speaks against learning there."""

    played: Played
    warnings: tuple[str, ...] = ()


class Gap(Record):
    """What the context is worth to the teacher.

    Attributes:
        context: what it was told: a "session", a "rehearsal" or "experience".
        measured: in what: "rehearsal", or "held-out sessions" where there is no world.
        bare, told: success without and with the context; or the log-probability of the logged actions, nats a token.
        gain: the difference.
        refusal: why nothing may be learnt from this teacher, if so.
    """

    context: str
    measured: str
    bare: Figure
    told: Figure
    gain: Figure
    refusal: str | None


class RoundSummary(Record):
    """One update in numbers. Where actions are given one at a time, and nothing answers, there is no success.

    Outcome, success, turns and shares are of tonight's tasks.

    Attributes:
        recalled: how many more episodes were of earlier nights' tasks.
        divergence: of the policy and its teacher, nats a token, before the update; None where there was no teacher.
        engine_difference, engine_difference_most: nats between what the engine and what the trainer gave the policy's
            tokens, on average and at most.
        promoted_kl: KL(promoted‖policy) after the update, nats a token, in the rounds in which it is measured.
    """

    number: int
    outcome: float | None
    success: float | None
    turns: float
    recalled: int = 0
    imagined_share: float
    disagreement: Figure | None = None
    divergence: float | None = None
    entropy: float | None
    engine_difference: float | None
    engine_difference_most: float | None
    promoted_kl: Figure | None = None
    seconds: float


class Update(Record):
    """What learning made of the policy.

    Attributes:
        rounds: but for one that a guard stopped at.
        stopped: why learning was stopped before its last round, if it was; the policy then is the last good one.
    """

    policy: str
    episodes: int
    turns: int
    seconds: float
    rehearsal_seconds: float
    rounds: tuple[RoundSummary, ...]
    stopped: str | None = None

    @property
    def episodes_per_second(self) -> float:
        return self.episodes / self.rehearsal_seconds


class Evidence(Record):
    """Base and candidate, outside the dream.

    Attributes:
        source: what they did it in.
        before, after: base and candidate.
        gain: of the mean outcome.
        success_gain: of the share of successes.
    """

    source: Literal["production", "sessions"]
    before: Played
    after: Played
    gain: Figure
    success_gain: Figure

    @property
    def better(self) -> bool:
        """The mean outcome gained, and fewer successes are not shown: a mean can gain while fewer succeed."""
        return (self.gain.low or 0.0) > 0 and not (self.success_gain.high or 0.0) < 0

    @property
    def worse(self) -> bool:
        """The mean outcome or the share of successes is shown to have gone down."""
        return (self.gain.high or 0.0) < 0 or (self.success_gain.high or 0.0) < 0

    def __str__(self) -> str:
        better = (self.gain.low or 0.0) > 0
        words = f"mean outcome in {SOURCES[self.source]} changed by {self.gain}, " + (
            "lower bound above 0" if better else "lower bound not above 0: not shown to be better")
        if (self.success_gain.high or 0.0) < 0:
            words += f"; but success changed by {self.success_gain}, upper bound below 0"
        return words


class KeptTask(Record):
    """Success at a task.

    Attributes:
        change: of paired episodes.
        since: change since the task was first on record in an earlier night, lest small losses add up; None where it
            is new.
    """

    name: str
    before: Figure
    after: Figure
    change: Figure
    since: Figure | None = None


class KeptText(Record):
    """How much more surprising the actions of a log became, nats a token."""

    name: str
    change: Figure


class Retained(Record):
    """What was kept.

    Attributes:
        refusals: what was not, or is not shown to be; one text each.
    """

    tasks: tuple[KeptTask, ...] = ()
    texts: tuple[KeptText, ...] = ()
    refusals: tuple[str, ...] = ()


class Accreditation(Record):
    """Whether the candidate is promoted, and on what evidence.

    Attributes:
        evidence: from outside the dream; None where there is none.
        promoted_kl, original_kl: KL(promoted‖candidate) and KL(original‖candidate) on histories of the night's task,
            nats a token.
        retained: what the policy must not forget.
        refusals: the bounds that do not hold; with one of them nothing is promoted.
        approved_by: the person who decided, if one did.
        promoted: whether the candidate is.
        reason: why, or why not.
        real_steps_before: steps taken in the production engine since the run began and before the judging.
    """

    evidence: Evidence | None
    promoted_kl: Figure
    original_kl: Figure
    retained: Retained
    refusals: tuple[str, ...]
    approved_by: str | None = None
    promoted: bool
    reason: str
    real_steps_before: int


class Baseline(Record):
    """Another way to spend the sessions and the time."""

    name: str
    played: Played


class Baselines(Record):
    """All that stand beside the night."""

    rows: tuple[Baseline, ...]


class Report(BaseModel):
    """The end of a night.

    Attributes:
        verdict: promoted; refused by gate or accreditation; or stopped where it was asked to stop.
        reason: of the verdict.
        figures: by name, in the shape the benchmarks print; fidelity is that of the best environment that passed.
        curves: what changed from round to round: success in the dream, and the nats a token between policy and
            teacher, each where there was one; and the nats between what the engine and what the trainer gave a token,
            on average and at most.
        environments: those judged on the held-out sessions, with the gate's refusals; those without any are the
            members of the ensemble.
        run: the run folder.
        night: which one of it.
        seed: of the night.
        policy: where the promoted or refused checkpoint is.
    """

    verdict: Literal["promoted", "refused", "stopped"]
    reason: str
    figures: dict[str, Figure]
    curves: dict[str, tuple[float, ...]] = {}
    environments: dict[str, tuple[str, ...]] = {}
    run: str
    night: int
    seed: int
    policy: str | None = None
