"""Chats, made with OpenAI's own types: what is read is what was logged, and comes out again."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionFunctionToolParam, ChatCompletionMessageParam
from pydantic import TypeAdapter

from rollout.formats import chat
from rollout.sessions import Summary, read
from rollout.trajectory import Image, Reasoning, Trajectory
from tests.rollout.formats.conversations import conversations, said

MESSAGES = TypeAdapter(list[ChatCompletionMessageParam])
DATA = Path(__file__).parent / "data"
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUg=="


def load(folder: Path, *values: Any) -> list[Trajectory]:
    (folder / "log.jsonl").write_text("".join(json.dumps(value) + "\n" for value in values))
    return list(read(["log.jsonl"], folder))


def written(folder: Path, sessions: list[Trajectory]) -> list[Any]:
    chat.write(sessions, folder / "out.jsonl")
    return [json.loads(line) for line in (folder / "out.jsonl").read_bytes().splitlines()]


def completion(**message: Any) -> dict[str, Any]:
    """An agent's message as the API answers it, and as programs log it."""
    answer = ChatCompletion.model_validate({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **message}}],
    })
    return answer.choices[0].message.model_dump()


def call(id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


TOOL: ChatCompletionFunctionToolParam = {
    "type": "function", "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object"}},
}
CONVERSATION: dict[str, Any] = {
    "id": "c1", "task_id": 7, "reward": 1.0, "model": "gpt", "tools": [TOOL],
    "messages": [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "name": "ann", "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "high"}},
            {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        ]},
        completion(content=None, tool_calls=[call("1", "look", '{"at": "a",  "n": 1.0}'), call("2", "look", "none")]),
        {"role": "tool", "tool_call_id": "2", "content": "No."},
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "A tree."}]},
        completion(content="A tree.", refusal=None),
        completion(content="Anything else?"),
        {"role": "user", "content": ""},
        completion(content=None, refusal="I will not."),
        {"role": "system", "content": "Time is up."},
    ],
}


def test_a_conversation_of_the_library_comes_out_as_it_went_in(tmp_path: Path) -> None:
    (session,) = load(tmp_path, CONVERSATION)
    assert written(tmp_path, [session]) == [CONVERSATION]


def test_it_survives_the_projects_own_file(tmp_path: Path) -> None:
    sessions = load(tmp_path, CONVERSATION)
    stored = Trajectory.model_validate_json(sessions[0].model_dump_json(exclude_none=True), strict=True)
    assert [stored] == sessions
    assert written(tmp_path, [stored]) == [CONVERSATION]


def test_a_step_is_a_message_and_all_that_came_back(tmp_path: Path) -> None:
    (session,) = load(tmp_path, CONVERSATION)
    assert [turn.action.text for turn in session.turns] == [
        'look {"at": "a", "n": 1.0}\nlook none', "A tree.", "Anything else?", ""]
    assert [turn.answer for turn in session.turns] == ["No.\nA tree.", "", "", "Time is up."]
    assert session.system
    assert session.system.text == "Be brief."
    assert session.observation.text.startswith("What is this?\n[image https://example.com/a.png]")
    last = session.turns[-1]
    assert (session.task, session.outcome, last.reward, last.terminated) == ("7", 1.0, 1.0, None)


def test_parallel_calls_keep_their_order_and_the_ids_of_their_answers(tmp_path: Path) -> None:
    (session,) = load(tmp_path, CONVERSATION)
    turn = session.turns[0]
    assert [each.id for each in turn.action.calls] == ["1", "2"]
    assert turn.observation
    assert [message.call for message in turn.observation.messages] == ["2", "1"]


def test_equal_calls_are_heard_as_equal_however_their_arguments_were_spaced(tmp_path: Path) -> None:
    texts = ['{"a":1,"b":[2]}', '{ "b": [2], "a": 1 }']
    values = [{"messages": [{"role": "user", "content": "x"},
                            {"role": "assistant", "content": None, "tool_calls": [call("1", "f", text)]}]}
              for text in texts]
    one, two = load(tmp_path, *values)
    assert one.turns[0].action.text == two.turns[0].action.text
    assert [session.turns[0].action.calls[0].arguments for session in (one, two)] == texts


