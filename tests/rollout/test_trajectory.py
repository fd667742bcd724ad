"""The record keeps what it is given, and refuses what it cannot keep."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rollout.trajectory import Pointer, Trajectory, Turn

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBER = st.none() | st.floats(allow_nan=False, allow_infinity=False)
FLAG = st.none() | st.booleans()
TURN = st.builds(Turn, action=TEXT, observation=TEXT, reward=NUMBER, terminated=FLAG, truncated=FLAG, imagined=FLAG,
                 actions=st.none() | st.lists(TEXT, max_size=3).map(tuple))
TRAJECTORY = st.builds(
    Trajectory, id=TEXT, source=st.sampled_from(["real", "dreamed"]), task=st.none() | TEXT, system=st.none() | TEXT,
    observation=TEXT, turns=st.lists(TURN, min_size=1, max_size=3).map(tuple), outcome=NUMBER,
    seed=st.none() | st.integers(0, 2**63 - 1),
    pointer=st.none() | st.builds(Pointer, file=TEXT, line=st.integers(1, 10**6)),
)


@given(TRAJECTORY)
def test_json_gives_the_same_record_back(trajectory: Trajectory) -> None:
    assert Trajectory.model_validate_json(trajectory.model_dump_json()) == trajectory


@given(TRAJECTORY)
def test_a_record_is_one_line(trajectory: Trajectory) -> None:
    assert b"\n" not in trajectory.model_dump_json().encode()


@pytest.mark.parametrize("wrong", [
    {"version": 3}, {"source": "logged"}, {"turns": ()}, {"outcome": float("nan")}, {"outcome": float("inf")},
    {"colour": "red"}, {"observation": None}, {"pointer": {"file": "f", "line": 0}},
    {"turns": ({"action": "a", "observation": "b", "reward": float("inf")},)},
])
def test_what_cannot_be_kept_is_refused(wrong: dict[str, Any]) -> None:
    good = {"id": "a", "source": "real", "observation": "o", "turns": ({"action": "a", "observation": "b"},)}
    Trajectory.model_validate(good)
    with pytest.raises(ValidationError):
        Trajectory.model_validate(good | wrong)


def test_records_do_not_change() -> None:
    turn = Turn(action="a", observation="b")
    with pytest.raises(ValidationError):
        turn.reward = 1.0  # type: ignore[misc]
