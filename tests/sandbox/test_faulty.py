"""Faulty programs: a typed error that names line and cause, and costs one copy or one worker."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import sandbox as package
from sandbox import EnvironmentFault, Limits, Reset, Sandbox, SandboxError, Worker

LIMITS = Limits(message_seconds=0.5, load_seconds=2.0, memory_bytes=64 * 2**20)
GOOD = """
import gymnasium as gym
class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return "start", {}
    def step(self, action):
        return action, 1.0, False, False, {}
"""


class Faulty(NamedTuple):
    name: str
    where: str
    kind: str
    reason: str
    line: str
    word: str
    source: str


def corpus() -> list[Faulty]:
    text = (Path(__file__).parent / "faulty.txt").read_text()
    out = []
    for block in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]:
        head, _, source = block.partition("\n")
        source = source.replace("@NULL@", "\0").replace("@LONG@", "1" + "+1" * 20000)
        source = source.replace("@DEEP@", "(" * 5000 + "1" + ")" * 5000)
        out.append(Faulty(*head.split(" | "), source))
    return out


CORPUS = corpus()


@pytest.fixture(scope="module", params=["fast", "stock"])
def box(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(LIMITS, request.param) as made:
        yield made


@pytest.fixture(scope="module")
def neighbour(box: Sandbox) -> Iterator[Worker]:
    with box.load(GOOD) as worker:
        yield worker


def provoke(box: Sandbox, faulty: Faulty) -> SandboxError | list[str]:
    """Goes as far as the program lets one, and returns its error."""
    try:
        with box.load(faulty.source) as worker:
            if faulty.where == "check":
                return worker.check()
            (one,) = worker.make(1)
            answers = []
            if faulty.where != "early":
                answers += worker.reset_batch([Reset(one, seed=1)])
            if faulty.where in ("step", "early", "after"):
                answers += worker.step_batch([(one, "go")])
            if faulty.where == "after":
                answers += worker.step_batch([(one, "go")])
            last = answers[-1]
            assert isinstance(last, EnvironmentFault), f"no fault: {last}"
            # The worker goes on: the fault was this copy's.
            assert worker.alive
            return last
    except SandboxError as error:
        return error


def test_there_are_enough() -> None:
    assert len(CORPUS) >= 40


@pytest.mark.parametrize("faulty", CORPUS, ids=lambda faulty: faulty.name)
def test_is_a_typed_error(box: Sandbox, neighbour: Worker, faulty: Faulty) -> None:
    error = provoke(box, faulty)
    if faulty.kind == "list":
        assert isinstance(error, list)
        assert any(faulty.word in sentence for sentence in error), error
    else:
        assert type(error) is getattr(package, faulty.kind), repr(error)
        assert error.reason == faulty.reason
        assert faulty.word in str(error)
        if faulty.line != "-":
            assert error.line == int(faulty.line)
    (one,) = neighbour.make(1)
    neighbour.reset_batch([Reset(one, seed=1)])
    assert neighbour.step_batch([(one, "still here")])[0].observation == "still here"  # type: ignore[union-attr]


def test_one_copy_fails_and_the_others_go_on(box: Sandbox) -> None:
    source = GOOD.replace("return action, 1.0", "return action, float(action)")
    with box.load(source) as worker:
        ids = worker.make(3)
        worker.reset_batch([Reset(id, seed=1) for id in ids])
        answers = worker.step_batch([(ids[0], "1"), (ids[1], "nan"), (ids[2], "3")])
        assert [isinstance(answer, EnvironmentFault) for answer in answers] == [False, True, False]


def test_a_request_that_cannot_be_sent_costs_itself_only(box: Sandbox) -> None:
    with box.load(GOOD) as worker:
        ids = worker.make(2)
        worker.reset_batch([Reset(id, seed=1) for id in ids])
        bad, good = worker.step_batch([(ids[0], "\ud800"), (ids[1], "fine")])
        assert isinstance(bad, EnvironmentFault)
        assert good.observation == "fine"  # type: ignore[union-attr]


def test_every_remedy_is_told(box: Sandbox) -> None:
    for faulty in CORPUS:
        if faulty.kind == "SourceRefused" and faulty.reason in ("import", "name", "attribute", "class", "size"):
            error = provoke(box, faulty)
            assert getattr(error, "remedy", "")


def test_refuses_a_kernel_that_cannot_enforce() -> None:
    """Landlock needs no_new_privs: without the one the other fails, and the sandbox does not start."""

    class Weak(Sandbox):
        measures = tuple(measure for measure in Sandbox.measures if measure != "no_new_privs")

    with pytest.raises(SandboxError) as caught:
        Weak()
    assert caught.value.reason == "kernel"
    with Weak(unsafe=True) as weak, weak.load(GOOD) as worker:
        assert worker.make(1)
