"""How sessions are divided."""

from collections.abc import Sequence

import pytest

from envgen.split import KEYS, By, Split, split
from rollout.trajectory import Trajectory, Turn
from tests.games import Corridor, record

SESSIONS = record(Corridor(), 50)


def ids(part: Sequence[Trajectory]) -> set[str]:
    return {each.id for each in part}


def parts(divided: Split) -> tuple[list[Trajectory], list[Trajectory], list[Trajectory]]:
    return divided.shown, divided.selection, divided.held_out


def logged(count: int, tasks: int | None, starts: int) -> list[Trajectory]:
    """Sessions that go round the tasks and the starts."""
    return [
        Trajectory(id=f"s{number}", source="real", task=None if tasks is None else f"task {number % tasks}",
                   observation=f"Map {number % starts}.", turns=(Turn(action="go", observation="x"),))
        for number in range(count)
    ]


def test_parts_are_disjoint_complete_and_about_as_large_as_asked() -> None:
    divided = parts(split(SESSIONS, selection=0.1, held_out=0.2))
    sizes = [len(part) for part in divided]
    assert sizes == pytest.approx([35, 5, 10], abs=5)
    assert sum(sizes) == len(set().union(*map(ids, divided))) == len(SESSIONS)


def test_the_order_of_the_sessions_does_not_matter() -> None:
    assert split(SESSIONS[::-1], 0.1, 0.2) == split(SESSIONS, 0.1, 0.2)


def test_a_session_stays_on_its_side_when_the_log_grows() -> None:
    """Or else a later night learns from what an earlier one was judged on."""
    later = split(SESSIONS, 0.2, 0.2)
    for count in range(10, 50, 5):
        before = split(SESSIONS[:count], 0.2, 0.2)
        assert ids(before.held_out) <= ids(later.held_out)
        assert ids(before.shown) <= ids(later.shown)


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_sessions_to_divide_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"{count} sessions are too few"):
        split(SESSIONS[:count], 0.1, 0.2)


@pytest.mark.parametrize(("selection", "held_out"), [(0.5, 0.5), (1.0, 0.0), (0.0, 1.0)])
def test_shares_that_leave_nothing_to_show_are_refused(selection: float, held_out: float) -> None:
    with pytest.raises(ValueError, match="too few"):
        split(SESSIONS, selection, held_out)


def test_three_sessions_give_one_to_each_part() -> None:
    assert [len(part) for part in parts(split(SESSIONS[:3], 0.0, 0.0))] == [1, 1, 1]


@pytest.mark.parametrize(
    ("tasks", "starts", "by"),
    [(20, 20, "task"), (20, 1, "task"), (3, 20, "start"), (None, 20, "start"), (3, 3, "session"), (None, 1, "session")],
)
def test_what_there_is_enough_of_is_kept_together(tasks: int | None, starts: int, by: By) -> None:
    divided = split(logged(100, tasks, starts), 0.2, 0.2)
    assert divided.by == by
    shown, selection, held_out = (set(map(KEYS[by], part)) for part in parts(divided))
    assert not shown & selection | shown & held_out | selection & held_out
    assert divided.groups == (len(shown), len(selection), len(held_out))


def test_what_is_asked_for_is_kept_together() -> None:
    assert split(logged(100, 20, 20), 0.2, 0.2, by="session").by == "session"
    shown = split(logged(100, 5, 50), 0.2, 0.2, by="task")
    assert shown.by == "task"
    assert sum(shown.groups) == 5


def test_sessions_without_a_task_cannot_be_divided_by_task() -> None:
    with pytest.raises(ValueError, match="'s0' has no task"):
        split(logged(100, None, 5), 0.2, 0.2, by="task")
