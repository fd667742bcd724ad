"""What an environment leaves behind at reset is found with the words that its sessions know."""

from envgen.repeats import leaks
from sandbox import Sandbox
from tests.envgen.worlds import BREAKS, CORRIDOR, ENDS_NEVER, LOTTERY
from tests.games import Corridor, Lottery, record

KEEPS_ITS_CELL = CORRIDOR.replace("self.cell = 1\n", "self.cell = getattr(self, 'cell', 1) % 4\n")


def test_worlds_that_begin_anew_are_left_alone(sandbox: Sandbox) -> None:
    for source, game in ((CORRIDOR, Corridor()), (ENDS_NEVER, Corridor()), (BREAKS, Corridor()), (LOTTERY, Lottery())):
        with sandbox.load(source) as worker:
            assert leaks(worker, record(game, 20)) == []


def test_a_world_that_goes_on_where_it_was_is_found_although_the_sandbox_finds_nothing(sandbox: Sandbox) -> None:
    with sandbox.load(KEEPS_ITS_CELL) as worker:
        assert worker.check() == []
        (sentence,) = leaks(worker, record(Corridor(), 20))
        assert "state leaks across reset" in sentence
