"""The stages of a night up to the judging: each a function from records to a record."""

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from dreamer.approval import Ledger, approve
from dreamer.card import card
from dreamer.config import ConfigError
from dreamer.learning import Round, clone, learn
from dreamer.policy import build_tiny, save, train_tokenizer
from dreamer.policy import load as load_checkpoint
from dreamer.run import Played, Policy, Run, starts
from envgen.author import AuthorError, Environment
from envgen.automaton import Automaton
from envgen.ends import infer_ends
from envgen.fidelity import FidelityReport, judge
from envgen.patterns import observe, usual_reward
from envgen.split import By, split
from envgen.support import vouched
from rollout.chat import Chat
from rollout.figure import Figure
from rollout.log import SessionError
from rollout.rehearsal import Episode, Rehearsal, Start
from rollout.sessions import Summary, read, with_outcome
from rollout.trajectory import Record, Trajectory
from rollout.world import DreamWorld
from sandbox import SandboxError

Play = Callable[[int, list[Start]], list[Episode]]  # of a round's number and its starts

REHEARSAL_SEEDS = 500_000_000  # first of the seeds that no learning and no judging uses


class Logs(Record):
    """The sessions that were read.

    Attributes:
        shown, selection, held_out: how many sessions each part has.
        turns, longest: of all sessions: how many, and the most that one has.
        usual_reward: the commonest reward of a turn; others are events.
        split: what was kept together, and how many of these groups each part has.
        files: how many sessions each log gave.
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
    step_probability: Figure
    nats_per_step: Figure


class Authored(Record):
    """The chosen environment, and what it was chosen from."""

    environment: str
    author: str
    states: int | None
    lines: int
    candidates: tuple[Candidate, ...]
    rejected: tuple[str, ...] = ()


class Validated(Record):
    """What held-out sessions say of the chosen environment.

    Attributes:
        elements: branches and table entries of its code.
        vouched: those, by number, that the shown sessions exercise; steps that run others are imagined.
    """

    report: FidelityReport
    refusals: tuple[str, ...]
    elements: int
    vouched: tuple[int, ...]


class Base(Record):
    """The policy that the night begins with."""

    policy: str
    parameters: int
    cloned_steps: int
    loss: float | None


class Rehearsed(Record):
    """How the base does in the dream, and what speaks against learning there."""

    played: Played
    warnings: tuple[str, ...] = ()


class RoundSummary(Record):
    """One update in numbers."""

    number: int
    outcome: float
    success: float
    turns: float
    imagined_share: float
    entropy: float | None
    seconds: float


class Update(Record):
    """What rehearsal made of the policy."""

    policy: str
    episodes: int
    turns: int
    seconds: float
    rehearsal_seconds: float
    rounds: tuple[RoundSummary, ...]

    @property
    def episodes_per_second(self) -> float:
        return self.episodes / self.rehearsal_seconds


def read_sessions(run: Run) -> Logs:
    """Read, complete and divide the logged sessions."""
    config = run.config.sessions
    names = ", ".join(config.files)
    ledger = Ledger(run.config.folder / config.ledger)
    logs = " ".join(os.path.relpath(run.config.folder / file) for file in config.files)  # as one would type them
    book = os.path.relpath(ledger.path)
    with run.reporter.stage("read", unit="sessions") as bar:
        logged = []
        for session in read(config.files, run.config.folder, config.format, summary := Summary()):
            logged.append(with_outcome(session))
            bar.advance()
        kept, rejected = approve(logged, ledger, config.approve)
        if not kept:
            raise SessionError(names, None, "every session is rejected", f"See {ledger.path}")
        sessions, inferred = infer_ends(kept)
        if run.privacy:  # twice, for a value that is found in one session may stand unnoticed in an earlier one
            for session in sessions:
                run.privacy.learn(session)
            sessions = [run.privacy.hide_session(session) for session in sessions]
        try:
            parts = split(sessions, config.selection, config.held_out, config.split)
        except ValueError as error:
            raise SessionError(names, None, str(error), "Record more sessions, or set sessions.split") from None
        approvals = Counter(session.approval for session in parts.shown if session.approval)
        if run.config.policy.model == "tiny" and not approvals:
            raise SessionError(
                names, None, f"none of {len(parts.shown)} shown sessions may train, and there is no policy but theirs",
                f"Approve some (`dream approve {logs} --where 'outcome >= 1' --ledger {book}`), "
                'or set sessions.approve = "all"',
            )
        for name in ("shown", "selection", "held_out"):
            run.store.save_sessions(name, getattr(parts, name))
        turns = sum(len(session.turns) for session in sessions)
        bar.note(f"{turns:,} turns", sessions=len(sessions), turns=turns)
    with run.reporter.stage("patterns", len(parts.shown), "sessions") as bar:
        patterns = observe(parts.shown, inferred, config.success)
        run.store.save_patterns(patterns)
        forms = len(patterns.actions.forms), len(patterns.observations.forms)
        bar.note(f"{forms[0]} forms of actions, {forms[1]} of observations", actions=forms[0], observations=forms[1])
    for line in summary.left_out():
        run.reporter.say(line)
    files = Counter(session.pointer.file for session in sessions if session.pointer)
    return Logs(
        shown=len(parts.shown), selection=len(parts.selection), held_out=len(parts.held_out),
        split=(parts.by, parts.groups), files=dict(files), rejected=rejected, approvals=dict(approvals),
        turns=turns, longest=max(len(session.turns) for session in sessions), usual_reward=usual_reward(sessions),
        worst_outcome=min((session.outcome for session in sessions if session.outcome is not None), default=0.0),
        system=next((session.system.text for session in sessions if session.system), None),
    )


def author_environment(run: Run, logs: Logs) -> Authored:
    """Let the author draft, and choose the draft that the selection sessions find likeliest."""
    shown, selection = run.store.load_sessions("shown"), run.store.load_sessions("selection")
    candidates: list[tuple[Candidate, Environment]] = []
    rejected: list[str] = []
    with run.reporter.stage("author", unit="drafts") as bar:
        for draft in Automaton().drafts(shown):
            try:
                with run.sandbox.load(draft.source) as worker:
                    problems = worker.check()
                    if not problems:
                        report = judge(worker, draft.digest, shown, selection, logs.usual_reward)
            except SandboxError as error:
                problems = [str(error)]
            if problems:
                rejected.append(f"{draft.author}: {'; '.join(problems)}")
                continue
            run.store.save_environment(draft)
            candidates.append((Candidate(
                environment=draft.digest, author=draft.author, states=draft.states,
                step_probability=report.figures["step_probability"], nats_per_step=report.figures["nats_per_step"],
            ), draft))
            bar.advance()
            bar.note(f"{draft.author}: {draft.states} states", environment=draft.digest)
    if not candidates:
        raise AuthorError("no draft can be used: " + " | ".join(rejected))
    best, chosen = min(candidates, key=lambda pair: (pair[0].nats_per_step.value or 0.0, pair[0].states or 0))
    return Authored(
        environment=best.environment, author=best.author, states=best.states, lines=chosen.lines,
        candidates=tuple(candidate for candidate, _ in candidates), rejected=tuple(rejected),
    )


def validate_environment(run: Run, logs: Logs, authored: Authored) -> Validated:
    """Judge the chosen environment on sessions that neither author nor choice has seen."""
    shown, held_out = run.store.load_sessions("shown"), run.store.load_sessions("held_out")
    source = run.store.load_environment(authored.environment).source
    with (
        run.reporter.stage("validate", len(held_out), "sessions") as bar,
        run.sandbox.load(source) as worker, run.sandbox.load(source, counting=True) as counting,
    ):
        report = judge(worker, authored.environment, shown, held_out, logs.usual_reward, bar.advance)
        refusals = run.config.gate.refusals(report)
        bar.note(f"step probability {report.figures['step_probability']}", refusals=refusals)
        known = vouched(counting, shown)
    return Validated(report=report, refusals=refusals, elements=len(counting.elements), vouched=known)


def make_base(run: Run, logs: Logs) -> Base:
    """The policy that left the sessions: cloned from them, or the model that the configuration names."""
    config, seed = run.config, run.config.seed
    if config.policy.model != "tiny":
        here = config.folder / config.policy.model
        try:
            model, tokenizer = load_checkpoint(here if here.is_dir() else config.policy.model)
        except (OSError, ValueError) as error:
            raise ConfigError(f"policy.model {config.policy.model!r} cannot be loaded: {error}") from error
        Chat(tokenizer)  # refuses a template that cannot be used
        digest = run.store.save_policy(lambda folder: save(model, tokenizer, folder))
        run.store.save_card(digest, card(run, logs, base=config.policy.model))
        return Base(policy=digest, parameters=model.num_parameters(), cloned_steps=0, loss=None)
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


def rehearse_base(run: Run, logs: Logs, authored: Authored, validated: Validated, base: Base) -> Rehearsed:
    """Play the base in the dream, before it learns."""
    policy = Policy(run.store.policy(base.policy), run.config.seed)
    count = run.config.rehearsal.episodes
    world = run.dream(authored.environment, validated.vouched)
    with world.worker, run.reporter.stage("rehearse", count, "episodes") as bar:
        began = time.monotonic()
        rehearsal = in_dream(run, logs, authored, policy, world)
        episodes = rehearsal.play(starts(REHEARSAL_SEEDS, count), bar.advance, "rehearsal")
        run.store.save_episodes("rehearsal", episodes)
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


def learn_in_dream(run: Run, logs: Logs, authored: Authored, validated: Validated, base: Base) -> Update:
    """Rounds of rehearsal and update, each on fresh episodes of the policy as it then is."""
    policy = Policy(run.store.policy(base.policy), run.config.seed)
    world = run.dream(authored.environment, validated.vouched)
    with world.worker:
        rehearsal = in_dream(run, logs, authored, policy, world)

        def play(number: int, wanted: list[Start]) -> list[Episode]:
            rehearsed = replace(rehearsal, labels={**rehearsal.labels, "round": number})
            episodes = rehearsed.play(wanted, name=_round(number))
            run.store.save_episodes(_round(number), episodes)
            return episodes

        update = improve(run, policy, play, "learn")
    run.store.save_card(update.policy, card(run, logs, base=base.policy, environment=authored, update=update))
    return update


def _round(number: int) -> str:
    return f"round-{number:03d}"


def improve(run: Run, policy: Policy, play: Play, name: str) -> Update:
    """GRPO with progress; leaves the changed policy in the store.

    Args:
        play: plays a round's starts, in a dream or not.
        name: what to show.
    """
    config, rounds = run.config, list[RoundSummary]()
    began = round_began = time.monotonic()
    playing = 0.0
    episodes_played = turns_played = 0

    with run.reporter.stage(name, config.learning.rounds, "rounds") as bar:

        def rehearse(number: int, wanted: list[Start]) -> list[Episode]:
            nonlocal playing
            playing_began = time.monotonic()
            episodes = play(number, wanted)
            playing += time.monotonic() - playing_began
            return episodes

        def told(done: Round) -> None:
            nonlocal round_began, episodes_played, turns_played
            played = run.summarise(done.episodes, 0.0)
            now = time.monotonic()
            rounds.append(RoundSummary(
                number=done.number, outcome=played.outcome.value or 0.0, success=played.success.value or 0.0,
                turns=played.turns, imagined_share=played.imagined_share.value or 0.0,
                entropy=done.metrics.get("entropy"), seconds=now - round_began,
            ))
            round_began = now
            episodes_played += len(done.episodes)
            turns_played += played.imagined_share.n
            bar.advance()
            bar.note(f"success {rounds[-1].success:.2f}  {episodes_played / playing:,.0f} episodes/s",
                     **rounds[-1].model_dump())

        learn(policy.model, policy.tokenizer, rehearse, config.learning, config.policy, config.seed, told)
    digest = run.store.save_policy(lambda folder: save(policy.model, policy.tokenizer, folder))
    return Update(policy=digest, episodes=episodes_played, turns=turns_played, seconds=time.monotonic() - began,
                  rehearsal_seconds=playing, rounds=tuple(rounds))


def in_dream(run: Run, logs: Logs, authored: Authored, policy: Policy, world: DreamWorld) -> Rehearsal:
    """Episodes in the authored environment; what is imagined counts as the configuration states."""
    settings = run.config.learning
    discount = {"cut": None, "discount": settings.imagined_discount, "allow": 1.0}[settings.imagined]
    stated = settings.imagined_return
    return replace(
        run.rehearsal(policy, world, max_turns(run, logs), system=logs.system, environment=authored.environment),
        imagined_discount=discount, imagined_return=logs.worst_outcome if stated == "worst" else stated,
    )


def max_turns(run: Run, logs: Logs) -> int:
    """When an episode is cut: the configuration's limit, or the longest session's."""
    return run.config.learning.max_turns or logs.longest
