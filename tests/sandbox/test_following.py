"""A log is followed as long as nothing is drawn and every answer is the logged one; no word of a reply is believed
unchecked."""

import os
import socket
import subprocess
import threading
from typing import Any

import orjson
import pytest

from sandbox import Answer, EnvironmentFault, Followed, Limits, Log, Reset, Sandbox, Worker, WorkerDied
from sandbox.wire import Channel, read_frame, write_frame

WORLD = """
import gymnasium as gym

class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.n = 0
        return "0", {}

    def step(self, action):
        self.n += 1
        if action == "draw":
            self.n = int(self.np_random.integers(100, 200))
        elif action == "swallow":
            try:
                self.n = int(self.np_random.integers(100, 200))
            except BaseException:
                pass
        elif action == "certain":
            self.n += int(self.np_random.integers(1)) + self.np_random.choice([0])
        elif action == "shuffle":
            cards = list(range(9))
            self.np_random.shuffle(cards)
        elif action == "seed":
            super().reset(seed=5)
        elif action == "fail":
            raise ValueError("no")
        elif action == "guess":
            return str(self.n), 0.0, False, False, {"imagined": True}
        return str(self.n), float(self.n), action == "leave", action == "stop", {}
"""


@pytest.fixture(scope="module")
def worker(sandbox: Sandbox) -> Any:
    with sandbox.load(WORLD, counting=True) as made:
        yield made


def follow(worker: Worker, *actions: str, goes_on: bool = False, said: bool = True) -> Followed:
    """Actions whose answers are logged as counting up."""
    (one,) = worker.make(1)
    worker.reset_batch([Reset(one, seed=1)])
    texts = [str(n) for n in range(1, len(actions) + 1)]
    rewards = [float(text) if said else None for text in texts]
    (found,) = worker.follow([Log(one, actions, texts, rewards, [action == "leave" for action in actions], goes_on)])
    (answer,) = worker.step_batch([(one, "go")])
    assert isinstance(answer, Answer)
    assert answer.observation == "1"  # the original is unchanged
    return found


def after(worker: Worker, found: Followed) -> str:
    assert found.id is not None
    (answer,) = worker.step_batch([(found.id, "go")])
    assert isinstance(answer, Answer)
    return answer.observation


@pytest.mark.parametrize("last", ["draw", "swallow", "shuffle", "fail", "guess"])
def test_what_draws_fails_or_guesses_is_not_followed_and_the_state_before_it_is_kept(worker: Worker, last: str) -> None:
    found = follow(worker, "go", "go", last, "go")
    assert (found.steps, found.over) == (2, False)
    assert after(worker, found) == "3"
    assert follow(worker, last) == Followed(0)


def test_what_draws_nothing_is_followed_whatever_it_asks_for(worker: Worker) -> None:
    found = follow(worker, "certain", "seed", "go", goes_on=True)
    assert found.steps == 3
    assert after(worker, found) == "4"
    assert found.support
    assert follow(worker, "go", "go").id is None


@pytest.mark.parametrize("end", ["leave", "stop"])
def test_the_end_of_the_world_ends_it(worker: Worker, end: str) -> None:
    found = follow(worker, "go", end, "go", goes_on=True)
    assert (found.steps, found.over, found.id) == (2, True, None)


def test_what_the_log_lacks_is_told(worker: Worker) -> None:
    assert follow(worker, "go", "leave", said=False).events == ((1.0, False), (2.0, True))
    assert follow(worker, "go", "leave").events == ()


def test_copies_that_do_not_exist_and_too_many_copies(worker: Worker) -> None:
    assert worker.follow([Log(10**9, ["go"], ["1"], [1.0], [False])]) == [Followed(0)]
    with Sandbox(Limits(copies=2)) as sandbox, sandbox.load(WORLD) as narrow:
        (one,) = narrow.make(1)
        narrow.reset_batch([Reset(one)])
        log = Log(one, ["go"], ["1"], [1.0], [False], goes_on=True)
        with pytest.raises(EnvironmentFault, match="more than 2 copies"):
            narrow.follow([log, log])
        assert narrow.follow([log])[0].id is not None


@pytest.mark.parametrize("item", [
    "text", [], [1, False, None, "", []], [2, False, None, "", [], []], [-1, False, None, "", [], []],
    [True, False, None, "", [], []], [1, 0, None, "", [], []], [1, False, "7", "", [], []],
    [1, False, None, None, [], []], [1, False, None, "", [[1.0, False]], []], [1, False, None, "", [], ["x"]],
    [0, True, None, "", [], []],
])
def test_malformed_accounts(item: Any) -> None:
    ours, theirs = socket.socketpair()
    child = subprocess.Popen(["sleep", "60"])

    def serve() -> None:
        while frame := read_frame(theirs.fileno()):
            write_frame(theirs.fileno(), orjson.dumps([orjson.loads(frame)[0], "ok", [item]]))

    thread = threading.Thread(target=serve)
    thread.start()
    made = Worker(Channel(ours, 1 << 20), os.pidfd_open(child.pid), child.pid, Limits())
    try:
        with pytest.raises(WorkerDied) as caught:
            made.follow([Log(1, ["go"], ["1"], [1.0], [False])])
        assert caught.value.reason == "protocol"
    finally:
        made.close()
        thread.join()
        theirs.close()
        child.wait(5)
