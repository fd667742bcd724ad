"""Several worlds as one: starts keep to their member, and every episode says in which it was dreamed."""

from collections.abc import Iterator

import pytest

from rollout.ensemble import EnsembleWorld
from rollout.world import DreamWorld
from sandbox import Sandbox, WorkerDied
from tests.envgen.worlds import CORRIDOR, ENDS_ALWAYS, FORGETS_A_CELL
from tests.rollout.worlds import starts

SOURCES = {"one": CORRIDOR, "two": ENDS_ALWAYS, "three": FORGETS_A_CELL}


@pytest.fixture
def world(sandbox: Sandbox) -> Iterator[EnsembleWorld]:
    workers = [sandbox.load(source) for source in SOURCES.values()]
    yield EnsembleWorld([DreamWorld(worker, name) for name, worker in zip(SOURCES, workers, strict=True)])
    for worker in workers:
        worker.close()


def test_a_seed_has_one_member_and_seeds_in_a_row_are_shared_out_evenly(world: EnsembleWorld) -> None:
    names = [reply.environment for _, reply in world.open(starts(*range(12), *[7] * 5))]
    assert [names[:12].count(name) for name in SOURCES] == [4, 4, 4]
    assert set(names[12:]) == {names[7]}


def test_copies_answer_as_their_members_do_in_any_order(world: EnsembleWorld) -> None:
    copies = [copy for copy, _ in world.open(starts(0, 1, 2))]
    assert len(set(copies)) == 3
    one, two, three = reversed(world.step([(copy, "right") for copy in reversed(copies)]))
    assert (one.observation, two.terminated, three.observation) == ("Cell 2.", True, "Cell 3.")
    world.close([copies[1]])
    again, = world.open(starts(1))
    assert again[0] not in copies
    assert [reply.observation for reply in world.step([(copies[2], "left"), (copies[0], "right")])] == [
        "Cell 1.", "Cell 3."]


def test_one_member_is_a_world_like_any_other(sandbox: Sandbox) -> None:
    with sandbox.load(CORRIDOR) as worker:
        world = EnsembleWorld([DreamWorld(worker, "one")])
        opened = world.open(starts(3, 4))
        assert [reply.environment for _, reply in opened] == ["one", "one"]
        assert world.step([]) == []
        world.close([copy for copy, _ in opened])


def test_a_member_that_is_gone_is_told(world: EnsembleWorld) -> None:
    copies = [copy for copy, _ in world.open(starts(0, 1))]
    world.members[1].worker.close()  # type: ignore[attr-defined]
    with pytest.raises(WorkerDied):
        world.step([(copies[1], "right")])
