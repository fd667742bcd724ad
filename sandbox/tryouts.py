"""What a worker tries out on copies of a state: enumeration, search, sampling, and following a log. None of it counts
as support.

All may take long, so they are done a part a message: where a reply is a ticket, the parent asks to go on, and every
message keeps to its deadline.

Left out: choosing among them (`worker.py`).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from sandbox.copies import Copy, Fault
from sandbox.expansion import Expansion
from sandbox.following import Following
from sandbox.likeness import Likeness
from sandbox.sampling import Sampling
from sandbox.search import Search
from sandbox.trial import Trial

if TYPE_CHECKING:
    from sandbox.host import Host

PART = 0.1  # seconds a message, if no single run takes longer
GOING = 16  # unfinished works; beyond, the oldest is forgotten


class Work(Protocol):
    """Something that is done a part a message."""

    def work(self) -> Iterator[None]:
        """Yields where it may be interrupted."""

    def report(self, keep: Callable[[Sequence[Copy | None]], list[int | None]]) -> list[Any]:
        """What came of it, in its form on the wire."""


class Tryouts:
    """The operations of one host that try steps and resets out.

    Requests name a copy by its id and an action, or None and what `reset` is told to show; a search, several copies and
    how far each is believed.
    """

    def __init__(self, host: "Host") -> None:
        self._host = host
        self._going: dict[int, tuple[Work, Iterator[None]]] = {}
        self._tickets = 0
        self.operations: dict[str, Callable[[Any], Any]] = {
            "expand": lambda request: self._untallied(self._expand, *request),
            "search": lambda request: self._untallied(self._search, *request),
            "sample": lambda request: self._untallied(self._sample, *request),
            "follow": lambda logs: self._untallied(self._follow, logs),
            "go_on": lambda ticket: self._untallied(self._go_on, ticket),
        }

    def _untallied(self, operation: Callable[..., Any], *arguments: Any) -> Any:
        host = self._host
        host.tally = False
        try:
            return operation(*arguments)
        except Fault as fault:
            return fault.record
        finally:
            host.tally = True

    def _trial(self, ids: Sequence[int | None], weights: Sequence[float], text: str | None) -> Trial:
        host, originals = self._host, list[Any]()
        if list(ids) == [None]:
            return Trial([host.create().environment], weights, lambda fork, seed: host.begin(fork, seed, text),
                         host.program.lazy)  # fmt: skip
        for id in ids:
            copy = None if id is None else host.copies.get(id)
            if copy is None:
                raise Fault(f"there is no copy {id}", "copy")
            if not copy.ready:
                raise Fault(f"{copy.why}: call reset first", "order")
            originals.append(copy.environment)
        return Trial(originals, weights, lambda fork, _: host.take(fork, str(text)), host.program.lazy)

    def _expand(self, moves: list[tuple[list[int | None], str | None, Any]], hoped: int, limit: int) -> Any:
        trials: list[tuple[Trial, Likeness | None]] = []
        for ids, text, target in moves:
            likeness = None if target is None else Likeness(*target)
            trials += [(self._trial([id], [1.0], text), likeness) for id in ids]
        return self._begin(Expansion(trials, hoped, limit))

    def _search(self, ids: list[int | None], weights: list[float], text: str | None, target: list[Any], *limits: int
                ) -> Any:  # fmt: skip
        return self._begin(Search(self._trial(ids, weights, text), Likeness(*target), *limits))

    def _sample(self, id: int | None, text: str | None, count: int, seed: int, most: int) -> Any:
        return self._begin(Sampling(self._trial([id], [1.0], text), count, seed, most))

    def _follow(self, logs: list[list[Any]]) -> Any:
        return self._begin(Following(self._host, logs))

    def _begin(self, work: Work) -> Any:
        self._tickets += 1
        self._going[self._tickets] = work, work.work()
        if len(self._going) > GOING:
            del self._going[min(self._going)]
        return self._go_on(self._tickets)

    def _go_on(self, ticket: int) -> Any:
        """The report, or the ticket to go on with."""
        if ticket not in self._going:
            raise Fault("too many searches at once", "search")
        work, parts = self._going.pop(ticket)
        until = time.perf_counter() + PART
        for _ in parts:
            if time.perf_counter() > until:
                self._going[ticket] = work, parts
                return ticket
        return work.report(self._host.keep_all)
