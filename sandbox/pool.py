"""Many copies of one source over several workers: thousands of episodes, some of whose workers will die.

A worker's death is an answer about the copies that it held, not an exception: each of their requests gets a
`WorkerDied` in its place, a new worker takes over, and the copies are made anew when they are next reset.

Left out: retrying a step. What the dead worker had already done is unknown, so an episode it held is over.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from sandbox.errors import EnvironmentFault, WorkerDied
from sandbox.forkserver import Sandbox
from sandbox.records import Answer, Reset
from sandbox.worker import Worker

Result = Answer | EnvironmentFault | WorkerDied


@dataclass
class _Place:
    """Where a copy lives: in which slot, in which of the slot's successive workers, under which id."""

    slot: int
    generation: int
    id: int


class Pool:
    """Copies of one environment, spread over workers that are replaced when they die.

    Attributes:
        deaths: what the workers replaced so far died of, in order.

    Raises:
        SourceRefused: the source cannot be run.
    """

    def __init__(self, sandbox: Sandbox, source: str, workers: int = 2, counting: bool = False) -> None:
        self._sandbox = sandbox
        self._source = source
        self._counting = counting
        self._vouched: frozenset[int] | None = None
        self._workers: list[Worker] = [self._load() for _ in range(workers)]
        self._generations = [0] * workers
        self._places: dict[int, _Place] = {}
        self._numbers = itertools.count(1)
        self._threads = ThreadPoolExecutor(workers)
        self.deaths: list[WorkerDied] = []

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *arguments: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends all workers."""
        self._threads.shutdown()
        for worker in self._workers:
            worker.close()

    @property
    def workers(self) -> tuple[Worker, ...]:
        """The workers alive now."""
        return tuple(self._workers)

    def make(self, count: int) -> list[int]:
        """Numbers for new copies, spread evenly; each is created by its first reset."""
        made = []
        for _ in range(count):
            number = next(self._numbers)
            self._places[number] = _Place(number % len(self._workers), -1, 0)
            made.append(number)
        return made

    def drop(self, ids: Sequence[int]) -> None:
        """Forgets copies."""
        for slot, worker in enumerate(self._workers):
            gone = [self._places[id] for id in ids if id in self._places]
            held = [p.id for p in gone if p.slot == slot and p.generation == self._generations[slot]]
            if held and worker.alive:
                try:
                    worker.drop(held)
                except WorkerDied as error:
                    self._replace(slot, error)
        for id in ids:
            self._places.pop(id, None)

    def reset_batch(self, requests: Sequence[Reset]) -> list[Result]:
        """One result for each request, in order; see `Worker.reset_batch`."""
        return self._spread([request.id for request in requests], requests, self._reset)

    def step_batch(self, requests: Sequence[tuple[int, str]]) -> list[Result]:
        """One result for each request, in order; see `Worker.step_batch`."""
        return self._spread([id for id, _ in requests], requests, self._step)

    def vouch(self, elements: Iterable[int]) -> None:
        """Declares elements to be known from reality, to every worker and its successors; see `Worker.vouch`."""
        self._vouched = frozenset(elements) | (self._vouched or frozenset())
        for worker in self._workers:
            if worker.alive:
                worker.vouch(self._vouched)

    def _load(self) -> Worker:
        worker = self._sandbox.load(self._source, counting=self._counting)
        if self._vouched is not None:
            worker.vouch(self._vouched)
        return worker

    def _spread(self, ids: list[int], requests: Sequence[Any], operation: Callable[..., list[Result]]) -> list[Result]:
        """Hands each worker its share, all at once, and puts the results back in order."""
        shares: dict[int, list[int]] = {}
        for index, id in enumerate(ids):
            shares.setdefault(self._places[id].slot, []).append(index)
        running = [
            (indices, self._threads.submit(self._share, slot, [requests[i] for i in indices], operation))
            for slot, indices in shares.items()
        ]
        results: list[Any] = [None] * len(ids)
        for indices, share in running:
            for index, result in zip(indices, share.result(), strict=True):
                results[index] = result
        return results

    def _share(self, slot: int, requests: list[Any], operation: Callable[..., list[Result]]) -> list[Result]:
        try:
            return operation(slot, self._workers[slot], requests)
        except WorkerDied as error:
            return [self._replace(slot, error)] * len(requests)

    def _replace(self, slot: int, error: WorkerDied) -> WorkerDied:
        # A record of it: the exception itself would keep the dead worker's buffers alive in its traceback.
        died = WorkerDied(str(error), error.reason, error.line)
        self.deaths.append(died)
        self._workers[slot].close()
        self._generations[slot] += 1
        self._workers[slot] = self._load()
        return died

    def _reset(self, slot: int, worker: Worker, requests: list[Reset]) -> list[Result]:
        places = [self._places[request.id] for request in requests]
        generation = self._generations[slot]
        homeless = [place for place in places if place.generation != generation]
        try:
            made = worker.make(len(homeless)) if homeless else []
        except EnvironmentFault as fault:
            return [fault] * len(requests)
        for place, id in zip(homeless, made, strict=True):
            place.generation, place.id = generation, id
        moved = [replace(request, id=place.id) for request, place in zip(requests, places, strict=True)]
        return list(worker.reset_batch(moved))

    def _step(self, slot: int, worker: Worker, requests: list[tuple[int, str]]) -> list[Result]:
        generation = self._generations[slot]
        places = [self._places[id] for id, _ in requests]
        going = [
            (place.id, action)
            for place, (_, action) in zip(places, requests, strict=True)
            if place.generation == generation
        ]
        answers = iter(worker.step_batch(going) if going else [])
        lost = WorkerDied("the worker that held this copy died: reset it", "lost")
        return [next(answers) if place.generation == generation else lost for place in places]
