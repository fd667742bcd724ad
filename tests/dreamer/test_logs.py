"""The commands on logs."""

import gzip
import json
from pathlib import Path

import pytest

from rollout.formats import FORMATS
from tests.dreamer.conftest import DREAM

CHAT = [{"messages": [
    {"role": "user", "content": f"Book {number} for ann.smith@example.com"},
    {"role": "assistant", "content": None, "tool_calls": [
        {"id": "1", "type": "function", "function": {"name": "book", "arguments": json.dumps({"n": number})}}]},
    {"role": "tool", "tool_call_id": "1", "content": "ok" if number > 1 else "Error: no seat"}], "reward": number % 2}
    for number in range(6)]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "chat.jsonl.gz"
    silent = {"messages": [{"role": "user", "content": "hello?"}]}
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, [*CHAT, silent])).encode()))
    return path


def test_a_log_is_imported_summarised_and_exported_again(log: Path, dream: DREAM) -> None:
    code, out, _ = dream("import", "*.gz", "--json")
    assert code == 0
    summary = json.loads(out)
    assert (summary["files"], summary["sessions"], summary["turns"], summary["calls"]) == (1, 6, 6, 6)
    assert summary["formats"] == {"chat": 1}
    assert summary["tools"] == {"book": {"calls": 6, "failed": 2}}
    assert summary["outcomes"] == {"0": 3, "1": 3}
    ((reason, skipped),) = summary["skipped"].items()
    assert ("never speaks" in reason, skipped["count"], skipped["first"]["line"]) == (True, 1, 7)
    code, _, _ = dream("export", "sessions.jsonl", "--to", "out.jsonl")
    assert code == 0
    assert [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()] == CHAT


def test_the_table_says_what_was_left_out(log: Path, dream: DREAM) -> None:
    _, out, _ = dream("import", "chat.jsonl.gz")
    assert "6 sessions" in out
    assert "never speaks" in out


@pytest.mark.parametrize("format", sorted(set(FORMATS) - {"inspect"}))
def test_every_format_can_be_written_and_read_again(format: str, log: Path, dream: DREAM) -> None:
    assert dream("export", "chat.jsonl.gz", "--as", format, "--to", "out")[0] == 0
    files = ["out"] if Path("out").is_file() or format == "minari" else sorted(map(str, Path("out").iterdir()))
    code, out, err = dream("import", *files, "--json")
    assert code == 0, err
    summary = json.loads(out)
    assert (list(summary["formats"]), summary["sessions"], summary["turns"]) == ([format], 6, 6)


def test_nothing_is_overwritten_and_nothing_half_written(log: Path, dream: DREAM) -> None:
    Path("sessions.jsonl").write_text("mine")
    code, _, err = dream("import", "chat.jsonl.gz")
    assert (code, "is there already" in err, Path("sessions.jsonl").read_text()) == (2, True, "mine")
    Path("broken.jsonl").write_text(json.dumps(CHAT[0]) + "\nnonsense\n")
    code, _, err = dream("import", "broken.jsonl", "--to", "new.jsonl")
    assert (code, "broken.jsonl, line 2" in err) == (2, True)
    assert sorted(path.name for path in Path().iterdir()) == ["broken.jsonl", "chat.jsonl.gz", "sessions.jsonl"]


@pytest.mark.parametrize(("arguments", "words"), [
    (("import", "nowhere.jsonl"), "no such file"), (("import", "chat.jsonl.gz", "--as", "csv"), "no format"),
    (("export", "chat.jsonl.gz", "--as", "csv", "--to", "x"), "no format"), (("patterns", "nowhere"), "no such file"),
    (("import", "chat.jsonl.gz", "--as", "codex"), "chat.jsonl.gz, line 1"),
    (("reveal", "chat.jsonl.gz", "--key", "no.key"), "no.key: no such file"),
])
def test_mistakes_are_told_without_a_traceback(arguments: tuple[str, ...], words: str, log: Path, dream: DREAM) -> None:
    code, _, err = dream(*arguments)
    assert code == 2
    assert words in err
    assert "Traceback" not in err


def test_patterns_are_shown_and_printed(log: Path, dream: DREAM) -> None:
    code, out, _ = dream("patterns", "chat.jsonl.gz", "--json")
    assert code == 0
    patterns = json.loads(out)
    assert patterns["calls"] == 6
    assert [form["kind"] for form in patterns["actions"]["forms"]] == ["call"]
    code, out, _ = dream("patterns", "chat.jsonl.gz")
    assert code == 0
    for part in ("tasks", "forms of actions", "forms of observations", "kinds of steps", "how answers compare",
                 "never observed"):
        assert part in out


