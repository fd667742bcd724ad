"""One session on its way through an environment.

Left out: how it goes on (`belief.py`).
"""

from dataclasses import dataclass, field

from envgen.comparison import Comparer
from envgen.scored import Regime, Scored
from rollout.trajectory import Turn
from sandbox import Log


@dataclass(slots=True)
class Replay:
    """One session on its way.

    Attributes:
        number: how many sessions were replayed before it.
        steps: what is to be replayed.
        scored: what was.
        copies: what is believed, with weights that sum to 1; none where the environment has no idea.
        began: how the chance of beginning here was found.
        approximate: not everything that could be believed is.
        lost: belief that was cut because there were too many copies, summed over steps.
        exercised: with a counting worker, the branches and table entries that told it so far.
        stuck: the next step cannot be followed.
    """

    number: int
    steps: list[tuple[str, Turn, str]]
    scored: list[Scored] = field(default_factory=list)
    copies: dict[int, float] = field(default_factory=dict)
    began: Regime = "enumerate"
    approximate: bool = False
    lost: float = 0.0
    exercised: set[int] = field(default_factory=set)
    stuck: bool = False

    def log(self, comparer: Comparer, most: int, characters: int) -> Log | None:
        """What comes next and is compared word for word, for the one copy that is believed; None without either."""
        if len(self.copies) != 1:
            return None
        part = self.steps[len(self.scored) : len(self.scored) + most]
        ruled = bool(comparer.rules)
        inexact = (place for place, (_, turn, _) in enumerate(part)
                   if turn.actions is not None or (ruled and not comparer.exact(turn)))
        part = part[: next(inexact, len(part))]
        while len(part) > 1 and sum(len(text) for _, _, text in part) > characters:
            part = part[: len(part) // 2]
        if not part:
            return None
        return Log(
            next(iter(self.copies)), [turn.action.text for _, turn, _ in part], [text for _, _, text in part],
            [turn.reward for _, turn, _ in part], [turn.terminated for _, turn, _ in part],
            goes_on=len(self.scored) + len(part) < len(self.steps),
        )
