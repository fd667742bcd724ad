"""Whether what happens by chance happens as often as the environment says.

Given what was shown before, an answer that a true world gives with probability p comes p times in one; so over any set
of steps the number of times it was logged less the sum of its probabilities has mean zero and variance Σp(1-p). Steps
are taken all together, by their action, and by their action and either the text it acted on or what it was answered
last (but for numbers), which is where hidden state shows; answers by their text, the words it adds, their reward and
their end. What no count can tell from p is passed over, and the number of comparisons is allowed for (Bonferroni), so
that a true world is found fault with less than once in a hundred times.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from math import erfc, sqrt

from envgen.comparison import Comparer
from envgen.scored import Scored
from rollout.trajectory import Record

SURE = 0.01  # chance at most of finding fault with a true world
LEAST = 5.0  # variance from which on a count is near to normal
MOST = 1 << 16  # answers counted, each in the places where it may come

WORD, NUMBER = re.compile(r"\w+"), re.compile(r"\d+")

Value = tuple[str, str | float | bool]  # of what, and it
Group = tuple[str | None, str]  # action, None for all; and where it was done


class Frequency(Record):
    """An answer that came more or less often than the environment says.

    Attributes:
        action: what was done; None for all together.
        where: on which text, or after which last answer to it; empty for all together.
        answer: "text", "word", "reward" or "end" and its value.
        steps: how many.
        expected, logged: how often the answer came, as shares of the steps.
    """

    action: str | None
    where: str
    answer: str
    steps: int
    expected: float
    logged: float

    @property
    def off(self) -> float:
        """By how much the shares differ."""
        return abs(self.expected - self.logged)

    def __str__(self) -> str:
        done = "all actions" if self.action is None else repr(self.action)
        return f"{done}{self.where}: {self.answer} in {self.logged:.1%} of {self.steps:,}, not {self.expected:.1%}"


def frequencies(scored: Iterable[Sequence[Scored]], comparer: Comparer) -> tuple[Frequency, ...]:
    """Answers whose frequency cannot be that of the environment, the furthest off first.

    Args:
        scored: the steps of each session.
        comparer: texts that it does not compare word for word are left out.
    """
    counting = Frequencies(comparer)
    for session in scored:
        counting.add(session)
    return counting.off()


class Frequencies:
    """Counts answers by chance, session by session.

    Memory follows the different answers, up to `MOST` of them in as many places; later ones are passed over.

    Args:
        comparer: texts that it does not compare word for word are left out.
    """

    def __init__(self, comparer: Comparer):
        self.comparer = comparer
        self.steps: Counter[Group] = Counter()
        self.cells: defaultdict[Group, dict[Value, list[float]]] = defaultdict(dict)
        self.kept = 0

    def add(self, session: Sequence[Scored]) -> None:
        """Count the steps of a session; those whose possible answers are not known exactly are left out."""
        last: dict[str, Scored] = {}
        for step in session:
            action = step.turn.action.text
            if (len(step.outcomes) > 1 and step.regime == "enumerate" and not step.approximate
                    and step.probability > 0.0):
                before = NUMBER.sub("#", last[action].turn.answer or "") if action in last else None
                self._count(step, [(None, ""), (action, ""), (action, f" on {step.before!r}"),
                                   (action, f" last answered {before!r}")])
            last[action] = step

    def _count(self, step: Scored, groups: Sequence[Group]) -> None:
        logged = set(_values(step, step.turn.answer or "", step.turn.reward, step.turn.terminated, self.comparer))
        kinds = {kind for kind, _ in logged} | {"word"}
        told: defaultdict[Value, float] = defaultdict(float)
        for outcome in step.outcomes:
            for value in _values(step, outcome.observation, outcome.reward, outcome.end, self.comparer):
                if value[0] in kinds:
                    told[value] += outcome.probability
        for group in groups:
            if self.kept >= MOST and group not in self.cells:
                continue
            self.steps[group] += 1
            cells = self.cells[group]
            for value, probability in told.items():
                cell = cells.get(value)
                if cell is None:
                    if self.kept >= MOST:
                        continue
                    self.kept += 1
                    cell = cells[value] = [0.0, 0.0, 0.0]
                cell[0] += probability
                cell[1] += probability * (1 - probability)
                cell[2] += value in logged

    def off(self) -> tuple[Frequency, ...]:
        """Answers whose frequency cannot be that of the environment, the furthest off first."""
        tried = [(group, value, cell) for group, cells in self.cells.items() for value, cell in cells.items()
                 if cell[1] >= LEAST]
        found = []
        for group, (kind, value), (expected, variance, count) in tried:
            if erfc(max(0.0, abs(count - expected) - 0.5) / sqrt(2 * variance)) * len(tried) < SURE:
                action, where = group
                found.append(Frequency(action=action, where=where, answer=f"{kind} {value!r}", steps=self.steps[group],
                                       expected=expected / self.steps[group], logged=count / self.steps[group]))
        return tuple(sorted(found, key=lambda each: -each.off))


def _values(step: Scored, text: str, reward: float | None, end: bool | None, comparer: Comparer) -> Iterator[Value]:
    """All that an answer is counted by."""
    if comparer.exact(step.turn):
        yield "text", text
        for word in _new_words(step.before, text):
            yield "word", word
    if reward is not None:
        yield "reward", reward
    if end is not None:
        yield "end", end


@lru_cache(maxsize=4096)
def _new_words(before: str, text: str) -> tuple[str, ...]:
    """Words that stand in a text oftener than in the one before it."""
    return tuple(Counter(WORD.findall(text)) - Counter(WORD.findall(before)))
