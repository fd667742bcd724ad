"""The stages in which policies are made and changed: each a function from records to a record."""

import time
from contextlib import ExitStack
from dataclasses import replace

from dreamer.acting import REHEARSAL_SEEDS, Policy, starts
from dreamer.authoring import Validated
from dreamer.card import card
from dreamer.config import ConfigError
from dreamer.curriculum import Curriculum
from dreamer.dreaming import drawn, in_dream, round_name, with_disagreement
from dreamer.experience import Experiences, Gathered
from dreamer.gathering import gather, renewing
from dreamer.learners import Learner, Play, contexts, rewarded, taught
from dreamer.learning import clone
from dreamer.policy import build_tiny, save, train_tokenizer
from dreamer.policy import load as load_checkpoint
from dreamer.reading import Logs, approved
from dreamer.replay import replay
from dreamer.run import Played, Run
from dreamer.teaching import TeachingError
from dreamer.training import DIVERGENCE, Round
from dreamer.watch import SAMPLE, Halted, Watch
from rollout.chat import Chat, Tokens
from rollout.engines import Engine
from rollout.figure import Figure
from rollout.rehearsal import Episode
from rollout.trajectory import Record


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


class Rehearsed(Record):
    """How the base does in the dream, and what speaks against learning there."""

    played: Played
    warnings: tuple[str, ...] = ()


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
    engine_difference: float
    engine_difference_most: float
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


def make_base(run: Run, logs: Logs) -> Base:
    """What earlier nights promoted; in the first, the configuration's model, or a clone of who left the sessions."""
    policy, origin = run.config.policy, run.store.beginning
    if origin is None and policy.model == "tiny":
        return clone_sessions(run, logs)
    source = run.config.checkpoint if run.beginning is None else run.store.policy(run.beginning)
    model, tokenizer = load_checkpoint(source)
    if Chat(tokenizer, policy.keep_reasoning).strips and run.config.learning.method != "distillation":
        raise ConfigError(
            f"the chat template of {policy.model!r} drops the reasoning of earlier turns, so an episode is no sequence "
            "that GRPO could learn from; set policy.keep_reasoning = true"
        )
    digest = run.beginning or run.store.save_policy(lambda folder: save(model, tokenizer, folder))
    if digest != origin:
        run.store.save_card(digest, card(run, logs, base=origin or policy.model))
    return Base(policy=digest, origin=origin, parameters=model.num_parameters(), cloned_steps=0, loss=None)


def clone_sessions(run: Run, logs: Logs) -> Base:
    """A tiny policy that imitates the approved sessions."""
    config, seed = run.config, run.config.seed
    shown = approved(run)
    tokenizer = train_tokenizer(shown, config.policy.vocabulary, config.policy.phrases)
    chat = Chat(tokenizer)
    model = build_tiny(tokenizer, config.policy.layers, config.policy.hidden, seed)
    losses: list[float] = []
    with run.reporter.stage("clone", config.cloning.steps, "steps") as bar:

        def told(step: int, metrics: dict[str, float]) -> None:
            if "loss" in metrics:
                losses.append(metrics["loss"])
                bar.advance()
                bar.note(f"loss {losses[-1]:.3f}", loss=losses[-1])

        clone(model, tokenizer, [chat.tokens(session) for session in shown], config.cloning, seed, told)
    digest = run.store.save_policy(lambda folder: save(model, tokenizer, folder))
    run.store.save_card(digest, card(run, logs, cloned_steps=config.cloning.steps))
    return Base(policy=digest, parameters=model.num_parameters(), cloned_steps=config.cloning.steps, loss=losses[-1])


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


