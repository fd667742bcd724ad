"""Judge any environment against any sessions, without a run: `dream validate ENV.py SESSIONS…`."""

from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from dreamer.files import StoreError
from dreamer.terminal import visible
from envgen.author import Environment
from envgen.comparison import Comparer
from envgen.ends import infer_ends
from envgen.fidelity import FidelityReport, judge
from envgen.gate import Gate
from envgen.patterns import observe, usual_reward
from envgen.split import split
from rollout.sessions import read, with_outcome
from sandbox import Sandbox


def read_environment(source: Path) -> Environment:
    """An environment by itself.

    Args:
        source: a file of Gymnasium code.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        return Environment(source=source.read_text(), author="")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{source}: cannot be read ({error}); give a file of Gymnasium code") from None


def validate(source: Path, files: list[str], format: str | None, patterns: bool, unsafe: bool) -> FidelityReport:
    """Judge an environment on half of the sessions; the other half makes the references.

    Args:
        source: a file of Gymnasium code.
        files, format: as for `rollout.sessions.read`.
        patterns: compare answers as the patterns of the sessions say, not word for word.

    Raises:
        StoreError: the file cannot be read.
        SandboxError: the sandbox refuses it.
    """
    environment = read_environment(source)
    sessions, _ = infer_ends(list(map(with_outcome, read(files, format=format))))
    try:
        parts = split(sessions, 0.0, 0.5)
        shown, judged = parts.shown + parts.selection, parts.held_out
    except ValueError:  # too few to divide: no references
        shown, judged = [], sessions
    comparer = Comparer()
    if patterns:
        comparer = observe(sessions).comparer
    with (
        Sandbox(unsafe=unsafe) as sandbox, sandbox.load(environment.source) as worker,
        Progress(console=Console(stderr=True), transient=True) as progress,
    ):
        task = progress.add_task("validate", total=len(judged))
        return judge(worker, environment.digest, shown, judged, usual_reward(sessions),
                     lambda count: progress.advance(task, count), comparer)


def show_fidelity(report: FidelityReport, console: Console) -> tuple[str, ...]:
    """The report as a table; returns the gate's refusals."""
    refusals = Gate().refusals(report)
    table = Table(title=f"{report.environment}, judged on {report.sessions:,} sessions", title_style="bold")
    for column in ("figure", "environment", "identity", "counts"):
        table.add_column(column)
    for name, figure in report.figures.items():
        if not name.startswith(("identity_", "counts_")):
            references = [str(report.figures[key]) if (key := f"{prefix}_{name}") in report.figures else ""
                          for prefix in ("identity", "counts")]
            table.add_row(name, str(figure), *references)
    console.print(table)
    notes = [
        *(f"step_probability of {name} {figure}" for name, figure in report.by_action.items()),
        f"chance: {'yes' if report.chance else 'none seen'}; steps by how it was found: "
        f"{', '.join(f'{count:,} {regime}' for regime, count in report.regimes.items())}; not met: "
        f"{report.undetermined:,}; belief cut: {report.lost_mass:.3g}",
        *(f"not compared: {count:,} answers, {of}" for of, count in report.not_compared.items()),
        *report.compared,
        *(f"{each.session}, turn {each.turn}: after {each.action!r} on {each.before[:80]!r}\n"
          f"    logged   {each.logged[:160]}\n    expected {each.expected[:160]}"
          for kind in report.counterexamples[:5] for each in kind.examples[:1]),
        "gate: " + ("passed" if not refusals else "refused: " + "; ".join(refusals)),
    ]
    for note in notes:
        console.print(visible(note), highlight=False)
    return refusals
