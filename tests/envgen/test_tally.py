"""What steps add up to, against sums worked by hand."""

from collections.abc import Sequence

import pytest

from envgen import tally as module
from envgen.comparison import Comparer, Comparison
from envgen.references import CountModel, Identity
from envgen.scored import Outcome, Scored
from envgen.tally import Tally
from rollout.trajectory import Call, Message, Trajectory, Turn
from tests.games import Corridor, play

WALK = play(Corridor(), ["right", "right", "right"])  # three cells and the garden


def walked(sessions: int = 1) -> list[list[Scored]]:
    """Sessions of plain hits."""
    texts = [WALK.observation.text, *(turn.answer or "" for turn in WALK.turns)]
    return [[Scored(before, turn, [Outcome(1.0, text, turn.reward or 0.0, bool(turn.terminated))], 1.0)
             for before, turn, text in zip(texts, WALK.turns, texts[1:], strict=False)] for _ in range(sessions)]


def tallied(shown: Sequence[Trajectory] = (), comparer: Comparer | None = None, forms: Sequence[str] = ()) -> Tally:
    counts = CountModel(shown)
    return Tally({"identity_": Identity(0.0), "counts_": counts}, counts.seen.keys(), 0.0, comparer or Comparer(),
                 lambda turn: turn.action.text, forms)


def total(tally: Tally, name: str) -> float:
    return float(tally.sums()[name].sum())


def test_plain_hits_add_up() -> None:
    tally = tallied(forms=["left", "right"])
    for session in walked(2):
        assert tally.add(session) == []
    sums = tally.sums()
    assert {name: list(sums[name]) for name in ("steps", "probability", "changed", "novel", "nats", "whole")} == {
        "steps": [3, 3], "probability": [3, 3], "changed": [3, 3], "novel": [3, 3], "nats": [0, 0], "whole": [1, 1]}
    assert [total(tally, name) for name in ("reward_hits", "reward_told", "end_events", "steps 0", "expecting 0",
                                            "steps 1", "probability 1", "expecting 1", "enumerate",
                                            "identity_probability")] == [4, 4, 2, 0, 0, 6, 6, 6, 6, 0]


def test_steps_that_are_no_plain_hits_come_back_with_their_turns() -> None:
    (session,) = walked()
    session[1] = Scored(session[1].before, session[1].turn, [Outcome(1.0, "A wall.", 2.0, True)], 0.0)
    session[2].probability = 0.25
    session[2].outcomes = [session[2].outcomes[0]._replace(probability=0.25), Outcome(0.75, "Fog.", 0.0, False, True)]
    tally = tallied()
    assert tally.add(session) == [(2, session[1]), (3, session[2])]
    assert [total(tally, name) for name in ("probability", "contradicted", "imagined", "whole")] == [1.25, 1, 0.75, 0]
    assert total(tally, "reward_told") == 1.0 + 0.25 + 1.0  # told wrongly, told, logged
    assert total(tally, "reward_hits") == 2 * 0.25


def test_references_do_not_depend_on_the_environment() -> None:
    """A step counts alike for them, whether the environment hits it or not, and whether it came before or not."""
    shown = [WALK, play(Corridor(), ["right", "left"])]
    right, wrong = tallied(shown), tallied(shown)
    (session,) = walked()
    right.add(session)
    wrong.add([Scored(step.before, step.turn, [], 0.0) for step in session])
    for name in ("probability", "changed", "novel", "nats", "reward_hits", "reward_told", "end_hits", "end_told"):
        for prefix in ("identity_", "counts_"):
            assert total(right, prefix + name) == total(wrong, prefix + name)
    assert total(right, "counts_probability") == 3.0
    assert total(right, "novel_steps") == 0.0


def test_sums_do_not_depend_on_how_many_steps_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tallied([WALK])
    monkeypatch.setattr(module, "KNOWN", 2)
    narrow = tallied([WALK])
    for session in walked(4):
        whole.add(session)
        narrow.add(session)
    assert {name: list(column) for name, column in whole.sums().items()} == {
        name: list(column) for name, column in narrow.sums().items()}


def test_answers_that_are_not_compared_are_counted_apart() -> None:
    called = Turn(action=Message(role="assistant", content=(Call(name="look", arguments="{}"),)), observation="A cup.",
                  reward=0.0, terminated=False)
    said = Turn(action="look {}", observation="A cup.", reward=0.0, terminated=False)
    tally = tallied(comparer=Comparer([Comparison(of="people's words", mode="free", repeated=0, differing=0)]))
    hit = [Outcome(1.0, "A cup.", 0.0, False)]
    assert tally.add([Scored("None.", said, [], 0.0), Scored("A cup.", called, hit, 1.0),
                      Scored("A cup.", called, [], 0.0)]) == [(3, Scored("A cup.", called, [], 0.0))]
    assert (tally.not_compared, total(tally, "steps"), total(tally, "probability")) == ({"people's words": 1}, 2, 1)


def test_nothing_to_add_is_nothing() -> None:
    assert tallied().sums()["steps"].sum() == 0.0
    tally = tallied()
    assert tally.add([]) == []
    assert list(tally.sums()["whole"]) == [1.0]
