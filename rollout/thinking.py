"""What of an action is thought and what is said, for models that think between `<think>` and `</think>`.

The world must not hear the thought, and many chat templates drop it from earlier turns. Both need the place where it
ends among the ids that the policy emitted, so the marks are looked for in the text of the tokens, whether a mark is
one token or several. Thoughts between other marks (gpt-oss's channels, Gemma's) are left out.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

OPEN, CLOSE = "<think>", "</think>"


def spoken(tokens: Sequence[str], opened: bool) -> tuple[int, int]:
    """Where the words of an action begin and end among its tokens; all else is thought.

    The words follow the last end of a thought, as the templates have it, and go on to the next beginning of one, which
    can only have been cut. A token that holds more than a part of a mark goes with the mark.

    Args:
        tokens: the text of each.
        opened: whether the generation prompt began the thought.
    """
    text, ends = "".join(tokens), list(accumulate(map(len, tokens)))
    closed = text.rfind(CLOSE)
    if closed < 0 and opened:
        return 0, 0
    start = 0 if closed < 0 else bisect_left(ends, closed + len(CLOSE)) + 1
    again = text.find(OPEN, max(closed, 0))
    return start, len(tokens) if again < 0 else max(start, bisect_right(ends, again))


def without_marks(thought: str) -> str:
    """The words of a thought, whether or not its marks are still around it."""
    before, closed, whole = thought.rpartition(CLOSE)
    return (before if closed else whole).strip().removeprefix(OPEN).strip()


def opens(prompt: str) -> bool:
    """Whether a generation prompt leaves a thought open."""
    return prompt.rfind(OPEN) > prompt.rfind(CLOSE)


def differ_in_thought(one: str, other: str) -> bool:
    """Whether two ways to begin a turn are the same but for marks of a thought."""
    bare = [re.sub(rf"\s*({OPEN}|{CLOSE})\s*", "", text).rstrip() for text in (one, other)]
    return OPEN in one + other and bare[0] == bare[1]
