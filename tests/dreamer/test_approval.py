"""Who may train: rules, the ledger, and what a night does with both."""

import json
import resource
import signal
from pathlib import Path

import pytest

from dreamer.approval import ApprovalError, Decision, Ledger, approve, condition, digest
from rollout.formats import chat, own
from rollout.sessions import read
from rollout.trajectory import Message, Pointer, Trajectory
from tests.dreamer.conftest import DREAM, NIGHT
from tests.dreamer.doors import record

SESSIONS = [session.model_copy(update={
    "outcome": session.turns[-1].reward, "task": f"t{number % 3}", "pointer": Pointer(file="a.jsonl", line=number + 1),
}) for number, session in enumerate(record(30))]


def holds(rule: str) -> set[str]:
    return {session.id for session in filter(condition(rule), SESSIONS)}


def test_rules_say_what_they_read_like() -> None:
    won = {session.id for session in SESSIONS if session.outcome}
    assert holds("all") == {session.id for session in SESSIONS}
    assert holds("outcome >= 1") == holds("outcome>0") == won != set()
    assert holds("outcome = 0") == holds("outcome != 1") == holds("all") - won
    assert holds("task = t1") == {session.id for session in SESSIONS[1::3]}
    assert holds("task != t*") == set()
    assert holds("id = s1? and turns >= 2") == {each.id for each in SESSIONS[10:20] if len(each.turns) >= 2}
    assert holds("file = *.jsonl AND outcome >= 1") == won
    assert holds("task = rock and roll") == set()


def test_what_a_session_lacks_fulfils_no_rule() -> None:
    bare = SESSIONS[0].model_copy(update={"outcome": None, "policy": None})
    assert not any(condition(rule)(bare) for rule in ("outcome >= 0", "outcome != 1", "policy = *", "policy != x"))


@pytest.mark.parametrize("rule", [
    "", "reward > 1", "outcome", "outcome >= much", "task > a", "outcome => 1", "all and all",
    "outcome >= 1 or turns > 1", "outcome >= nan", "__class__ = x",
])
def test_other_rules_are_refused(rule: str) -> None:
    with pytest.raises(ApprovalError):
        condition(rule)


def decide(ledger: Ledger, verdict: str, sessions: list[Trajectory], by: str = "ann") -> None:
    ledger.append(Decision.model_validate({"verdict": verdict, "by": by, "rule": "one by one", "at": "2026-01-01",
                                           "sessions": tuple(map(digest, sessions))}))


def distinct(count: int) -> list[Trajectory]:
    """Sessions of which no two are alike."""
    return [SESSIONS[0].model_copy(update={"id": f"d{number}", "system": Message(role="system", content=f"{number}")})
            for number in range(count)]


def test_the_last_decision_stands_before_any_rule(tmp_path: Path) -> None:
    sessions = distinct(4)
    ledger = Ledger(tmp_path / "approvals.ledger")
    decide(ledger, "approved", sessions[:2])
    decide(ledger, "rejected", sessions[1:3], by="bob")
    for book in (ledger, Ledger(ledger.path)):
        kept, rejected = approve(sessions, book, "all")
        assert rejected == 2
        assert [(each.id, each.approval) for each in kept] == [("d0", "ann: one by one"), ("d3", "rule: all")]
        kept, _ = approve(sessions, book, None)
        assert [each.approval for each in kept] == ["ann: one by one", None]


def test_a_log_cannot_approve_itself(tmp_path: Path) -> None:
    lying = SESSIONS[0].model_copy(update={"approval": "rule: all"})
    assert [each.approval for each in approve([lying], Ledger(tmp_path / "none"), None)[0]] == [None]


