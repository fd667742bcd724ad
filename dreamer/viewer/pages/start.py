"""Where a reader begins: every night of every run, and the shortest way to where its dream was wrong."""

from dataclasses import dataclass

from dreamer.files import StoreError
from dreamer.records import Report, Validated
from dreamer.store import Store
from dreamer.viewer.site import Place, Site
from dreamer.viewer.state import State, state
from rollout.figure import Figure


@dataclass(frozen=True)
class Row:
    """A night in the list.

    Attributes:
        wrong: kinds of steps that the best environment gets wrong; None where nobody could tell.
    """

    run: str
    path: str
    night: int
    name: str
    state: State
    before: Figure | None = None
    after: Figure | None = None
    environment: str | None = None
    wrong: int | None = None


def start(site: Site, place: Place) -> str:
    """The start page."""
    rows = [_row(run, store) for run in site.runs for store in site.nights(run)]
    rows.sort(key=lambda row: row.state.at or 0.0, reverse=True)
    return site.render(place, "start.html.jinja", title="Nights", rows=rows)


def _row(run: str, store: Store) -> Row:
    path = f"{run}/{store.folder.name}"
    try:
        report, validated = store.load("report", Report), store.load("validate", Validated)
        figures = report.figures if report else {}
        judged = validated.best if validated and validated.judged else None
        return Row(
            run, path, store.night, store.configuration.name, state(store),
            figures.get("real_success_before"), figures.get("real_success_after"),
            judged.environment if judged else None,
            len(judged.report.counterexamples) if judged and judged.report else None)
    except StoreError as error:
        return Row(run, path, store.night, run, State("broken", str(error)))
