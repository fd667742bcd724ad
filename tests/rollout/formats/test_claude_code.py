"""Claude Code logs: a tree of records into trajectories, and back."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from rollout.formats import claude_code
from rollout.log import Log, SessionError
from rollout.trajectory import Message, Observation, Trajectory, Turn
from tests.rollout.formats.conversations import conversations, said

DATA = Path(__file__).parent / "data" / "claude_code.jsonl"


def read(path: Path) -> tuple[list[Trajectory], Log]:
    log = Log(path, path.name)
    return list(claude_code.read(log)), log


def write(folder: Path, *records: Any) -> Path:
    path = folder / "session.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def user(id: str, parent: str | None, content: Any) -> dict[str, Any]:
    return {
        "type": "user", "uuid": id, "parentUuid": parent, "sessionId": "s",
        "message": {"role": "user", "content": content},
    }


def agent(id: str, parent: str | None, message: str, *content: Any) -> dict[str, Any]:
    return {
        "type": "assistant", "uuid": id, "parentUuid": parent, "sessionId": "s",
        "message": {"id": message, "role": "assistant", "model": "claude", "content": list(content)},
    }


def words(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def call(id: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": "f", "input": {}}


def result(id: str, parent: str, answers: str) -> dict[str, Any]:
    return user(id, parent, [{"type": "tool_result", "tool_use_id": answers, "content": answers}])


def test_branches_and_subagents_are_trajectories() -> None:
    sessions, log = read(DATA)
    assert {session.id: [turn.line for turn in session.turns] for session in sessions} == {
        "5e55:a6": [6, 14, 18], "5e55/ag1": [22], "5e55": [6, 14, 20, 26, 29],
    }
    retried, _, session = sessions
    assert session.policy == "claude-sonnet-4-6"
    assert retried.turns[0] == session.turns[0]
    first = session.turns[0]
    assert [part.type for part in first.action.parts] == ["reasoning", "text", "call", "call"]
    assert first.observation is not None
    assert [(each.role, each.call, each.failed) for each in first.observation.messages] == [
        ("tool", "toolu_1", True), ("tool", "toolu_2", None), ("user", None, None),
    ]
    assert first.observation.messages[2].text == "and hurry"
    summary = session.turns[2].observation
    assert summary is not None
    assert summary.messages[1].text.startswith("This session is being continued")
    assert log.images == 1
    assert {reason: each.count for reason, each in log.skipped.items()} == dict.fromkeys([
        "file-history-snapshot", "queue-operation", "attachment todo_reminder", "progress", "system turn_duration",
        "what no model said", "system compact_boundary", "last-prompt", "brand-new",
    ], 1)


def test_what_is_kept_is_written_as_it_was(tmp_path: Path) -> None:
    sessions, _ = read(DATA)
    claude_code.write(sessions, tmp_path)
    (path,) = tmp_path.iterdir()
    assert path.name == "5e55.jsonl"
    written = {record["uuid"]: record for record in map(json.loads, path.read_text().splitlines())}
    kept = {
        record["uuid"]: record for record in map(json.loads, DATA.read_text().splitlines())
        if "uuid" in record and record["uuid"] not in ("p1", "e1")
    }
    assert list(written) == list(kept)
    assert written["r1"].pop("parentUuid") == "a4"  # it hung on a progress record
    assert kept["r1"].pop("parentUuid") == "p1"
    for record, inline in ((written["r2"], False), (kept["r2"], True)):
        for place, key in (
            (record["message"]["content"][0]["content"][1]["source"], "data"),
            (record["toolUseResult"]["file"], "base64"),
        ):
            assert place.pop(key).startswith("sha256:") is not inline
    assert written == kept
    again, _ = read(path)
    assert [(each.id, said(each)) for each in again] == [(each.id, said(each)) for each in sessions]


@pytest.mark.parametrize("records", [
    # Every call's answer hangs on its call; the agent goes on below the last.
    [agent("a1", "u", "m", call("1")), agent("a2", "a1", "m", call("2")), result("r1", "a1", "1"),
     result("r2", "a2", "2"), agent("a3", "r2", "n", words("b"))],
    # An answer comes before the agent has said everything.
    [agent("a1", "u", "m", call("1")), result("r1", "a1", "1"), agent("a2", "r1", "m", call("2")),
     result("r2", "a2", "2"), agent("a3", "r2", "n", words("b"))],
    # Answers hang on one another, and the second comes first.
    [agent("a1", "u", "m", call("1"), call("2")), result("r1", "a1", "1"), result("r2", "r1", "2"),
     agent("a3", "r1", "n", words("b"))],
])
def test_parallel_calls_are_no_branches(tmp_path: Path, records: list[Any]) -> None:
    (session,), _ = read(write(tmp_path, user("u", None, "a"), *records))
    assert said(session)[1:] == [
        [["assistant", None, [["call", "f", {}, "1"], ["call", "f", {}, "2"]]],
         [["tool", "1", [["text", "1"]]], ["tool", "2", [["text", "2"]]]]],
        [["assistant", None, [["text", "b"]]], None],
    ]
    claude_code.write([session], tmp_path / "again")
    assert [json.loads(line) for line in (tmp_path / "again" / "s.jsonl").read_text().splitlines()] == [
        user("u", None, "a"), *records,
    ]


def test_a_missing_parent_begins_a_session(tmp_path: Path) -> None:
    sessions, log = read(write(
        tmp_path, user("u", None, "a"), agent("a", "u", "m", words("b")), user("v", "gone", "c"),
        agent("b", "v", "n", words("d")),
    ))
    assert {session.id: len(session.turns) for session in sessions} == {"s:a": 1, "s": 1}
    assert log.skipped["a parent that is not in the file: a session of its own begins"].first.line == 3


@given(conversations())
@settings(deadline=None)
def test_any_conversation_can_be_written(tmp_path_factory: pytest.TempPathFactory, session: Trajectory) -> None:
    folder = tmp_path_factory.mktemp("claude")
    claude_code.write([session], folder)
    (path,) = folder.iterdir()
    first = json.loads(path.read_text().split("\n")[0])
    assert claude_code.recognises(Log(path, path.name), b"", first)
    (again,), _ = read(path)
    assert (again.id, said(again), again.tools) == (session.id, said(session), session.tools)
    claude_code.write([again], folder / "again")
    (second,) = (folder / "again").iterdir()
    assert [json.loads(line) for line in second.read_text().split("\n")[:-1]] == [
        json.loads(line) for line in path.read_text().split("\n")[:-1]
    ]


def test_the_agent_may_speak_twice_in_a_row(tmp_path: Path) -> None:
    session = Trajectory(id="s", source="real", observation=Observation(messages=()), turns=(
        Turn(action=Message(role="assistant", content="a"), observation=Observation(messages=())),
        Turn(action=Message(role="assistant", content="b")),
    ))
    claude_code.write([session], tmp_path)
    (path,) = tmp_path.iterdir()
    (again,), _ = read(path)
    assert said(again) == said(session)
    claude_code.write([again], tmp_path / "again")
    (second,) = (tmp_path / "again").iterdir()
    assert said(read(second)[0][0]) == said(session)


@pytest.mark.parametrize(("record", "complaint"), [
    ("x", "line 2: not an object"),
    ({"type": "user", "message": {}}, "line 2: a record of type 'user' without uuid and message"),
    ({"type": "assistant", "uuid": "a"}, "line 2: a record of type 'assistant' without uuid and message"),
    (user("v", 3, "x"), "line 2: `parentUuid` 3"),  # type: ignore[arg-type]
    (user("v", "u", 3), "line 2: content that is no text"),
    (user("v", "u", ["x"]), "line 2: content that is no text"),
    (agent("a", "u", "m", "x"), "line 2: content that is no text"),
    (user("v", "v", "x"), "line 2: a record that is its own ancestor"),
])
def test_what_is_wrong_is_named(tmp_path: Path, record: Any, complaint: str) -> None:
    path = write(tmp_path, user("u", None, "a"), record)
    with pytest.raises(SessionError, match=complaint) as error:
        read(path)
    assert str(path) in str(error.value)
    assert any(remedy in str(error.value) for remedy in ("Expected", "Correct"))


def test_a_line_that_breaks_off_at_the_end_is_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, user("u", None, "a"), agent("a", "u", "m", words("b")))
    with path.open("a") as stream:
        stream.write('{"type": "user", "uu')
    (session,), log = read(path)
    assert session.turns[0].action.text == "b"
    assert list(log.skipped) == ["the last line is cut off"]


def test_a_long_session_is_no_deep_recursion(tmp_path: Path) -> None:
    records = [user("0", None, "a")]
    for number in range(1, 4000):
        say = agent(str(number), str(number - 1), f"m{number}", words("b"))
        records.append(say if number % 2 else user(str(number), str(number - 1), "c"))
    (session,), _ = read(write(tmp_path, *records))
    assert len(session.turns) == 2000


def test_what_a_compaction_preserves_comes_after_its_summary(tmp_path: Path) -> None:
    """The boundary names a record that has been tied below the boundary."""
    boundary = {
        "type": "system", "subtype": "compact_boundary", "uuid": "c", "parentUuid": None, "logicalParentUuid": "a2",
        "sessionId": "s", "content": "Conversation compacted",
    }
    records = [
        user("u1", None, "a"), agent("a1", "u1", "m", words("b")), user("u2", "a1", "c"), boundary,
        user("u3", "c", "summary"), agent("a2", "u3", "n", words("d")),
    ]
    path = write(tmp_path, *records)
    (session,), _ = read(path)
    assert [(turn.action.text, turn.answer) for turn in session.turns] == [("b", "c\nsummary"), ("d", None)]
    claude_code.write([session], tmp_path / "again")
    written = [json.loads(line) for line in (tmp_path / "again" / "s.jsonl").read_text().splitlines()]
    assert written == records


def test_deep_nesting_is_named(tmp_path: Path) -> None:
    deep: Any = []
    for _ in range(900):
        deep = [deep]
    with pytest.raises(SessionError, match="line 2: nested too deeply"):
        read(write(tmp_path, user("u", None, "a"), {**agent("a", "u", "m", words("b")), "toolUseResult": deep}))
