"""The page of two nights side by side."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from dreamer.config import Config
from dreamer.records import Accreditation, Baselines, Rehearsed, Report, Validated
from dreamer.store import Store, differing
from dreamer.viewer.authored.fidelity import GROUPS, REFERENCES
from dreamer.viewer.charts import Series, lines
from dreamer.viewer.curves import CURVES
from dreamer.viewer.site import NotThere, Place, Site, best
from dreamer.viewer.state import State, state
from rollout.figure import Figure

WORDS = {
    "real_success_before": "real success before", "real_success_after": "real success after",
    "real_outcome_gain": "gain of the mean outcome", "dream_success_before": "success in the dream, before learning",
    "promoted_kl": "KL(promoted‖candidate), nats a token", "original_kl": "KL(original‖candidate), nats a token",
    "privileged_gap": "what its context is worth to the teacher",
    "engine_difference_most": "between engine and trainer, nats a token at most",
    "held_out_looks": "environments judged on the held-out sessions so far", "members": "members of the ensemble",
    "night_seconds": "seconds until the judging", "episodes_per_second": "episodes a second",
} | {f"fidelity_{name}": words for meanings in GROUPS.values() for name, words in meanings.items()}
PARTS = {  # titles, by how the names of figures begin
    "real_": "Outside the dream", "fidelity_": "Fidelity of the best environment", "baseline: ": "Baselines",
    "retained: ": "What was kept", "": "Others",
}


@dataclass(frozen=True)
class Side:
    """One of the nights.

    Attributes:
        name: of run and night.
        best: the digest of its best environment.
    """

    name: str
    path: str
    store: Store
    config: Config
    state: State
    figures: Mapping[str, Figure]
    best: str | None


@dataclass(frozen=True)
class Row:
    """A figure of both nights; None where a night has none.

    Attributes:
        change: the second less the first.
        apart: whether the intervals lie apart; None where one has none.
    """

    words: str
    first: Figure | None
    second: Figure | None

    @property
    def change(self) -> float | None:
        if self.first is None or self.second is None or self.first.value is None or self.second.value is None:
            return None
        return self.second.value - self.first.value

    @property
    def apart(self) -> bool | None:
        one, other = self.first, self.second
        if one is None or other is None or None in (one.low, one.high, other.low, other.high):
            return None
        return bool((one.high or 0.0) < (other.low or 0.0) or (other.high or 0.0) < (one.low or 0.0))


def chosen(site: Site, place: Place) -> str:
    """Two nights that the query names, each as `RUN/night-001`; the last two where it names none."""
    paths = _paths(site)
    if len(paths) < 2:
        raise NotThere("there is one night here, and nothing to compare it with; dream view shows several runs at once")
    now = place.query.get("now", paths[-1])
    then = place.query.get("then") or next((path for path in reversed(paths) if path != now), paths[0])
    sides = []
    for path in (then, now):
        run, _, night = path.partition("/night-")
        if not night.isdecimal() or len(night) > 9:
            raise NotThere(f"{path!r} is no night; there are: {', '.join(paths)}")
        sides.append(_side(site, run, int(night)))
    return _page(site, place, *sides)


def compare(site: Site, place: Place, run: str, night: int, other: str, against: int) -> str:
    """Two nights."""
    return _page(site, place, _side(site, run, night), _side(site, other, against))


def _page(site: Site, place: Place, first: Side, second: Side) -> str:
    return site.render(
        place, "compare.html.jinja", title=f"{first.name} and {second.name}", sides=(first, second),
        settings=list(_settings(first.config, second.config)), parts=_parts(first.figures, second.figures),
        charts=list(_charts(first, second)), stages=list(_stages(first.state, second.state)), paths=_paths(site))


def _paths(site: Site) -> list[str]:
    return [f"{run}/{store.folder.name}" for run in site.runs for store in site.nights(run)]


def _side(site: Site, run: str, night: int) -> Side:
    store = site.store(run, night)
    return Side(f"{run}, night {night}", f"{run}/{store.folder.name}", store, store.configuration, state(store),
                _figures(store), best(store))


def _figures(store: Store) -> Mapping[str, Figure]:
    """Those of the report; of a night that has none yet, what its records hold so far."""
    report = store.load("report", Report)
    if report is not None:
        return report.figures
    found: dict[str, Figure] = {}
    validated, rehearsed = store.load("validate", Validated), store.load("rehearse", Rehearsed)
    judged, baselines = store.load("evaluate", Accreditation), store.load("baselines", Baselines)
    if judged and judged.evidence:
        found["real_success_before"] = judged.evidence.before.success
        found["real_success_after"] = judged.evidence.after.success
    if validated and validated.judged and validated.best.report:
        found |= {f"fidelity_{name}": figure for name, figure in validated.best.report.figures.items()}
    if rehearsed:
        found["dream_success_before"] = rehearsed.played.success
    return found | {f"baseline: {row.name}": row.played.success for row in (baselines.rows if baselines else ())}


def _parts(first: Mapping[str, Figure], second: Mapping[str, Figure]) -> dict[str, list[Row]]:
    """All figures that either night measured, by what they are about; those of the references are left out."""
    found: dict[str, list[Row]] = {title: [] for title in PARTS.values()}
    for name in dict.fromkeys((*first, *second)):
        one, other = first.get(name), second.get(name)
        if name.removeprefix("fidelity_").startswith(REFERENCES) or not _measured(one, other):
            continue
        begin = next(begin for begin in PARTS if name.startswith(begin))
        found[PARTS[begin]].append(Row(WORDS.get(name) or name.removeprefix(begin).replace("_", " "), one, other))
    return {title: rows for title, rows in found.items() if rows}


def _measured(*figures: Figure | None) -> bool:
    return any(figure is not None and figure.value is not None for figure in figures)


def _settings(first: Config, second: Config) -> Iterator[tuple[str, str, str]]:
    """The keys that differ, with both values as JSON; empty where there is none."""
    one, other = first.model_dump(mode="json"), second.model_dump(mode="json")
    for key in differing(one, other):
        yield key, _value(one, key), _value(other, key)


def _value(values: Any, key: str) -> str:
    for name in key.split("."):
        values = values.get(name) if isinstance(values, dict) else None
    return "" if values is None else json.dumps(values, ensure_ascii=False)


def _charts(first: Side, second: Side) -> Iterator[Markup]:
    for curve in CURVES:
        series = [Series(side.name, points, kind) for side, kind in ((first, "dream"), (second, "second"))
                  if len(points := curve.points(side.state)) > 1]
        if series:
            yield lines(curve.title, series, curve.across, curve.bounds)


def _stages(first: State, second: State) -> Iterator[tuple[str, float | None, float | None]]:
    """How long each stage took, where it is done."""
    one, other = ({stage.name: stage.seconds for stage in each.stages} for each in (first, second))
    for name in dict.fromkeys((*one, *other)):
        yield name, one.get(name), other.get(name)
