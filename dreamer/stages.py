"""The stages in which policies are made and changed: each a function from records to a record."""

import time
from collections.abc import Callable
from dataclasses import replace

from dreamer.acting import REHEARSAL_SEEDS, SEEDS, Policy, starts
from dreamer.authoring import Validated
from dreamer.card import card
from dreamer.config import ConfigError
from dreamer.curriculum import Curriculum
from dreamer.learning import clone, learn
from dreamer.lesson import Lesson, lessons
from dreamer.policy import build_tiny, save, train_tokenizer
from dreamer.policy import load as load_checkpoint
from dreamer.reading import Logs
from dreamer.run import Played, Run
from dreamer.teaching import contexts_of
from dreamer.training import DIVERGENCE, Round
from dreamer.watch import SAMPLE, Halted, Watch
from envgen.ensemble import Disagreement
from rollout.chat import Chat, Tokens
from rollout.engines import Engine
from rollout.figure import Figure
from rollout.rehearsal import Episode, Rehearsal
from rollout.trajectory import Record, Trajectory
from rollout.world import Start, World

Play = Callable[[int], list[Episode]]  # the episodes of a round, by its number
Learner = Callable[[Play, Callable[[Round], None]], None]  # changes a policy by what is played, and tells of each round


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

    Attributes:
        divergence: of the policy and its teacher, nats a token, before the update; None where there was no teacher.
        engine_difference, engine_difference_most: nats between what the engine and what the trainer gave the policy's
            tokens, on average and at most.
        promoted_kl: KL(promoted‖policy) after the update, nats a token, in the rounds in which it is measured.
    """

    number: int
    outcome: float | None
    success: float | None
    turns: float
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


def approved(run: Run) -> list[Trajectory]:
    """The shown sessions whose actions may train."""
    return [session for session in run.store.load_sessions("shown") if session.approval]


def rehearse_base(run: Run, logs: Logs, validated: Validated, base: Base) -> Rehearsed:
    """Play the base in the dream, before it learns. Goes on where it was stopped."""
    policy = run.policy(base.policy)
    count = run.config.rehearsal.episodes
    with (
        run.dream({each.environment: each.vouched for each in validated.members}) as (world, disagreement),
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


def learn_in_dream(run: Run, logs: Logs, validated: Validated, base: Base) -> Update:
    """Rounds of rehearsal and update, each on fresh episodes of the policy as it then is."""
    policy = run.policy(base.policy)
    curriculum = Curriculum(run.store.load_sessions("shown"), run.succeeded, run.config.seed, run.config.learning.drawn)
    with run.dream({each.environment: each.vouched for each in validated.members}) as (world, disagreement):
        rehearsal = in_dream(run, logs, policy, world)

        def play(number: int) -> list[Episode]:
            rehearsed = replace(rehearsal, labels={**rehearsal.labels, "round": number})
            episodes = rehearsed.play(drawn(run, curriculum, number), name=round_name(number))
            curriculum.tell(episodes)
            episodes = with_disagreement(episodes, disagreement, run.config.rehearsal.replayed)
            run.store.save_episodes(round_name(number), episodes)
            return episodes

        engine = rehearsal.engine
        if run.config.learning.method == "distillation":
            contexts = contexts_of(run, policy, approved(run))
            learner = taught(run, policy, engine, lambda episode: contexts.draw(episode.observation.text))
        else:
            learner = rewarded(run, policy, engine)
        update = improve(run, policy, engine, play, "learn", learner)
    run.store.save_card(update.policy, card(run, logs, base=base.policy, validated=validated, update=update))
    return update


def drawn(run: Run, curriculum: Curriculum, number: int) -> list[Start]:
    """A round's starts, each as often as its group has episodes."""
    groups, each = run.config.learning.groups, run.config.learning.episodes
    return [start for start in curriculum.draw(groups, run.config.seed * SEEDS + number * groups) for _ in range(each)]


def with_disagreement(episodes: list[Episode], disagreement: Disagreement, most: int | None = None) -> list[Episode]:
    """The same episodes, with the other members' disagreement on their steps; on no more than `most` of them."""
    told = disagreement.told([episode.trajectory for episode in episodes], most)
    return [replace(episode, trajectory=trajectory) for episode, trajectory in zip(episodes, told, strict=True)]


def round_name(number: int) -> str:
    """What the ids of a round's episodes begin with."""
    return f"round-{number:03d}"


def rewarded(run: Run, policy: Policy, engine: Engine) -> Learner:
    """GRPO, by what the episodes of a round brought."""
    config = run.config
    return lambda play, told: learn(policy.model, policy.tokenizer, play, lambda: engine.load(policy.model),
                                    config.learning, config.policy, config.seed, told)


def taught(run: Run, policy: Policy, engine: Engine, context: Callable[[Trajectory], str]) -> Learner:
    """Self-distillation, from what the base would do who is told more.

    Args:
        context: what the teacher is told of an episode.
    """
    from dreamer.distillation import distil

    def learner(play: Play, told: Callable[[Round], None]) -> None:
        episodes: list[Episode] = []

        def teach(number: int) -> list[Lesson]:
            engine.load(policy.model)
            episodes[:] = play(number)
            return [lesson for episode in episodes
                    for lesson in lessons(episode, policy.chat, context(episode.trajectory))]

        config = run.config
        distil(policy.model, policy.tokenizer, teach, config.learning, config.distillation, config.policy, config.seed,
               lambda done: told(replace(done, episodes=list(episodes))))

    return learner


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
            played = run.summarise(done.episodes, 0.0)
            known = any(episode.trajectory.outcome is not None for episode in done.episodes)
            now = time.monotonic()
            rounds.append(RoundSummary(
                number=done.number, outcome=played.outcome.value if known else None,
                success=played.success.value if known else None,
                turns=played.turns, imagined_share=played.imagined_share.value or 0.0,
                disagreement=played.disagreement, divergence=done.metrics.get(DIVERGENCE),
                entropy=done.metrics.get("entropy"),
                engine_difference=done.metrics["sampling/sampling_logp_difference/mean"],
                engine_difference_most=done.metrics["sampling/sampling_logp_difference/max"], promoted_kl=apart,
                seconds=now - round_began,
            ))
            round_began = now
            episodes_played += len(done.episodes)
            turns_played += played.imagined_share.n
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


def in_dream(run: Run, logs: Logs, policy: Policy, world: World) -> Rehearsal:
    """Episodes in the authored environments; what is imagined counts as the configuration states."""
    settings = run.config.learning
    return replace(
        run.rehearsal(policy, world, max_turns(run, logs), system=logs.system),
        imagined_discount=settings.discount, imagined_return=settings.stated_return(logs.worst_outcome),
    )


def max_turns(run: Run, logs: Logs) -> int:
    """When an episode is cut: the configuration's limit, or the longest session's."""
    return run.config.learning.max_turns or logs.longest
