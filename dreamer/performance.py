"""How a policy did in a rehearsal by itself: a few numbers an episode, and the figures that they make."""

import time
from collections import Counter

import numpy as np
from rich.console import Console
from rich.table import Table

from dreamer.terminal import visible
from dreamer.terms import Terms
from envgen.tasks import succeeds
from rollout.episode import Episode
from rollout.figure import Figure, mean, proportion, ratio
from rollout.trajectory import Record


class Performance(Record):
    """The record that a rehearsal ends with.

    Attributes:
        terms: what was rehearsed, and how; the engine among them.
        figures: rates are those of the last go, if it took several; their `n` is how many episodes that played.
        stops: the share of the episodes that ended for each reason; the message of a fault is in the episode.
    """

    terms: Terms
    figures: dict[str, Figure]
    stops: dict[str, Figure]


class Score:
    """What is remembered of the episodes.

    Args:
        count: how many there will be.
        success: see `succeeds`.
    """

    def __init__(self, count: int, success: float | None):
        self.success = success
        self.outcomes = np.zeros(count)
        self.counts = np.zeros((count, 3), dtype=np.int32)  # turns, tokens said, imagined turns
        self.totals = np.zeros(3, dtype=np.int64)
        self.stops = Counter[str]()
        self.played = self.succeeded = 0
        self.begin()

    def begin(self) -> None:
        """What is added from now on is of this go, which takes until `end`."""
        self.began, self.ended, self.before, self.said = time.monotonic(), 0.0, self.played, 0

    def end(self) -> None:
        """Nothing more comes."""
        self.ended = time.monotonic()

    def add(self, episode: Episode) -> None:
        """An episode ended."""
        turns, said = episode.trajectory.turns, sum(sum(piece.mask) for piece in episode.pieces)
        self.outcomes[episode.number] = episode.outcome
        self.counts[episode.number] = len(turns), said, sum(bool(turn.imagined) for turn in turns)
        self.totals += self.counts[episode.number]
        self.stops[(episode.trajectory.stop or "").partition(":")[0]] += 1
        self.succeeded += succeeds(episode.outcome, self.success)
        self.said += said
        self.played += 1

    def rates(self) -> dict[str, float]:
        """Of this go, a second."""
        seconds = (self.ended or time.monotonic()) - self.began
        return {"episodes": (self.played - self.before) / seconds, "tokens": self.said / seconds}

    def line(self) -> str:
        """How it is going, in words."""
        (turns, tokens, imagined), rates = self.totals, self.rates()
        return (f"success {self.succeeded / self.played:.3f}  {turns / self.played:.1f} turns  "
                f"{tokens / self.played:.1f} tokens  {imagined / turns:.1%} imagined  "
                f"{rates['episodes']:,.0f}/s  {rates['tokens']:,.0f} tokens/s")

    def figures(self) -> dict[str, Figure]:
        """All of them, once all episodes are there."""
        now, (turns, tokens, imagined) = self.played - self.before, self.counts.T.tolist()
        rates = {f"{unit}_per_second": Figure(value=rate if now else None, n=now, unit=f"{unit} a second")
                 for unit, rate in self.rates().items()}
        return {
            "success": proportion(self.succeeded, self.played, unit="share of episodes"),
            "outcome": mean(self.outcomes.tolist(), unit="reward"),
            "turns": mean(turns, unit="turns an episode"),
            "tokens": mean(tokens, unit="tokens said an episode"),
            "imagined_share": ratio(imagined, turns, unit="share of steps"),
            **rates,
        }

    def reasons(self) -> dict[str, Figure]:
        """Why the episodes ended, commonest first."""
        return {reason: proportion(count, self.played, unit="share of episodes")
                for reason, count in self.stops.most_common()}


def show_performance(performance: Performance, console: Console) -> None:
    """Figures and stops as a table."""
    terms = performance.terms
    table = Table(title=f"policy {terms.policy} in environment {terms.environment}", title_style="bold")
    for column in ("figure", "value", "unit"):
        table.add_column(column)
    for name, figure in performance.figures.items():
        table.add_row(name, str(figure), figure.unit)
    for reason, figure in performance.stops.items():
        table.add_row(f"ended: {visible(reason)}", str(figure), figure.unit)
    console.print(table, highlight=False)
