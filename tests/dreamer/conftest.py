"""A small project of a user: sessions, an engine and a configuration in a folder."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dreamer.doors import record

DREAM = Callable[..., tuple[int, str, str]]
NIGHT = f"""
name = "doors"

[sessions]
files = ["sessions.jsonl"]
approve = "all"

[policy]
layers = 2
hidden = 64
vocabulary = 300
action_tokens = 4

[cloning]
steps = 60
learning_rate = 0.003

[rehearsal]
episodes = 32

[learning]
rounds = 20
groups = 8
learning_rate = 0.003

[production]
engine = "{Path(__file__).parent / 'doors.py'}:Doors"
episodes = 200
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `sessions.jsonl` and `night.toml`, made the working directory."""
    lines = [session.model_dump_json(exclude_none=True) for session in record(120)]
    (tmp_path / "sessions.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "night.toml").write_text(NIGHT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def dream(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> DREAM:
    """Runs the command line in this process: exit code, stdout, stderr."""
    from dreamer.cli import main

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["dream", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0), out, err

    return call
