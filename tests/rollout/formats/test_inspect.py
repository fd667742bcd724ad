"""Inspect's logs: what a sample means needs no library and is tested always; whole files are where it is installed.

`data/make_inspect.py` made the files. inspect_ai brings 160 MB and another fsspec, so it is no test dependency.
"""

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from rollout.formats import inspect_log
from rollout.log import Log, SessionError
from rollout.sessions import Summary, read
from rollout.trajectory import Call, Image, Message, Reasoning, Text, Trajectory, Turn
from tests.rollout.formats.conversations import conversations, said

DATA = Path(__file__).parent / "data"
EVAL = DATA / "inspect.eval"
SAMPLES = [json.loads(line) for line in (DATA / "inspect_samples.jsonl").read_text().splitlines()]
ABOUT = SAMPLES[0]["eval"]
library = pytest.mark.skipif(
    importlib.util.find_spec("inspect_ai") is None, reason="needs pip install 'dreaming-simulator[inspect]'"
)


def session(place: int = 0, **changes: Any) -> Trajectory:
    found = inspect_log.trajectory(Log(EVAL, "log"), 1, ABOUT, SAMPLES[place]["sample"] | changes)
    assert found is not None
    return found


def without_nothing(value: Any) -> Any:
    """As the library would read both: null is absent."""
    if isinstance(value, dict):
        return {key: without_nothing(each) for key, each in value.items() if each is not None}
    return [without_nothing(each) for each in value] if isinstance(value, list) else value


def digested(value: Any) -> Any:
    """With the inline image of the samples as it is kept."""
    picture = next(each for each in session().observation.messages[0].parts if isinstance(each, Image))
    text = json.dumps(value)
    inline = SAMPLES[0]["sample"]["input"][1]["content"][1]["image"]
    return json.loads(text.replace(inline, picture.reference))


def test_a_sample_is_a_conversation() -> None:
    found = session()
    assert found.system is not None
    assert found.system.content == "Be brief."
    first, last = found.turns
    thoughts = [part.text for part in first.action.parts if isinstance(part, Reasoning)]
    assert thoughts == ["Sum them.", "opaque"]
    assert [part.text for part in first.action.parts if isinstance(part, Text)] == ["Let me add.", "Now."]
    assert [(call.id, call.name, json.loads(call.arguments)) for call in first.action.calls] == [
        ("c0", "add", {"y": None, "x": 2**70, "f": 0.1, "s": "ü\U0001f600\0"}), ("c1", "add", {}),
        ("c2", "bash", {"input": "ls"}),
    ]
    assert first.observation is not None
    assert [(each.call, each.name, each.failed) for each in first.observation.messages] == [
        ("c1", "add", True), ("c0", "add", None), ("c2", "bash", None)]
    assert first.observation.messages[0].text == "Arguments are not JSON."
    assert first.observation.messages[2].text.count("as an attachment") == 40
    assert last.action.content == "It is 3."
    assert (found.id, found.task, found.policy, found.outcome) == ("u-long", "sums/sum 1", "mock/small", 1.0)
    assert (last.terminated, last.truncated, found.stop) == (True, None, None)


def test_images_are_kept_by_their_digests() -> None:
    log = Log(EVAL, "log")
    found = inspect_log.trajectory(log, 1, ABOUT, SAMPLES[0]["sample"])
    assert found is not None
    pictures = [part for part in found.observation.messages[0].parts if isinstance(part, Image)]
    assert pictures[0].reference.startswith("sha256:")
    assert pictures[0].media_type == "image/png"
    assert pictures[1].reference == "https://example.org/a.png"
    assert log.images == 2
    assert "base64" not in found.model_dump_json()


def test_how_a_sample_ended() -> None:
    cut, failed = session(1), session(2)
    assert (cut.stop, cut.turns[-1].terminated, cut.turns[-1].truncated) == ("message limit", False, True)
    assert (failed.stop, failed.turns[-1].terminated) == ("error: ConnectionError()", None)
    log = Log(EVAL, "log")
    assert inspect_log.trajectory(log, 4, ABOUT, SAMPLES[3]["sample"]) is None
    assert log.skipped["the agent never speaks"].count == 1


@pytest.mark.parametrize(
    ("value", "outcome"),
    [("C", 1.0), ("I", 0.0), ("P", 0.5), ("N", 0.0), (True, 1.0), (3, 3.0), (0.25, 0.25), ("0.5", 0.5), ("yes", 1.0),
     ("unclear", None), ("inf", None), (float("nan"), None), (2**2000, None), ([1, 2], None), ({"a": 1}, None)],
)
def test_a_score_is_the_outcome(value: Any, outcome: float | None) -> None:
    assert session(scores={"one": {"value": value}}).outcome == outcome


def test_the_first_score_that_is_a_number_is_the_outcome() -> None:
    scores = {"a": {"value": {"x": 1}}, "b": {"value": "P"}, "c": {"value": "C"}}
    assert session(scores=scores).outcome == 0.5
    assert session(scores={}).outcome is None


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_sample_is_written_as_it_was_read(place: int) -> None:
    before = digested(SAMPLES[place]["sample"])
    read_again = Trajectory.model_validate_json(session(place).model_dump_json())
    after = inspect_log.sample(read_again)
    if place == 1:
        assert after["scores"]["match"].pop("value") != before["scores"]["match"].pop("value")  # both are NaN
    assert without_nothing(after) == without_nothing(before)


