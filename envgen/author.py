"""Who writes environments: the protocol, what is written, and the author who has written already."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from rollout.errors import UserError
from rollout.trajectory import Record, Trajectory


class AuthorError(UserError):
    """No environment could be written from these sessions; the message says why."""


class Lineage(Record):
    """What a model's environment came from, and what it cost.

    Attributes:
        parent: the digest of the environment that it revises; None for a first draft.
        calls, tokens, dollars, seconds: what it cost, its repairs included; dollars are None where no prices are given.
        exchanges: the digests of its prompts and replies in the transcript, in their order.
    """

    parent: str | None = None
    calls: int
    tokens: int
    dollars: float | None
    seconds: float
    exchanges: tuple[str, ...]


class Environment(Record):
    """An authored environment: a file of plain Gymnasium code, and where it came from.

    Attributes:
        source: the code.
        author: who wrote it, with the settings that made this candidate.
        states: how many states it has, where it is an automaton.
        lineage: where a model wrote it.
    """

    source: str
    author: str
    states: int | None = None
    lineage: Lineage | None = None

    @property
    def digest(self) -> str:
        """The environment's name: equal code, equal name."""
        return hashlib.sha256(self.source.encode()).hexdigest()[:16]

    @property
    def lines(self) -> int:
        """Lines of source."""
        return self.source.count("\n")


class Author(Protocol):
    """Writes candidate environments from sessions."""

    def drafts(self, sessions: Sequence[Trajectory]) -> Iterable[Environment]:
        """Candidates, simplest first.

        Args:
            sessions: the shown ones; an author never sees another.
        """


class ByHand:
    """Environments that people wrote: each is a draft as it stands.

    Args:
        sources: the code, by the name of its file.
    """

    def __init__(self, sources: Mapping[str, str]):
        self.sources = sources

    def drafts(self, sessions: Sequence[Trajectory]) -> Iterator[Environment]:
        for name, source in self.sources.items():
            yield Environment(source=source, author=f"by hand, {name}")
