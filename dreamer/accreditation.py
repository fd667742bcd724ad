"""Nothing is promoted by its own dream: base and candidate meet the real engine, and the difference decides."""

import time
from collections.abc import Callable

from dreamer.acting import Policy, starts
from dreamer.reading import Logs
from dreamer.run import Played, Run
from dreamer.stages import Base, Update
from rollout.figure import Figure, difference
from rollout.rehearsal import Episode
from rollout.trajectory import Record

JUDGING_SEEDS = 1_000_000_000  # first of the seeds that only judging uses
TURNS = 1000  # an engine without a limit of its own is stopped here


class Accreditation(Record):
    """Whether the candidate is promoted, and on what evidence.

    Attributes:
        before, after: base and candidate in the production engine; None where there is none.
        gain: of the mean outcome.
        success_gain: of the share of successes.
        promoted: whether the candidate is.
        reason: why, or why not.
        real_steps_before: steps taken in the production engine since the run began and before the judging.
    """

    before: Played | None
    after: Played | None
    gain: Figure | None
    success_gain: Figure | None
    promoted: bool
    reason: str
    real_steps_before: int


def accredit(run: Run, logs: Logs, base: Base, update: Update) -> Accreditation:
    """Play both policies in the real engine, from the same starts.

    The candidate is promoted if its mean outcome gained and its success did not lose, each by its interval.
    """
    steps = run.real_steps
    if run.config.production is None:
        return Accreditation(
            before=None, after=None, gain=None, success_gain=None, promoted=False, real_steps_before=steps,
            reason="there is no evidence from outside the dream: name a [production] engine",
        )
    count = run.config.production.episodes
    with run.reporter.stage("evaluate", 2 * count, "episodes") as bar:
        outcomes, played = [], []
        for name, digest in (("judging-base", base.policy), ("judging-candidate", update.policy)):
            policy = run.policy(digest)
            episodes, seconds = judge(run, policy, logs, bar.advance, name)
            run.store.save_episodes(name, episodes)
            outcomes.append([episode.outcome for episode in episodes])
            played.append(run.summarise(episodes, seconds))
        gain = difference(outcomes[1], outcomes[0], unit="reward")
        bar.note(f"{played[0].success.value:.3f} → {played[1].success.value:.3f}")
    successes = [[float(run.succeeded(outcome)) for outcome in won] for won in outcomes]
    success_gain = difference(successes[1], successes[0], unit="share of episodes")
    better = gain.low is not None and gain.low > 0
    worse = success_gain.high is not None and success_gain.high < 0  # a mean can gain while fewer succeed
    promoted = better and not worse
    if promoted:
        run.store.promote(update.policy, by="the production engine")
    reason = f"mean outcome in the real engine changed by {gain}, "
    reason += "lower bound above 0" if better else "lower bound not above 0: not shown to be better"
    if worse:
        reason += f"; but success changed by {success_gain}, upper bound below 0"
    return Accreditation(before=played[0], after=played[1], gain=gain, success_gain=success_gain, promoted=promoted,
                         real_steps_before=steps, reason=reason)


def judge(run: Run, policy: Policy, logs: Logs, told: Callable[[int], None] = lambda count: None,
          name: str = "judging", temperature: float | None = None) -> tuple[list[Episode], float]:
    """A policy's episodes in the real engine, and how many seconds they took."""
    assert run.config.production is not None
    began = time.monotonic()
    rehearsal = run.rehearsal(policy, run.production(), TURNS, temperature, logs.system, source="real")
    episodes = rehearsal.play(starts(JUDGING_SEEDS, run.config.production.episodes, run.store.night), told, name)
    return episodes, time.monotonic() - began
