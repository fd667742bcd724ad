"""What is happening, told once: every event goes to the run's `events.jsonl` and to the terminal.

Progress goes to stderr, so that stdout holds results only.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

WIDE = 120  # columns of a terminal in which a bar and a note have room on one line
OFTEN = 0.5  # seconds between two events that say nothing but how much is done
Emit = Callable[[dict[str, Any]], None]


class Reporter:
    """Shows stages and their progress.

    Args:
        emit: is given every event.
        console: where to show them; None shows nothing.
    """

    def __init__(self, emit: Emit, console: Console | None):
        self.emit = emit
        self.console = console

    def event(self, kind: str, **facts: Any) -> None:
        """Something happened."""
        self.emit({"time": time.time(), "event": kind, **facts})

    def say(self, text: str) -> None:
        """A line for a person."""
        self.event("note", text=text)
        if self.console:
            self.console.print(text)

    @contextmanager
    def stage(self, name: str, total: int | None = None, unit: str = "") -> Iterator["Bar"]:
        """A stage, from its begin to its end.

        Args:
            name: of the stage.
            total: how many units of work it has, if known.
            unit: what they are.
        """
        self.event("begin", stage=name, total=total, unit=unit)
        began = time.monotonic()
        columns = (
            SpinnerColumn(), TextColumn("{task.description:<10}"), BarColumn(bar_width=24), MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"), TimeElapsedColumn(),
        )
        console = self.console or Console(quiet=True)
        shown = (Progress(*columns, TextColumn("{task.fields[note]}"), console=console, disable=self.console is None)
                 if console.width >= WIDE else _Narrow(*columns, console=console, disable=self.console is None))
        with shown as progress:
            bar = Bar(self, name, progress, progress.add_task(name, total=total, unit=unit, note=""))
            yield bar
            bar.close()
        self.event("end", stage=name, seconds=time.monotonic() - began)


class _Narrow(Progress):
    """A bar with its note below it."""

    def get_renderables(self) -> Iterator[RenderableType]:
        yield from super().get_renderables()
        for task in self.tasks:
            yield Text(f"  {task.fields['note']}", no_wrap=True, overflow="ellipsis")


class Bar:
    """The progress of one stage."""

    def __init__(self, reporter: Reporter, stage: str, progress: Progress, task: Any):
        self.reporter, self.stage, self.progress, self.task = reporter, stage, progress, task
        self.told = time.monotonic()

    @property
    def done(self) -> int:
        """Units done so far."""
        return int(self.progress.tasks[self.task].completed)

    def advance(self, count: int = 1) -> None:
        """Some units are done."""
        self.progress.advance(self.task, count)
        if time.monotonic() - self.told > OFTEN:
            self._tell()

    def note(self, text: str, **facts: Any) -> None:
        """How it is going: words for the terminal, facts for the event stream."""
        self.progress.update(self.task, note=text)
        self._tell(**facts)

    def _tell(self, **facts: Any) -> None:
        self.told = time.monotonic()
        self.reporter.event("progress", stage=self.stage, done=self.done, **facts)

    def close(self) -> None:
        """Show the stage as complete, whatever its total was."""
        task = self.progress.tasks[self.task]
        total = task.total or task.completed or 1
        self.progress.update(self.task, total=total, completed=total)