def test_an_inline_image_is_kept_by_its_digest_and_said_so(tmp_path: Path) -> None:
    message = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PIXEL}}]}
    (tmp_path / "log.jsonl").write_text(json.dumps({"messages": [message, completion(content="x")]}))
    (session,) = read(["log.jsonl"], tmp_path, summary=(summary := Summary()))
    (image,) = session.observation.messages[0].parts
    assert isinstance(image, Image)
    assert (image.reference[:7], len(image.reference), image.media_type) == ("sha256:", 71, "image/png")
    assert summary.images == 1
    assert any("inline image" in line for line in summary.left_out())


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
def test_reasoning_is_kept_and_not_heard(key: str, tmp_path: Path) -> None:
    value = {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y", key: "Hm."}]}
    (session,) = load(tmp_path, value)
    action = session.turns[0].action
    assert [part.text for part in action.parts if isinstance(part, Reasoning)] == ["Hm."]
    assert action.text == "y"
    assert written(tmp_path, [session]) == [value]


@pytest.mark.parametrize("message", [
    {"content": "x", "tool_calls": None}, {"content": "x", "tool_calls": []}, {"tool_calls": [call("1", "f", "{}")]},
    {"content": None, "tool_calls": [call("1", "f", "{}")]}, {"content": "", "tool_calls": [call("1", "f", "{}")]},
    {"content": [], "tool_calls": [call("1", "f", "{}")]}, {"content": [{"type": "refusal", "refusal": "No."}]},
    {"content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]},
    {"content": "x", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]},
    {"content": "x", "tool_calls": [{"id": "1", "type": "custom", "custom": {"name": "f", "input": "a b"}}]},
    {"content": None, "function_call": {"name": "f", "arguments": "{}"}},
    {"content": "x", "audio": {"id": "audio_1"}, "annotations": [], "name": "bot"},
    {"content": None, "tool_calls": [call("1", "f", json.dumps({"big": 12345678901234567890123456789}))]},
    {"content": "x", "metadata": {"big": 12345678901234567890123456789, "none": None}},
])
def test_whatever_a_message_holds_comes_out_again(message: dict[str, Any], tmp_path: Path) -> None:
    value = {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", **message}], "extra": {"a": None}}
    assert written(tmp_path, load(tmp_path, value)) == [value]


def test_a_session_in_which_the_agent_never_speaks_is_left_out_and_counted(tmp_path: Path) -> None:
    values = [{"messages": [{"role": "user", "content": "Hello?"}]}, CONVERSATION]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(value) + "\n" for value in values))
    summary = Summary()
    assert len(list(read(["log.jsonl"], tmp_path, summary=summary))) == 1
    ((reason, skipped),) = summary.skipped.items()
    assert ("never speaks" in reason, skipped.count, skipped.first.line) == (True, 1, 1)


@given(st.lists(conversations(), min_size=1, max_size=3, unique_by=lambda session: session.id))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_conversation_survives(tmp_path: Path, sessions: list[Trajectory]) -> None:
    values = written(tmp_path, sessions)
    for value in values:
        MESSAGES.validate_python(value["messages"])
    back = list(read(["out.jsonl"], tmp_path))
    for before, after in zip(sessions, back, strict=True):
        assert (after.id, said(after), after.tools) == (before.id, said(before), before.tools)
    assert written(tmp_path, back) == values


@pytest.mark.parametrize("name", ["claude_code.jsonl", "codex.jsonl", "atif.json"])
def test_a_guest_from_another_format_becomes_a_valid_chat(name: str, tmp_path: Path) -> None:
    sessions = list(read([name], DATA))
    for value, session in zip(written(tmp_path, sessions), sessions, strict=True):
        assert value.keys() <= {"id", "task", "reward", "messages", "tools"}
        for message in value["messages"]:
            assert message.keys() <= {"role", "content", "tool_calls", "tool_call_id", "name", "reasoning_content"}
        calls = [call.name for turn in session.turns for call in turn.action.calls]
        named = [call["function"]["name"] for message in value["messages"] for call in message.get("tool_calls", [])]
        assert named == calls
        thoughts = [part.text for turn in session.turns for part in turn.action.parts if isinstance(part, Reasoning)]
        told = "\n\n".join(message.get("reasoning_content", "") for message in value["messages"])
        assert all(thought in told for thought in thoughts)
