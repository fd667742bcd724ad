"""What speaks for a candidate from outside the dream: both policies side by side, where they would work.

The production engine is the strongest evidence: both policies play it from the same starts. Without one, new real
sessions of both count, by the digest of the policy that acted. They say which is better only if chance decided which of
the two a session got, which is for whoever deploys them to see to. Old sessions cannot say what another action would
have brought, so they are no evidence at all.
"""

import time
from collections.abc import Callable
from typing import Literal

from dreamer.acting import Policy, starts
from dreamer.past import JUDGING
from dreamer.records import Base, Evidence, Logs, Update
from dreamer.run import Run
from rollout.episode import Episode
from rollout.figure import difference
from rollout.sessions import read, with_outcome

JUDGING_SEEDS = 1_000_000_000  # first of the seeds that only judging uses
TURNS = 1000  # an engine without a limit of its own is stopped here


def gather(run: Run, logs: Logs, base: Base, update: Update) -> Evidence | str:
    """The strongest evidence there is; or why there is none, and how to come by some."""
    if run.config.production is not None:
        return play_both(run, logs, base, update)
    return compare_sessions(run, base, update)


def play_both(run: Run, logs: Logs, base: Base, update: Update) -> Evidence:
    """Both policies in the real engine, from the same starts."""
    assert run.config.production is not None
    with run.reporter.stage("evaluate", 2 * run.config.production.episodes, "episodes") as bar:
        both = []
        for name, digest in (("judging-base", base.policy), (JUDGING, update.policy)):
            episodes, seconds = judge(run, run.policy(digest), logs, bar.advance, name)
            run.store.save_episodes(name, episodes)
            both.append((episodes, seconds))
        evidence = weigh(run, "production", *both)
        bar.note(f"{evidence.before.success.value:.3f} → {evidence.after.success.value:.3f}")
    return evidence


def compare_sessions(run: Run, base: Base, update: Update) -> Evidence | str:
    """What both policies did in sessions that were logged since the night read them."""
    config = run.config
    names = {base.policy: base.policy, base.origin: base.policy, update.policy: update.policy}
    found: dict[str, list[Episode]] = {base.policy: [], update.policy: []}
    for session in read(config.sessions.files, config.folder, config.sessions.format):
        acted = names.get(session.policy) if session.source == "real" else None
        known = with_outcome(session)
        if acted is not None and known.outcome is not None and run.store.unread([session.id]):
            found[acted].append(Episode(len(found[acted]), known, ()))
    counts = [len(found[digest]) for digest in (base.policy, update.policy)]
    wanted = config.guards.sessions
    if min(counts) < wanted:
        return (
            f"there is no evidence from outside the dream: the logs hold {counts[0]:,} new real sessions of the policy "
            f"before, {base.origin or base.policy}, and {counts[1]:,} of the candidate, {update.policy}; {wanted:,} of "
            "each are needed (guards.sessions). Let both work and dream evaluate; or name a [production] engine; or "
            f"let a person decide: dream approve {run.store.root}"
        )
    return weigh(run, "sessions", (found[base.policy], 0.0), (found[update.policy], 0.0))


def weigh(run: Run, source: Literal["production", "sessions"], before: tuple[list[Episode], float],
          after: tuple[list[Episode], float]) -> Evidence:
    """Evidence from the episodes of both, and the seconds that they took."""
    one, other = ([episode.outcome for episode in episodes] for episodes, _ in (after, before))
    won, other_won = ([float(run.succeeded(outcome)) for outcome in outcomes] for outcomes in (one, other))
    return Evidence(
        source=source, before=run.summarise(*before), after=run.summarise(*after),
        gain=difference(one, other, unit="reward"), success_gain=difference(won, other_won, unit="share of episodes"),
    )


def judge(run: Run, policy: Policy, logs: Logs, told: Callable[[int], None] = lambda count: None,
          name: str = "judging", temperature: float | None = None) -> tuple[list[Episode], float]:
    """A policy's episodes in the real engine, and how many seconds they took."""
    assert run.config.production is not None
    began = time.monotonic()
    rehearsal = run.rehearsal(policy, run.production(), TURNS, temperature, logs.system, source="real")
    episodes = rehearsal.play(starts(JUDGING_SEEDS, run.config.production.episodes, run.store.night), told, name)
    return episodes, time.monotonic() - began
