"""Where sessions ended, when their logs do not say."""

import pytest

from envgen.ends import infer_ends
from envgen.steps import steps
from rollout.trajectory import Trajectory, Turn


def session(name: str, *texts: str, reward: float | None = None, **last: bool | None) -> Trajectory:
    """A session showing these texts, its last turn with this reward and end."""
    turns = [Turn(action="go", observation=text) for text in texts[1:]]
    turns[-1] = turns[-1].model_copy(update={"reward": reward, **last})
    return Trajectory(id=name, source="real", observation=texts[0], turns=tuple(turns))


def ends(sessions: list[Trajectory]) -> list[tuple[bool | None, bool | None]]:
    told, _ = infer_ends(sessions)
    return [(each.turns[-1].terminated, each.turns[-1].truncated) for each in told]


END, CUT = (True, False), (False, True)


def test_a_text_that_was_always_last_is_an_end() -> None:
    assert ends([session("a", "1", "2", "won"), session("b", "1", "won")]) == [END, END]


def test_a_text_after_which_another_session_went_on_is_no_end() -> None:
    assert ends([session("a", "1", "2", "3"), session("b", "1", "2")])[1] == CUT


def test_the_first_text_is_no_end_where_the_session_went_on() -> None:
    assert ends([session("a", "1", "2", "1"), session("b", "1", "won")])[0] == CUT


def test_a_text_seen_once_at_the_longest_sessions_end_looks_like_a_limit() -> None:
    assert ends([session("a", "1", "2", "3"), session("b", "1", "won"), session("c", "1", "won")]) == [CUT, END, END]


def test_a_text_seen_once_is_an_end_if_it_was_paid() -> None:
    assert ends([session("a", "1", "2", "3", reward=1.0), session("b", "1", "won")])[0] == END


@pytest.mark.parametrize("known", [{"terminated": False}, {"terminated": True}, {"truncated": True}])
def test_what_the_log_says_is_left_alone(known: dict[str, bool]) -> None:
    sessions = [session("a", "1", "won", **known)]
    assert infer_ends(sessions) == (sessions, 0)


def test_inferred_ends_are_counted() -> None:
    assert infer_ends([session("a", "1", "won"), session("b", "1", "won", terminated=True)])[1] == 1


def test_a_turn_after_which_the_session_went_on_did_not_end_it() -> None:
    told, _ = infer_ends([session("a", "1", "2", "won")])
    assert told[0].turns[0].terminated is False


def test_an_answer_that_was_not_logged_is_an_end_only_where_it_was_rewarded() -> None:
    def chat(number: int, reward: float | None) -> Trajectory:
        turns = (Turn(action="go", observation="Gate."), Turn(action="open", observation=None, reward=reward))
        return Trajectory(id=f"s{number}", source="real", observation="Hall.", turns=turns)

    (won, lost), _ = infer_ends([chat(0, 1.0), chat(1, None)])
    assert (won.turns[-1].answer, won.turns[-1].terminated) == ("", True)
    assert (lost.turns[-1].answer, lost.turns[-1].terminated) == (None, False)
    assert [text for _, _, text in steps(lost)] == ["Gate."]
