"""The commands on logs, before any night: import, export, approve."""

import getpass
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import orjson
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.prompt import Prompt
from rich.table import Table

from dreamer.approval import ApprovalError, Decision, Ledger, Verdict, condition, digest
from dreamer.terminal import visible
from rollout.formats import FORMATS
from rollout.log import SessionError
from rollout.sessions import Summary, find, read, with_outcome
from rollout.trajectory import Pointer, Trajectory, messages_of

Files = Annotated[list[str], typer.Argument(help="Logs; globs and gzip are understood.", show_default=False)]
LogsOrRun = Annotated[list[str], typer.Argument(metavar="LOGS…|RUN", help="Logs, as elsewhere; or a run folder.",
                                                show_default=False)]
As = Annotated[
    str | None, typer.Option("--as", help=f"Their format: {', '.join(FORMATS)}. [default: by their content]")
]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")]
Where = Annotated[
    list[str] | None,
    typer.Option("--where", help="Those that fulfil a rule: 'outcome >= 1', 'task = book*'. All of them must hold."),
]
ANSWERS: dict[str, Verdict | Literal["undecided", "quit"]] = {
    "y": "approved", "yes": "approved", "n": "rejected", "no": "rejected", "s": "undecided", "skip": "undecided",
    "q": "quit", "quit": "quit",
}


def import_logs(
    files: Files, format: As = None, json: Json = False,
    to: Annotated[Path, typer.Option(help="Where to write the sessions.")] = Path("sessions.jsonl"),
    key: Annotated[Path | None, typer.Option(
        "--hide", metavar="KEY", help="Hide secrets and addresses behind tokens; this key file is the way back.",
        show_default=False)] = None,
) -> None:
    """Read logs of any known format into one file of sessions, and say what they hold."""
    convert(files, format, "own", to, json, key)


def export_logs(
    files: Files,
    to: Annotated[Path, typer.Option(help="A file; a folder where the format keeps one session a file.")],
    format: Annotated[str, typer.Option("--as", help=f"The format to write: {', '.join(FORMATS)}.")] = "chat",
    json: Json = False,
) -> None:
    """Write sessions in another program's format."""
    convert(files, None, format, to, json)


def reveal(
    file: Annotated[Path, typer.Argument(help="Any text file in which tokens stand.", show_default=False)],
    key: Annotated[Path, typer.Option(help="The key file that they were made with.", show_default=False)],
) -> None:
    """Print a file with the hidden values back in their places."""
    from rollout.privacy import Privacy
    from rollout.privacy.keyfile import kind_of

    for path in (file, key):
        if not path.is_file():
            raise SessionError(str(path), None, "no such file", "Check the path")
    with Privacy(key) as privacy, open(file, "rb") as stream:
        sys.stdout.flush()
        for line in privacy.reveal_lines(stream):
            sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        kinds = Counter(map(kind_of, privacy.unknown))
    if kinds:
        each = ", ".join(f"{count:,} × {kind}" for kind, count in sorted(kinds.items()))
        print(f"{key} does not know {kinds.total():,} tokens of {len(kinds):,} kinds ({each}): they were made with "
              "another key file", file=sys.stderr)
        raise typer.Exit(1)


def convert(
    files: list[str], source: str | None, target: str, to: Path, json: bool, key: Path | None = None
) -> None:
    """Read, write beside the place, and move there whole."""
    for name in (source, target):
        if name is not None and name not in FORMATS:
            raise SessionError("--as", None, f"{name!r} is no format", f"Choose one of {', '.join(FORMATS)}")
    if to.exists():
        raise SessionError(str(to), None, "is there already", "Choose another place with --to, or remove it")
    summary = Summary()
    if key is not None and key.resolve() == to.resolve():
        raise SessionError(str(key), None, "key file and sessions cannot be one file", "Choose another --to")
    beside = to.with_name(f".{to.name}.{os.getpid()}.writing")  # two at once do not mix
    try:
        beside.parent.mkdir(parents=True, exist_ok=True)
        with _hidden(key, files, source) as hide:
            logged = map(with_outcome, shown(read(files, format=source, summary=summary)))
            FORMATS[target].write(map(hide, logged), beside)
        os.replace(beside, to)
    finally:
        _remove(beside)
    if json:
        print(orjson.dumps(summary, default=Pointer.model_dump).decode())
    else:
        Console().print(table(summary, str(to)))
    if target != "own":
        print(f"not kept by {target}: {FORMATS[target].LOSES}", file=sys.stderr)


def shown(sessions: Iterable[Trajectory]) -> Iterator[Trajectory]:
    """The same sessions, counted on the terminal as they pass."""
    columns = SpinnerColumn(), TextColumn("{task.completed:,} sessions"), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield from progress.track(sessions, total=None)


@contextmanager
def _hidden(key: Path | None, files: list[str], format: str | None) -> Iterator[Callable[[Trajectory], Trajectory]]:
    """What to do with each session. Secrets are learnt in a first pass, for they may stand unnoticed before it."""
    if key is None:
        yield lambda session: session
        return
    from rollout.privacy import Privacy

    with Privacy(key) as privacy:
        for session in shown(read(files, format=format)):
            privacy.learn(session)
        yield privacy.hide_session
        hidden = ", ".join(f"{count:,} × {kind}" for kind, count in sorted(privacy.hidden.items())) or "nothing"
        print(f"hidden: {hidden}", file=sys.stderr)