def gather_experience(run: Run, logs: Logs, base: Base, validated: Validated | None = None) -> Gathered:
    """What the shown sessions teach, approved or not; tried in the dream, where there is one.

    Raises:
        TeachingError: they teach nothing.
    """
    policy, sessions = run.policy(base.policy), run.store.load_sessions("shown")
    with ExitStack() as stack:
        rehearsal = None
        if validated is not None:
            world, _ = stack.enter_context(run.dream(validated.worlds, listening=False))
            rehearsal = in_dream(run, logs, policy, world)
        gathered = gather(run, policy, sessions, (), "experience", rehearsal)
    if not any(experience.items for experience in gathered.experiences):
        raise TeachingError(
            f"{gathered.sessions} sessions taught nothing that could be kept ({len(gathered.dropped)} items were "
            "dropped): have more sessions, or choose another experience.extractor or distillation.context"
        )
    return gathered


def learn_in_dream(run: Run, logs: Logs, validated: Validated, base: Base) -> Update:
    """Rounds of rehearsal and update, each on fresh episodes of the policy as it then is.

    A share of a round's groups are tasks of earlier nights, where there were any.
    """
    policy = run.policy(base.policy)
    curriculum = Curriculum(run.store.load_sessions("shown"), run.succeeded, run.config.seed, run.config.learning.drawn)
    with run.dream(validated.worlds) as (world, disagreement), replay(run, policy) as earlier:
        rehearsal = in_dream(run, logs, policy, world)

        def play(number: int) -> list[Episode]:
            rehearsed = replace(rehearsal, labels={**rehearsal.labels, "round": number})
            groups = run.config.learning.groups - earlier.groups
            episodes = rehearsed.play(drawn(run, curriculum, number, groups), name=round_name(number))
            curriculum.tell(episodes)
            episodes = with_disagreement(episodes, disagreement, run.config.rehearsal.replayed) + earlier.play(number)
            run.store.save_episodes(round_name(number), episodes)
            return episodes

        engine = rehearsal.engine
        rounds: Play = play
        if run.config.learning.method == "distillation":
            told = contexts(run, policy, earlier.approved)
            if isinstance(told, Experiences):
                rounds = renewing(run, policy, told, play, rehearsal)
            learner = taught(run, policy, engine, lambda episode: told.draw(episode.observation.text))
        else:
            learner = rewarded(run, policy, engine)
        update = improve(run, policy, engine, rounds, "learn", learner)
    run.store.save_card(update.policy, card(run, logs, base=base.policy, validated=validated, update=update))
    return update


def improve(run: Run, policy: Policy, engine: Engine, play: Play, name: str, learner: Learner) -> Update:
    """Rounds of learning, watched and with progress; leaves the changed policy in the store.

    Args:
        engine: that `play` generates with.
        play: plays a round, in a dream or not.
        name: what to show.
        learner: changes the policy.
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
                engine_difference=done.metrics["sampling/sampling_logp_difference/mean"],
                engine_difference_most=done.metrics["sampling/sampling_logp_difference/max"], promoted_kl=apart,
                seconds=now - round_began,
            ))
            round_began = now
            episodes_played += len(done.episodes)
            turns_played += sum(len(episode.trajectory.turns) for episode in done.episodes)
            bar.advance()
            last = rounds[-1]
            came = f"success {last.success:.2f}" if known else f"{last.divergence:.3f} nats from the teacher"
            bar.note(f"{came}  {episodes_played / playing:,.0f} episodes/s", **last.model_dump())

        try:
            learner(rehearse, told)
        except Halted as halted:
            stopped = str(halted)
            run.reporter.say(f"stopped in {stopped}")
    digest = run.store.save_policy(lambda folder: save(policy.model, policy.tokenizer, folder))
    return Update(policy=digest, episodes=episodes_played, turns=turns_played, seconds=time.monotonic() - began,
                  rehearsal_seconds=playing, rounds=tuple(rounds), stopped=stopped)


def histories(run: Run, policy: Policy, most: int) -> list[Tokens]:
    """What is said on the new task: by the base in its rehearsal or, where there was none, in approved sessions."""
    return run.store.load_tokens("rehearsal", most) or [policy.chat.tokens(each) for each in approved(run)[:most]]
