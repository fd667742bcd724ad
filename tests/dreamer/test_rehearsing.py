"""`dream rehearse ENV.py --policy …`: any checkpoint in any environment, whatever stops it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dreamer.policy import build_tiny, save
from rollout.chat import Chat
from rollout.formats import own
from rollout.trajectory import Trajectory
from tests.dreamer.conftest import DREAM
from tests.rollout.worlds import DAYS, ENDLESS, NO_START

SHORT = ("--set", "policy.action_tokens=2")
PLAY = ("rehearse", "days.py", "--policy", "policy", "--to", "out", *SHORT)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chat: Chat) -> Path:
    """A folder of environments and two policies, made the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for seed, name in enumerate(("policy", "other")):
        save(build_tiny(chat.tokenizer, layers=1, hidden=32, seed=seed), chat.tokenizer, tmp_path / name)
    for name, source in (("days", DAYS), ("endless", ENDLESS), ("no_start", NO_START), ("refused", "import socket\n")):
        (tmp_path / f"{name}.py").write_text(source)
    return tmp_path


def played(folder: Path) -> list[Trajectory]:
    return [Trajectory.model_validate_json(line) for line in (folder / "episodes.jsonl").read_bytes().splitlines()]


def test_episodes_and_figures_are_written(here: Path, dream: DREAM) -> None:
    code, out, err = dream(*PLAY, "--episodes", "50", "--success", "2", "--json")
    assert code == 0, err
    record, episodes = json.loads(out), played(here / "out")
    assert sorted(file.name for file in (here / "out").iterdir()) == [
        "episodes.jsonl", "rehearsal.json", "tokens.parquet"]
    assert json.loads((here / "out" / "rehearsal.json").read_text()) == record
    assert [episode.id for episode in episodes] == [f"rehearsal-{number:06d}" for number in range(50)]
    assert {episode.policy for episode in episodes} == {record["terms"]["policy"]}
    assert {episode.environment for episode in episodes} == {record["terms"]["environment"]}
    figures, turns = record["figures"], sum(len(episode.turns) for episode in episodes)
    assert figures["success"]["value"] == sum(len(episode.turns) >= 4 for episode in episodes) / 50
    assert figures["success"]["low"] < figures["success"]["value"] < figures["success"]["high"]
    assert figures["turns"]["value"] == pytest.approx(turns / 50)
    assert figures["outcome"]["value"] == pytest.approx(0.5 * turns / 50)
    said = sum(map(sum, pq.read_table(here / "out" / "tokens.parquet")["mask"].to_pylist()))
    assert figures["tokens"]["value"] == pytest.approx(said / 50)
    assert figures["tokens_per_second"]["value"] / figures["episodes_per_second"]["value"] == pytest.approx(said / 50)
    assert (figures["imagined_share"]["value"], figures["imagined_share"]["n"]) == (0.0, turns)
    assert {reason: figure["value"] for reason, figure in record["stops"].items()} == {"terminated": 1.0}


def test_one_that_ended_is_shown_again(here: Path, dream: DREAM) -> None:
    _, first, _ = dream(*PLAY, "--episodes", "5", "--json")
    before = {file.name: file.stat().st_mtime_ns for file in (here / "out").iterdir()}
    _, again, _ = dream(*PLAY, "--episodes", "5", "--json", "--set", "rehearsal.concurrent=2")
    assert again == first
    assert {file.name: file.stat().st_mtime_ns for file in (here / "out").iterdir()} == before


def test_what_others_do_beside_it_does_not_change_an_episode(here: Path, dream: DREAM) -> None:
    for folder, concurrent in (("one", 3), ("two", 100)):
        assert dream("rehearse", "days.py", "--policy", "policy", "--to", folder, "--episodes", "30", *SHORT, "--set",
                     f"rehearsal.concurrent={concurrent}")[0] == 0
    assert played(here / "one") == played(here / "two")


