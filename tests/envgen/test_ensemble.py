"""Disagreement: how far the members of an ensemble are surprised by each other's episodes."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from math import log

import pytest

from envgen.comparison import Comparer
from envgen.ensemble import Disagreement
from envgen.scored import FLOOR
from rollout.trajectory import Trajectory, Turn
from sandbox import Sandbox
from tests.envgen.worlds import CORRIDOR, FORGETS_A_CELL, LOTTERY, PAYS_FOR_THE_WRONG_CELL

FLOORED = pytest.approx(-log(FLOOR))
TURNED = CORRIDOR.replace("max(1, self.cell", "-min(-1, -self.cell").replace(", 0))", ", 0) * -1)")


@contextmanager
def ensemble(sandbox: Sandbox, *sources: str) -> Iterator[Disagreement]:
    with ExitStack() as stack:
        workers = [stack.enter_context(sandbox.load(source)) for source in sources]
        yield Disagreement(dict(zip("abc", workers, strict=False)), Comparer())


def episode(*said: tuple[str, str, float, bool], first: str = "Cell 1.", environment: str = "a", group: int = 0
            ) -> Trajectory:
    turns = [Turn.model_validate({"action": action, "observation": text, "reward": reward, "terminated": end})
             for action, text, reward, end in said]
    return Trajectory.model_validate({"id": "e", "source": "dreamed", "observation": first, "turns": tuple(turns),
                                      "environment": environment, "group": group})


def nats(episodes: Sequence[Trajectory]) -> list[list[float | None]]:
    return [[turn.disagreement for turn in episode.turns] for episode in episodes]


WAY = (("right", "Cell 2.", 0.0, False), ("right", "Cell 3.", 0.0, False), ("right", "The garden.", 1.0, True))


def test_equal_worlds_agree_on_every_step(sandbox: Sandbox) -> None:
    with ensemble(sandbox, CORRIDOR, TURNED) as members:
        assert nats(members.told([episode(*WAY), episode(*WAY, environment="b")])) == [[0.0] * 3] * 2


def test_worlds_differ_on_the_step_in_which_they_do_and_on_no_other(sandbox: Sandbox) -> None:
    with ensemble(sandbox, CORRIDOR, PAYS_FOR_THE_WRONG_CELL) as members:
        assert nats(members.told([episode(*WAY)])) == [[0.0, FLOORED, FLOORED]]
        back = episode(("right", "Cell 2.", 0.0, False), ("left", "Cell 1.", 0.0, False))
        assert nats(members.told([back])) == [[0.0, 0.0]]


def test_it_is_the_mean_over_the_other_members(sandbox: Sandbox) -> None:
    with ensemble(sandbox, CORRIDOR, TURNED, FORGETS_A_CELL) as members:
        ((first, *_),) = nats(members.told([episode(*WAY)]))
        assert first == pytest.approx(-log(FLOOR) / 2)
        ((first, *_),) = nats(members.told([episode(("right", "Cell 3.", 0.0, False), environment="c")]))
        assert first == FLOORED


def test_chance_surprises_even_equal_worlds_by_as_much_as_it_does(sandbox: Sandbox) -> None:
    with ensemble(sandbox, LOTTERY, LOTTERY) as members:
        told = members.told([episode(("draw", "Red.", 0.0, False), ("draw", "Blue.", 0.0, False), first="None.")])
        assert nats(told) == [[pytest.approx(-log(0.7)), pytest.approx(-log(0.3))]]


UNKNOWN = CORRIDOR.replace("self.cell = max(", '''if action == "dig":
            return "Unknown.", 0.0, True, False, {"imagined": True}
        self.cell = max(''')


def test_two_that_say_they_do_not_know_agree_and_one_that_claims_to_know_does_not(sandbox: Sandbox) -> None:
    dug = episode(("dig", "Unknown.", 0.0, True))
    with ensemble(sandbox, UNKNOWN, UNKNOWN + "\n") as members:
        assert nats(members.told([dug])) == [[0.0]]
    with ensemble(sandbox, UNKNOWN, CORRIDOR) as members:
        assert nats(members.told([dug])) == [[FLOORED]]


def test_what_is_replayed_is_bounded_and_groups_take_turns(sandbox: Sandbox) -> None:
    other = (("left", "Cell 1.", 0.0, False), *WAY[:2])
    episodes = [episode(*WAY), episode(*WAY), episode(*other), episode(*other[:2], group=1)]
    with ensemble(sandbox, CORRIDOR, TURNED) as members:
        assert [each[0] for each in nats(members.told(episodes, most=0))] == [None] * 4
        assert [each[0] for each in nats(members.told(episodes, most=5))] == [0.0, 0.0, None, 0.0]


def test_one_member_has_nobody_to_disagree_with(sandbox: Sandbox) -> None:
    with ensemble(sandbox, CORRIDOR) as members:
        episodes = [episode(*WAY)]
        assert members.told(episodes) == episodes


def test_what_was_said_before_is_known_at_no_cost(sandbox: Sandbox) -> None:
    with ensemble(sandbox, CORRIDOR, PAYS_FOR_THE_WRONG_CELL) as members:
        first = members.told([episode(*WAY)], most=3)
        assert members.told([episode(*WAY)], most=0) == first
        assert nats(members.told([episode(*WAY[:2])], most=0)) == [[None, None]]
