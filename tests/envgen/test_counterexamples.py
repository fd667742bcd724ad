"""Mismatches by the form of the action and by what differs."""

from collections.abc import Sequence

import pytest

from envgen import counterexamples
from envgen.fidelity import FidelityReport, judge
from rollout.trajectory import Trajectory, Turn
from sandbox import Sandbox
from tests.envgen import worlds
from tests.games import Corridor, record


def kinds(sandbox: Sandbox, source: str, sessions: Sequence[Trajectory]) -> dict[tuple[str, ...], int]:
    counts: dict[tuple[str, ...], int] = {}
    for kind in judged(sandbox, source, sessions).counterexamples:
        counts[kind.differs] = counts.get(kind.differs, 0) + kind.count
    return counts


def judged(sandbox: Sandbox, source: str, sessions: Sequence[Trajectory]) -> FidelityReport:
    with sandbox.load(source) as worker:
        return judge(worker, "world", [], sessions, 0.0)


@pytest.mark.parametrize(("source", "differs"), [
    (worlds.PAYS_NEVER, ("reward",)), (worlds.ENDS_NEVER, ("end",)),
    (worlds.FORGETS_A_CELL, ("<1> in 'Cell <1>.'",)), (worlds.BREAKS, ("fault",)),
    (worlds.CORRIDOR.replace("The garden.", "A wood."), ("words",)),
    (worlds.CORRIDOR.replace("The garden.", "A wood.").replace("1.0 if end", "3.0 if end"), ("words", "reward")),
])
def test_each_kind_says_what_differs(source: str, differs: tuple[str, ...], sandbox: Sandbox) -> None:
    assert kinds(sandbox, source, record(Corridor(), 30)).keys() == {differs}


def test_all_mismatches_are_counted_and_three_are_shown(sandbox: Sandbox) -> None:
    sessions = record(Corridor(), 30)
    (kind,) = judged(sandbox, worlds.PAYS_NEVER, sessions).counterexamples
    assert kind.count == sum(turn.reward == 1.0 for session in sessions for turn in session.turns)
    assert len(kind.examples) == 3
    assert all("reward 1" in each.logged and "reward 0" in each.expected for each in kind.examples)


def test_a_world_that_says_it_does_not_know_is_unknown_not_wrong(sandbox: Sandbox) -> None:
    source = worlds.CORRIDOR.replace("reward, end, False, {}", "reward, True, False, {'imagined': True}")
    assert kinds(sandbox, source, record(Corridor(), 5)).keys() <= {("unknown",), ("no state",)}


def test_actions_are_told_by_their_form(sandbox: Sandbox) -> None:
    """Two calls of one form with different values are one kind."""
    turns = tuple(Turn(action=f"go {number} steps", observation="You fall.", reward=0.0, terminated=False)
                  for number in range(2, 9))
    sessions = [Trajectory(id="s", source="real", observation="Cell 1.", turns=turns[:1])] * 3 + [
        Trajectory(id="t", source="real", observation="Cell 1.", turns=turns)]
    (kind, *rest) = judged(sandbox, worlds.CORRIDOR, sessions).counterexamples
    assert kind.action == "go <1> steps"
    assert {each.action for each in rest} <= {kind.action}


def test_what_is_hardly_ever_so_is_improbable(sandbox: Sandbox) -> None:
    blue = Turn(action="draw", observation="Blue.", reward=0.0, terminated=False)
    session = Trajectory(id="s", source="real", observation="None.", turns=(blue,))
    hidden = worlds.LOTTERY.replace("< 0.7", "< 0.99999")
    (kind,) = judged(sandbox, hidden, [session]).counterexamples
    assert kind.differs == ("improbable",)
    assert "Blue." in kind.examples[0].logged


def test_kinds_do_not_depend_on_how_many_mismatches_wait(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sorted by the forms of the first mismatches alone has the same counts and examples."""
    sessions = record(Corridor(), 60)
    for source in (worlds.PAYS_NEVER, worlds.FORGETS_A_CELL, worlds.BREAKS):
        together = judged(sandbox, source, sessions).counterexamples
        with monkeypatch.context() as narrow:
            narrow.setattr(counterexamples, "WAITING", 2)
            assert judged(sandbox, source, sessions).counterexamples == together


def test_the_first_examples_are_shown(sandbox: Sandbox) -> None:
    sessions = [session.model_copy(update={"id": str(number)}) for number, session in
                enumerate(record(Corridor(), 60))]
    paid = [(session.id, number) for session in sessions for number, turn in enumerate(session.turns, start=1)
            if turn.reward == 1.0]
    (kind,) = judged(sandbox, worlds.PAYS_NEVER, sessions).counterexamples
    assert [(each.session, each.turn) for each in kind.examples] == paid[:3]
