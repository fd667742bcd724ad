"""Text from logs inside prompts: always a Python string literal, so that it cannot pose as anything else.

In a prompt template every value that is a text becomes a literal unless it is `Written`, so that none can be forgotten.
A literal stands on one line, whatever it holds: quotes, line ends and everything invisible are escaped in it. Texts of
several lines are written as several literals, one below the other, where a template asks for that.
"""

import json
from typing import Any


class Written(str):
    """Text of ours, or already quoted: goes into a prompt as it is."""

    __slots__ = ()


def quoted(text: str, indent: int = 0) -> Written:
    """A text as string literals, one for each of its lines; adjacent literals are one text.

    Args:
        indent: spaces before the second literal and those after it.
    """
    *lines, last = text.split("\n")
    ended = [line + "\n" for line in lines]
    return Written(("\n" + " " * indent).join(map(literal, [*ended, last] if last or not ended else ended)))


def literal(text: str) -> Written:
    """A text as one string literal, on one line."""
    escaped = json.dumps(text, ensure_ascii=False)
    return Written(escaped if escaped.isprintable() else "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in escaped))


def finalized(value: Any) -> str:
    """What a prompt template writes for a value."""
    match value:
        case Written():
            return value
        case str():
            return literal(value)
        case bool() | int() | float():
            return str(value)
    raise TypeError(f"a prompt cannot hold {type(value).__name__}; give it text or a number")
