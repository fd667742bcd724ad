"""Copies of one world, dreamed and real."""

from collections.abc import Iterator

import pytest

from rollout.world import DreamWorld, RealWorld, World
from sandbox import Sandbox
from tests.games import Corridor, Lottery
from tests.games.game import Game
from tests.rollout.worlds import BREAKS, DAYS, starts


@pytest.fixture(params=["dream", "real"])
def world(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[World]:
    if request.param == "real":
        yield RealWorld(Lottery)
        return
    with sandbox.load(DAYS) as worker:
        yield DreamWorld(worker)


def answers(world: World, seeds: list[int]) -> list[list[str]]:
    """What copies with these seeds show at first and after three draws."""
    opened = world.open(starts(*seeds))
    told = [[reply.observation] for _, reply in opened]
    going = list(zip(opened, told, strict=True))
    for _ in range(3):
        replies = world.step([(copy, "draw") for (copy, _), _ in going])
        for (_, heard), reply in zip(going, replies, strict=True):
            heard.append(reply.observation)
        going = [each for each, reply in zip(going, replies, strict=True) if not reply.over]
    world.close([copy for copy, _ in opened])
    return told


def test_a_copy_follows_its_seed_whatever_runs_beside_it(world: World) -> None:
    together = answers(world, [1, 2, 3, 4])
    assert together == [answers(world, [seed])[0] for seed in (1, 2, 3, 4)]


def test_copies_are_told_apart(world: World) -> None:
    copies = [copy for copy, _ in world.open(starts(1, 1, 1))]
    assert len(set(copies)) == 3


def test_opening_takes_no_step_and_stepping_takes_one_a_copy(world: World) -> None:
    copies = [copy for copy, _ in world.open(starts(6, 7))]
    assert world.steps == 0
    world.step([(copy, "draw") for copy in copies])
    assert world.steps == 2


def test_a_fault_in_one_copy_is_its_own(sandbox: Sandbox) -> None:
    with sandbox.load(BREAKS) as worker:
        world = DreamWorld(worker)
        opened = world.open(starts(*range(12)))
        replies = world.step([(copy, "") for copy, _ in opened])
    for (_, first), reply in zip(opened, replies, strict=True):
        assert (reply.fault is not None) is (first.observation == "3 days.")
        assert reply.over is (reply.fault is not None or first.observation == "1 days.")


def test_real_environments_are_used_again() -> None:
    made: list[Game] = []

    def make() -> Game:
        made.append(Corridor())
        return made[-1]

    world = RealWorld(make)
    for _ in range(3):
        world.close([copy for copy, _ in world.open(starts(1, 2))])
    assert len(made) == 2


def test_an_environment_used_again_begins_anew() -> None:
    world = RealWorld(Corridor)
    ((copy, first),) = world.open(starts(1))
    world.step([(copy, "right")])
    world.close([copy])
    assert world.open(starts(1))[0][1] == first
