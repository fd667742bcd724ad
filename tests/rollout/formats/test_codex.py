"""Codex rollouts: read, and written again as they were."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from rollout.formats import codex
from rollout.log import Log, SessionError
from rollout.trajectory import Call, Image, Message, Observation, Reasoning, Text, Trajectory, Turn
from tests.rollout.formats.conversations import conversations, said

DATA = Path(__file__).parent / "data"


def read(path: Path) -> tuple[list[Trajectory], Log]:
    log = Log(path, path.name)
    return list(codex.read(log)), log


def write(folder: Path, *records: Any) -> Path:
    path = folder / "rollout.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def item(**payload: Any) -> dict[str, Any]:
    return {"timestamp": "2026-01-01T00:00:00.000Z", "type": "response_item", "payload": payload}


META = {"timestamp": "2026-01-01T00:00:00.000Z", "type": "session_meta", "payload": {"id": "s", "cwd": "/"}}
USER = item(type="message", role="user", content=[{"type": "input_text", "text": "hi"}])
AGENT = item(type="message", role="assistant", content=[{"type": "output_text", "text": "hello"}])


def test_items_before_an_answer_are_one_step() -> None:
    (session,), log = read(DATA / "codex.jsonl")
    first, second, third = session.turns
    assert session.id == "0199a213-81c0-7800-8aa1-bbab2a035a53"
    assert session.policy == "gpt-5-codex"
    assert session.system is not None
    assert session.system.content == "You are a coding agent."
    assert session.tools == ({"name": "lookup", "description": "Looks up", "inputSchema": {"type": "object"}},)
    assert [message.role for message in session.observation.messages] == ["developer", "user"]
    assert [type(part) for part in first.action.parts] == [Reasoning, Text, Call, Call]
    assert [call.id for call in first.action.calls] == ["call_a", "call_b"]
    assert first.observation is not None
    assert [(each.call, each.failed) for each in first.observation.messages] == [("call_b", None), ("call_a", True)]
    assert [call.name for call in second.action.calls] == ["apply_patch", "web_search"]
    assert second.action.calls[0].arguments == "*** Begin Patch\n*** End Patch\n"
    assert second.observation is not None
    picture = second.observation.messages[0].parts[1]
    assert isinstance(picture, Image)
    assert picture.reference.startswith("sha256:")
    assert picture.media_type == "image/png"
    assert third.observation is None
    assert third.action.text == "Done."
    assert (session.pointer, first.line) == (log.pointer(1), 6)
    assert log.images == 1
    assert {reason: each.count for reason, each in log.skipped.items()} == {
        "event_msg token_count": 2, "event_msg agent_message": 1, "response_item ghost_snapshot": 1,
        "response_item some_future_item": 1, "future_line": 1,
    }


def test_the_bare_form() -> None:
    (session,), log = read(DATA / "codex_bare.jsonl")
    assert session.id == "5973b6c0-94b8-487b-a530-2aeb6098ae0e"
    assert session.system is not None
    assert session.system.content == "Be brief."
    assert session.turns[0].action.calls[0].text == 'local_shell {"command": ["ls"], "type": "exec"}'
    assert list(log.skipped) == ["state"]


@pytest.mark.parametrize("name", ["codex.jsonl", "codex_bare.jsonl"])
def test_what_is_kept_is_written_as_it_was(tmp_path: Path, name: str) -> None:
    sessions, log = read(DATA / name)
    codex.write(sessions, tmp_path)
    (path,) = tmp_path.iterdir()
    left_out = {"event_msg", "ghost_snapshot", "some_future_item", "future_line", "state"}
    kept = [
        record for record in map(json.loads, (DATA / name).read_text().splitlines())
        if not left_out & {record.get("type"), record.get("payload", {}).get("type"), record.get("record_type")}
    ]
    written = [json.loads(line) for line in path.read_text().splitlines()]
    if log.images:
        (place,) = [place for place, record in enumerate(kept) if "data:image" in json.dumps(record)]
        picture = kept[place]["payload"]["output"][1]
        reference = written[place]["payload"]["output"][1]
        assert reference.pop("media_type") == "image/png"
        assert reference["image_url"].startswith("sha256:")
        reference["image_url"] = picture["image_url"]
    assert written == kept
    again, _ = read(path)
    assert [said(session) for session in again] == [said(session) for session in sessions]


@given(conversations())
@settings(max_examples=60, deadline=None)
def test_any_conversation_can_be_written(tmp_path_factory: pytest.TempPathFactory, session: Trajectory) -> None:
    folder = tmp_path_factory.mktemp("codex")
    codex.write([session], folder)
    (path,) = folder.iterdir()
    first = json.loads(path.read_text().split("\n")[0])
    assert codex.recognises(Log(path, path.name), b"", first)
    (again,), _ = read(path)
    assert said(again) == said(session)
    codex.write([again], folder / "again")
    (second,) = (folder / "again").iterdir()
    assert second.read_bytes() == path.read_bytes()


def test_the_agent_may_speak_twice_in_a_row(tmp_path: Path) -> None:
    session = Trajectory(id="s", source="real", observation=Observation(messages=()), turns=(
        Turn(action=Message(role="assistant", content="a"), observation=Observation(messages=())),
        Turn(action=Message(role="assistant", content="b")),
    ))
    codex.write([session], tmp_path)
    (path,) = tmp_path.iterdir()
    (again,), _ = read(path)
    assert said(again) == said(session)
    codex.write([again], tmp_path / "again")
    (second,) = (tmp_path / "again").iterdir()
    assert said(read(second)[0][0]) == said(session)


@pytest.mark.parametrize(("record", "complaint"), [
    ([1], "line 2: not an object"),
    (item(type="message", role="user"), "line 2: a message without a role and content"),
    (item(type="message", role="user", content=["x"]), "line 2: a message with a part of type str"),
    (item(type="function_call", call_id="a", arguments="{}"), "line 2: a function_call with the name None"),
    (item(type="function_call", name="f", call_id=3, arguments="{}"), "call_id 3, not texts"),
    (item(type="function_call", name="f", call_id="a", arguments={}), "line 2: a function_call whose `arguments`"),
    (item(type="function_call_output", output="x"), "line 2: a function_call_output without a call_id"),
    (item(type="function_call_output", call_id="a", output={}), "line 2: a function_call_output whose `output`"),
])
def test_what_is_wrong_is_named(tmp_path: Path, record: Any, complaint: str) -> None:
    path = write(tmp_path, META, record, AGENT)
    with pytest.raises(SessionError, match=complaint) as error:
        read(path)
    assert "Expected" in str(error.value)


def test_a_line_that_breaks_off_at_the_end_is_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, META, USER, AGENT)
    with path.open("a") as stream:
        stream.write('{"timestamp": "2026')
    (session,), log = read(path)
    assert session.turns[0].action.text == "hello"
    assert log.skipped["the last line is cut off"].first.line == 4
    with path.open("a") as stream:
        stream.write("\n{}\n")
    with pytest.raises(SessionError, match="line 4: not JSON"):
        read(path)


def test_a_session_in_which_nobody_speaks_is_counted(tmp_path: Path) -> None:
    sessions, log = read(write(tmp_path, META, USER))
    assert (sessions, list(log.skipped)) == ([], ["the agent never speaks"])
