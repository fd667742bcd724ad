"""Whether chance comes as often as it should."""

from collections.abc import Sequence

import pytest

from envgen import frequencies as module
from envgen.belief import Belief
from envgen.comparison import Comparer
from envgen.fidelity import judge
from envgen.frequencies import Frequency, frequencies
from envgen.gate import Gate
from rollout.trajectory import Trajectory
from sandbox import Sandbox
from tests.envgen import worlds
from tests.games import Corridor, Lottery, record


def off(sandbox: Sandbox, source: str, sessions: Sequence[Trajectory]) -> tuple[Frequency, ...]:
    with sandbox.load(source) as worker:
        belief = Belief(worker)
        return frequencies([belief.replay(session) for session in sessions], Comparer())


@pytest.mark.parametrize("seed", range(10))
def test_no_fault_is_found_with_the_truth(seed: int, sandbox: Sandbox) -> None:
    assert off(sandbox, worlds.LOTTERY, record(Lottery(), 100, seed=seed)) == ()


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_an_answer_that_comes_too_often_is_named_with_both_shares(share: float, sandbox: Sandbox) -> None:
    """Half and half is never more surprised than it expects to be, and wrong all the same."""
    found = off(sandbox, worlds.LOTTERY.replace("< 0.7", f"< {share}"), record(Lottery(), 200))
    drawn = next(each for each in found if each.action == "draw" and not each.where)
    assert drawn.answer in ("text 'Red.'", "text 'Blue.'", "word 'Red'", "word 'Blue'")
    assert {round(drawn.expected, 6), round(1 - drawn.expected, 6)} == {round(share, 6), round(1 - share, 6)}
    assert drawn.logged == pytest.approx(0.7 if "Red" in drawn.answer else 0.3, abs=0.06)
    assert found == tuple(sorted(found, key=lambda each: -each.off))
    assert "'draw'" in str(drawn)


def test_the_gate_says_what_came_too_often(sandbox: Sandbox) -> None:
    with sandbox.load(worlds.LOTTERY.replace("< 0.7", "< 0.5")) as worker:
        report = judge(worker, "world", record(Lottery(), 100), record(Lottery(), 200, seed=1), 0.0)
    assert "more or less often than it says" in "; ".join(Gate().refusals(report))


def test_few_steps_prove_nothing(sandbox: Sandbox) -> None:
    assert off(sandbox, worlds.LOTTERY.replace("< 0.7", "< 0.5"), record(Lottery(), 3)) == ()


def test_without_chance_there_is_nothing_to_count(sandbox: Sandbox) -> None:
    assert off(sandbox, worlds.CORRIDOR, record(Corridor(), 50)) == ()
    assert off(sandbox, worlds.FORGETS_A_CELL, record(Corridor(), 50)) == ()


def test_answers_beyond_those_that_are_kept_are_passed_over(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came first is counted as before, with all steps after it."""
    source, sessions = worlds.LOTTERY.replace("< 0.7", "< 0.5"), record(Lottery(), 200)
    whole = off(sandbox, source, sessions)
    monkeypatch.setattr(module, "MOST", 4)
    few = off(sandbox, source, sessions)
    assert 0 < len(few) < len(whole)
    assert set(few) <= set(whole)
