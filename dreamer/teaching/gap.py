"""Whether the teacher does better for what only it is told. Where it does not, there is nothing to learn from it.

Measured first, for what the teacher gains at the beginning foretells what its student gains in the end. In a dream the
base plays from the same starts without and with what the teacher is told; where there is none, it says how likely it
finds, without and with it, what was done in sessions that nothing is learnt from.
"""

from dataclasses import replace

from dreamer.acting import Policy
from dreamer.dreaming import in_dream, tonights
from dreamer.learning.divergence import log_probabilities, surprise
from dreamer.learning.learners import contexts
from dreamer.records import Base, Gap, Logs, Validated
from dreamer.run import Run
from dreamer.teaching.contexts import TeachingError, privileged
from rollout.episode import Tokens
from rollout.figure import Figure, difference, mean
from rollout.trajectory import Message, Trajectory

SEEDS = 600_000_000  # first of the seeds that no learning and no judging uses
FEWEST = 10  # sessions; a bootstrap over fewer says little


def measure_gap(run: Run, logs: Logs, validated: Validated | None, base: Base) -> Gap:
    """In the dream, or, where there is none, on sessions."""
    return gap_on_sessions(run, base) if validated is None else gap_in_dream(run, logs, validated, base)


def gap_in_dream(run: Run, logs: Logs, validated: Validated, base: Base) -> Gap:
    """Play the base without and with contexts, from the same starts."""
    policy, count = run.policy(base.policy), run.config.distillation.gap
    wanted = tonights(run).draw(count, SEEDS)
    drawn = contexts(run, policy)
    with (
        run.dream(validated.worlds, listening=False) as (world, _),
        run.reporter.stage("gap", 2 * count, "episodes") as bar,
    ):
        rehearsal = in_dream(run, logs, policy, world)
        bare = rehearsal.play(wanted, bar.advance, "gap-bare")
        told = rehearsal.play(
            [replace(start, system=privileged(logs.system, drawn.draw(episode.trajectory.observation.text)))
             for start, episode in zip(wanted, bare, strict=True)], bar.advance, "gap-told")
        run.store.save_episodes("gap", [*bare, *told])
        successes = [[float(run.succeeded(episode.outcome)) for episode in episodes] for episodes in (bare, told)]
        gain = difference(successes[1], successes[0], unit="share of episodes")
        bar.note(f"success changes by {gain}", gain=gain.value)
    return _judged(run, "rehearsal", run.summarise(bare, 0.0).success, run.summarise(told, 0.0).success, gain)


def gap_on_sessions(run: Run, base: Base) -> Gap:
    """Ask the base, without and with contexts, how likely it finds what was done in approved held-out sessions.

    Where outcomes are known, in those that succeeded: who knows better would not do what failed.
    """
    policy = run.policy(base.policy)
    sessions = [session for session in run.store.load_sessions("held_out")
                if session.approval and (session.outcome is None or run.succeeded(session.outcome))]
    sessions = sessions[: run.config.distillation.gap]
    if len(sessions) < FEWEST:
        raise TeachingError(f"{len(sessions)} held-out sessions are approved and did not fail, too few to see whether "
                            f"the teacher's context helps it; have {FEWEST}, or raise sessions.held_out")
    drawn = contexts(run, policy)
    with run.reporter.stage("gap", 2 * len(sessions), "sessions") as bar:
        likely = []
        for told in (False, True):
            asked = [policy.chat.tokens(with_context(session, drawn.draw(session.observation.text, session))
                                        if told else session) for session in sessions]
            likely.append(_likely(policy, asked))
            bar.advance(len(sessions))
        gain = mean([after - before for before, after in zip(*likely, strict=True)], unit="nats a token")
        bar.note(f"log-probability changes by {gain} nats a token", gain=gain.value)
    bare, aware = (mean(each, unit="nats a token") for each in likely)
    return _judged(run, "held-out sessions", bare, aware, gain)


def with_context(session: Trajectory, context: str) -> Trajectory:
    """A session as if its agent had been told the context."""
    system = privileged(session.instructions, context)
    return session.model_copy(update={"system": Message(role="system", content=system)})


def _likely(policy: Policy, sessions: list[Tokens]) -> list[float]:
    """Of each session, the mean log-probability of its own tokens."""
    return [-nats / max(count, 1)
            for nats, count in surprise(lambda some: log_probabilities(policy.model, some), sessions)]


def _judged(run: Run, measured: str, bare: Figure, told: Figure, gain: Figure) -> Gap:
    helps = gain.low is not None and gain.low > 0
    context = run.config.distillation.context
    return Gap(
        context=context, measured=measured, bare=bare, told=told, gain=gain,
        refusal=None if helps else f"what the teacher is told ({context}) does not help it: in {measured} "
        f"{'success' if measured == 'rehearsal' else 'the log-probability of what was done'} changed by {gain}, lower "
        "bound not above 0; tell it something else (distillation.context), or measure more (distillation.gap)",
    )
