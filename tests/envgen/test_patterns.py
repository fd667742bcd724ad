"""What is counted in sessions, where sessions ended, and how they are divided."""

import pytest

from envgen.patterns import infer_ends, observe, split, steps
from rollout.trajectory import Trajectory, Turn
from tests.games import Corridor, Lottery, Shop, play, record


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


def test_steps_pair_each_turn_with_the_text_it_acted_on() -> None:
    walked = play(Corridor(), ["right", "left"])
    assert [(before, turn.answer) for before, turn, _ in steps(walked)] == [("Cell 1.", "Cell 2."),
                                                                              ("Cell 2.", "Cell 1.")]


def test_counts_of_a_walk_are_those_worked_by_hand() -> None:
    patterns = observe([play(Corridor(), ["right", "left"], "a"), play(Corridor(), ["right"] * 3, "b")])
    assert (patterns.sessions, patterns.turns, patterns.longest) == (2, 5, 3)
    assert patterns.actions == {"right": 4, "left": 1}
    assert (patterns.distinct_actions, patterns.distinct_observations) == (2, 4)
    assert patterns.outcomes == {"0": 1, "1": 1}
    assert (patterns.usual_reward, patterns.chance) == (0.0, 0.0)


def test_the_usual_reward_is_the_commonest_not_zero() -> None:
    assert observe([play(Shop(), ["wait", "wait", "buy tea"])]).usual_reward == -0.25


def test_chance_shows_in_answers_that_differ() -> None:
    assert observe(record(Lottery(), 20)).chance > 0


def test_rewards_that_were_not_logged_count_as_none() -> None:
    patterns = observe([session("a", "1", "2")])
    assert (patterns.usual_reward, patterns.outcomes) == (0.0, {"unknown": 1})


SESSIONS = record(Corridor(), 50)


def ids(part: list[Trajectory]) -> set[str]:
    return {each.id for each in part}


def test_parts_are_disjoint_complete_and_about_as_large_as_asked() -> None:
    parts = split(SESSIONS, selection=0.1, held_out=0.2)
    sizes = [len(part) for part in (parts.shown, parts.selection, parts.held_out)]
    assert sizes == pytest.approx([35, 5, 10], abs=5)
    assert sum(sizes) == len(ids(parts.shown) | ids(parts.selection) | ids(parts.held_out)) == len(SESSIONS)


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
    parts = split(SESSIONS[:3], 0.0, 0.0)
    assert [len(part) for part in (parts.shown, parts.selection, parts.held_out)] == [1, 1, 1]


def test_an_answer_that_was_not_logged_is_an_end_only_where_it_was_rewarded() -> None:
    def chat(number: int, reward: float | None) -> Trajectory:
        turns = (Turn(action="go", observation="Gate."), Turn(action="open", observation=None, reward=reward))
        return Trajectory(id=f"s{number}", source="real", observation="Hall.", turns=turns)

    (won, lost), _ = infer_ends([chat(0, 1.0), chat(1, None)])
    assert (won.turns[-1].answer, won.turns[-1].terminated) == ("", True)
    assert (lost.turns[-1].answer, lost.turns[-1].terminated) == (None, False)
    assert [text for _, _, text in steps(lost)] == ["Gate."]
