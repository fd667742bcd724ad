"""What held-out sessions must show before anything is rehearsed in an environment.

An almost-right world that pays for the wrong thing is worse than none. So a world may never be sure of another reward
or end than the logged one, hardly ever of other words, may not break, may not remember earlier episodes, must begin as
the sessions do, and chance must come as often as it says. Beyond that, worlds without chance must predict steps,
rewards and ends, by the lower end of each interval. For worlds with chance those figures are low even for the truth:
they must need no more nats a step than the count model, and be surprised no more than they expect to be, or else a
world that knows nothing would pass wherever counting knows nothing either.
"""

from collections.abc import Iterator
from math import ceil

from pydantic import BaseModel, ConfigDict, Field

from envgen.fidelity import FidelityReport
from rollout.figure import Figure

MOST = {  # figures that are bounded from above, and what they say
    "contradicted_event": "it was sure of another reward or end than the logged one",
    "contradicted": "it was sure of another answer than the logged one",
    "faults": "it broke",
    "entry_contradicted": "told the text before, it was sure of another answer than the logged one",
}


class Gate(BaseModel):
    """Bounds.

    Attributes:
        step_probability, reward_f1, end_f1: from below, for worlds without chance; of the lower end of the interval.
        nats_over_counts: from above, for worlds with chance: nats a step more than the count model needs; of the
            upper end.
        calibration: from above and below, for worlds with chance: nats a step of surprise more than expected; of both
            ends.
        contradicted_event: from above, share of steps in which the world was sure of another reward or another end than
            the logged one. None may be: such a world teaches the wrong thing.
        contradicted: from above, share of steps in which it was sure of anything else than what was logged.
        faults: from above, share of steps in which it broke.
        frequencies_off: from above, share of steps by which an answer came more or less often than the world says,
            where that cannot be luck.
        reset_match: from below, chance that starts as different as the drawn from the logged ones are alike after all.
        reset_surprise: from above and below, nats a session of surprise at the start more than expected; a figure whose
            interval lies beyond is refused.
        starts_taken: from below, share of logged first texts that it begins from when told.
        drawn_off: from above, share of steps by which episodes from drawn starts are off what it expects when told.
        entry_contradicted: from above, share of steps that cannot follow where the text before them is told.
        actions_match: from below, share of answers with the logged legal actions, where both list any.
        undetermined: from above, share of steps whose answer was not met, where it might have been missed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    step_probability: float = Field(default=0.9, ge=0, le=1)
    reward_f1: float = Field(default=0.8, ge=0, le=1)
    end_f1: float = Field(default=0.8, ge=0, le=1)
    nats_over_counts: float = 0.05
    calibration: float = Field(default=0.2, ge=0)
    contradicted_event: float = Field(default=0.0, ge=0, le=1)
    contradicted: float = Field(default=0.02, ge=0, le=1)
    faults: float = Field(default=0.0, ge=0, le=1)
    frequencies_off: float = Field(default=0.05, ge=0, le=1)
    reset_match: float = Field(default=0.005, ge=0, le=1)
    reset_surprise: float = Field(default=0.2, ge=0)
    starts_taken: float = Field(default=0.95, ge=0, le=1)
    drawn_off: float = Field(default=0.05, ge=0, le=1)
    entry_contradicted: float = Field(default=0.05, ge=0, le=1)
    actions_match: float = Field(default=0.95, ge=0, le=1)
    undetermined: float = Field(default=0.05, ge=0, le=1)

    def refusals(self, report: FidelityReport) -> tuple[str, ...]:
        """Which bounds fail, in words; none if the environment may be used."""
        return (*self._wrong(report), *self._begins_otherwise(report),
                *(self._with_chance(report) if report.chance else self._without_chance(report)))

    def _wrong(self, report: FidelityReport) -> Iterator[str]:
        steps = report.figures["step_probability"].n
        if report.undetermined > self.undetermined * steps:
            yield f"{report.undetermined} of {steps} logged answers were not met by search or sampling"
        for name, says in MOST.items():
            figure, most = report.figures[name], getattr(self, name)
            if figure.value is not None and figure.value > most:
                yield f"in {figure.value:.2%} of {figure.n:,} steps {says} (gate.{name} allows {most:.2%})"
        if (off := report.figures["frequencies_off"].value or 0.0) > self.frequencies_off:
            yield (f"an answer came {off:.1%} more or less often than it says (gate.frequencies_off allows "
                   f"{self.frequencies_off:.1%}): {report.frequencies[0]}")
        listed = report.figures["actions_match"]
        if listed.value is not None and listed.value < self.actions_match:
            yield f"it lists other legal actions than the log: actions_match is {listed}, at least {self.actions_match}"

    def _begins_otherwise(self, report: FidelityReport) -> Iterator[str]:
        figures = report.figures
        if figures["forgets"].value not in (None, 1.0):
            yield f"it remembers earlier episodes, or cannot be begun again: forgets is {figures['forgets']}, not 1"
        alike = figures["reset_match"]
        if alike.value is not None and alike.value < self.reset_match:
            yield (f"drawn starts are not like the logged ones: reset_match is {alike.value:.4f} (n={alike.n:,}), at "
                   f"least {self.reset_match}")
        start = figures["reset_surprise"]
        if start.low is not None and start.high is not None and (
            start.low > self.reset_surprise or start.high < -self.reset_surprise
        ):
            yield f"the logged starts surprise it: reset_surprise is {start}, must reach ±{self.reset_surprise}"
        if (off := figures["drawn_off"].value or 0.0) > self.drawn_off:
            yield (f"from drawn starts it goes otherwise than when told their first texts, by {off:.1%} of "
                   f"{figures['drawn_off'].n:,} steps (gate.drawn_off allows {self.drawn_off:.1%})")
        told = figures["starts_taken"]
        if told.value is not None and told.value < self.starts_taken:
            yield (f"told the first text of a session it refuses to begin: starts_taken is {told}, must be at least "
                   f"{self.starts_taken}")

    def _with_chance(self, report: FidelityReport) -> Iterator[str]:
        excess, surprise = report.figures["nats_over_counts"], report.figures["calibration"]
        if excess.high is None or excess.high > self.nats_over_counts:
            yield (f"nats_over_counts is {excess}, its upper bound must be at most {self.nats_over_counts}"
                   f"{_more(report, excess, excess.high, self.nats_over_counts)}")
        if surprise.low is None or surprise.high is None or not (
            -self.calibration <= surprise.low and surprise.high <= self.calibration
        ):
            worse = max(surprise.low or 0.0, surprise.high or 0.0, key=abs)
            bound = self.calibration if worse > 0 else -self.calibration
            yield (f"calibration (nats a step of surprise beyond what the environment expects) is {surprise}, its "
                   f"interval must lie within ±{self.calibration}{_more(report, surprise, worse, bound)}")

    def _without_chance(self, report: FidelityReport) -> Iterator[str]:
        for name in ("step_probability", "reward_f1", "end_f1"):
            figure, bound = report.figures[name], getattr(self, name)
            if figure.value is None:
                yield f"{name} could not be measured: no held-out session shows such an event; record more sessions"
            elif figure.low is not None and figure.low < bound:
                yield f"{name} is {figure}, its lower bound must be at least {bound}" + _more(
                    report, figure, figure.low, bound)


def _more(report: FidelityReport, figure: Figure, end: float | None, bound: float) -> str:
    """How many held-out sessions would do, if the value stays; an interval narrows with the root of their number."""
    if figure.value is None or end is None or (end - figure.value) * (bound - figure.value) <= 0:
        return ""
    needed = ceil(report.sessions * ((end - figure.value) / (bound - figure.value)) ** 2)
    return f"; about {needed:,} held-out sessions would do (there are {report.sessions:,}), if the value stays"
