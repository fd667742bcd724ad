"""What a worker tries out on copies of a state: enumeration, search and sampling. None of it counts as support.

Search and sampling may take long, so they are done a part a message: where a reply is a ticket, the parent asks to go
on, and every message keeps to its deadline.

Left out: choosing among the three (`worker.py`).
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from sandbox.copies import Copy, Fault
from sandbox.enumeration import Script
from sandbox.likeness import Likeness
from sandbox.sampling import Sampling
from sandbox.search import Search
from sandbox.trial import Gathered, Trial

if TYPE_CHECKING:
    from sandbox.host import Host

PART = 128  # runs a message
GOING = 16  # unfinished searches and samplings; beyond, the oldest is forgotten


class Tryouts:
    """The operations of one host that try steps and resets out.

    Every request begins with the id of a copy and an action, or with None and what `reset` is told to show.
    """

    def __init__(self, host: "Host") -> None:
        self._host = host
        self._going: dict[int, tuple[Search | Sampling, Iterator[None]]] = {}
        self._tickets = 0
        self.operations: dict[str, Callable[[Any], Any]] = {
            "expand": lambda request: self._untallied(self._expand, *request),
            "search": lambda request: self._untallied(self._search, *request),
            "sample": lambda request: self._untallied(self._sample, *request),
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

    def _trial(self, id: int | None, text: str | None) -> Trial:
        host, lazy = self._host, self._host.program.lazy
        if id is None:
            return Trial(host.create().environment, lambda fork, seed: host.begin(fork, seed, text), lazy)
        copy = host.copies.get(id)
        if copy is None:
            raise Fault(f"there is no copy {id}", "copy")
        if not copy.ready:
            raise Fault(f"{copy.why}: call reset first", "order")
        return Trial(copy.environment, lambda fork, _: host.take(fork, str(text)), lazy)

    def _kept(self, gathered: Gathered) -> list[Any]:
        return gathered.outcomes(self._host.keep, self._host.drop)

    def _expand(self, id: int | None, text: str | None, limit: int) -> list[Any] | None:
        """A run for every script of draws; None where they are more than `limit`, or do not decide."""
        trial, script, found = self._trial(id, text), Script(limit), Gathered(limit)
        for runs in range(1, limit + 1):
            script.begin()
            ended: tuple[Any, Copy] | None = trial.follow(script)
            if ended is None:
                return None
            found.add(script.probability, *ended)
            if not script.advance():
                return [self._kept(found), 1.0, True, runs, 0]
        return None

    def _search(self, id: int | None, text: str | None, target: list[Any], budget: int, width: int, most: int) -> Any:
        return self._begin(Search(self._trial(id, text), Likeness(*target), budget, width, most))

    def _sample(self, id: int | None, text: str | None, count: int, seed: int, most: int) -> Any:
        return self._begin(Sampling(self._trial(id, text), count, seed, most))

    def _begin(self, work: Search | Sampling) -> Any:
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
        for number, _ in enumerate(parts, start=1):
            if number == PART:
                self._going[ticket] = work, parts
                return ticket
        return work.report(self._kept(work.gathered))
