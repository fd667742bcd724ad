"""What a worker says of search, sampling and vouching is believed in its shape only."""

import os
import socket
import subprocess
import threading
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from sandbox import EnvironmentFault, Limits, Target, Worker, WorkerDied
from sandbox.wire import Channel, read_frame, write_frame

ANSWER = ["text", 0.0, False, False, {}]
GOOD = [[0.5, ANSWER, 7, "digest"]]
OPERATIONS: dict[str, Callable[[Worker], Any]] = {
    "search": lambda worker: worker.search(1, "go", Target("text"), budget=100),
    "sample": lambda worker: worker.sample(1, "go", 100),
    "expand": lambda worker: worker.expand(1, "go"),
    "vouch": lambda worker: worker.vouch(),
}


def asked(replies: Callable[[int], Any], operation: str) -> Any:
    """What the parent makes of a worker that replies as given; `replies` is told how often it was asked."""
    ours, theirs = socket.socketpair()
    child = subprocess.Popen(["sleep", "60"])

    def serve() -> None:
        times = 0
        while frame := read_frame(theirs.fileno()):
            times += 1
            write_frame(theirs.fileno(), orjson.dumps([orjson.loads(frame)[0], "ok", replies(times)]))

    thread = threading.Thread(target=serve)
    thread.start()
    worker = Worker(Channel(ours, 1 << 24), os.pidfd_open(child.pid), child.pid, Limits())
    try:
        return OPERATIONS[operation](worker)
    finally:
        worker.close()
        thread.join()
        theirs.close()
        child.wait(5)


@pytest.mark.parametrize("operation", ["search", "sample", "expand"])
@pytest.mark.parametrize(
    "reply",
    [
        "text",
        [],
        [GOOD],
        [GOOD, 0.5, False, 10],
        [GOOD, 0.5, False, 10, 0],
        [GOOD, 0.5, False, 10, 0, -0.1],
        [GOOD, 0.5, False, 10, 0, None],
        [GOOD, 0.5, 1, 10, 0, 0.0],
        [GOOD, 1, False, 10, 0, 0.0],
        [GOOD, 1.5, False, 10, 0, 0.0],
        [GOOD, -0.5, False, 10, 0, 0.0],
        [GOOD, 0.5, False, 10.0, 0, 0.0],
        [{"0": GOOD}, 0.5, False, 10, 0, 0.0],
        [[GOOD[0][:3]], 0.5, False, 10, 0, 0.0],
        [[[2.0, ANSWER, 7, "digest"]], 0.5, False, 10, 0, 0.0],
        [[[0.5, ANSWER, "7", "digest"]], 0.5, False, 10, 0, 0.0],
        [[[0.5, ANSWER[:3], 7, "digest"]], 0.5, False, 10, 0, 0.0],
        [[[0.5, [*ANSWER, [1], ["x"]], 7, "digest"]], 0.5, False, 10, 0, 0.0],
        [[[0.5, [*ANSWER, [1], [1], [1]], 7, "digest"]], 0.5, False, 10, 0, 0.0],
    ],
)
def test_malformed_reports(operation: str, reply: Any) -> None:
    with pytest.raises(WorkerDied) as caught:
        asked(lambda _: reply, operation)
    assert caught.value.reason == "protocol"


@pytest.mark.parametrize("reply", [None, {}, [None], [0], [-1], [0.0]])
def test_malformed_elements(reply: Any) -> None:
    with pytest.raises(WorkerDied):
        asked(lambda _: reply, "vouch")


@pytest.mark.parametrize("operation", ["search", "sample"])
def test_a_search_comes_to_an_end(operation: str) -> None:
    with pytest.raises(WorkerDied, match="without an end"):
        asked(lambda _: 1, operation)
    found = asked(lambda times: 1 if times < 5 else [GOOD, 0.5, False, 10, 0, 0.0], operation)
    assert (found.probability, found.runs, found.outcomes[0].id) == (0.5, 10, 7)
    with pytest.raises(EnvironmentFault, match="too many"):
        asked(lambda _: {"fault": "too many", "reason": "search", "line": None}, operation)
