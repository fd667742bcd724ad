"""Reading logs: what is understood, and how everything else is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from rollout.log import SessionError
from rollout.sessions import read
from rollout.trajectory import Trajectory
from tests.games import Corridor, Shop, record

OWN: dict[str, Any] = {"id": "a", "source": "real", "observation": "o",
                       "turns": [{"action": "x", "observation": "p", "reward": 1.0}]}


def load(pattern: str, folder: Path) -> list[Trajectory]:
    return list(read([pattern], folder))


def own(**changes: Any) -> str:
    return json.dumps(OWN | changes)


def turn(**changes: Any) -> str:
    return own(turns=[OWN["turns"][0] | changes])


def chat(*roles: str, **extra: Any) -> str:
    """A chat whose messages say what place they have."""
    messages = [{"role": role, "content": f"m{place}"} for place, role in enumerate(roles)]
    return json.dumps({"messages": messages} | extra)


def message(**message: Any) -> str:
    return json.dumps({"messages": [{"role": "user", "content": "o"}, message]})


MALFORMED: dict[str, tuple[str | bytes, str]] = {
    "cut off": (own()[:-9], "not JSON"),
    "text": ("hello", "not JSON"),
    "NaN": (turn(reward=float("nan")), "not JSON"),
    "beyond floats": (turn(reward=1.0).replace("1.0", "1e999"), "not JSON|reward"),
    "lone surrogate": (own(observation="\ud800"), "lone surrogate"),
    "lone surrogate in a chat": (message(role="assistant", content="\udfff"), "lone surrogate"),
    "invalid UTF-8": (own().encode().replace(b'"o"', b'"\xff"'), "not UTF-8"),
    "NUL bytes": (b"\0\0\0", "not JSON"),
    "nested without end": ("[" * 100_000, "not JSON"),
    "list": ("[1]", "not a JSON object"),
    "null": ("null", "not a JSON object"),
    "string": ('"session"', "not a JSON object"),
    "empty object": ("{}", "id: Field required"),
    "another format": (chat("user", "assistant"), "id: Field required"),
    "turns are text": (own(turns="abc"), "turns"),
    "turns are numbers": (own(turns=[1]), r"turns\.0"),
    "id missing": (json.dumps({key: OWN[key] for key in OWN if key != "id"}), "id: Field required"),
    "id null": (own(id=None), "id"),
    "id number": (own(id=7), "id"),
    "unknown source": (own(source="logged"), "source"),
    "later version": (own(version=3), "version 3, not 2"),
    "unknown field": (own(colour="red"), "colour"),
    "observation number": (own(observation=7), "observation"),
    "action missing": (own(turns=[{"observation": "p"}]), r"turns\.0\.action"),
    "action null": (turn(action=None), r"turns\.0\.action"),
    "reward as text": (turn(reward="1"), r"turns\.0\.reward"),
    "reward as truth": (turn(reward=True), r"turns\.0\.reward"),
    "outcome as text": (own(outcome="0.5"), "outcome"),
    "seed as text": (own(seed="7"), "seed"),
    "end as text": (turn(terminated="yes"), r"turns\.0\.terminated"),
    "end as number": (turn(terminated=1), r"turns\.0\.terminated"),
}
MALFORMED_CHATS: dict[str, tuple[str, str]] = {
    "messages no list": ('{"messages": "hi"}', "no list `messages`"),
    "another format": (own(), "no list `messages`"),
    "message no object": ('{"messages": ["hi"]}', r"messages\[0\]"),
    "unknown role": (message(role="wizard", content="x"), r"messages\[1\] has role 'wizard'"),
    "no role": (message(content="x"), r"messages\[1\] has role None"),
    "content number": (message(role="assistant", content=7), r"messages\[1\].*int"),
    "part no object": (message(role="assistant", content=["x"]), r"messages\[1\].*part of type str"),
    "calls no list": (message(role="assistant", content=None, tool_calls={"id": "1"}), r"messages\[1\].*not a list"),
    "call no object": (message(role="assistant", content=None, tool_calls=["f"]), r"messages\[1\].*tool call"),
    "call without a function": (message(role="assistant", content=None, tool_calls=[{"id": "1"}]),
                                r"messages\[1\].*without a function"),
    "call without a name": (message(role="assistant", content=None, tool_calls=[{"function": {"arguments": "{}"}}]),
                            r"messages\[1\].*name None"),
    "call id number": (message(role="assistant", tool_calls=[{"id": 1, "function": {"name": "f", "arguments": ""}}]),
                       r"messages\[1\].*id 1"),
    "tools no list": (chat("user", "assistant", tools="f"), "`tools` is 'f'"),
    "lone surrogate": (message(role="assistant", content="\udfff"), "lone surrogate"),
    "reward as text": (chat("user", "assistant", reward="1"), "`reward` is '1'"),
    "reward as truth": (chat("user", "assistant", reward=True), "`reward` is True"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_line_is_refused_with_its_place_and_a_remedy(name: str, tmp_path: Path) -> None:
    line, problem = MALFORMED[name]
    refused(own(id="first").encode(), line if isinstance(line, bytes) else line.encode(), problem, tmp_path)


@pytest.mark.parametrize("name", MALFORMED_CHATS)
def test_a_malformed_chat_is_refused_with_its_place_and_a_remedy(name: str, tmp_path: Path) -> None:
    line, problem = MALFORMED_CHATS[name]
    refused(chat("user", "assistant").encode(), line.encode(), problem, tmp_path)


def refused(first: bytes, second: bytes, problem: str, folder: Path) -> None:
    file = folder / "log.jsonl"
    file.write_bytes(first + b"\n" + second + b"\n")
    with pytest.raises(SessionError, match=problem) as refusal:
        load("log.jsonl", folder)
    said = str(refusal.value)
    assert said.startswith(f"{file}, line 2: ")
    assert any(remedy in said for remedy in ("Expected", "Remove", "Convert", "Write whole", "Import"))
    assert len(said) < 600


@pytest.mark.parametrize("content", [b"", b"\n", b"  \n\t\n"])
def test_a_file_without_sessions_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_bytes(content)
    with pytest.raises(SessionError, match=r"log\.jsonl: empty. Expected"):
        load("log.jsonl", tmp_path)


@pytest.mark.parametrize("pattern", ["missing.jsonl", "*.json", "folder/*.jsonl", "/nowhere/log.jsonl"])
def test_a_pattern_that_no_file_matches_is_refused(pattern: str, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(own())
    with pytest.raises(SessionError, match=r"no such file\. Check the path"):
        list(read(["log.jsonl", pattern], tmp_path))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    with pytest.raises(SessionError, match="cannot be read"):
        load("logs", tmp_path)


def test_two_sessions_with_one_id_are_refused_naming_both(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(own(id="x") + "\n" + own(id="y"))
    (tmp_path / "b.jsonl").write_text(own(id="z") + "\n" + own(id="y"))
    with pytest.raises(SessionError, match=r"b\.jsonl, line 2: .*'y' \(the first: a\.jsonl, line 2\)"):
        list(read(["a.jsonl", "b.jsonl"], tmp_path))


def test_what_was_recorded_is_read_back(tmp_path: Path) -> None:
    sessions = [*record(Corridor(), 5), *record(Shop(), 5, seed=1)]
    (tmp_path / "log.jsonl").write_text("\n".join(session.model_dump_json() for session in sessions))
    found = load("log.jsonl", tmp_path)
    assert [session.model_copy(update={"pointer": None}) for session in found] == sessions


def test_every_session_points_to_its_line(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(f"\n{own(id='a')}\n\n{own(id='b')}\n")
    pointers = [session.pointer for session in read(["log.jsonl"], tmp_path)]
    assert [(pointer.file, pointer.line) for pointer in pointers if pointer] == [
        ("log.jsonl", 2), ("log.jsonl", 4)]


def test_files_are_read_in_the_order_given_and_globs_by_name(tmp_path: Path) -> None:
    for name in ("c", "a", "b"):
        (tmp_path / f"{name}.jsonl").write_text(own(id=name))
    assert [session.id for session in read(["c.jsonl", "[ab].jsonl"], tmp_path)] == ["c", "a", "b"]


def test_a_folder_whose_name_looks_like_a_glob_is_taken_by_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "logs [1]"
    folder.mkdir()
    (folder / "log.jsonl").write_text(own())
    assert len(load("*.jsonl", folder)) == 1


def test_a_chat_is_read_as_world_and_agent_in_turn(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(chat("system", "user", "assistant", "user", "assistant", "user", reward=2))
    (session,) = read(["log.jsonl"], tmp_path)
    assert session.system
    assert (session.system.text, session.observation.text) == ("m0", "m1")
    assert [(turn.action.text, turn.answer) for turn in session.turns] == [("m2", "m3"), ("m4", "m5")]


def test_a_developer_message_is_a_system_prompt(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(chat("developer", "user", "assistant"))
    (session,) = read(["log.jsonl"], tmp_path)
    assert session.system
    assert session.system.text == "m0"


def test_the_reward_of_a_chat_belongs_to_its_last_turn(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(chat("user", "assistant", "user", "assistant", "user", reward=-0.5))
    (session,) = read(["log.jsonl"], tmp_path)
    assert [turn.reward for turn in session.turns] == [None, -0.5]
    assert session.outcome == -0.5


@pytest.mark.parametrize("extra", [{}, {"reward": None}])
def test_a_chat_without_reward_has_none(extra: dict[str, None], tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(chat("user", "assistant", "user", **extra))
    (session,) = read(["log.jsonl"], tmp_path)
    assert (session.turns[0].reward, session.outcome) == (None, None)


def test_a_chat_that_ends_with_the_agent_has_no_last_answer(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(chat("user", "assistant", "user", "assistant"))
    assert [turn.answer for turn in load("log.jsonl", tmp_path)[0].turns] == ["m2", None]


@pytest.mark.parametrize("extra", [{}, {"id": None}])
def test_chats_without_ids_get_different_ones(extra: dict[str, None], tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("\n".join([chat("user", "assistant", **extra)] * 2))
    assert len({session.id for session in read(["log.jsonl"], tmp_path)}) == 2


def test_chats_without_ids_in_files_of_one_name_get_different_ones(tmp_path: Path) -> None:
    for folder in ("monday", "tuesday"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "log.jsonl").write_text(chat("user", "assistant"))
    assert len({session.id for session in read(["*/log.jsonl"], tmp_path)}) == 2


@pytest.mark.parametrize("text", ["", "  spaces  ", "line\nline", "é ⟦a⟧ 🜁", "\u2028", "\x00", "a\\u0041", '"""'])
def test_texts_are_kept_as_they_are(text: str, tmp_path: Path) -> None:
    (tmp_path / "own.jsonl").write_text(own(observation=text))
    (tmp_path / "chat.jsonl").write_text(json.dumps({"messages": [{"role": "user", "content": text},
                                                                 {"role": "assistant", "content": text}]}))
    mine, theirs = read(["own.jsonl", "chat.jsonl"], tmp_path)
    assert mine.observation.text == theirs.observation.text == theirs.turns[0].action.text == text
