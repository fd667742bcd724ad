"""Have a model write an environment of any sessions, without a run: `dream author SESSIONS… --model NAME`.

The model sees the shown sessions and nothing else; what it writes is chosen by those kept for selection, and everything
it wrote is judged on the held-out ones at the end, for the report alone. A folder keeps all of it, and the same command
goes on from there.
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from dreamer.config import ConfigError
from dreamer.terminal import visible
from envgen.ends import infer_ends
from envgen.fidelity import FidelityReport
from envgen.gate import Gate
from envgen.models.author import ModelAuthor, ranked
from envgen.models.endpoint import Endpoint
from envgen.models.search import Revision
from envgen.models.settings import ModelSettings
from envgen.models.trial import Trial
from envgen.patterns import observe
from envgen.split import By, Split, split
from rollout.figure import Figure
from rollout.log import SessionError
from rollout.sessions import read, with_outcome
from rollout.trajectory import Record
from sandbox import Sandbox, SandboxError

SELECTION, HELD_OUT = 0.1, 0.2  # shares of the sessions
FIGURES = ("step_probability", "novel_step_probability", "episode_match", "nats_per_step")
HEADS = ("steps", "novel", "whole", "nats")  # of the same, in a table


class Judged(Record):
    """A revision, and how it does on the held-out sessions."""

    revision: Revision
    held_out: FidelityReport | None = None
    refusals: tuple[str, ...] = ()


class Commission(Record):
    """Everything that was written, and what it cost.

    Attributes:
        settings: of the model.
        shown, selection, held_out: how many sessions each part has.
        stopped: why the search stopped.
        best: number of the best revision by the selection sessions; None where nothing runs.
        cost: calls, tokens and, where prices are known, dollars.
    """

    settings: ModelSettings
    shown: int
    selection: int
    held_out: int
    stopped: str
    best: int | None
    cost: dict[str, Figure]
    revisions: tuple[Judged, ...]

    @property
    def refusals(self) -> tuple[str, ...]:
        """What the gate says of the best one on the held-out sessions."""
        return next((each.refusals for each in self.revisions if each.revision.number == self.best),
                    ("nothing that was written runs",))


def settings_of(model: str, base_url: str | None, calls: int | None, transitions: bool, given: Sequence[str]
                ) -> ModelSettings:
    """The settings that flags and `--set KEY=VALUE` make.

    Raises:
        ConfigError: one is unknown or wrong.
    """
    values: dict[str, Any] = {"model": model, "base_url": base_url, "transitions": transitions}
    if calls is not None:
        values["calls"] = calls
    for setting in given:
        key, equals, value = setting.partition("=")
        if not equals:
            raise ConfigError(f"--set {setting}: write --set KEY=VALUE")
        try:
            values[key.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            values[key.strip()] = value
    try:
        return ModelSettings.model_validate(values)
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"])) or "settings"
        known = ", ".join(ModelSettings.model_fields) if problem["type"] == "extra_forbidden" else ""
        raise ConfigError(f"{key}: {problem['msg']}" + (f"; known are {known}" if known else "")) from None


def commission(files: list[str], format: str | None, settings: ModelSettings, to: Path, replies: Path, replay: bool,
               unsafe: bool, by: By | None = None) -> Commission:
    """Have environments written and judge them; the best is `world.py` in a folder.

    Args:
        files, format: as for `rollout.sessions.read`.
        to: the folder; each revision and the report lie there too.
        replies: the transcript's folder.
        replay: ask nobody; only the transcript answers.
        by: what is kept on one side when sessions are divided, as for `envgen.split.split`.
    """
    sessions, inferred = infer_ends(list(map(with_outcome, read(files, format=format))))
    try:
        parts = split(sessions, SELECTION, HELD_OUT, by)
    except ValueError as error:
        raise SessionError(", ".join(files), None, str(error), "Record more sessions") from None
    model = None if replay else Endpoint(settings)
    console = Console(stderr=True)
    console.print(_intent(settings, replies, parts, replay), highlight=False)
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Sandbox(unsafe=unsafe) as sandbox, Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("finding patterns")
        patterns = observe(parts.shown, inferred)
        author = ModelAuthor(model, settings, replies, sandbox, parts.selection, Gate())
        progress.update(task, description=f"{visible(settings.model)} writes")
        for revision in author.revisions(parts.shown, patterns):
            _keep(revision, to)
            progress.console.print(_line(revision), highlight=False)
        progress.update(task, description="judging on held-out sessions")
        report = _report(author, parts, sandbox)
    best = next((each.revision.environment for each in report.revisions if each.revision.number == report.best), None)
    to.mkdir(parents=True, exist_ok=True)
    if best is not None:
        (to / "world.py").write_text(best.source, errors="replace")
    (to / "report.json").write_text(report.model_dump_json(indent=1))
    return report


def show_commission(report: Commission, to: Path, console: Console) -> None:
    """Every revision in a row: cost, nats a step on shown and selection sessions, held-out figures; then the best."""
    table = Table(title=f"{visible(report.settings.model)}: {len(report.revisions)} revisions, judged on "
                        f"{report.held_out:,} held-out sessions", title_style="bold")
    for column in ("", "of", "calls", "tokens", "nats", *HEADS, "gate"):
        table.add_column(column, overflow="fold")
    for judged in report.revisions:
        revision, held_out = judged.revision, judged.held_out
        mark = "*" if revision.number == report.best else ""
        row = [f"{revision.number}{mark}", str(revision.parent or "–"), str(revision.lineage.calls),
               f"{revision.lineage.tokens:,}"]
        if held_out is None:
            row += ["", *("" for _ in FIGURES), "cannot be used"]
        else:
            row += [f"{revision.trial.nats:.3f}", *(_brief(held_out.figures[name]) for name in FIGURES),
                    f"{len(judged.refusals)} bounds" if judged.refusals else "passed"]
        table.add_row(*map(visible, row))
    console.print(table)
    for judged in report.revisions:
        if judged.held_out is None:
            console.print(visible(f"{judged.revision.number}: cannot be used: {judged.revision.trial.problem}"),
                          highlight=False)
        elif judged.revision.number == report.best:
            notes = [f"{name} {judged.held_out.figures[name]}" for name in FIGURES]
            notes += [f"step_probability of {name} {figure}" for name, figure in judged.held_out.by_action.items()]
            notes += [f"gate: {refusal}" for refusal in judged.refusals] or ["gate: passed"]
            for note in notes:
                console.print(visible(f"{judged.revision.number}*: {note}"), highlight=False)
    spent = ", ".join(f"{figure.value:,.10g} {figure.unit}" for figure in report.cost.values())
    console.print(visible(f"stopped: {report.stopped}; spent: {spent}"), highlight=False)
    if report.best is not None:
        console.print(visible(f"the best one, marked *, is {to / 'world.py'}"), highlight=False)


def _brief(figure: Figure) -> str:
    return "–" if figure.value is None else f"{figure.value:.3f}"


def _intent(settings: ModelSettings, replies: Path, parts: Split, replay: bool) -> str:
    """What is about to be sent where."""
    if replay:
        return visible(f"replaying the replies in {replies}")
    return visible(f"parts of {len(parts.shown):,} sessions are sent to {settings.base_url or 'OpenAI'}, in at most "
                   f"{settings.calls} calls; all of it is kept in {replies}")


def _keep(revision: Revision, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{revision.number:03d}"
    if revision.environment is not None:
        (folder / f"{name}.py").write_text(revision.environment.source, errors="replace")
    (folder / f"{name}.json").write_text(revision.model_dump_json(indent=1))


def _line(revision: Revision) -> str:
    """A revision on one line."""
    trial, of = revision.trial, f" of {revision.parent}" if revision.parent else ""
    if trial.shown is None:
        return visible(f"{revision.number}{of}: cannot be used: {(trial.problem or '').splitlines()[0][:160]}")
    return visible(f"{revision.number}{of}: {trial.nats:.3f} nats a step, {trial.wrong:,} steps wrong"
                   + (", passes" if trial.passed else ""))


def _report(author: ModelAuthor, parts: Split, sandbox: Sandbox) -> Commission:
    """What was written, judged on the held-out sessions."""
    search, tribunal = author.search, author.tribunal
    assert search is not None
    assert tribunal is not None
    judged = []
    for revision in search.revisions:
        held_out = None
        if revision.usable and revision.environment is not None:
            try:
                with sandbox.load(revision.environment.source) as worker:
                    held_out = tribunal.judge(worker, revision.environment.digest, parts.held_out)
            except SandboxError as error:
                revision = revision.model_copy(update={"trial": Trial(problem=f"on held-out sessions: {error}")})
        refusals = tribunal.gate.refusals(held_out) if held_out else ("it cannot be used",)
        judged.append(Judged(revision=revision, held_out=held_out, refusals=refusals))
    best = next(iter(ranked([each.revision for each in judged])), None)
    spent = search.correspondence
    cost = {"calls": len(spent.asked), "tokens": spent.tokens, "dollars": spent.dollars}
    return Commission(
        settings=author.settings, shown=len(parts.shown), selection=len(parts.selection), held_out=len(parts.held_out),
        stopped=search.stopped, best=best.number if best else None, revisions=tuple(judged),
        cost={name: Figure(value=value, n=len(spent.asked), unit=name) for name, value in cost.items()
              if value is not None},
    )