def test_what_is_hidden_on_import_comes_back_with_the_key_only(log: Path, dream: DREAM) -> None:
    assert dream("import", "chat.jsonl.gz", "--to", "plain.jsonl")[0] == 0
    assert dream("import", "chat.jsonl.gz", "--to", "hidden.jsonl", "--hide", "my.key")[0] == 0
    assert "ann.smith" not in Path("hidden.jsonl").read_text()
    code, out, _ = dream("reveal", "hidden.jsonl", "--key", "my.key")
    assert (code, out) == (0, Path("plain.jsonl").read_text())
    assert dream("import", "chat.jsonl.gz", "--to", "other.jsonl", "--hide", "other.key")[0] == 0
    code, out, err = dream("reveal", "hidden.jsonl", "--key", "other.key")
    assert (code, out) == (1, Path("hidden.jsonl").read_text())
    assert "other.key does not know 1 tokens of 1 kinds (1 × email)" in err


def test_awkward_values_come_back_as_they_were(log: Path, dream: DREAM) -> None:
    pem = f"-----BEGIN {'PRIVATE'} KEY-----\n{'a2B' * 20}tricky\n-----END {'PRIVATE'} KEY-----"
    records = [{"messages": [{"role": "user", "content": f"log in with {text} and card 4111111111111111"},
                             {"role": "assistant", "content": text}], "number": 2**70, "card": 4111111111111111}
               for text in ('password="a\\"b\\\\c9xyz!"', "password='it\"s 9 tricky'", "password='é\u2028 9\x7ftricky'",
                            pem)]
    Path("awkward.jsonl").write_text("\n".join(map(json.dumps, records)))
    assert dream("import", "awkward.jsonl", "--to", "plain.jsonl")[0] == 0
    assert dream("import", "awkward.jsonl", "--to", "hidden.jsonl", "--hide", "my.key")[0] == 0
    assert "tricky" not in Path("hidden.jsonl").read_text()
    assert dream("reveal", "hidden.jsonl", "--key", "my.key")[:2] == (0, Path("plain.jsonl").read_text())


def test_what_a_log_says_is_shown_and_not_obeyed(
    log: Path, dream: DREAM, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session could otherwise repaint the screen on which it is judged."""
    hostile = "\x1b]0;owned\x07\x1b[2J\u202e[red]gone[/]"
    Path("odd.jsonl").write_text(json.dumps({"id": hostile, "source": "real", "observation": hostile, "turns": [
        {"action": hostile, "observation": hostile}]}))
    monkeypatch.setattr("rich.prompt.Prompt.ask", lambda *_, **__: "s")
    for command in (("patterns", "odd.jsonl"), ("approve", "odd.jsonl", "--ask"), ("import", f"no{hostile}")):
        _, out, err = dream(*command)
        assert not {"\x1b", "\x07", "\u202e"} & set(out + err)
        assert "[red]" in out + err


def test_the_same_file_by_two_names_is_read_once(log: Path, dream: DREAM) -> None:
    Path("link.jsonl.gz").symlink_to(log)
    _, out, _ = dream("import", "*.gz", "--json")
    assert json.loads(out)["sessions"] == 6


@pytest.mark.parametrize(("arguments", "words"), [
    (("import", "chat.jsonl.gz", "--to", "chat.jsonl.gz/x"), "chat.jsonl.gz"),
    (("import", "chat.jsonl.gz", "--to", "one.key", "--hide", "one.key"), "cannot be one file"),
    (("import", "/dev/null"), "not a regular file"),
    (("approve", "chat.jsonl.gz", "--all", "--ledger", "."), "directory"),
    (("approve", "chat.jsonl.gz", "--reject"), "say which"),
    (("approve", "chat.jsonl.gz", "--where", ""), "is no rule"),
])
def test_places_and_choices_that_cannot_be_are_told(
    arguments: tuple[str, ...], words: str, log: Path, dream: DREAM
) -> None:
    code, _, err = dream(*arguments)
    assert code == 2
    assert words in err


def test_what_a_format_cannot_hold_is_said(log: Path, dream: DREAM) -> None:
    _, _, err = dream("export", "chat.jsonl.gz", "--as", "codex", "--to", "out")
    assert "not kept by codex: task, outcome" in err


def test_the_sum_of_the_rewards_goes_along(log: Path, dream: DREAM) -> None:
    Path("own.jsonl").write_text(json.dumps({"id": "a", "source": "real", "observation": "x", "turns": [
        {"action": "y", "observation": "z", "reward": 0.5}, {"action": "y", "observation": "z", "reward": 1.0}]}))
    dream("export", "own.jsonl", "--to", "out.jsonl")
    assert json.loads(Path("out.jsonl").read_text())["reward"] == 1.5
