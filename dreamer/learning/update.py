"""Rounds of learning, whatever it is that learns: watched, told of, and kept."""

import time
from collections.abc import Callable

from dreamer.acting import Policy
from dreamer.learning.cloning import Diverged
from dreamer.learning.learners import Learner, Play
from dreamer.learning.learnt import learnt
from dreamer.learning.training import DIVERGENCE, Round
from dreamer.learning.watch import SAMPLE, Halted, Watch
from dreamer.policy import save
from dreamer.reading import approved
from dreamer.records import RoundSummary, Update
from dreamer.run import Run
from rollout.engines import Engine
from rollout.episode import Episode, Tokens


def improve(run: Run, policy: Policy, engine: Engine, play: Play, name: str, learner: Learner,
            kept: Callable[[int], str] | None = None) -> Update:
    """Rounds of learning, watched and with progress; leaves the changed policy in the store.

    Args:
        engine: that `play` generates with.
        play: plays a round, in a dream or not.
        name: what to show.
        learner: changes the policy.
        kept: under which name the store has the episodes of a round, by its number; None where it does not.
    """
    config, rounds = run.config, list[RoundSummary]()
    began = round_began = time.monotonic()
    playing = 0.0
    episodes_played = turns_played = 0
    stopped = None
    watch = Watch(policy.model, config.guards, histories(run, policy, SAMPLE), config.learning.rounds)

    with run.reporter.stage(name, config.learning.rounds, "rounds") as bar:

        def rehearse(number: int) -> list[Episode]:
            nonlocal playing
            playing_began = time.monotonic()
            episodes = play(number)
            playing += time.monotonic() - playing_began
            engine.rest()
            return episodes

        def told(done: Round) -> None:
            nonlocal round_began, episodes_played, turns_played
            apart = watch.look(done)
            if kept and done.metrics:
                run.store.save_learnt(kept(done.number), learnt(
                    policy.model, done, config.learning.episodes, config.policy.temperature))
            tonight = [episode for episode in done.episodes if episode.trajectory.recalls is None]
            played = run.summarise(tonight, 0.0)
            known = any(episode.trajectory.outcome is not None for episode in tonight)
            now = time.monotonic()
            rounds.append(RoundSummary(
                number=done.number, outcome=played.outcome.value if known else None,
                success=played.success.value if known else None,
                turns=played.turns, recalled=len(done.episodes) - len(tonight),
                imagined_share=played.imagined_share.value or 0.0, disagreement=played.disagreement,
                divergence=done.metrics.get(DIVERGENCE), entropy=done.metrics.get("entropy"),
                engine_difference=done.metrics.get("sampling/sampling_logp_difference/mean"),
                engine_difference_most=done.metrics.get("sampling/sampling_logp_difference/max"), promoted_kl=apart,
                seconds=now - round_began,
            ))
            round_began = now
            episodes_played += len(done.episodes)
            turns_played += sum(len(episode.trajectory.turns) for episode in done.episodes)
            bar.advance()
            last = rounds[-1]
            came = f"success {last.success:.2f}" if known else f"{last.divergence:.3f} nats from the teacher"
            rate = episodes_played / playing
            bar.note(f"{came}  {rate:,.0f} episodes/s", episodes_per_second=rate, **last.model_dump())

        try:
            learner(rehearse, told)
        except (Halted, Diverged) as halted:
            watch.good.restore(policy.model)
            stopped = str(halted)
            run.reporter.say(f"learning was stopped: {stopped}")
    digest = run.store.save_policy(lambda folder: save(policy.model, policy.tokenizer, folder))
    return Update(policy=digest, episodes=episodes_played, turns=turns_played, seconds=time.monotonic() - began,
                  rehearsal_seconds=playing, rounds=tuple(rounds), stopped=stopped)


def histories(run: Run, policy: Policy, most: int) -> list[Tokens]:
    """What is said on the new task: by the base in its rehearsal or, where there was none, in approved sessions."""
    return run.store.load_tokens("rehearsal", most) or [policy.chat.tokens(each) for each in approved(run)[:most]]
