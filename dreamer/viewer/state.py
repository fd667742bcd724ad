"""How far a night is, by its records and by the stream of events."""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from dreamer.records import Report
from dreamer.store import Store, stages

Name = Literal["promoted", "refused", "stopped", "under way", "interrupted", "failed", "broken"]


@dataclass
class Bar:
    """Progress within a stage.

    Attributes:
        began: seconds since 1970.
        seconds: how long it took; None while it goes on.
        facts: what was told on the way, in order.
    """

    name: str
    began: float
    total: int | None
    unit: str
    done: int = 0
    told: float = 0.0
    seconds: float | None = None
    facts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def rate(self) -> float | None:
        """Units a second so far; None where that means nothing."""
        took = self.seconds if self.seconds is not None else self.told - self.began
        return self.done / took if self.done > 1 and took > 0.2 else None

    @property
    def latest(self) -> dict[str, Any]:
        """What was told last."""
        return self.facts[-1] if self.facts else {}

    @property
    def remaining(self) -> float | None:
        """Seconds until the end at this rate; None where nobody knows."""
        if not self.rate or not self.total or self.seconds is not None:
            return None
        return max(0.0, (self.total - self.done) / self.rate)


@dataclass
class Stage:
    """A stage of a night.

    Attributes:
        status: of the stage; "interrupted" where it was begun and nobody works at it, "not begun" where the night ended
            before it.
        seconds: how long it took, once it is done.
        bars: progress within it, each with a name of its own.
    """

    name: str
    status: Literal["done", "under way", "interrupted", "waiting", "not begun"] = "waiting"
    seconds: float | None = None
    bars: list[Bar] = field(default_factory=list)


@dataclass
class State:
    """How far a night is.

    Attributes:
        words: why.
        command: that goes on with it, if one does.
        at: when something last happened, seconds since 1970.
    """

    name: Name
    words: str
    command: str = ""
    at: float | None = None
    stages: list[Stage] = field(default_factory=list)

    @property
    def live(self) -> bool:
        """Whether more is to come without anybody's doing."""
        return self.name == "under way"


def state(store: Store) -> State:
    """How far a night is.

    Raises:
        StoreError: its configuration or its report is damaged.
    """
    events = _of_night(store)
    found = {name: Stage(name) for name in stages(store.configuration)}
    bars: list[Bar] = []
    for event in events:
        with suppress(KeyError, TypeError):  # an event of another version
            bars = _told(event, found, bars)
    done = {name for name in found if store.done(name)}
    for name in found.keys() - done:  # taken back, to be done again
        found[name] = Stage(name)
    working = store.held and store.night == Store.latest(store.root).night
    for stage in found.values():
        if stage.name in done:
            stage.status = "done"
        elif bars or working:
            stage.status, stage.bars = ("under way" if working else "interrupted"), bars
            break
    at = next((event["time"] for event in reversed(events) if "time" in event), None)
    told = [*found.values()]
    if working:
        return State("under way", "is being dreamed", at=at, stages=told)
    report = store.load("report", Report)
    if report is not None:
        for stage in told:
            stage.status = "not begun" if stage.status in ("waiting", "interrupted") else stage.status
        return State(report.verdict, report.reason, at=at, stages=told)
    resume = f"dream run --run {store.root} --resume"
    last = events[-1] if events else {}
    if last.get("event") == "failed":
        return State("failed", str(last.get("reason")), resume, at, told)
    return State("interrupted", "nobody works at it, and it is not over", resume, at, told)


def _told(event: dict[str, Any], found: dict[str, Stage], bars: list[Bar]) -> list[Bar]:
    """What an event says of the stages, noted; the bars of the stage under way after it."""
    match event["event"]:
        case "night":
            return []
        case "begin":
            return [*bars, Bar(event["stage"], event["time"], event["total"], event["unit"], told=event["time"])]
        case "progress" if bars:
            bars[-1].done, bars[-1].told = event["done"], event["time"]
            facts = {name: value for name, value in event.items() if name not in ("time", "event", "stage", "done")}
            if facts:
                bars[-1].facts.append(facts)
        case "end" if bars:
            bars[-1].seconds = event["seconds"]
        case "stage" if event["stage"] in found:
            stage = found[event["stage"]]
            stage.status, stage.seconds, stage.bars = "done", event["seconds"], bars
            return []
    return bars


def _of_night(store: Store) -> list[dict[str, Any]]:
    """The events of one night; what came before the first night was told of is the first's."""
    night, found = 1, []
    for event in store.events():
        if event.get("event") == "night":
            night = event.get("night", night)
        if night == store.night:
            found.append(event)
    return found
