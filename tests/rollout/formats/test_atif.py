"""ATIF documents: read step by step, and written again as they were."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from rollout.formats import atif
from rollout.log import Log, SessionError
from rollout.trajectory import Call, Image, Message, Observation, Other, Reasoning, Text, Trajectory, Turn
from tests.rollout.formats.conversations import conversations, said

DATA = Path(__file__).parent / "data" / "atif.json"
AGENT_ONLY = {"model_name", "reasoning_effort", "reasoning_content", "tool_calls", "metrics"}
STEP = {"step_id", "timestamp", "source", "message", "observation", "is_copied_context", "llm_call_count", "extra"}


def read(path: Path) -> tuple[list[Trajectory], Log]:
    log = Log(path, path.name)
    return list(atif.read(log)), log


def write(folder: Path, *steps: Any, **about: Any) -> Path:
    path = folder / "trajectory.json"
    document = {"schema_version": "ATIF-v1.6", "session_id": "s", "agent": {"name": "a", "version": "1"}}
    path.write_text(json.dumps({**document, "steps": steps, **about}, indent=1))
    return path


def step(number: int, source: str, message: Any = "x", **about: Any) -> dict[str, Any]:
    return {"step_id": number, "source": source, "message": message, **about}


def check(document: dict[str, Any]) -> None:
    """The rules of the schema that a writer could break."""
    assert document["schema_version"] == "ATIF-v1.7"
    assert {"name", "version"} <= document["agent"].keys()
    assert [each["step_id"] for each in document["steps"]] == list(range(1, len(document["steps"]) + 1))
    for each in document["steps"]:
        assert each.keys() <= STEP | (AGENT_ONLY if each["source"] == "agent" else set())
        assert each["source"] in ("system", "user", "agent")
        content(each["message"])
        calls = each.get("tool_calls", [])
        assert all(isinstance(call["arguments"], dict) and isinstance(call["tool_call_id"], str) for call in calls)
        for result in each.get("observation", {"results": []})["results"]:
            assert result.get("source_call_id") in {None, *(call["tool_call_id"] for call in calls)}
            content(result.get("content", ""))


def content(value: Any) -> None:
    for part in [] if isinstance(value, str) else value:
        if part["type"] == "text":
            assert part.keys() == {"type", "text"}
        else:
            assert part.keys() == {"type", "source"}
            assert part["source"].keys() == {"media_type", "path"}


def test_steps_and_subagents() -> None:
    (session, subagent), log = read(DATA)
    assert session.id == "traj-main:trajectory.cont-1.json"
    assert subagent.id == f"{session.id}/traj-sub"
    assert session.policy == "claude-sonnet-4-6"
    assert session.system is not None
    assert session.system.content == "You are terminus."
    assert session.tools is not None
    first = session.turns[0]
    assert [part.type for part in first.action.parts] == ["reasoning", "call", "call"]
    assert first.observation is not None
    assert [(each.role, each.call, each.failed) for each in first.observation.messages] == [
        ("tool", "c2", None), ("tool", "c1", True), ("tool", None, None),
    ]
    assert session.turns[1].observation == Observation(messages=())
    lines = DATA.read_text().splitlines()
    for turn, number in zip(session.turns, (3, 5, 6, 8), strict=True):
        assert turn.line is not None
        assert lines[turn.line - 1 : turn.line + 1] == ["    {", f'      "step_id": {number},']
    assert subagent.pointer is not None
    assert lines[subagent.pointer.line] == '      "schema_version": "ATIF-v1.7",'
    assert not log.skipped


def test_everything_is_written_as_it_was(tmp_path: Path) -> None:
    sessions, _ = read(DATA)
    atif.write(sessions, tmp_path)
    (path,) = tmp_path.iterdir()
    assert json.loads(path.read_text()) == json.loads(DATA.read_text())
    assert path.read_text() != ""
    again, _ = read(path)
    assert [session.turns for session in again][1:] == [session.turns for session in sessions][1:]
    assert [said(session) for session in again] == [said(session) for session in sessions]


def test_the_document_may_stand_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    document = json.dumps(json.loads(DATA.read_text()))
    path.write_text(f"\n{document}\n")
    sessions, log = read(path)
    assert [said(session) for session in sessions] == [said(session) for session in read(DATA)[0]]
    assert [session.pointer for session in sessions] == [log.pointer(2)] * 2
    for text in (document, DATA.read_text()):
        first = text.split("\n")[0]
        assert atif.recognises(log, text.encode(), None if first == "{" else json.loads(first))


@given(conversations())
@settings(deadline=None)
def test_any_conversation_can_be_written(tmp_path_factory: pytest.TempPathFactory, session: Trajectory) -> None:
    folder = tmp_path_factory.mktemp("atif")
    atif.write([session], folder)
    (path,) = folder.iterdir()
    check(json.loads(path.read_text()))
    (again,), _ = read(path)
    assert (again.id, said(again), again.tools) == (session.id, said(session), session.tools)
    atif.write([again], folder / "again")
    (second,) = (folder / "again").iterdir()
    assert json.loads(second.read_text()) == json.loads(path.read_text())


def test_what_the_format_has_no_place_for(tmp_path: Path) -> None:
    """Roles, failures, results out of turn, and calls without ids or objects."""
    session = Trajectory(id="a/b", source="real", observation=Observation(messages=(
        Message(role="user", content="x", name="ann"), Message(role="developer", content="y"),
    )), turns=(
        Turn(action=Message(role="assistant", content=(
            Call(name="f", arguments="free text"), Text(text="after"), Reasoning(text="one"), Reasoning(text="two"),
        )), observation=Observation(messages=(
            Message(role="tool", content=(Other(value=[1]), Image(reference="sha256:00")), failed=True),
            Message(role="user", content="wait"), Message(role="tool", content="late", call="z", failed=False),
        ))),
        Turn(action=Message(role="assistant", content="end")),
    ))
    atif.write([session], tmp_path)
    (path,) = tmp_path.iterdir()
    check(json.loads(path.read_text()))
    (again,), _ = read(path)
    assert [(each.role, each.name) for each in again.observation.messages] == [("user", "ann"), ("developer", None)]
    assert said(again)[1] == [
        ["assistant", None, [
            ["reasoning", "one\n\ntwo"], ["text", "after"], ["call", "f", {"input": "free text"}, "call_made_up_1"],
        ]],
        [["tool", "call_made_up_1", [["text", "[1]"], ["image", "sha256:00", "image/png"]]],
         ["user", None, [["text", "wait"]]], ["tool", "z", [["text", "late"]]]],
    ]
    heard = again.turns[0].observation
    assert heard is not None
    assert [message.failed for message in heard.messages] == [True, None, False]
    atif.write([again], tmp_path / "again")
    (second,) = (tmp_path / "again").iterdir()
    assert json.loads(second.read_text()) == json.loads(path.read_text())


def test_the_agent_may_speak_twice_in_a_row(tmp_path: Path) -> None:
    session = Trajectory(id="s", source="real", observation=Observation(messages=()), turns=(
        Turn(action=Message(role="assistant", content="a"), observation=Observation(messages=())),
        Turn(action=Message(role="assistant", content="b")),
    ))
    atif.write([session], tmp_path)
    (path,) = tmp_path.iterdir()
    (again,), _ = read(path)
    assert said(again) == said(session)
    atif.write([again], tmp_path / "again")
    (second,) = (tmp_path / "again").iterdir()
    assert said(read(second)[0][0]) == said(session)


@pytest.mark.parametrize(("steps", "about", "complaint"), [
    ([], {"schema_version": "ATIF-v2.0"}, "line 1: `schema_version` is 'ATIF-v2.0'"),
    ([], {"agent": None}, "line 1: no `agent`"),
    ([], {"steps": {}}, "line 1: no `agent` or no list `steps`"),
    ([], {"subagent_trajectories": [3]}, "'3' where '{' belongs"),
    ([step(1, "robot")], {}, "line 9: a step whose source is 'robot'"),
    (["x"], {}, "line 9: a step whose source is 'x'"),
    ([step(1, "user", 3)], {}, "line 9: a message of type int"),
    ([step(1, "user", [3])], {}, "line 9: a part of type int"),
    ([step(1, "agent", tool_calls=[{"function_name": "f"}])], {}, "line 9: a tool call without tool_call_id"),
    ([step(1, "user"), step(2, "agent", observation=[])], {}, "line 14: an observation without a list `results`"),
    ([step(1, "agent", observation={"results": [3]})], {}, "line 9: a result that is no object"),
    ([step(1, "agent", observation={"results": [{"content": 3}]})], {}, "line 9: a result whose content is of type"),
    ([step(1, "user", "\ud800")], {}, "line 9: half of a character"),
    ([step(1, "user", float("nan"))], {}, "line 9: not JSON"),
    ([step(1, "agent", x=[[[]]] * 2)], {"tools": "x", "agent": {"tool_definitions": 3}}, "`tool_definitions`"),
])
def test_what_is_wrong_is_named(tmp_path: Path, steps: Any, about: Any, complaint: str) -> None:
    with pytest.raises(SessionError, match=complaint) as error:
        read(write(tmp_path, *steps, **about))
    assert any(remedy in str(error.value) for remedy in ("Expected", "Write whole", "Is the file cut off"))


@pytest.mark.parametrize(("text", "complaint"), [
    ('{"schema_version":\n"ATIF-v1.7",\n "steps": [{"step_id"', "line 3: not JSON"),
    ('{"schema_version":\n"ATIF-v1.7",\n "steps": [\n', "line 4: not JSON"),
    ('{"schema_version":\n"ATIF-v1.7",\n', "line 3: not JSON"),
    ('{"schema_version": "ATIF-v1.7"\n', "line 2: the document breaks off"),
    ('{"schema_version" "ATIF-v1.7"}', "line 1: '\"' where ':' belongs"),
    ("[]", "line 1: '\\[' where '{' belongs"),
    ('{"a": ' + "9" * 5000 + "}", "line 1: a number that is too long"),
    ('{"a": ' + "[" * 100000, "line 1: nested too deeply"),
    ('{"a": ' + "[" * 200 + "]" * 200 + "}", "line 1: nested too deeply"),
])
def test_a_broken_document_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(text)
    with pytest.raises(SessionError, match=complaint):
        read(path)


def test_a_document_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atif, "LARGEST", 100)
    with pytest.raises(SessionError, match=r"line 7: a document of more than .* MiB\. Split it"):
        read(write(tmp_path, step(1, "user")))


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(b'{\n"a": "\xff"}')
    with pytest.raises(SessionError, match=r"line 2: not UTF-8 at byte 9\. Convert"):
        read(path)
