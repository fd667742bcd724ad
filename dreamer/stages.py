"""The stages in which a policy rehearses and learns: each a function from records to a record."""

import time
from dataclasses import replace

from dreamer.acting import REHEARSAL_SEEDS, starts
from dreamer.card import card
from dreamer.dreaming import drawn, in_dream, round_name, tonights, with_disagreement
from dreamer.learning.learners import Play, contexts, imitating, rewarded, taught
from dreamer.learning.update import improve
from dreamer.records import Base, Logs, Rehearsed, Update, Validated
from dreamer.replay import replay
from dreamer.run import Run
from dreamer.sections import Method
from dreamer.teaching.experience import Experiences
from dreamer.teaching.gathering import renewing
from dreamer.teaching.turns import distil_sessions
from rollout.episode import Episode


def rehearse_base(run: Run, logs: Logs, validated: Validated, base: Base) -> Rehearsed:
    """Play the base in the dream, before it learns. Goes on where it was stopped."""
    policy = run.policy(base.policy)
    count = run.config.rehearsal.episodes
    with (
        run.dream(validated.worlds) as (world, disagreement),
        run.store.journal("rehearsal") as journal,
        run.reporter.stage("rehearse", count, "episodes") as bar,
    ):
        began = time.monotonic()
        bar.advance(len(journal))
        wanted = starts(REHEARSAL_SEEDS, count, run.store.night)
        for _ in journal.play(in_dream(run, logs, policy, world), wanted, "rehearsal"):
            bar.advance()
        episodes = with_disagreement(list(journal), disagreement)
        run.store.save_episodes("rehearsal", episodes)
        journal.remove()
        played = run.summarise(episodes, time.monotonic() - began)
        bar.note(f"success {played.success}", success=played.success.value)
    warnings = []
    if len({episode.outcome for episode in episodes}) == 1:
        warnings.append("every episode had the same outcome, so there may be nothing to learn from")
    lost = sum(episode.trajectory.stop == "imagined" for episode in episodes)
    if lost > 0.5 * count:
        warnings.append(
            f"{lost} of {count} episodes ran into what no session shows: the policy speaks otherwise than the recorded "
            "agent (more cloning.steps?) or the sessions show too little"
        )
    for warning in warnings:
        run.reporter.say(f"warning: {warning}")
    return Rehearsed(played=played, warnings=tuple(warnings))


def learn(run: Run, logs: Logs, validated: Validated | None, base: Base) -> Update:
    """Rounds of rehearsal and update, as the configuration wants to learn; without environments, from sessions."""
    if validated is None:
        update = distil_sessions(run, base)
    else:
        update = rehearse_and_learn(run, logs, validated, base, run.config.learning.method)
    run.store.save_card(update.policy, card(run, logs, base=base.policy, validated=validated, update=update))
    return update


def rehearse_and_learn(run: Run, logs: Logs, validated: Validated, base: Base, method: Method, name: str = ""
                       ) -> Update:
    """Rounds in the dream, each on fresh episodes of the policy as it then is.

    A share of a round's groups are tasks of earlier nights, where there were any.

    Args:
        name: what the rounds' names begin with.
    """
    policy = run.policy(base.policy)
    curriculum = tonights(run)
    with run.dream(validated.worlds) as (world, disagreement), replay(run, policy) as earlier:
        rehearsal = in_dream(run, logs, policy, world)

        def named(number: int) -> str:
            return f"{name}{round_name(number)}"

        def play(number: int) -> list[Episode]:
            rehearsed = replace(rehearsal, labels={**rehearsal.labels, "round": number})
            groups = run.config.learning.groups - earlier.groups
            episodes = rehearsed.play(drawn(run, curriculum, number, groups), name=named(number))
            curriculum.tell(episodes)
            episodes = with_disagreement(episodes, disagreement, run.config.rehearsal.replayed) + earlier.play(number)
            run.store.save_episodes(named(number), episodes)
            return episodes

        rounds: Play = play
        match method:
            case "distillation":
                told = contexts(run, policy, earlier.approved)
                if isinstance(told, Experiences):
                    rounds = renewing(run, policy, told, play, rehearsal)
                learner = taught(run, policy, rehearsal.engine, lambda episode: told.draw(episode.observation.text))
            case "imitation":
                learner = imitating(run, policy)
            case "grpo":
                learner = rewarded(run, policy, rehearsal.engine)
        return improve(run, policy, rehearsal.engine, rounds, f"{name}learn", learner, named)
