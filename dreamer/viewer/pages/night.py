"""The page of a night: how far it is, what it learned, and whether that was promoted."""

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

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


def night(site: Site, place: Place, run: str, night: int) -> str:
    """The page of a night."""
    store = site.store(run, night)
    now = state(store)
    validated, update = store.load("validate", Validated), store.load("learn", Update)
    return site.render(
        place, "night.html.jinja", title=f"{store.configuration.name}, night {night}", store=store, state=now,
        steps=[_told(store, stage, f"{run}/{store.folder.name}") for stage in now.stages],
        charts=list(_charts(now, store.configuration)), validated=validated,
        authored=store.load("author", Authored), update=update,
        accreditation=store.load("evaluate", Accreditation), baselines=store.load("baselines", Baselines),
        base=store.load("clone", Base), rehearsed=store.load("rehearse", Rehearsed), guards=store.configuration.guards,
        promotions=store.promotions, may=_may(store, now), rounds=len(update.rounds) if update else 0)


def _told(store: Store, stage: Stage, path: str) -> Step:
    """What came of a stage."""
    if stage.status != "done":
        return Step(stage)
    match stage.name:
        case "read":
            logs = store.load("read", Logs)
            return Step(stage, f"{logs.shown + logs.selection + logs.held_out:,} sessions: {logs.shown:,} shown, "
                               f"{logs.selection:,} to choose by, {logs.held_out:,} held out" if logs else "",
                        (f"{path}/patterns", "patterns"))
        case "author":
            authored = store.load("author", Authored)
            return Step(stage, _counted(len(authored.candidates), "draft") if authored else "")
        case "validate":
            validated = store.load("validate", Validated)
            if validated is None or not validated.judged:
                return Step(stage)
            words = f"{len(validated.members)} of {len(validated.judged)} passed the gate"
            return Step(stage, words, (f"{path}/environments/{validated.best.environment}/divergence",
                                       "where the dream is wrong"))
        case "clone":
            base = store.load("clone", Base)
            return Step(stage, f"{base.parameters:,} parameters, {base.cloned_steps:,} steps" if base else "")
        case "rehearse":
            rehearsed = store.load("rehearse", Rehearsed)
            return Step(stage, f"success in the dream {rehearsed.played.success}" if rehearsed else "")
        case "experience":
            gathered = store.load("experience", Gathered)
            return Step(stage, f"from {gathered.sessions:,} sessions, {len(gathered.dropped)} items dropped"
                        if gathered else "")
        case "gap":
            gap = store.load("gap", Gap)
            return Step(stage, f"teacher not told {gap.bare}, told {gap.told}, {gap.bare.unit}" if gap else "")
        case "learn":
            update = store.load("learn", Update)
            return Step(stage, f"{update.episodes:,} episodes in {len(update.rounds)} rounds, "
                               f"{update.episodes_per_second:,.0f} a second" if update else "",
                        (f"{path}/trajectories", "trajectories"))
        case "evaluate":
            judged = store.load("evaluate", Accreditation)
            evidence = judged.evidence if judged else None
            return Step(stage, f"{evidence.before.success} → {evidence.after.success}" if evidence else "no evidence")
        case _:
            return Step(stage)


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