def test_a_killed_one_goes_on_with_what_is_missing(here: Path, dream: DREAM) -> None:
    journal, command = here / "out" / "journal.jsonl", [*PLAY, "--episodes", "600"]
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, "-m", "dreamer.cli", *command, "--set", "rehearsal.concurrent=8"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_WAIT_POLICY": "passive", "PYTHONPATH": root})
    try:
        for _ in range(2400):
            if journal.exists() and journal.read_bytes().count(b"\n") >= 20:
                break
            assert process.poll() is None
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    kept = [line for line in journal.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    assert 20 <= len(kept) < 600
    code, _, err = dream(*command, "--set", "policy.temperature=0.5")
    assert (code, "policy.temperature differ" in err) == (2, True)
    code, out, err = dream(*command, "--json")
    assert code == 0, err
    lines = (here / "out" / "episodes.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [f"rehearsal-{number:06d}" for number in range(600)]
    assert all(lines[json.loads(line)["number"]] in line for line in kept)
    ids = pq.read_table(here / "out" / "tokens.parquet")["id"].to_pylist()
    assert ids == [json.loads(line)["id"] for line in lines]
    figures = json.loads(out)["figures"]
    assert (figures["success"]["n"], figures["tokens_per_second"]["n"]) == (600, 600 - len(kept))


@pytest.mark.parametrize(("changes", "words"), [
    (("--episodes", "6"), "rehearsal.episodes differ"),
    (("--policy", "other", "--set", "seed=1"), "policy, seed differ"),
    (("--success", "3"), "success differ"),
])
def test_a_folder_belongs_to_one_set_of_terms(changes: tuple[str, ...], words: str, here: Path, dream: DREAM) -> None:
    assert dream(*PLAY, "--episodes", "5")[0] == 0
    code, _, err = dream(*PLAY, "--episodes", "5", *changes)
    assert (code, words in err) == (2, True), err
    assert len(played(here / "out")) == 5


def test_what_no_session_exercises_is_imagined(here: Path, dream: DREAM) -> None:
    (here / "long.py").write_text(DAYS.replace("self.left -= 1\n", "self.left -= 1\n        if self.left == 2:\n"
                                               "            return 'Two.', 0.0, False, False, {}\n"))
    assert dream("rehearse", "days.py", "--policy", "policy", "--to", "logs", "--episodes", "40", *SHORT)[0] == 0
    short = [session.model_copy(update={"source": "real"}) for session in played(here / "logs")
             if session.observation.text in ("1 days.", "2 days.")]
    own.write(short, here / "short.jsonl")
    command = ("rehearse", "long.py", "--policy", "policy", "--episodes", "40", "--sessions", "short.jsonl", "--json",
               *SHORT)
    code, out, err = dream(*command, "--to", "cut")
    assert code == 0, err
    record, episodes = json.loads(out), played(here / "cut")
    imagined = [sum(bool(turn.imagined) for turn in episode.turns) for episode in episodes]
    steps = sum(len(episode.turns) for episode in episodes)
    assert record["terms"]["settings"]["learning"]["max_turns"] == 2
    assert 0 < record["figures"]["imagined_share"]["value"] == sum(imagined) / steps
    assert {episode.stop for episode, marks in zip(episodes, imagined, strict=True) if marks} == {"imagined"}
    assert record["stops"]["imagined"]["value"] == sum(map(bool, imagined)) / 40
    code, out, _ = dream(*command, "--to", "allowed", "--set", "learning.imagined=allow", "--set",
                         "learning.max_turns=9")
    assert "imagined" not in json.loads(out)["stops"]


@pytest.mark.parametrize(("arguments", "words"), [
    (("days.py", "--policy", "policy"), "--policy CHECKPOINT --to FOLDER"),
    (("days.py", "--to", "out"), "--policy CHECKPOINT --to FOLDER"),
    (("nowhere.py", "--policy", "policy", "--to", "out"), "nowhere.py: cannot be read"),
    (("days.py", "--policy", "nobody", "--to", "out"), "the policy 'nobody' cannot be loaded"),
    (("days.py", "--policy", ".", "--to", "out"), "the policy '.' cannot be loaded: the folder holds"),
    (("refused.py", "--policy", "policy", "--to", "out"), "no subclass of gymnasium.Env"),
    (("no_start.py", "--policy", "policy", "--to", "out"), "no start"),
    (("days.py", "--policy", "policy", "--to", "out", "--engine", "steam"), "'engine.name' is 'steam'"),
    (("days.py", "--policy", "policy", "--to", "out", "--episodes", "0"), "'rehearsal.episodes' is 0"),
    (("days.py", "--policy", "policy", "--to", "out", "--set", "policy.warmth=1"), "unknown key 'policy.warmth'"),
    (("days.py", "--policy", "policy", "--to", "out", "--set", "learning.rounds=1"), "learning.rounds: this plays no"),
    (("days.py", "--policy", "policy", "--to", "out", "--set", "policy.max_length=20"), "a first text takes"),
    (("days.py", "--policy", "policy", "--to", "out", "--sessions", "nowhere.jsonl"), "no such file"),
    (("days.py", "--policy", "policy", "--to", "policy"), "something else than a rehearsal"),
    (("days.py", "--policy", "policy", "--to", "days.py"), "days.py"),
    (("night.toml", "--policy", "policy"), "is a night's file"),
])
def test_mistakes_are_told_in_one_line(arguments: tuple[str, ...], words: str, here: Path, dream: DREAM) -> None:
    code, out, err = dream("rehearse", *arguments)
    told = [line for line in err.splitlines() if line.startswith("error: ")]
    assert (code, out, len(told)) == (2, "", 1), err
    assert words in told[0]
    assert err.strip().endswith(told[0])


def test_a_mistake_leaves_the_folder_free(here: Path, dream: DREAM) -> None:
    assert dream(*PLAY, "--episodes", "5", "--set", "policy.action_tokens=4090")[0] == 2
    assert dream(*PLAY, "--episodes", "5")[0] == 0


def test_an_episode_without_end_is_cut(here: Path, dream: DREAM) -> None:
    code, out, _ = dream("rehearse", "endless.py", "--policy", "policy", "--to", "out", "--episodes", "3", "--json",
                         *SHORT, "--set", "learning.max_turns=4")
    assert code == 0
    assert json.loads(out)["figures"]["turns"]["value"] == 4
    assert json.loads(out)["stops"].keys() == {"truncated"}
