"""The answer that a search looks for, and how near another answer comes to it.

Nearness only steers; what agrees is decided by equality. It has two views: in order, for texts that show one draw after
another, and as a bag of words, for texts that sort or scatter what was drawn.

Left out: looser comparisons (templates, tolerances). A search is for one text.
"""

import re
from collections import Counter
from typing import Any

WORD = re.compile(r"[^\s,;:.()\[\]{}'\"|]+")
WINDOW = 4096  # characters past the first difference that are compared
START = 4.0  # what a character before the first difference counts beside one that merely stands in the same place
VIEWS = 2
Nearness = tuple[float, float]
NOWHERE: Nearness = (-1.0, -1.0)  # how near a fault comes


class Likeness:
    """One logged answer to compare others with.

    Args:
        observation: its text.
        reward: None where the log has none.
        terminated: None where the log does not say.
    """

    def __init__(self, observation: str, reward: float | None = None, terminated: bool | None = None) -> None:
        self._text = observation
        self._reward = reward
        self._terminated = terminated
        self._bags: dict[int, Counter[str]] = {}
        self._known: dict[str, Nearness] = {}

    def agrees(self, answer: list[Any]) -> bool:
        """Whether an answer of a step, or of a reset, is this one in all that the log says."""
        reward, terminated = (answer[1], answer[2]) if len(answer) >= 5 else (0.0, False)
        return bool(
            answer[0] == self._text
            and (self._reward is None or reward == self._reward)
            and (self._terminated is None or terminated is self._terminated)
        )

    def nearness(self, answer: list[Any]) -> Nearness:
        """Larger for answers that have more in common with this one: in order, and as a bag of words."""
        text: str = answer[0]
        near = self._known.get(text)
        if near is None:
            if len(self._known) >= 512:
                self._known.clear()
            near = self._known[text] = self._likeness(text)
        if len(answer) >= 5:
            more = (answer[1] == self._reward) + (answer[2] is self._terminated)
            return near[0] + more, near[1] + more
        return near

    def _likeness(self, text: str) -> Nearness:
        target = self._text
        start = common_start(text, target)
        places = sum(map(str.__eq__, text[start : start + WINDOW], target[start : start + WINDOW]))
        # The words begin with the one that the difference is in.
        first = start
        while first and start - first < 64 and WORD.match(target[first - 1]):
            first -= 1
        bag = self._bags.get(first)
        if bag is None:
            if len(self._bags) >= 512:
                self._bags.clear()
            bag = self._bags[first] = Counter(WORD.findall(target[first : start + WINDOW]))
        shared = bag & Counter(WORD.findall(text[first : start + WINDOW]))
        words = sum(len(word) * count for word, count in shared.items())
        unequal = 0.01 * abs(len(text) - len(target))
        return START * start + places - unequal, first + words - unequal


def common_start(one: str, other: str) -> int:
    """How many characters two texts begin with in common."""
    low, high = 0, min(len(one), len(other))
    if one[:high] == other[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low
