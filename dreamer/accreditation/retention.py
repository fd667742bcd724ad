"""What the policy must not forget: tasks that it could do and texts that it knew, before and after.

Nothing is lost that is not shown to be kept: a change counts as small only where its whole interval does (a test of
non-inferiority). Both policies begin every task from the same starts.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import NamedTuple

from dreamer.accreditation.evidence import TURNS
from dreamer.acting import Policy, starts
from dreamer.learning.divergence import log_probabilities, surprise
from dreamer.past import real_tasks
from dreamer.production import open_production
from dreamer.records import KeptTask, KeptText, Logs, Retained, Validated
from dreamer.run import Run
from dreamer.sections import RetainedTask
from envgen.tasks import succeeds
from rollout.figure import Figure, apart, paired, proportion, ratio
from rollout.sessions import read
from rollout.trajectory import Trajectory
from rollout.world import World

RETENTION_SEEDS = 2_000_000_000  # first of the seeds that nothing else uses
FEW = 10  # sessions; fewer give no interval that means anything


class Task(NamedTuple):
    """Something to be played by both policies.

    Attributes:
        open: its world, while it is needed.
        success: as in `Sessions`.
        system: the system prompt.
        turns: an episode is cut after so many actions.
    """

    name: str
    open: Callable[[], AbstractContextManager[World]]
    success: float | None
    system: str | None
    turns: int


class _Known(NamedTuple):
    """What one policy does with everything: success by task and episode; nats and tokens by text and session."""

    tasks: list[list[bool]]
    texts: list[list[tuple[float, int]]]


def tasks_to_keep(run: Run, logs: Logs) -> list[Task]:
    """Those of the configuration and of earlier nights: in their real engines or, where a night whose candidate was
    promoted had none, in the environments that it rehearsed in.
    """
    tasks = [Task(each.name, partial(_real, run, each), each.success, logs.system, TURNS)
             for each in (*run.config.retention.tasks, *real_tasks(run))]
    promoted, tonight = {each.night for each in run.store.promotions.standing}, run.store.load("validate", Validated)
    for night in run.store.earlier:
        config = night.configuration
        seen, worlds = night.load("read", Logs), night.load("validate", Validated)
        if config.production or night.night not in promoted or seen is None or worlds is None:
            continue
        if tonight is None or worlds.members != tonight.members:
            tasks.append(Task(night.folder.name, partial(_dreamed, run, worlds), config.sessions.success, seen.system,
                              config.learning.max_turns or seen.longest))
    return tasks


@contextmanager
def _real(run: Run, task: RetainedTask) -> Iterator[World]:
    yield run.hidden(open_production(task.engine, task.options, run.config.folder, key="retention.tasks"))


@contextmanager
def _dreamed(run: Run, validated: Validated) -> Iterator[World]:
    with run.dream(validated.worlds, listening=False) as (world, _):
        yield world


def retain(run: Run, tasks: Sequence[Task], first: Mapping[str, Figure], before: str, after: str) -> Retained:
    """Compare two policies of the run on what is to be kept.

    Args:
        first: success at those tasks that earlier nights have on record, as it first was.
        before, after: digests of the promoted policy and of the candidate.

    Raises:
        ConfigError: a task's engine cannot be used.
        SessionError: a text cannot be read.
    """
    settings = run.config.retention
    if not (tasks or settings.texts):
        return Retained()
    logs = [list(read([text], run.config.folder)) for text in settings.texts]
    with run.reporter.stage("retain", 2 * len(tasks) * settings.episodes, "episodes") as bar:
        was, now = (_known(run, run.policy(digest), tasks, logs, name, bar.advance)
                    for name, digest in (("before", before), ("after", after)))
    kept = tuple(
        KeptTask(name=task.name, before=_share(old), after=_share(new), change=paired(new, old, "share of episodes"),
                 since=apart(_share(new), first[task.name]) if task.name in first else None)
        for task, old, new in zip(tasks, was.tasks, now.tasks, strict=True))
    texts = tuple(
        KeptText(name=name, change=ratio([one - other for (one, _), (other, _) in zip(new, old, strict=True)],
                                         [count for _, count in new], n=len(new), unit="nats a token"))
        for name, old, new in zip(settings.texts, was.texts, now.texts, strict=True))
    refusals = filter(None, [*(lost_task(each, settings.margin) for each in kept),
                             *(lost_text(each, settings.loss) for each in texts)])
    return Retained(tasks=kept, texts=texts, refusals=tuple(refusals))


def lost_task(kept: KeptTask, margin: float) -> str | None:
    """What speaks against a task having been kept."""
    for change, since in ((kept.change, ""), (kept.since, "since it was first on record, ")):
        if change is not None and change.low is not None and change.value is not None and change.low < -margin:
            words = f"{kept.name}: {since}success changed by {change}, lower bound below −{margin:g} (retention.margin)"
            room = change.value + margin
            return words + _want(kept.after.n, change.value - change.low, room, "episodes (retention.episodes)")
    return None


def lost_text(kept: KeptText, loss: float) -> str | None:
    """What speaks against a text having been kept."""
    change = kept.change
    if change.n < FEW:
        return f"{kept.name}: {change.n} sessions are too few to measure on, {FEW} are needed"
    if change.high is None or change.value is None or change.high <= loss:
        return None
    words = (f"{kept.name}: actions became more surprising by {change} nats a token, upper bound above {loss:g} "
             "(retention.loss)")
    return words + _want(change.n, change.high - change.value, loss - change.value, "sessions")


def _want(count: int, half: float, room: float, unit: str) -> str:
    """How many trials would bring the interval within its room, if the figure stays; it shrinks as their root."""
    if room <= 0:
        return ""
    return f"; if that stays, about {math.ceil(count * (half / room) ** 2):,} {unit} would show it kept"


def _share(won: list[bool]) -> Figure:
    return proportion(sum(won), len(won), unit="share of episodes")


def _known(run: Run, policy: Policy, tasks: Sequence[Task], logs: Sequence[list[Trajectory]], name: str,
           told: Callable[[int], None]) -> _Known:
    won = []
    for task in tasks:
        with task.open() as world:
            rehearsal = run.rehearsal(policy, world, task.turns, system=task.system, source="real")
            episodes = rehearsal.play(starts(RETENTION_SEEDS, run.config.retention.episodes), told,
                                      f"retained-{task.name}-{name}")
        won.append([succeeds(episode.outcome, task.success) for episode in episodes])
    return _Known(won, [surprise(partial(log_probabilities, policy.model), list(map(policy.chat.tokens, sessions)))
                        for sessions in logs])
