"""Forty broken logs: each is refused with its file, its line and a remedy, whatever format it is or was meant to be."""

import gzip
import json
import shutil
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from rollout.log import LONGEST_LINE, Log, SessionError
from rollout.sessions import read, recognise
from rollout.trajectory import Trajectory

DATA = Path(__file__).parent / "data"
CHAT = json.dumps({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]}).encode()
OWN = json.dumps({"id": "a", "source": "real", "observation": "o",
                  "turns": [{"action": "x", "observation": "p"}]}).encode()
CLAUDE, CODEX, TRACES, ATIF = (
    (DATA / name).read_bytes() for name in ("claude_code.jsonl", "codex.jsonl", "verifiers.jsonl", "atif.json"))


def edited(log: bytes, line: int, change: Callable[[dict[str, Any]], Any]) -> bytes:
    """A log whose line (from 1) was changed as a JSON value."""
    lines = log.splitlines()
    value = json.loads(lines[line - 1])
    change(value)
    lines[line - 1] = json.dumps(value).encode()
    return b"\n".join(lines) + b"\n"


def document(change: Callable[[dict[str, Any]], Any]) -> bytes:
    value = json.loads(ATIF)
    change(value)
    return json.dumps(value, indent=2).encode()


def agent_line(log: bytes, role: str = "assistant") -> int:
    return next(number for number, line in enumerate(log.splitlines(), 1) if json.loads(line).get("type") == role)


def cycle(log: bytes) -> bytes:
    """A Claude Code log whose first record is its last one's child."""
    lines = [json.loads(line) for line in log.splitlines()]
    nodes = [value for value in lines if value.get("uuid") and not value.get("isSidechain")]
    nodes[0]["parentUuid"] = nodes[-1]["uuid"]
    for one, other in pairwise(nodes):
        other["parentUuid"] = one["uuid"]
    return b"\n".join(json.dumps(value).encode() for value in lines)


