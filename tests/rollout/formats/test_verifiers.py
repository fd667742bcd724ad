"""verifiers' traces: `data/make_verifiers.py` made the file, with the library that the tests do without.

The same script compares a file as the library reads it; here it is compared as JSON.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from rollout.formats import own, verifiers
from rollout.log import Log, SessionError
from rollout.sessions import Summary, read
from rollout.trajectory import Image, Message, Reasoning, Trajectory, Turn
from tests.rollout.formats.conversations import conversations, said

TRACES = Path(__file__).parent / "data" / "verifiers.jsonl"
LINES = [json.loads(line) for line in TRACES.read_text().splitlines()]
INLINE = LINES[0]["traces"][0]["nodes"][1]["message"]["content"][1]["image_url"]["url"]


def without_nothing(value: Any) -> Any:
    """As the library would read both: null is absent, and so are the token columns."""
    if isinstance(value, dict):
        return {key: without_nothing(each) for key, each in value.items()
                if each is not None and key not in verifiers.TOKENS}
    return [without_nothing(each) for each in value] if isinstance(value, list) else value


def texts(session: Trajectory) -> list[tuple[str, str | None]]:
    return [(turn.action.text, turn.answer) for turn in session.turns]


def test_a_branch_is_a_session() -> None:
    summary = Summary()
    forked, other, judge, failed, bare = read([str(TRACES)], summary=summary)
    assert [each.id for each in (forked, other, judge, failed, bare)] == [
        "t-forked/0", "t-forked/1", "t-judge", "t-failed", "t-bare"]
    calls = 'add {"x": 1, "y": 2}\nadd {"x": broken\nshell ls -l'
    assert texts(forked) == [(calls, "not JSON\n3\n"), ("It is 3.", None)]
    assert texts(other) == [(calls, "not JSON\n3\n"), ("Three — über \U0001f600", "Sure?"), ("", None)]
    assert summary.formats == {"verifiers": 1}
    assert summary.skipped["token columns of a message"].count == 7


def test_everything_said_is_kept() -> None:
    session = next(read([str(TRACES)]))
    assert session.system is not None
    assert session.system.content == "Be brief."
    first = session.turns[0]
    assert [part.text for part in first.action.parts if isinstance(part, Reasoning)] == ["Sum them."]
    assert [(call.id, call.name, call.arguments) for call in first.action.calls] == [
        ("c0", "add", '{"x": 1,  "y": 2}'), ("c1", "add", '{"x": broken'), ("c2", "shell", "ls -l")]
    assert first.observation is not None
    assert [(each.call, each.name, each.text) for each in first.observation.messages] == [
        ("c1", "add", "not JSON"), ("c0", None, "3"), ("c2", None, "")]
    assert session.tools == (LINES[0]["traces"][0]["tools"][0],)
    assert (session.task, session.policy, session.stop) == ("sums/1", "small", "agent_completed")
    pictures = [part for part in session.observation.messages[0].parts if isinstance(part, Image)]
    assert pictures[0].reference.startswith("sha256:")
    assert pictures[0].media_type == "image/png"
    assert pictures[1].reference == "https://example.org/a.png"


def test_rewards_are_weighted_and_ends_are_known() -> None:
    forked, other, judge, failed, bare = read([str(TRACES)])
    assert [each.outcome for each in (forked, other, judge, failed, bare)] == [0.75, 0.75, -2.0, None, None]
    assert [turn.reward for turn in other.turns] == [None, None, 0.75]
    assert [(each.turns[-1].terminated, each.turns[-1].truncated) for each in (forked, failed, bare)] == [
        (True, None), (False, True), (None, None)]


@pytest.mark.parametrize("stored", [False, True])
def test_a_file_is_written_as_it_was_read(stored: bool, tmp_path: Path) -> None:
    sessions = list(read([str(TRACES)]))
    if stored:
        own.write(sessions, tmp_path / "own.jsonl")
        sessions = list(read(["own.jsonl"], tmp_path))
    verifiers.write(sessions, tmp_path / "traces.jsonl")
    after = [json.loads(line) for line in (tmp_path / "traces.jsonl").read_text().splitlines()]
    digest = after[0]["traces"][0]["nodes"][1]["message"]["content"][1]["image_url"]["url"]
    assert digest.startswith("sha256:")
    before = json.loads(json.dumps(LINES).replace(INLINE, digest))
    assert without_nothing(after) == without_nothing(before)


def test_traces_without_some_of_their_branches_close_ranks(tmp_path: Path) -> None:
    _, other, judge, *_ = read([str(TRACES)])
    verifiers.write([other, judge], tmp_path / "traces.jsonl")
    (line,) = map(json.loads, (tmp_path / "traces.jsonl").read_text().splitlines())
    assert [node["parent"] for node in line["traces"][0]["nodes"]] == [None, 0, 1, 2, 3, 4, 5, 6, 7]
    assert [call["node"] for call in line["traces"][0]["calls"]] == [2, 8]
    assert line["traces"][0]["nodes"][6]["semantic_parents"] == []
    again = list(read(["traces.jsonl"], tmp_path))
    assert [texts(each) for each in again] == [texts(other), texts(judge)]


@given(conversation=conversations())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_conversation_comes_back(conversation: Trajectory, tmp_path: Path) -> None:
    verifiers.write([conversation, conversation.model_copy(update={"id": "second"})], tmp_path / "traces.jsonl")
    assert [said(each) for each in read(["traces.jsonl"], tmp_path)] == [said(conversation)] * 2


def test_what_verifiers_has_no_word_for(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "Look:"}, {"type": "image", "reference": "https://example.org/a.png"},
             {"type": "other", "value": {"type": "audio"}}]
    session = Trajectory.model_validate({
        "id": "s", "source": "dreamed", "task": "t", "outcome": 2.0, "policy": "p",
        "tools": ({"type": "function", "function": {"name": "f", "description": "d"}}, {"name": "g"}, 3),
        "observation": {"messages": ({"role": "developer", "content": "Be kind."}, {"role": "user", "content": parts})},
        "turns": ({"action": {"role": "assistant", "content": parts}, "observation": "done", "truncated": True},),
    })
    verifiers.write([session], tmp_path / "traces.jsonl")
    (found,) = read(["traces.jsonl"], tmp_path)
    assert found.system == Message(role="system", content="Be kind.", extra=found.system and found.system.extra)
    words = 'Look:\n[image https://example.org/a.png]\n{"type": "audio"}'
    assert found.observation.text == words
    assert texts(found) == [(words, "done")]
    assert found.tools == ({"type": "function", "name": "f", "description": "d"}, {"name": "g"},
                           {"type": "other", "name": "", "definition": 3})
    assert (found.outcome, found.task, found.policy, found.stop) == (2.0, "t", "p", "truncated")
    assert found.turns[-1].truncated


def test_a_trace_in_which_no_agent_speaks_is_counted(tmp_path: Path) -> None:
    silent = {**LINES[2], "nodes": LINES[2]["nodes"][:1]}
    lines = [LINES[2], silent, {"kind": "of the future"}, {**LINES[1], "traces": []}]
    (tmp_path / "traces.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    summary = Summary()
    assert len(list(read(["traces.jsonl"], tmp_path, summary=summary))) == 1
    assert {reason: each.count for reason, each in summary.skipped.items()} == {
        "token columns of a message": 1, "the agent never speaks": 1, "neither an episode nor a trace": 1,
        "an episode without a trace": 1}


def set_parent(index: int, parent: Any) -> Callable[[dict[str, Any]], None]:
    return lambda trace: trace["nodes"][index].update(parent=parent)


def set_message(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda trace: trace["nodes"][2]["message"].update(changes)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (set_parent(3, 99), r"nodes\[3\] has the parent 99, and there are 10 nodes"),
        (set_parent(3, -1), r"nodes\[3\] has the parent -1"),
        (set_parent(3, True), r"nodes\[3\] has the parent True"),
        (set_parent(3, "2"), r"nodes\[3\] has the parent '2'"),
        (set_parent(3, 3), r"nodes\[3\] is its own ancestor"),
        (set_parent(2, 4), r"nodes\[\d\] is its own ancestor"),
        (set_parent(0, 9), r"nodes\[\d\] is its own ancestor"),
        (lambda trace: trace.update(nodes={}), "has no list `nodes`"),
        (lambda trace: trace.update(nodes=[3]), "has no list `nodes`"),
        (lambda trace: trace["nodes"][1].pop("message"), r"nodes\[1\] has no message with a role"),
        (set_message(content=3), r"nodes\[2\] has content of type int"),
        (set_message(content=[{"type": "video"}]), r"nodes\[2\] has a part that is neither"),
        (set_message(tool_calls=[{"name": "f"}]), r"nodes\[2\] has a tool call without name and arguments"),
        (set_message(tool_calls="f"), r"nodes\[2\] has a tool call without"),
        (lambda trace: trace.update(rewards={"a": 1.0}), "has rewards .*, not a score and a weight each"),
        (lambda trace: trace.update(rewards=[1.0]), "has rewards .*, not a score and a weight each"),
    ],
)
def test_a_damaged_trace_is_refused(damage: Callable[[dict[str, Any]], None], message: str, tmp_path: Path) -> None:
    line = json.loads(json.dumps(LINES[0]))
    damage(line["traces"][0])
    (tmp_path / "traces.jsonl").write_text(json.dumps(LINES[2]) + "\n" + json.dumps(line) + "\n")
    with pytest.raises(SessionError, match=rf"traces\.jsonl, line 2: traces\[0\] {message}.*The trace was damaged"):
        list(read(["traces.jsonl"], tmp_path))


@pytest.mark.parametrize("line", ["3", "[]", '{"traces": 3}', '{"traces": [3]}', '"nodes"'])
def test_a_line_that_is_no_episode_is_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / "traces.jsonl").write_text(json.dumps(LINES[2]) + "\n" + line + "\n")
    with pytest.raises(SessionError, match=r"line 2: .*Expected one episode a line"):
        list(verifiers.read(Log(tmp_path / "traces.jsonl", "log")))


def test_consecutive_turns_are_not_merged(tmp_path: Path) -> None:
    turns = (Turn(action=Message(role="assistant", content="a")), Turn(action=Message(role="assistant", content="b")))
    verifiers.write([Trajectory(id="s", source="real", observation="o", turns=turns)], tmp_path / "traces.jsonl")
    (found,) = read(["traces.jsonl"], tmp_path)
    assert [turn.action.text for turn in found.turns] == ["a", "b"]
