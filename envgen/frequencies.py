"""Whether what happens by chance happens as often as the environment says.

Given what was shown before, an answer that a true world gives with probability p comes p times in one; so over any set
of steps the number of times it was logged less the sum of its probabilities has mean zero and variance Σp(1-p). Steps
are taken all together, by their action, and by their action and the text it acted on; answers by their text, their
reward and their end. What no count can tell from p is passed over, and the number of comparisons is allowed for
(Bonferroni), so that a true world is found fault with less than once in a hundred times.
"""

from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Sequence
from math import erfc, sqrt

from envgen.belief import Scored
from envgen.comparison import Comparer
from rollout.trajectory import Record

SURE = 0.01  # chance at most of finding fault with a true world
LEAST = 5.0  # variance from which on a count is near to normal

Value = tuple[str, str | float | bool | None]  # of what, and it
Group = tuple[str | None, str | None]  # action and text before it; None for all


class Frequency(Record):
    """An answer that came more or less often than the environment says.

    Attributes:
        action: what was done; None for all together.
        before: the text it was done on; None for all together.
        answer: "text", "reward" or "end" and its value.
        steps: how many.
        expected, logged: how often the answer came, as shares of the steps.
    """

    action: str | None
    before: str | None
    answer: str
    steps: int
    expected: float
    logged: float

    @property
    def off(self) -> float:
        """By how much the shares differ."""
        return abs(self.expected - self.logged)

    def __str__(self) -> str:
        where = "" if self.before is None else f" on {self.before!r}"
        done = "all actions" if self.action is None else repr(self.action)
        return f"{done}{where}: {self.answer} in {self.logged:.1%} of {self.steps:,}, not {self.expected:.1%}"


def frequencies(scored: Sequence[Scored], comparer: Comparer) -> tuple[Frequency, ...]:
    """Answers whose frequency cannot be that of the environment, the furthest off first.

    Args:
        scored: steps; those whose possible answers are not known exactly are left out.
        comparer: texts that it does not compare word for word are left out.
    """
    steps: Counter[Group] = Counter()
    cells: defaultdict[tuple[str | None, str | None, Value], list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for step in scored:
        if step.regime != "enumerate" or step.approximate or len(step.outcomes) < 2 or step.probability == 0.0:
            continue
        logged = dict(_logged(step, comparer))
        told = _told(step, logged)
        for group in ((None, None), (step.turn.action.text, None), (step.turn.action.text, step.before)):
            steps[group] += 1
            for answer, probability in told.items():
                cell = cells[*group, answer]
                cell[0] += probability
                cell[1] += probability * (1 - probability)
            for answer in logged.items():
                cells[*group, answer][2] += 1
    tried = {key: cell for key, cell in cells.items() if cell[1] >= LEAST}
    found = [
        Frequency(action=action, before=before, answer=f"{kind} {value!r}", steps=steps[action, before],
                  expected=expected / steps[action, before], logged=count / steps[action, before])
        for (action, before, (kind, value)), (expected, variance, count) in tried.items()
        if erfc(max(0.0, abs(count - expected) - 0.5) / sqrt(2 * variance)) * len(tried) < SURE
    ]
    return tuple(sorted(found, key=lambda each: -each.off))


def _told(step: Scored, kinds: Container[str]) -> dict[Value, float]:
    """Probabilities of every text, reward and end."""
    told: defaultdict[Value, float] = defaultdict(float)
    for outcome in step.outcomes:
        for kind, value in (("text", outcome.observation), ("reward", outcome.reward), ("end", outcome.end)):
            if kind in kinds:
                told[kind, value] += outcome.probability
    return told


def _logged(step: Scored, comparer: Comparer) -> Iterator[Value]:
    if comparer.exact(step.turn):
        yield "text", step.turn.answer
    if step.turn.reward is not None:
        yield "reward", step.turn.reward
    if step.turn.terminated is not None:
        yield "end", step.turn.terminated
