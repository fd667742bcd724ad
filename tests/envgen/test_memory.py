"""Which texts do not show the state of the world."""

from collections.abc import Callable

import pytest

from envgen.memory import Memory, remember
from rollout.trajectory import Trajectory
from tests.games import Corridor, Lottery, Shop, Switch, record
from tests.games.game import Game, Step


class Remarking(Corridor):
    """The corridor, where whoever bumps or mumbles hears a remark instead of the cell."""

    actions = ("left", "right", "jump")

    def step(self, action: str) -> Step:
        before = self.cell
        answer = super().step(action)
        return answer if self.cell != before else ("No.", *answer[1:])


class Hiding(Corridor):
    """A corridor with a side room that does not say where it is."""

    actions = ("left", "right", "in", "out")

    def begin(self) -> str:
        self.inside = False
        return super().begin()

    def step(self, action: str) -> Step:
        if self.inside or action == "in":
            self.inside = action != "out"
            return ("A closet." if self.inside else f"Cell {self.cell}.", 0.0, False, False, {})
        return super().step(action)


def of(game: Game, count: int = 200) -> Memory:
    sessions: list[Trajectory] = record(game, count)
    return remember(sessions, [""] * count)


def test_a_remark_is_found() -> None:
    assert of(Remarking()) == Memory(frozenset({"No."}), frozenset())


def test_a_text_that_hides_the_state_is_found() -> None:
    assert of(Hiding()) == Memory(frozenset(), frozenset({"A closet."}))


@pytest.mark.parametrize("game", [Corridor, Shop, Switch])
def test_texts_that_show_the_state_are_left_alone(game: Callable[[], Game]) -> None:
    assert of(game()).remarks == frozenset()


def test_a_text_that_decides_what_is_paid_is_no_remark() -> None:
    """After red and after blue the same words follow, for another reward."""
    assert of(Lottery()).remarks == frozenset()