PACKED = gzip.compress(b"\n".join([CHAT] * 2000))
# name of file, content, format said (None: by content), line in the message (None: there is none to name)
BROKEN: dict[str, tuple[str, bytes, str | None, int | None]] = {
    "gzip cut off": ("a.jsonl.gz", PACKED[: len(PACKED) // 2], None, 1),
    "gzip cut in its header": ("a.jsonl.gz", PACKED[:8], None, 1),
    "gzip with a flipped byte": ("a.jsonl.gz", PACKED[:60] + bytes([PACKED[60] ^ 255]) + PACKED[61:], None, 1),
    "gzip with a wrong checksum": ("a.jsonl.gz", PACKED[:-8] + bytes(8), None, None),
    "gzip of nothing": ("a.jsonl.gz", gzip.compress(b""), None, None),
    "gzip of a picture": ("a.jsonl.gz", gzip.compress(b"\x89PNG\r\n\x1a\n" + bytes(range(256))), None, 1),
    "empty": ("a.jsonl", b"", None, None),
    "blank": ("a.jsonl", b"\n \n\t\n", None, None),
    "a picture": ("a.jsonl", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), None, 1),
    "UTF-16": ("a.jsonl", CHAT.decode().encode("utf-16"), None, 1),
    "Latin-1": ("a.jsonl", CHAT + b"\n" + CHAT.replace(b'"y"', b'"\xe9"'), None, 2),
    "a table": ("a.jsonl", b"role,content\nuser,hi\n", None, 1),
    "prose": ("a.jsonl", b"Dear diary,\n", None, 1),
    "an array": ("a.json", b"[\n" + CHAT + b"\n]", None, 1),
    "an object of nothing known": ("a.jsonl", b'{"question": "?", "answer": "!"}', None, 1),
    "a number": ("a.jsonl", b"7", None, 1),
    "last line cut off": ("a.jsonl", b"\n".join([CHAT] * 3)[:-10], None, 3),
    "two sessions in a line": ("a.jsonl", CHAT + CHAT, None, 1),
    "NaN": ("a.jsonl", CHAT[:-1] + b', "reward": NaN}', None, 1),
    "lone surrogate": ("a.jsonl", CHAT + b"\n" + CHAT.replace(b'"y"', rb'"\ud83d"'), None, 2),
    "lone surrogate of our own": ("a.jsonl", OWN.replace(b'"o"', rb'"\udc00"'), None, 1),
    "nested without end": ("a.jsonl", CHAT + b"\n" + b'{"messages":' + b"[" * 100_000, None, 2),
    "chats, then our own": ("a.jsonl", CHAT + b"\n" + OWN, None, 2),
    "our own, then chats": ("a.jsonl", OWN + b"\n" + CHAT, None, 2),
    "said to be another format": ("a.jsonl", CHAT, "own", 1),
    "said to be a chat": ("a.jsonl", CLAUDE, "chat", 1),
    "a later version": ("a.jsonl", OWN[:-1] + b', "version": 99}', None, 1),
    "an id twice": ("a.jsonl", OWN + b"\n" + OWN, None, 2),
    "an agent that never speaks": ("a.jsonl", b'{"messages": [{"role": "user", "content": "x"}]}', None, None),
    "a chat with an unknown role": ("a.jsonl", CHAT.replace(b'"user"', b'"wizard"'), None, 1),
    "a call that is no object": (
        "a.jsonl", b'{"messages": [{"role": "assistant", "content": "", "tool_calls": ["f"]}]}', None, 1),
    "Claude Code, parents in a circle": ("a.jsonl", cycle(CLAUDE), "claude_code", -1),
    "Claude Code, a message that is a text": (
        "a.jsonl", edited(CLAUDE, agent_line(CLAUDE), lambda value: value.update(message="hi")), "claude_code",
        agent_line(CLAUDE)),
    "Claude Code, cut off in the middle": ("a.jsonl", CLAUDE[: len(CLAUDE) // 2] + b"\n{}\n", "claude_code", -1),
    "Codex, a message without content": (
        "a.jsonl", CODEX + b'{"type": "response_item", "payload": {"type": "message", "role": "user", "content": 7}}\n',
        "codex", len(CODEX.splitlines()) + 1),
    "Codex, a line that is a list": ("a.jsonl", CODEX + b"[1]\n", "codex", len(CODEX.splitlines()) + 1),
    "ATIF, a later version": ("a.json", document(lambda value: value.update(schema_version="ATIF-v9.0")), None, -1),
    "ATIF, steps that are a text": ("a.json", document(lambda value: value.update(steps="none")), None, -1),
    "ATIF, a step of nobody": ("a.json", document(lambda value: value["steps"][0].update(source="ghost")), None, -1),
    "ATIF, cut off": ("a.json", ATIF[: len(ATIF) * 2 // 3], None, -1),
    "verifiers, nodes that are a text": (
        "a.jsonl", edited(TRACES, 3, lambda value: value.update(nodes="none")), "verifiers", 3),
    "Inspect, cut off": ("a.eval", (DATA / "inspect.eval").read_bytes()[:-400], None, None),
    "Inspect, no log in the archive": ("a.eval", b"PK\x05\x06" + bytes(18), None, None),
}


def test_there_are_forty() -> None:
    assert len(BROKEN) >= 40


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_log_is_refused_with_file_line_and_remedy(name: str, tmp_path: Path) -> None:
    file, content, format, line = BROKEN[name]
    path = tmp_path / file
    path.write_bytes(content)
    with pytest.raises(SessionError) as refusal:
        list(read([file], tmp_path, format))
    said = str(refusal.value)
    assert said.startswith(str(path))
    if line is not None:
        assert said.startswith(f"{path}, line {line if line > 0 else ''}"), said
    problem, _, remedy = said.partition(". ")
    assert len(problem) > len(str(path)) + 5
    assert len(remedy) > 10, said
    assert len(said) < 2000
    assert "Traceback" not in said


@pytest.mark.parametrize("cut", range(0, 100, 7))
@pytest.mark.parametrize("name", ["claude_code.jsonl", "codex.jsonl", "atif.json", "verifiers.jsonl", "inspect.eval"])
def test_a_log_cut_anywhere_is_read_so_far_or_refused(name: str, cut: int, tmp_path: Path) -> None:
    whole = (DATA / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) * cut // 100])
    refused, sessions = "", list[Trajectory]()
    try:
        sessions = list(read([name], tmp_path))
    except SessionError as error:
        refused = str(error)
    assert sessions or str(tmp_path / name) in refused


def test_a_line_of_two_hundred_megabytes_is_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with open(path, "wb") as stream:
        stream.write(CHAT + b"\n" + CHAT[:-10])
        for _ in range(200):
            stream.write(b"x" * 2**20)
    with pytest.raises(SessionError, match=rf"a\.jsonl, line 2: longer than {LONGEST_LINE // 2**20} MiB"):
        list(read(["a.jsonl"], tmp_path))


@pytest.mark.parametrize("packed", [False, True])
def test_memory_does_not_grow_with_the_log(packed: bool, tmp_path: Path) -> None:
    peaks = []
    for count in (500, 5000):
        with (gzip.open if packed else open)(tmp_path / "a.jsonl", "wb") as stream:
            for number in range(count):
                stream.write(CHAT.replace(b'"x"', json.dumps(f"{number} " * 500).encode()) + b"\n")
        tracemalloc.start()
        assert sum(1 for _ in read(["a.jsonl"], tmp_path)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2**20


def test_a_mark_of_byte_order_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + CHAT)
    assert len(list(read(["a.jsonl"], tmp_path))) == 1


@pytest.mark.parametrize("name", ["claude_code.jsonl", "codex.jsonl", "atif.json", "verifiers.jsonl", "inspect.eval"])
def test_a_log_is_recognised_by_its_content_whatever_its_name(name: str, tmp_path: Path) -> None:
    shutil.copy(DATA / name, tmp_path / "log")
    assert recognise(Log(tmp_path / "log", "log")) == name.partition(".")[0]
