"""A broken source."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A broken source.

    Attributes:
        world: the true source's name.
        kind: of change.
        name: unique; says line, column and change, or in words what was done by hand.
    """

    world: str
    kind: str
    name: str
    source: str


def short(text: str) -> str:
    """Code in one line, for a name."""
    return " ".join(text.split())
