"""Hands that carry actions to worlds: what is slow, what breaks, and what is left open."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from threading import Lock
from typing import Any

import gymnasium as gym
import pytest
from transformers import LlamaForCausalLM

from rollout.chat import Chat
from rollout.engines import Sampling, TransformersEngine
from rollout.episode import Episode
from rollout.rehearsal import Rehearsal
from rollout.world import DreamWorld, EngineError, RealWorld, Start
from sandbox import EnvironmentFault, Limits, Pool, Sandbox
from tests.rollout.worlds import DAYS, NO_START, starts

HANGS = DAYS.replace(
    "self.left -= 1", "self.left -= 1\n        while self.begun == 6 and self.left == 3:\n            pass"
).replace("return f\"{self.left} days.\", {}", "self.begun = self.left\n        return f\"{self.left} days.\", {}")


class Clock(gym.Env[str, str]):
    """Tells how often it was asked and what the last action was; ends after as many steps as its seed says."""

    def __init__(self, place: "Place", number: int):
        self.place, self.number = place, number

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        self.seed, self.steps = seed or 0, 0
        self.place.began(self)
        return f"Clock {self.seed}.", {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        with self.place.inside(self):
            self.steps += 1
            return f"{self.steps} after {action}.", 1.0, self.steps > self.seed % 5, False, {}


class Place:
    """Makes clocks, and knows what happens in them.

    Args:
        slow: seconds that a clock takes for a step.
        breaks: whether it fails instead.

    Attributes:
        most: steps that were under way at once, at most.
        answered: seeds whose clocks took steps, in order.
    """

    def __init__(self, slow: Callable[[Clock], float] = lambda clock: 0.0,
                 breaks: Callable[[Clock], bool] = lambda clock: False):
        self.slow, self.breaks = slow, breaks
        self.numbers = count()
        self.lock = Lock()
        self.within = self.most = 0
        self.answered: list[int] = []

    def __call__(self) -> Clock:
        return Clock(self, next(self.numbers))

    def began(self, clock: Clock) -> None:
        if clock.seed == 66:
            raise ValueError("no such clock")

    def inside(self, clock: Clock) -> "Inside":
        return Inside(self, clock)


class Inside:
    """While a step is under way."""

    def __init__(self, place: Place, clock: Clock):
        self.place, self.clock = place, clock

    def __enter__(self) -> None:
        place = self.place
        with place.lock:
            place.within += 1
            place.most = max(place.most, place.within)
        if place.breaks(self.clock):
            raise ValueError("the spring broke")
        time.sleep(place.slow(self.clock))

    def __exit__(self, *_: object) -> None:
        with self.place.lock:
            self.place.within -= 1
            self.place.answered.append(self.clock.seed)


@pytest.fixture
def policy(chat: Chat, model: LlamaForCausalLM) -> Callable[..., Rehearsal]:
    """Makes rehearsals, each with an engine of its own."""

    def make(world: RealWorld | DreamWorld, **changes: Any) -> Rehearsal:
        return replace(
            Rehearsal(TransformersEngine(model, chat.stop), chat, world, Sampling(max_tokens=4), max_turns=8),
            **changes)

    return make


def ended(rehearsal: Rehearsal, starts: list[Start]) -> list[Episode]:
    """Episodes in the order in which they end."""
    return list(rehearsal.stream(enumerate(starts)))


def test_in_step_nothing_depends_on_which_copy_is_slow(policy: Callable[..., Rehearsal]) -> None:
    paces: list[Callable[[Clock], float]] = [
        lambda clock: 0.0, lambda clock: 0.002 * (clock.number % 3), lambda clock: 0.006 - 0.001 * (clock.seed % 7)]
    first, *others = [
        ended(policy(RealWorld(Place(pace), hands=4), concurrent=5), starts(*range(16))) for pace in paces]
    assert sorted(episode.number for episode in first) == list(range(16))
    for other in others:
        assert other == first  # the log-probabilities included, for the engine read the same in the same batches


def test_out_of_step_every_episode_is_still_the_same(policy: Callable[..., Rehearsal]) -> None:
    waiting, not_waiting = (
        policy(RealWorld(Place(lambda clock: 0.001 * (clock.seed % 4)), hands=4), in_step=in_step, concurrent=5)
        .play(starts(*range(16)))
        for in_step in (True, False)
    )
    assert [episode.trajectory for episode in not_waiting] == [episode.trajectory for episode in waiting]
    for one, other in zip(not_waiting, waiting, strict=True):
        assert one.tokens.logprobs == pytest.approx(other.tokens.logprobs, abs=1e-4)


def until(holds: Callable[[], bool]) -> None:
    """Waits, but not for ever."""
    deadline = time.monotonic() + 5
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.002)


def test_out_of_step_a_slow_copy_keeps_nobody_waiting(policy: Callable[..., Rehearsal]) -> None:
    others = range(20, 40)
    steps = sum(1 if seed % 5 == 0 else 2 for seed in others)

    def slow(clock: Clock) -> float:
        if clock.seed == 4:
            until(lambda: len(place.answered) >= steps)
        return 0.0

    place = Place(slow)
    rehearsal = policy(RealWorld(place, hands=4), in_step=False, concurrent=4, max_turns=2)
    episodes = ended(rehearsal, starts(4, *others))
    assert place.answered[-2:] == [4, 4]
    assert episodes[-1].number == 0


@pytest.mark.parametrize("hands", [1, 3, 16])
def test_steps_overlap_in_as_many_threads_as_there_are_hands(policy: Callable[..., Rehearsal], hands: int) -> None:
    def slow(clock: Clock) -> float:
        until(lambda: place.most >= hands)
        return 0.005

    place = Place(slow)
    policy(RealWorld(place, hands=hands), sampling=Sampling(max_tokens=1), max_turns=1).play(starts(*range(16)))
    assert place.most == hands


def test_all_copies_are_closed_in_the_end(policy: Callable[..., Rehearsal]) -> None:
    for in_step in (True, False):
        world = RealWorld(Place(), hands=3)
        policy(world, in_step=in_step, concurrent=4).play(starts(*range(10)))
        assert world.used == {}


def test_copies_are_used_again_while_others_are_under_way(policy: Callable[..., Rehearsal]) -> None:
    world = RealWorld(Place(), hands=2)
    policy(world, concurrent=4).play(starts(*range(40)))
    assert len(world.idle) <= 8


@pytest.mark.parametrize("many", [1, 3])
@pytest.mark.parametrize("in_step", [True, False])
def test_all_copies_are_closed_where_nobody_wants_the_rest(
    policy: Callable[..., Rehearsal], in_step: bool, many: int
) -> None:
    world = RealWorld(Place(lambda clock: 0.005), hands=3)
    rehearsal = policy(world, in_step=in_step, concurrent=6)
    stream = rehearsal.stream(enumerate(starts(*range(20))))
    for _ in range(many):
        next(stream)
    assert world.used
    stream.close()  # type: ignore[attr-defined]
    assert world.used == {}
    assert rehearsal.engine.rows == {}  # type: ignore[attr-defined]


@pytest.mark.parametrize("in_step", [True, False])
def test_a_real_engine_that_fails_in_a_step_stops_the_rehearsal_and_leaves_nothing_open(
    policy: Callable[..., Rehearsal], in_step: bool
) -> None:
    place = Place(lambda clock: 0.005, breaks=lambda clock: clock.seed == 9 and clock.steps == 1)
    world = RealWorld(place, hands=3)
    rehearsal = policy(world, in_step=in_step, concurrent=6)
    with pytest.raises(EngineError, match=r"failed in step: ValueError: the spring broke \(.*test_crew\.py, line"):
        rehearsal.play(starts(*range(12)))
    assert world.used == {}
    assert rehearsal.engine.rows == {}  # type: ignore[attr-defined]


@pytest.mark.parametrize("in_step", [True, False])
def test_a_real_engine_that_fails_in_a_reset_stops_the_rehearsal_and_leaves_nothing_open(
    policy: Callable[..., Rehearsal], in_step: bool
) -> None:
    world = RealWorld(Place(lambda clock: 0.005), hands=2)
    with pytest.raises(EngineError, match="failed in reset: ValueError: no such clock"):
        policy(world, in_step=in_step, concurrent=6).play(starts(0, 66, 1, 2, 3, 4))
    assert world.used == {}


def test_a_dream_that_cannot_begin_leaves_nothing_open(policy: Callable[..., Rehearsal]) -> None:
    with Sandbox(Limits(copies=2)) as sandbox, sandbox.load(NO_START) as worker:
        for _ in range(2):
            with pytest.raises(EnvironmentFault, match="no start"):
                policy(DreamWorld(worker)).play(starts(1, 2))


def test_a_worker_that_dies_ends_the_episodes_that_it_held_and_no_other(policy: Callable[..., Rehearsal]) -> None:
    with Sandbox(Limits(message_seconds=0.5)) as sandbox, Pool(sandbox, HANGS, workers=2) as pool:
        episodes = policy(DreamWorld(pool), concurrent=8).play(starts(*range(24)))
        deaths = list(pool.deaths)
    ends = Counter(str(episode.trajectory.stop).partition(":")[0] for episode in episodes)
    assert ends.keys() == {"terminated", "fault"}
    assert deaths
    for episode in episodes:
        begun = int(episode.trajectory.observation.text.split()[0])
        turns = episode.trajectory.turns
        if episode.trajectory.stop == "terminated":
            assert len(turns) == begun != 6
        else:
            assert len(turns) <= (3 if begun == 6 else begun)
            assert turns[-1].answer == ""
