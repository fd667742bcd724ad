"""What changes while a night goes on, as the stream of events tells it."""

from dataclasses import dataclass

from dreamer.viewer.state import State


@dataclass(frozen=True)
class Curve:
    """A fact that is told again and again.

    Attributes:
        bar: the name of the bar that tells it.
        key: its name in the events.
        name: of the line, in a legend.
        kind: of the line; see `charts.Series`.
        bounds: of its values, where they are known.
        across: what the bar counts.
    """

    bar: str
    key: str
    title: str
    name: str
    kind: str = "dream"
    bounds: tuple[float, float] | None = None
    across: str = "round"

    def points(self, now: State) -> list[tuple[float, float]]:
        """What was told so far, counted from 1; where it was told and measured."""
        facts = next((bar.facts for stage in now.stages for bar in stage.bars if bar.name == self.bar), [])
        told = [(float(at), fact.get(self.key)) for at, fact in enumerate(facts, start=1)]
        values = [(at, fact["value"] if isinstance(fact, dict) else fact) for at, fact in told]
        return [(at, float(value)) for at, value in values if value is not None]


CURVES = (
    Curve("learn", "success", "Success in the dream", "success", bounds=(0.0, 1.0)),
    Curve("learn", "promoted_kl", "KL(promoted‖policy), nats a token", "KL"),
    Curve("learn", "divergence", "Between policy and teacher, nats a token", "divergence"),
    Curve("learn", "turns", "Turns an episode", "turns"),
    Curve("learn", "entropy", "Entropy of the policy, nats a token", "entropy"),
    Curve("learn", "imagined_share", "Imagined steps", "share of steps", "warn", (0.0, 1.0)),
    Curve("clone", "loss", "Loss of cloning, nats a token", "loss", "real", across="step"),
)
