"""Nights that follow each other in one run folder: each goes on from the policy that the ones before it promoted.

A night that refuses changes nothing, so the next begins where it began. What a night is told may differ from the one
before: the configuration is kept with each.
"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from dreamer.authoring import by_hand, endpoint
from dreamer.config import Config
from dreamer.night import dream
from dreamer.production import open_production
from dreamer.progress import Reporter
from dreamer.records import Report
from dreamer.run import Run
from dreamer.store import USES, Store
from rollout.log import SessionError
from rollout.sessions import find, read

PAUSE = 2.0  # seconds between two looks at watched files


def check(config: Config) -> None:
    """Tell a typo now, and not after the night. Nothing is stepped or asked.

    Raises:
        ConfigError: an engine or a file that the configuration names is not there, or cannot be used.
        SessionError: a text of `retention` is not there.
        ModelError: the model that writes has no key or no address.
    """
    if config.production:
        open_production(config.production.engine, config.production.options, config.folder).make()
    for task in config.retention.tasks:
        open_production(task.engine, task.options, config.folder, key="retention.tasks").make()
    if config.retention.texts:
        find(config.retention.texts, config.folder)
    by_hand(config)
    endpoint(config)


def dream_nights(
    config: Config, root: Path, resume: bool = False, nights: int | None = 1, watch: bool = False,
    until: str | None = None, unsafe: bool = False,
) -> Iterator[tuple[Run, Report]]:
    """One night after the other, in a new folder or in one that goes on; each is handed on as it ends.

    Args:
        root: the run folder.
        resume: go on with a night that was stopped.
        nights: how many there are to be in the end, earlier ones included; None goes on for good.
        watch: before every night but the first, wait for new sessions.
        until: the stage that the night ends after; it is done again, and the stages after it are taken back.
        unsafe: see `Run`.

    Raises:
        StoreError: the folder cannot be used, or belongs to another configuration.
        UserError: what a stage raises; all that was finished is kept.
    """
    check(config)
    stages = list(USES)
    redo = stages[stages.index(until):] if until else []
    while True:
        made = None if root.exists() else root
        store = Store.open(root, config, resume, redo, nights)
        reporter = Reporter(store.append_event, Console(stderr=True))
        tonight = config.model_copy(update={"seed": config.seed + store.night - 1})  # or it would only repeat itself
        with store.hold(), Run(tonight, store, reporter, until, unsafe) as run:
            reporter.event("night", night=store.night)
            if watch and store.night > 1 and not store.begun:
                wait_for_sessions(config, store.earlier[-1], reporter)
            try:
                report = dream(run)
            except SessionError:
                if not store.begun:  # nothing is lost, and the same command works once the log is mended
                    shutil.rmtree(made or store.folder)
                raise
            except Exception as error:
                # What went wrong may quote what is to be hidden.
                why = "the terminal said why" if config.privacy.hide else str(error) or type(error).__name__
                reporter.event("failed", night=store.night, reason=why)
                raise
        yield run, report
        if until or (nights is not None and store.night >= nights):
            return
        resume = True


def wait_for_sessions(config: Config, last: Store, reporter: Reporter) -> None:
    """Until the logs hold as many new sessions as a watched night begins with.

    Args:
        last: the night that read them before.
    """
    wanted, looked = config.nights.sessions, None
    with reporter.stage("wait", wanted, "new sessions") as bar:
        while bar.done < wanted:
            files = _files(config)
            if files != looked:
                looked = files
                try:
                    ids = [session.id for session in read(config.sessions.files, config.folder, config.sessions.format)]
                except SessionError as error:  # somebody may be in the middle of writing it
                    bar.note(str(error), reason=str(error))
                else:
                    bar.advance(len(last.unread(ids)) - bar.done)
                    bar.note(f"night {last.night + 1} begins with {wanted:,}")
            if bar.done < wanted:
                time.sleep(PAUSE)


def _files(config: Config) -> list[tuple[Path, int, int]]:
    """The logs, and what changes when one is written to."""
    try:
        found = find(config.sessions.files, config.folder)
        return [(path, stat.st_mtime_ns, stat.st_size) for path in found for stat in [path.stat()]]
    except (SessionError, OSError):
        return []
