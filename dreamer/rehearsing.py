"""Rehearse any checkpoint in any environment, without a run: `dream rehearse ENV.py --policy NAME --to FOLDER`.

Every episode that ends is journalled at once, and the same command on the same folder goes on with those that are
missing. Of each episode a few numbers are remembered and no words, so that memory stays as it is however many are
played. The folder holds `terms.json` and `journal.jsonl` meanwhile, and in the end `episodes.jsonl`, `tokens.parquet`
and `rehearsal.json`.

Left out: several environments, and real engines; a night has those.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from dreamer.acting import REHEARSAL_SEEDS, SEEDS, Policy, open_engine, rehearsal_of, starts
from dreamer.files import StoreError, weights_digest, write
from dreamer.performance import Performance, Score
from dreamer.policy import find
from dreamer.progress import Reporter
from dreamer.store import differing
from dreamer.terms import Settings, Terms, terms
from dreamer.validation import read_environment
from envgen.author import Environment
from envgen.ends import infer_ends
from envgen.patterns import observe
from envgen.support import support
from rollout.journal import Journal, write_episodes
from rollout.sessions import read, with_outcome
from rollout.trajectory import Record, Trajectory
from rollout.world import DreamWorld
from sandbox import Pool, Sandbox

R = TypeVar("R", bound=Record)


def rehearse(source: Path, settings: Settings, files: list[str], format: str | None, to: Path, unsafe: bool,
             reporter: Reporter) -> Performance:
    """Play what is missing in a folder; or, if nothing is, what came of it.

    Args:
        source: a file of Gymnasium code.
        files, format: sessions, as for `rollout.sessions.read`. What they exercise of the code is vouched for; their
            system prompt is the policy's, and their longest and worst are the limits that settings leave open.
        to: the folder.

    Raises:
        UserError: something given cannot be used, or the folder holds something else.
        SandboxError: the environment cannot be run.
    """
    environment = read_environment(source)
    sessions = infer_ends(list(map(with_outcome, read(files, format=format))))[0] if files else []
    checkpoint = find(settings.policy.model)
    agreed = terms(weights_digest(checkpoint), environment.digest, sessions, settings)
    ended, held = to / "rehearsal.json", to / "terms.json"
    if ended.exists():
        performance = _read(ended, Performance)
        _compare(to, performance.terms, agreed)
        for left in (to / "journal.jsonl", held):  # by a kill between the record and the end
            left.unlink(missing_ok=True)
        return performance
    if to.is_dir() and not held.exists() and any(
            file.name != "journal.jsonl" and not file.name.startswith(".") for file in to.iterdir()):
        raise StoreError(f"{to} holds something else than a rehearsal; choose another folder with --to")
    with Journal(to / "journal.jsonl") as journal:
        if len(journal):
            _compare(to, _read(held, Terms), agreed)
        write(held, agreed.model_dump_json(indent=2).encode())
        with Sandbox(unsafe=unsafe) as sandbox:
            score = _play(sandbox, environment, sessions, checkpoint, settings, agreed, journal, reporter)
        write_episodes(to, journal)
        performance = Performance(terms=agreed, figures=score.figures(), stops=score.reasons())
        write(ended, performance.model_dump_json(indent=2).encode())
        journal.remove()
    held.unlink()
    return performance


def _play(sandbox: Sandbox, environment: Environment, sessions: Sequence[Trajectory], checkpoint: Path,
          settings: Settings, agreed: Terms, journal: Journal, reporter: Reporter) -> Score:
    """All episodes that the journal lacks, journalled; and the numbers of all."""
    count, learning = settings.rehearsal.episodes, settings.learning
    score = Score(count, settings.success)
    with _world(sandbox, environment, sessions, settings.rehearsal.workers, reporter) as world:
        policy = Policy(checkpoint, keep_reasoning=settings.policy.keep_reasoning)
        engine = open_engine(policy, settings.engine, settings.policy.max_length, settings.rehearsal.concurrent)
        if policy.lora is not None:
            engine.load(policy.model)
        worst = min((session.outcome for session in sessions if session.outcome is not None), default=None)
        rehearsal = replace(
            rehearsal_of(policy, engine, world, settings, settings.turns(sessions),
                         next((session.system.text for session in sessions if session.system), None),
                         {"policy": agreed.policy}),
            imagined_discount=learning.discount, imagined_return=learning.stated_return(worst),
        )
        wanted = starts(REHEARSAL_SEEDS + SEEDS * settings.seed, count)
        with reporter.stage("rehearse", count, "episodes") as bar:
            for episode in journal:
                score.add(episode)
            bar.advance(len(journal))
            score.begin()
            for episode in journal.play(rehearsal, wanted, "rehearsal"):
                score.add(episode)
                bar.advance()
                bar.note(score.line())
            score.end()
    return score


@contextmanager
def _world(sandbox: Sandbox, environment: Environment, sessions: Sequence[Trajectory], workers: int,
           reporter: Reporter) -> Iterator[DreamWorld]:
    """The environment, with what the sessions vouch for where there are any; without them nothing is imagined."""
    with ExitStack() as stack:
        pool = stack.enter_context(Pool(sandbox, environment.source, workers, counting=bool(sessions)))
        if sessions:
            with reporter.stage("vouch") as bar, sandbox.load(environment.source, counting=True) as worker:
                patterns = observe(sessions)
                known = support(worker, sessions, patterns.comparer).vouched
                bar.note(f"{len(known):,} of {len(worker.elements):,} branches and table entries")
            pool.vouch(known)
        yield DreamWorld(pool, environment.digest)


def _compare(to: Path, held: Terms, agreed: Terms) -> None:
    """Refuse a folder of other terms, saying which differ."""
    differ = differing(held.model_dump(), agreed.model_dump())
    if differ:
        names = ", ".join(name.removeprefix("settings.") for name in differ)
        raise StoreError(f"{to} holds a rehearsal on other terms ({names} differ); choose another folder with --to")


def _read(path: Path, kind: type[R]) -> R:
    """A record of the folder."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise StoreError(f"{path} is no record of this version; choose another folder with --to") from None
