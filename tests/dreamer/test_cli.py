"""The command line with what users get wrong: one message, exit code 2, no traceback, nothing lost."""

import json
from pathlib import Path

import pytest

from tests.dreamer.conftest import DREAM, NIGHT


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("sessions.jsonl", "missing.jsonl"), ["missing.jsonl", "no such file"]),
        (("[learning]", "[learning]\nroundz = 3"), ["night.toml, line 22", "learning.roundz", "did you mean 'rounds'"]),
        (("rounds = 20", 'rounds = "many"'), ["night.toml, line 22", "learning.rounds", "many"]),
        (("[policy]", "[politics]"), ["politics", "did you mean 'policy'"]),
        (("files = ", "files = = "), ["night.toml", "not TOML"]),
        (("doors.py:Doors", "doors.py:Windows"), ["no 'Windows'"]),
        (("doors.py:Doors", "windows.py:Doors"), ["no file", "windows.py"]),
    ],
)
def test_a_wrong_configuration_is_named_with_its_remedy(
    project: Path, dream: DREAM, change: tuple[str, str], words: list[str]
) -> None:
    (project / "night.toml").write_text(NIGHT.replace(*change))
    code, _, err = dream("run", "night.toml", "--set", "learning.groups=1", "--set", "cloning.steps=1")
    assert code == 2
    assert "Traceback" not in err
    for word in words:
        assert word in err.replace("\n", " ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["sessions.jsonl", "empty"]),
        ('{"id": "a", "source": "real", "observation": "x", "turns": []}\n', ["line 1", "no turn"]),
        ('{"messages": [{"role": "user", "content": "x"}]}\n', ["line 1", "never speaks"]),
    ],
)
def test_a_bad_log_is_named_with_file_and_line(project: Path, dream: DREAM, text: str, words: list[str]) -> None:
    (project / "sessions.jsonl").write_text(text)
    code, _, err = dream("run", "night.toml")
    assert code == 2
    assert all(word in err for word in words)


def test_a_truncated_line_is_named(project: Path, dream: DREAM) -> None:
    log = project / "sessions.jsonl"
    log.write_text(log.read_text()[:-30])
    code, _, err = dream("run", "night.toml")
    assert code == 2
    assert "line 120" in err
    assert "not JSON" in err


def test_too_few_sessions_are_refused_for_that_reason(project: Path, dream: DREAM) -> None:
    log = project / "sessions.jsonl"
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:2]))
    code, _, err = dream("run", "night.toml")
    assert code == 2
    assert "2 sessions are too few" in err


def test_a_run_folder_belongs_to_one_configuration(project: Path, dream: DREAM) -> None:
    assert dream("author", "night.toml", "--run", "run")[0] == 0
    assert "already holds a run" in dream("run", "night.toml", "--run", "run")[2]
    code, _, err = dream("run", "night.toml", "--run", "run", "--resume", "--set", "sessions.held_out=0.3")
    assert code == 2
    assert "another configuration (sessions.held_out differ" in err
    (project / "other").mkdir()
    (project / "other" / "thing").touch()
    assert "is not a run folder" in dream("run", "night.toml", "--run", "other")[2]
    assert "nothing to resume" in dream("run", "night.toml", "--run", "new", "--resume")[2]


def test_what_no_finished_stage_used_may_still_be_changed(project: Path, dream: DREAM) -> None:
    assert dream("author", "night.toml", "--run", "run")[0] == 0
    assert dream("validate", "night.toml", "--run", "run", "--set", "gate.end_f1=0.5")[0] == 0
    code, out, _ = dream("validate", "night.toml", "--run", "run", "--json", "--set", "gate.end_f1=1")
    assert (code, json.loads(out)["verdict"]) in ((0, "stopped"), (1, "refused"))


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        ("import nothing_of_the_kind", "importing"),
        ("def Doors(): raise RuntimeError('no licence')", "no licence"),
        ("Doors = dict", "makes a dict, not a gymnasium.Env"),
    ],
)
def test_a_production_engine_that_cannot_be_made_is_told_before_the_night(
    project: Path, dream: DREAM, engine: str, words: str
) -> None:
    (project / "engine.py").write_text(engine)
    code, _, err = dream("run", "night.toml", "--set", "production.engine=engine.py:Doors")
    assert (code, "Traceback" in err) == (2, False)
    assert words in err
    assert not (project / "runs").exists()


@pytest.mark.parametrize("setting", ["rounds", "learning.rounds", "=3", "learning.nothing=3", "seed.x=1"])
def test_a_nonsense_setting_is_refused(project: Path, dream: DREAM, setting: str) -> None:
    assert dream("run", "night.toml", "--set", setting)[0] == 2


def test_a_dry_run_shows_the_stages_and_makes_nothing(project: Path, dream: DREAM) -> None:
    before = sorted(project.iterdir())
    code, out, _ = dream("run", "night.toml", "--dry-run")
    assert code == 0
    assert "20 rounds of 8 × 8: 1,280 episodes" in " ".join(out.split())
    assert sorted(project.iterdir()) == before


def test_verbs_do_their_stage_again_and_take_back_later_ones(project: Path, dream: DREAM) -> None:
    code, out, _ = dream("validate", "night.toml", "--run", "run", "--json")
    assert code == 0
    assert json.loads(out)["figures"]["fidelity_step_probability"]["value"] == 1.0
    night = project / "run" / "night-001"
    always = {"config.json", "sessions", "patterns.json", "read.json", "author.json"}
    assert {file.name for file in night.iterdir()} == {*always, "validate.json"}
    assert dream("author", "night.toml", "--run", "run")[0] == 0
    assert {file.name for file in night.iterdir()} == always


def test_doctor_examines_this_machine(dream: DREAM) -> None:
    code, out, _ = dream("doctor", "--json")
    assert code == 0
    assert {"python", "torch", "sandbox"} <= {check["name"] for check in json.loads(out) if check["ok"]}