def test_a_session_is_known_in_another_format_and_not_when_it_was_edited(tmp_path: Path) -> None:
    conversation = {"task": "t", "reward": 1.0, "messages": [
        {"role": "user", "content": "x"}, {"role": "assistant", "content": None, "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "y"}]}
    (tmp_path / "a.jsonl").write_text(json.dumps(conversation))
    (session,) = read(["a.jsonl"], tmp_path)
    own.write([session], tmp_path / "b.jsonl")
    chat.write([session], tmp_path / "c.jsonl")
    assert {digest(each) for each in read(["b.jsonl"], tmp_path)} | {
        digest(each) for each in read(["c.jsonl"], tmp_path)} == {digest(session)}
    conversation["messages"][2]["content"] = "z"  # type: ignore[index]
    (tmp_path / "a.jsonl").write_text(json.dumps(conversation))
    assert digest(next(iter(read(["a.jsonl"], tmp_path)))) != digest(session)


@pytest.mark.parametrize("line", ["nonsense", "{}", '{"version": 2}', '{"verdict": "maybe"}'])
def test_a_damaged_ledger_is_named_with_its_line(line: str, tmp_path: Path) -> None:
    path = tmp_path / "approvals.ledger"
    decide(Ledger(path), "approved", SESSIONS)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(ApprovalError, match="line 2"):
        Ledger(path)


def test_a_night_trains_on_approved_sessions_only(project: Path, dream: DREAM) -> None:
    (project / "night.toml").write_text(NIGHT.replace('approve = "all"\n', ""))
    code, _, err = dream("run", "night.toml", "--run", "run")
    assert code == 2
    assert "may train" in err
    assert "dream approve sessions.jsonl" in err

    code, out, _ = dream("approve", "sessions.jsonl", "--where", "turns >= 3", "--by", "ann", "--json")
    assert code == 0
    counts = json.loads(out)
    assert counts["approved"] > 0 < counts["undecided"]
    settings = ("--set", "learning.rounds=1", "--set", "production.episodes=2")
    code, _, err = dream("run", "night.toml", "--run", "run", *settings)
    assert code in (0, 1), err
    logs = json.loads((project / "run" / "night-001" / "read.json").read_text())
    lines = (project / "run" / "night-001" / "sessions" / "shown.jsonl").read_text().splitlines()
    shown = [json.loads(line) for line in lines]
    assert logs["approvals"] == {"ann: turns >= 3": sum(len(each["turns"]) >= 3 for each in shown)}
    assert logs["shown"] == len(shown) > logs["approvals"]["ann: turns >= 3"], "the world is learnt from every session"
    cards = [path.read_text() for path in (project / "run" / "policies").glob("*/README.md")]
    assert len(cards) == 2
    assert all("ann: turns >= 3" in card for card in cards)


def test_rejected_sessions_are_used_for_nothing(project: Path, dream: DREAM) -> None:
    dream("approve", "sessions.jsonl", "--where", "turns >= 3", "--reject")
    code, _, err = dream("author", "night.toml", "--run", "run")
    assert code == 0, err
    logs = json.loads((project / "run" / "night-001" / "read.json").read_text())
    kept = [json.loads(line) for part in ("shown", "selection", "held_out")
            for line in (project / "run" / "night-001" / "sessions" / f"{part}.jsonl").read_text().splitlines()]
    assert logs["rejected"] + len(kept) == 120
    assert all(len(each["turns"]) < 3 for each in kept)


def test_decisions_one_by_one_are_kept_at_once(
    project: Path, dream: DREAM, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = distinct(5)
    own.write(sessions, project / "five.jsonl")
    answers = iter(["y", "n", "s", "q"])
    monkeypatch.setattr("rich.prompt.Prompt.ask", lambda *_, **__: next(answers))
    code, out, _ = dream("approve", "five.jsonl", "--ask", "--by", "ann")
    assert code == 0
    ledger = Ledger(project / "approvals.ledger")
    decisions = [ledger.decision(session) for session in read(["five.jsonl"], project)]
    assert [each and each.verdict for each in decisions] == ["approved", "rejected", None, None, None]
    assert "1 approved, 1 rejected" in out


def test_all_and_where_contradict_each_other(project: Path, dream: DREAM) -> None:
    code, _, err = dream("approve", "sessions.jsonl", "--all", "--where", "turns > 1")
    assert code == 2
    assert "contradict" in err


def test_the_ledger_lies_beside_the_logs_where_a_night_looks_for_it(
    project: Path, dream: DREAM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.parent)
    dream("approve", f"{project.name}/sessions.jsonl", "--where", "turns >= 3", "--reject")
    assert (project / "approvals.ledger").exists()
    dream("author", f"{project.name}/night.toml", "--run", str(project / "run"))
    assert json.loads((project / "run" / "night-001" / "read.json").read_text())["rejected"] > 0


def test_a_decision_that_finds_no_space_leaves_no_half_line(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "approvals.ledger")
    decide(ledger, "approved", SESSIONS[:1])
    before = ledger.path.read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, limit[1]))
        with pytest.raises(OSError, match=r"space|large"):
            decide(ledger, "approved", distinct(50))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert ledger.path.read_bytes() == before


def test_a_rule_that_turns_decisions_says_so(project: Path, dream: DREAM) -> None:
    dream("approve", "sessions.jsonl", "--where", "turns >= 3", "--reject")
    _, _, err = dream("approve", "sessions.jsonl", "--all")
    assert "had been decided otherwise" in err
