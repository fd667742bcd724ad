"""A night on sessions with secrets: none is stored or shown to a model, and the real world gets them back."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dreamer.policy import load
from rollout.formats import own
from tests.dreamer.conftest import DREAM, NIGHT
from tests.dreamer.doors import KEEPER, KEY, record_private

SECRETS = (KEEPER, KEY, KEEPER.partition("@")[0], KEY[8:], KEY[:20])


def test_a_planted_secret_is_in_no_file_of_the_run_and_in_no_prompt(
    project: Path, dream: DREAM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.token_bytes", bytes)  # one key, so that every run learns the same tokens
    own.write(record_private(1000), project / "sessions.jsonl")
    (project / "night.toml").write_text(NIGHT.replace("doors.py:Doors", "doors.py:PrivateDoors"))
    settings = ("privacy.hide=true", "policy.action_tokens=24", "cloning.steps=200", "learning.rounds=2",
                "production.episodes=300")
    code, out, err = dream("run", "night.toml", "--json", "--run", "run", *(f"--set={each}" for each in settings))
    assert code in (0, 1), err
    figures = json.loads(out)["figures"]
    assert figures["real_success_before"]["value"] > 0, "the keeper's address must have reached the real engine"

    files = [path for path in (project / "run").rglob("*") if path.is_file()]
    assert len(files) > 20
    for path in files:
        content = path.read_bytes()
        for secret in SECRETS:
            assert secret.encode() not in content, path
    for parquet in (project / "run").rglob("tokens.parquet"):
        table = pq.read_table(parquet)
        digest = json.loads((parquet.parent / "episodes.jsonl").read_text().splitlines()[0])["policy"]
        _, tokenizer = load(project / "run" / "policies" / digest)
        for column in ("prompt", "completion"):
            for text in tokenizer.batch_decode(table[column].to_pylist()):
                assert not any(secret in text for secret in SECRETS)
    assert not any(secret in out + err for secret in SECRETS)

    key = project / "run.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert KEEPER in key.read_text(), "the key file is the only way back"
    shown = (project / "run" / "night-001" / "sessions" / "shown.jsonl").read_text()
    assert "<email-" in shown


def test_a_second_night_with_the_same_key_file_has_the_same_tokens(project: Path, dream: DREAM) -> None:
    own.write(record_private(60), project / "sessions.jsonl")
    for run in ("one", "two"):
        dream("author", "night.toml", "--run", run, "--set", "privacy.hide=true", "--set", "privacy.key=shop.key")
    one, two = ((project / run / "night-001" / "sessions" / "shown.jsonl").read_bytes() for run in ("one", "two"))
    assert one == two


def test_words_to_hide_are_listed_in_a_file_and_not_kept(project: Path, dream: DREAM) -> None:
    (project / "words.txt").write_text("garden\n/Room [23]/\n")
    dream("author", "night.toml", "--run", "run", "--set", "privacy.hide=true", "--set", 'privacy.words="words.txt"')
    said = "".join(path.read_text() for path in (project / "run").rglob("*.json*"))
    assert "Room 1" in said
    assert "Room 2" not in said
    assert "garden" not in said


def test_what_cannot_be_used_is_said(project: Path, dream: DREAM) -> None:
    for setting, words in (("privacy.words=nowhere.txt", "nowhere.txt"), ("privacy.key=run/inside.key", "run folder")):
        code, _, err = dream("author", "night.toml", "--run", "run", "--set", "privacy.hide=true", "--set", setting)
        assert code == 2
        assert words in err
        assert "Traceback" not in err
