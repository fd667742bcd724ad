"""The patterns of sessions in words, for a person at a terminal."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from dreamer.terminal import visible
from envgen.forms import Form, Forms
from envgen.patterns import Count, Patterns
from envgen.transitions import Change

ROWS = 12  # of each table
WIDTH = 110  # characters of a template


def show_patterns(patterns: Patterns, console: Console) -> None:
    """Every part of the patterns, the most telling rows of each."""
    for table in (
        _facts(patterns), _tasks(patterns), _forms("forms of actions", patterns.actions),
        _forms("forms of observations", patterns.observations), _counts("openings", patterns.openings),
        _transitions(patterns), _comparisons(patterns), _absences(patterns),
    ):
        console.print(table)


def _table(title: str, total: int, *columns: str) -> Table:
    more = f", the first {ROWS} of {total:,}" if total > ROWS else ""
    table = Table(title=f"{title}{more}", title_style="bold", title_justify="left", expand=True)
    for name in columns:
        number = name in ("count", "sessions", "repeated", "differing")
        table.add_column(name, justify="right" if number else "left", no_wrap=number, overflow="fold")
    return table


def _facts(patterns: Patterns) -> Table:
    table = Table(show_header=False, title="sessions", title_style="bold", title_justify="left", expand=True)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    answers = "chance" if patterns.chance else "no chance seen"
    forms = len(patterns.actions.forms), len(patterns.observations.forms)
    for name, value in (
        ("sessions", f"{patterns.sessions:,}, {patterns.turns:,} turns, at most {patterns.longest:,}"),
        ("tool calls", f"{patterns.calls:,}"),
        ("actions", f"{patterns.distinct_actions:,} different, of {forms[0]:,} forms"),
        ("observations", f"{patterns.distinct_observations:,} different, of {forms[1]:,} forms"),
        ("answers", f"{answers}; {patterns.forks:.1%} of repeated (observation, action) pairs answered differently"),
        ("outcomes", _values(patterns.outcomes)),
        ("success", f"an outcome {'above 0' if patterns.success is None else f'of at least {patterns.success:g}'}"),
        ("rewards", _values(patterns.rewards)),
        ("ends", f"{_values(patterns.ends)}; inferred for {patterns.ends_inferred:,}"),
    ):
        table.add_row(name, visible(value))
    return table


def _values(counts: tuple[Count, ...]) -> str:
    shown = ", ".join(f"{count.value} × {count.count:,}" for count in counts[:ROWS])
    return shown + (", …" if len(counts) > ROWS else "")


def _tasks(patterns: Patterns) -> Table:
    columns = "task", "sessions", "failed", "turns", "example"
    table = _table(f"tasks, told apart by {patterns.tasks_by}", len(patterns.tasks), *columns)
    for task in patterns.tasks[:ROWS]:
        turns = "" if task.turns.value is None else f"{task.turns.value:.1f}"
        example = visible(str(task.examples[0]))
        table.add_row(visible(_short(task.name)), f"{task.sessions:,}", str(task.failed), turns, example)
    return table


def _forms(title: str, forms: Forms) -> Table:
    table = _table(title, len(forms.forms), "form", "count", "fields", "example")
    for form in forms.forms[:ROWS]:
        example = str(form.examples[0]) if form.examples else ""
        fields = visible(", ".join(fields_of(form)))
        table.add_row(visible(_short(form.template)), f"{form.count:,}", fields, visible(example))
    return table


def fields_of(form: Form, most: int = 6) -> Iterator[str]:
    """The fields of a form with their values, one text each."""
    for field in form.fields[:most]:
        if field.low is not None and field.high is not None:
            said = f"{field.low:g} to {field.high:g}"
        elif field.kind == "choice":
            said = " | ".join(list(field.values)[:most])
        else:
            said = f"{field.kind}, {field.distinct:,} different"
        yield f"{field.name}: {_short(said, 60)}"
    if len(form.fields) > most:
        yield f"{len(form.fields) - most} more"


def _counts(title: str, counts: tuple[Count, ...]) -> Table:
    table = _table(title, len(counts), "text", "count", "example")
    for count in counts[:ROWS]:
        table.add_row(visible(_short(count.value)), f"{count.count:,}", visible(str(count.examples[0])))
    return table


def _transitions(patterns: Patterns) -> Table:
    columns = "action", "what changed", "reward", "end", "count", "example"
    table = _table("kinds of steps, rare ones first", len(patterns.transitions), *columns)
    for kind in patterns.transitions[:ROWS]:
        action = " ".join(template_of(patterns.actions, form) for form in kind.action)
        changes = "\n".join(change_of(patterns.observations, change) for change in kind.changes) or "nothing"
        reward = "" if kind.reward is None else f"{kind.reward:g}"
        row = (visible(_short(action, 60)), visible(changes), reward, "end" if kind.end else "", f"{kind.count:,}")
        table.add_row(*row, visible(str(kind.examples[0])))
    return table


def change_of(forms: Forms, change: Change) -> str:
    """What a step changed: a field, or a form that came (+), went (−) or stands there another number of times (±)."""
    template = _short(template_of(forms, change.form), 60)
    match change.what:
        case "changed":
            return f"<{change.field}> of {template}"
        case "appeared":
            return f"+ {template}"
        case "vanished":
            return f"− {template}"
        case "counted":
            return f"± {template}"


def _comparisons(patterns: Patterns) -> Table:
    columns = "answers", "mode", "fields", "repeated", "differing"
    table = _table("how answers compare", len(patterns.comparisons), *columns)
    for each in patterns.comparisons[:ROWS]:
        fields = ", ".join(f"<{field}> of {_short(template_of(patterns.observations, form), 60)}"
                           for form, field in each.fields)
        table.add_row(each.of, each.mode, visible(fields), f"{each.repeated:,}", f"{each.differing:,}")
    return table


def _absences(patterns: Patterns) -> Table:
    table = _table("never observed", len(patterns.never_observed), "kind", "what", "count")
    table.columns[2].header = "of"
    for absence in patterns.never_observed[:ROWS]:
        table.add_row(absence.kind, visible(_short(absence.what)), f"{absence.of:,}")
    return table


def template_of(forms: Forms, form: int | None) -> str:
    """A form as it is written; "?" for text of no form."""
    return "?" if form is None else forms.forms[form].template


def _short(text: str, longest: int = WIDTH) -> str:
    text = text.replace("\n", "⏎ ")
    return text if len(text) <= longest else f"{text[:longest]}…"
