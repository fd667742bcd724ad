"""What held-out sessions must show before anything is rehearsed in an environment.

An almost-right world that pays for the wrong thing is worse than none, so the bounds are on the worse end of each
interval. Worlds without chance must predict steps, rewards and ends. For worlds with chance those figures are low
even for the truth: they must need no more nats a step than the count model, and be surprised no more than they
expect to be, or else a world that knows nothing would pass wherever counting knows nothing either.
"""

from pydantic import BaseModel, ConfigDict, Field

from envgen.fidelity import FidelityReport
from rollout.figure import Figure


class Gate(BaseModel):
    """Bounds of 95 % intervals.

    Attributes:
        step_probability, reward_f1, end_f1: from below, for worlds without chance.
        nats_over_counts: from above, for worlds with chance: nats a step more than the count model needs.
        calibration: from above and below, for worlds with chance: nats a step of surprise more than expected.
        contradicted_event: from above, share of steps in which the world was sure of another reward or another end than
            the logged one. None may be: such a world teaches the wrong thing.
        undetermined: from above, share of steps whose answer was not met, where it might have been missed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    step_probability: float = Field(default=0.9, ge=0, le=1)
    reward_f1: float = Field(default=0.8, ge=0, le=1)
    end_f1: float = Field(default=0.8, ge=0, le=1)
    nats_over_counts: float = 0.05
    calibration: float = Field(default=0.2, ge=0)
    contradicted_event: float = Field(default=0.0, ge=0, le=1)
    undetermined: float = Field(default=0.05, ge=0, le=1)

    def refusals(self, report: FidelityReport) -> tuple[str, ...]:
        """Which bounds fail, in words; none if the environment may be used."""
        figures, refused = report.figures, []
        steps = figures["step_probability"].n
        if report.undetermined > self.undetermined * steps:
            refused.append(f"{report.undetermined} of {steps} logged answers were not met by search or sampling")
        wrong = figures.get("contradicted_event")
        if wrong is not None and wrong.value is not None and wrong.value > self.contradicted_event:
            refused.append(
                f"in {wrong.value:.2%} of {wrong.n:,} steps it was sure of another reward or end than the logged one "
                f"(gate.contradicted_event allows {self.contradicted_event:.2%})"
            )
        if report.chance:
            excess = figures["nats_over_counts"]
            if excess.high is None or excess.high > self.nats_over_counts:
                refused.append(
                    f"nats_over_counts is {excess}, its upper bound must be at most {self.nats_over_counts}"
                )
            surprise = figures["calibration"]
            if surprise.low is None or surprise.high is None or not (
                -self.calibration <= surprise.low and surprise.high <= self.calibration
            ):
                refused.append(
                    f"calibration (nats a step of surprise beyond what the environment expects) is {surprise}, its "
                    f"interval must lie within ±{self.calibration}; record more sessions, or loosen gate.calibration"
                )
        else:
            for name in ("step_probability", "reward_f1", "end_f1"):
                refused += _below(name, figures[name], getattr(self, name))
        return tuple(refused)


def _below(name: str, figure: Figure, bound: float) -> list[str]:
    if figure.value is None:
        return [f"{name} could not be measured: no held-out session shows such an event; record more sessions"]
    if figure.low is not None and figure.low < bound:
        more = "; more sessions would narrow the interval" if figure.value >= bound else ""
        return [f"{name} is {figure}, its lower bound must be at least {bound}{more}"]
    return []
