"""Whole nights on a toy world, with real parts all the way."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM

from dreamer.store import Store
from tests.dreamer.conftest import DREAM, NIGHT

FEW = ("--set", "learning.rounds=2", "--set", "production.episodes=20", "--set", "cloning.steps=3")


def test_a_night_makes_the_policy_better_in_the_real_engine(project: Path, dream: DREAM) -> None:
    code, out, _ = dream("run", "night.toml", "--json")
    report = json.loads(out)
    figures = report["figures"]
    assert code == 0
    assert report["verdict"] == "promoted"
    assert figures["real_success_before"]["value"] < 0.5 < figures["real_success_after"]["value"]
    assert figures["real_steps_before_judging"]["value"] == 0
    assert figures["fidelity_episode_match"]["value"] == 1.0
    assert AutoModelForCausalLM.from_pretrained(report["policy"]).num_parameters() > 0
    store = Store(Path(report["run"]))
    for number in range(20):
        learnt = store.load_learnt(f"round-{number:03d}")
        assert list(learnt) == [f"round-{number:03d}-{each:06d}" for each in range(16)]
        assert all(piece.advantages for pieces in learnt.values() for piece in pieces)
    promoted = store.promoted
    assert promoted is not None
    assert report["policy"].endswith(promoted)
    assert json.loads((Path(report["run"]) / "report.json").read_text()) == report


def test_without_evidence_from_outside_nothing_is_promoted(project: Path, dream: DREAM) -> None:
    (project / "night.toml").write_text(NIGHT[: NIGHT.index("[production]")])
    code, out, _ = dream("run", "night.toml", "--json", *FEW[:2], *FEW[4:])
    assert code == 1
    assert "no evidence from outside the dream" in json.loads(out)["reason"]
    assert not list(project.glob("runs/*/promoted.json"))


def test_a_world_that_reality_contradicts_is_refused_and_nothing_is_learnt(project: Path, dream: DREAM) -> None:
    lines = [json.loads(line) for line in (project / "sessions.jsonl").read_text().splitlines()]
    for number, session in enumerate(lines):  # what follows now depends on nothing that the sessions show
        for turn in session["turns"]:
            turn["observation"] += f" Noise {number}."
    (project / "sessions.jsonl").write_text("\n".join(map(json.dumps, lines)))
    code, out, _ = dream("run", "night.toml", "--json")
    report = json.loads(out)
    assert (code, report["verdict"]) == (1, "refused")
    assert report["reason"].startswith("the gate refuses the environment: ")
    assert "it was sure of another answer than the logged one" in report["reason"]
    assert "calibration" in report["reason"]
    assert not (Path(report["run"]) / "policies").exists()


FAILING = """
from tests.dreamer.doors import Doors


class Broken(Doors):
    def step(self, action):
        {step}
"""


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("raise KeyError('door')", "KeyError: 'door'"),
        ("raise SystemExit(0)", "SystemExit"),
        ("return 'x', float('nan'), False, False, {}", "the reward is nan"),
        ("return 'x', 0.0, False, {}", "step() must return"),
        ("return 7, 0.0, False, False, {}", "observations must be text, not int"),
    ],
)
def test_an_engine_that_fails_loses_nothing(project: Path, dream: DREAM, step: str, words: str) -> None:
    settings = ("--run", "run", "--resume", *FEW)
    (project / "broken.py").write_text(FAILING.replace("{step}", step))
    assert dream("learn", "night.toml", "--run", "run", *FEW)[0] == 0
    code, _, err = dream("run", "night.toml", *settings, "--set", "production.engine=broken.py:Broken")
    assert (code, "Traceback" in err) == (2, False)
    assert words in err
    last = json.loads((project / "run" / "events.jsonl").read_text().splitlines()[-1])
    assert last["event"] == "failed"
    assert words in last["reason"]
    assert dream("run", "night.toml", *settings)[0] in (0, 1)


def test_the_same_seed_gives_the_same_records(project: Path, dream: DREAM) -> None:
    for folder in ("one", "two"):
        assert dream("run", "night.toml", "--run", folder, *FEW)[0] in (0, 1)
    rounds = "night-001/round-*"
    for kind in (f"{rounds}/episodes.jsonl", f"{rounds}/tokens.parquet", "policies/*/model.safetensors"):
        first, second = ([file.read_bytes() for file in sorted(Path(folder).glob(kind))] for folder in ("one", "two"))
        assert first == second
        assert first


@pytest.mark.slow
def test_a_night_that_is_killed_again_and_again_goes_on_after_the_last_stage_that_ended(project: Path, dream: DREAM
                                                                                        ) -> None:
    command = [sys.executable, "-m", "dreamer.cli", "run", "night.toml", "--run", "run"]
    for stage in ("author", "clone", "learn", "evaluate"):
        night = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 env={**os.environ, "OMP_WAIT_POLICY": "passive"})
        try:
            _wait_for(project / "run" / "events.jsonl", f'"event":"begin","stage":"{stage}"')
        finally:
            night.send_signal(signal.SIGKILL)
            night.wait()
        command += ["--resume"] if "--resume" not in command else []
    code, out, _ = dream("run", "night.toml", "--run", "run", "--resume", "--json")
    assert code == 0
    assert json.loads(out)["verdict"] == "promoted"
    events = [json.loads(line) for line in (project / "run" / "events.jsonl").read_text().splitlines()]
    done = [event["stage"] for event in events if event["event"] == "stage"]
    assert done == ["read", "author", "validate", "clone", "rehearse", "learn", "evaluate", "baselines"]


def _wait_for(file: Path, text: str) -> None:
    for _ in range(4800):  # four minutes, on a machine that does other things as well
        if file.exists() and text in file.read_text():
            return
        time.sleep(0.05)
    raise AssertionError(f"{text} did not come")