def table(summary: Summary, written: str) -> Table:
    """What was read, for a person."""
    rows = Table(title=f"{summary.sessions:,} sessions → {visible(written)}", show_header=False, title_style="bold")
    rows.add_column(style="bold")
    rows.add_column(overflow="fold")
    formats = ", ".join(f"{count:,} {name}" for name, count in summary.formats.items())
    rows.add_row("files", f"{summary.files:,} ({formats})")
    rows.add_row("turns", f"{summary.turns:,}")
    rows.add_row("outcomes", ", ".join(f"{name} × {count:,}" for name, count in sorted(summary.outcomes.items())))
    rows.add_row("tool calls", f"{summary.calls:,}")
    for name, use in sorted(summary.tools.items(), key=lambda item: -item[1].calls):
        rows.add_row("", visible(f"{use.calls:,} × {name}") + (f", {use.failed:,} failed" if use.failed else ""))
    rows.add_row("ends", f"{summary.open_ends:,} sessions do not say how they ended; it is inferred when they are used")
    for line in summary.left_out():
        name, _, rest = line.partition(": ")
        rows.add_row(*map(visible, (name, rest) if rest else ("", line)))
    return rows


def approve_sessions(
    files: LogsOrRun, format: As = None, where: Where = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    ask: Annotated[bool, typer.Option("--ask", help="Show those that are undecided one by one, and ask.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="Reject them instead: no night will use them.")] = False,
    by: Annotated[str | None, typer.Option(help="Who decides. [default: you]", show_default=False)] = None,
    ledger: Annotated[Path | None, typer.Option(
        help="Where decisions are kept. [default: approvals.ledger beside the first log]", show_default=False)] = None,
    json: Json = False,
) -> None:
    """Decide which sessions may train; without --all, --where or --ask, say what was decided so far.

    Of a run folder: promote the candidate of its last night on your word, where the guards let it pass.
    """
    if len(files) == 1 and Path(files[0], "config.json").exists():
        if everything or where or ask or reject or ledger or format:
            raise ApprovalError(f"{files[0]} is a run folder: its candidate is approved with --by alone")
        _approve_candidate(Path(files[0]), by or getpass.getuser(), json)
        return
    if everything and where:
        raise ApprovalError("--all and --where contradict each other; choose one")
    if reject and not (everything or where or ask):
        raise ApprovalError("say which to reject: --all, --where or --ask")
    if ledger is None:
        ledger = find(files)[0].parent / "approvals.ledger"
    rule = "all" if everything or (ask and not where) else " and ".join(where or [])
    chosen = condition(rule) if rule or where else None
    book, person = Ledger(ledger), by or getpass.getuser()
    verdict: Verdict = "rejected" if reject else "approved"
    counts: Counter[str] = Counter()
    decided: dict[str, None] = {}
    turned = 0
    sessions = map(with_outcome, read(files, format=format))
    for session in sessions if ask else shown(sessions):
        standing = book.decision(session)
        if chosen is None or not chosen(session) or (ask and standing):
            counts[standing.verdict if standing else "undecided"] += 1
        elif ask:
            answer = _ask(session)
            if answer == "quit":
                counts["undecided"] += 1 + sum(1 for _ in sessions)
                break
            if answer != "undecided":  # kept at once, so that stopping loses nothing
                book.append(_decision(answer, person, "one by one", [digest(session)]))
            counts[answer] += 1
        else:
            turned += standing is not None and standing.verdict != verdict
            decided[digest(session)] = None
            counts[verdict] += 1
    if decided:
        book.append(_decision(verdict, person, rule, list(decided)))
    if turned:
        print(f"{turned:,} of them had been decided otherwise before", file=sys.stderr)
    if json:
        print(orjson.dumps(counts).decode())
    else:
        print(", ".join(f"{counts[name]:,} {name}" for name in ("approved", "rejected", "undecided")), f"({ledger})")


def _approve_candidate(run: Path, by: str, json: bool) -> None:
    from dreamer.accreditation.consent import approve_candidate

    report = approve_candidate(run, by)
    print(report.model_dump_json(indent=2) if json else f"promoted: {report.policy} ({report.reason})")


def _decision(verdict: Verdict, by: str, rule: str, sessions: list[str]) -> Decision:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return Decision(verdict=verdict, by=by, rule=rule, at=at, sessions=tuple(sessions))


def _ask(session: Trajectory) -> Verdict | Literal["undecided", "quit"]:
    console = Console()
    console.rule(visible(f"{session.id}  task {session.task}  outcome {session.outcome}  ({session.pointer})"))
    for message in messages_of(session):  # whole, for all of it will train
        console.print(f"[bold]{visible(message.role)}[/bold] {visible(message.text)}")
    try:
        return ANSWERS[Prompt.ask("May it train? (yes, no, skip, quit)", choices=list(ANSWERS), show_choices=False)]
    except EOFError:
        return "quit"


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def show_logs(
    files: Files, format: As = None, json: Json = False,
    success: Annotated[float | None, typer.Option(help="Outcomes from which on a session succeeded. [default: above 0]",
                                                  show_default=False)] = None,
) -> None:
    """Show what the sessions of some logs have in common: tasks, forms, kinds of steps, what was never observed."""
    from dreamer.overview import show_patterns
    from envgen.ends import infer_ends
    from envgen.patterns import observe

    sessions, inferred = infer_ends(list(shown(map(with_outcome, read(files, format=format)))))
    with Console(stderr=True).status("finding patterns"):
        patterns = observe(sessions, inferred, success)
    if json:
        print(patterns.model_dump_json(exclude_none=True))
    else:
        show_patterns(patterns, Console())
