"""What earlier nights left to this one, beside the policy: its own real sessions, and the tasks that it could do."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from dreamer.config import Config
from dreamer.run import Run
from dreamer.sections import RetainedTask
from rollout.sessions import read
from rollout.trajectory import Trajectory

JUDGING = "judging-candidate"  # the name of a candidate's episodes in the real engine


def own_sessions(run: Run, tasks: Mapping[str, str]) -> Iterator[Trajectory]:
    """What policies that were promoted did in tonight's real engine while they were judged in earlier nights.

    They are real, and carry policy and night. Those played in another engine, or with other options, are left out: they
    show another world, and which logs show tonight's is for the configuration to say.

    Args:
        tasks: of the logged sessions, by first text; empty where they name none.
    """
    promoted = {each.policy for each in run.store.promotions.standing}
    for night in run.store.earlier:
        episodes = night.episodes(JUDGING)
        if not episodes.exists() or _engine(night.configuration) != _engine(run.config):
            continue
        for session in read([str(episodes)]):
            if session.policy in promoted:
                text = session.observation.text
                yield session.model_copy(update={
                    "id": f"{night.folder.name}/{session.id}", "task": tasks.get(text, text) if tasks else None})


def real_tasks(run: Run) -> list[RetainedTask]:
    """The real engines of earlier nights that are not tonight's, as the first night with each knew them."""
    found: dict[str, RetainedTask] = {}
    for night in run.store.earlier:
        config = night.configuration
        engine = _engine(config)
        if engine is not None and engine != _engine(run.config):
            found.setdefault(repr(engine), RetainedTask(name=night.folder.name, engine=engine[0], options=engine[1],
                                                        success=config.sessions.success))
    return list(found.values())


def _engine(config: Config) -> tuple[str, dict[str, object]] | None:
    """A night's real engine, its file by its whole path, and its options; None where it has none."""
    if config.production is None:
        return None
    file, _, name = config.production.engine.rpartition(":")
    return f"{Path(config.folder / file).resolve()}:{name}", config.production.options