@given(conversations())
@settings(max_examples=100, deadline=None)
def test_any_conversation_is_a_sample(conversation: Trajectory) -> None:
    value = json.loads(json.dumps(inspect_log.sample(conversation)))
    found = inspect_log.trajectory(Log(EVAL, "log"), 1, ABOUT, value)
    assert found is not None
    assert said(found) == said(conversation)


def elsewhere() -> Trajectory:
    """A session of another format, with what Inspect has no word for."""
    calls = (Call(name="f", arguments="not JSON", id="a"), Call(name="g", arguments="[1]", id="b"))
    failed = Message(role="tool", content="It broke.", call="a", failed=True)
    return Trajectory(
        id="s", source="real", task="t", tools=({"name": "f"},), observation="Go.", outcome=0.5, policy="p",
        turns=(Turn(action=Message(role="assistant", content=calls), observation={"messages": (failed,)}, reward=0.5,
                    truncated=True),),
    )


def test_what_inspect_has_no_word_for_comes_back() -> None:
    value = json.loads(json.dumps(inspect_log.sample(elsewhere())))
    found = inspect_log.trajectory(Log(EVAL, "log"), 1, inspect_log.NOTHING, value)
    assert found is not None
    assert [(call.name, call.arguments, call.id) for call in found.turns[0].action.calls] == [
        ("f", "not JSON", "a"), ("g", "[1]", "b")]
    assert found.turns[0].observation is not None
    assert [(each.text, each.failed) for each in found.turns[0].observation.messages] == [("It broke.", True)]
    assert (found.outcome, found.turns[-1].truncated) == (0.5, True)
    assert (found.task, found.tools) == ("t", ({"name": "f"},))


def test_a_log_is_recognised_by_its_content(tmp_path: Path) -> None:
    for name in ("log.eval", "unnamed"):
        (tmp_path / name).write_bytes(EVAL.read_bytes())
        log = Log(tmp_path / name, name)
        assert inspect_log.recognises(log, log.head(), None)
    start = b'{\n  "version": 2,\n  "status": "success",\n  "eval": {'
    assert inspect_log.recognises(Log(tmp_path / "log.json", "log"), start, None)
    assert not inspect_log.recognises(Log(tmp_path / "data.zip", "data"), b"PK\x03\x04" + b"word/document.xml", None)


def test_without_the_library_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("inspect_ai", "inspect_ai.log"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SessionError, match=r"pip install 'dreaming-simulator\[inspect\]'"):
        list(read([str(EVAL)]))
    with pytest.raises(SessionError, match=r"pip install 'dreaming-simulator\[inspect\]'"):
        inspect_log.write([elsewhere()], tmp_path / "log.eval")


def resolved(path: Path) -> Iterator[dict[str, Any]]:
    from inspect_ai.log import read_eval_log_samples

    for each in read_eval_log_samples(str(path), all_samples_required=False, resolve_attachments=True, format="eval"):
        yield each.model_dump(mode="json", exclude=inspect_log.LEFT_OUT)


@library
def test_a_log_reads_as_its_samples() -> None:
    summary = Summary()
    found = list(read([str(EVAL)], summary=summary))
    assert [each.model_copy(update={"pointer": None}) for each in found] == [
        session(place).model_copy(update={"pointer": None}) for place in (0, 1, 2)]
    assert summary.skipped["the agent never speaks"].count == 1
    assert (summary.formats, summary.images) == ({"inspect": 1}, 2)


@library
def test_a_log_written_again_is_the_same_log_to_inspect(tmp_path: Path) -> None:
    inspect_log.write(read([str(EVAL)]), tmp_path / "again")
    before, after = list(resolved(EVAL)), list(resolved(tmp_path / "again"))
    assert repr(digested(before[:3])) == repr(digested(after))  # NaN equals NaN here
    inspect_log.write(read([str(EVAL)]), tmp_path / "once more")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "once more").read_bytes()


@library
def test_a_json_log_holds_the_same_sessions(tmp_path: Path) -> None:
    from inspect_ai.log import read_eval_log, write_eval_log

    write_eval_log(read_eval_log(str(EVAL)), str(tmp_path / "log.json"), format="json")
    about = {"pointer": None, "extra": None}
    packed, plain = (
        {each.id: each.model_copy(update=about) for each in read([str(path)])} for path in (EVAL, tmp_path / "log.json")
    )
    assert packed == plain
    assert len(plain) == 3


@library
@given(conversation=conversations())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_conversation_comes_back_from_a_log(conversation: Trajectory, tmp_path: Path) -> None:
    inspect_log.write([conversation, conversation], tmp_path / "log.eval")
    first, second = inspect_log.read(Log(tmp_path / "log.eval", "log"))
    assert said(first) == said(second) == said(conversation)
    assert first.tools == conversation.tools
    assert first.id != second.id


@library
@pytest.mark.parametrize("damage", ["cut", "sample", "nothing"])
def test_a_broken_log_is_refused(damage: str, tmp_path: Path) -> None:
    whole, path = EVAL.read_bytes(), tmp_path / "log.eval"
    match damage:
        case "cut":
            path.write_bytes(whole[: len(whole) // 2])
        case "sample":
            start = whole.index(b"samples/sum 1_epoch_1.json") + 60
            path.write_bytes(whole[:start] + b"\xff" * 200 + whole[start + 200 :])
        case "nothing":
            path.write_bytes(b"PK\x03\x04")
    what = "sample 'sum 1' of epoch 1" if damage == "sample" else "the log"
    with pytest.raises(SessionError, match=rf"log\.eval: {what} cannot be read"):
        list(read(["log.eval"], tmp_path))
