"""The page of a night: how far it is, what it learned, and whether that was promoted."""

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup
from pydantic import BaseModel

from dreamer.accreditation.consent import candidate
from dreamer.accreditation.promotions import PromotionError
from dreamer.config import Config
from dreamer.records import (
    Accreditation,
    Authored,
    Base,
    Baselines,
    Gap,
    Logs,
    Rehearsed,
    Update,
    Validated,
)
from dreamer.store import Store
from dreamer.teaching.experience import Gathered
from dreamer.viewer.charts import Series, lines
from dreamer.viewer.curves import CURVES
from dreamer.viewer.site import Place, Site
from dreamer.viewer.state import Stage, State, state
from dreamer.viewer.words import number


@dataclass(frozen=True)
class Step:
    """A stage as it is told.

    Attributes:
        words: what came of it.
        link: the page that has more of it, with its name.
    """

    stage: Stage
    words: str = ""
    link: tuple[str, str] | None = None


KINDS: dict[str, type[BaseModel]] = {
    "read": Logs, "author": Authored, "validate": Validated, "clone": Base, "rehearse": Rehearsed,
    "experience": Gathered, "gap": Gap, "learn": Update, "evaluate": Accreditation, "baselines": Baselines,
}


def night(site: Site, place: Place, run: str, night: int) -> str:
    """The page of a night."""
    store = site.store(run, night)
    now, config = state(store), store.configuration
    records = {stage: store.load(stage, kind) for stage, kind in KINDS.items()}
    return site.render(
        place, "night.html.jinja", title=f"{config.name}, night {night}", store=store, state=now,
        steps=[_told(stage, records[stage.name], f"{run}/{store.folder.name}") for stage in now.stages],
        charts=list(_charts(now, config)), validated=records["validate"], authored=records["author"],
        update=records["learn"], accreditation=records["evaluate"], baselines=records["baselines"],
        rehearsed=records["rehearse"], guards=config.guards, promotions=store.promotions, may=_may(store, now))


def _told(stage: Stage, record: BaseModel | None, path: str) -> Step:
    """What came of a stage."""
    words, link = "", None
    match record:
        case Logs():
            words = (f"{record.shown + record.selection + record.held_out:,} sessions: {record.shown:,} shown, "
                     f"{record.selection:,} to choose by, {record.held_out:,} held out")
            link = f"{path}/patterns", "patterns"
        case Authored():
            words = _counted(len(record.candidates), "draft")
        case Validated() if record.judged:
            words = f"{len(record.members)} of {len(record.judged)} passed the gate"
            link = f"{path}/environments/{record.best.environment}/divergence", "where the dream is wrong"
        case Base():
            words = f"{record.parameters:,} parameters, {record.cloned_steps:,} steps"
        case Rehearsed():
            words = f"success in the dream {record.played.success}"
        case Gathered():
            words = f"from {record.sessions:,} sessions, {len(record.dropped)} items dropped"
        case Gap():
            words = f"teacher not told {record.bare}, told {record.told}, {record.bare.unit}"
        case Update():
            words = (f"{record.episodes:,} episodes in {len(record.rounds)} rounds, "
                     f"{record.episodes_per_second:,.0f} a second")
            link = f"{path}/trajectories", "trajectories"
        case Accreditation(evidence=evidence):
            words = f"{evidence.before.success} → {evidence.after.success}" if evidence else "no evidence"
    return Step(stage, words, link)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _may(store: Store, now: State) -> dict[str, bool]:
    """What a person may decide: about the last night only, and only while nobody works at it."""
    if now.live or store.night != Store.latest(store.root).night:
        return {"approve": False, "rollback": False}
    try:
        approvable = candidate(store) is not None
    except PromotionError:
        approvable = False
    return {"approve": approvable, "rollback": len(store.promotions.standing) > 1}


def _charts(now: State, config: Config) -> Iterator[Markup]:
    """What changed from round to round, and from step to step of cloning, as far as it was told."""
    for curve in CURVES:
        points = curve.points(now)
        if len(points) > 1 or (points and curve.key == "promoted_kl"):
            limit = _budget(points, config) if curve.key == "promoted_kl" else None
            yield lines(curve.title, [Series(curve.name, points, curve.kind)], curve.across, curve.bounds, limit)


def _budget(points: list[tuple[float, float]], config: Config) -> tuple[str, float] | None:
    """The budget of KL from the promoted policy, where the line comes near to it: a far one would flatten the line."""
    budget = config.guards.promoted_kl
    if budget is None or max(y for _, y in points) <= budget / 5:
        return None
    return f"budget {number(budget, 2)}", budget
