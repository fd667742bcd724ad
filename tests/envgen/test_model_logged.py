"""Files that ask for the logged sessions: they get them as data, and are not judged on what they hold."""

import subprocess
import sys
from pathlib import Path

import pytest

from envgen.comparison import Comparer
from envgen.ends import infer_ends
from envgen.gate import Gate
from envgen.models import logged
from envgen.models.trial import EVERY, Tribunal
from rollout.trajectory import Trajectory
from sandbox import Sandbox
from tests.envgen import worlds
from tests.envgen.test_model_prompts import KINDS, injected
from tests.games import Corridor, record

HEAD = "import gymnasium as gym\n\nLOGGED = []\n"
READS = worlds.CORRIDOR.replace("import gymnasium as gym\n", HEAD + "\nKNOWN = {s['observation'] for s in LOGGED}\n")
LOOKS_UP = HEAD + '''
AFTER = {}
for session in LOGGED:
    so_far = session["observation"]
    for action, answer, reward, terminated in session["turns"]:
        so_far = (so_far, action)
        AFTER[so_far] = answer, reward, terminated


class World(gym.Env):
    """Answers whole histories that it holds."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.so_far = options["observation"] if options and "observation" in options else "Cell 1."
        return self.so_far, {}

    def step(self, action):
        self.so_far = (self.so_far, action)
        answer, reward, terminated = AFTER.get(self.so_far, ("What?", 0.0, False))
        return answer, reward, terminated, False, {}
'''


def tribunal(sandbox: Sandbox, sessions: list[Trajectory], gives: bool = True) -> Tribunal:
    told, _ = infer_ends(sessions)
    return Tribunal(sandbox, told[:-20], told[-20:], Gate(), Comparer(), gives)


@pytest.mark.parametrize("kind", KINDS)
def test_what_sessions_say_stays_data(kind: str, sandbox: Sandbox) -> None:
    """Neither the sandbox nor plain Python takes a word of it for code, and the other lines stay where they were."""
    sessions = injected(KINDS[kind])
    source = HEAD + "SAID = [turn[1] for session in LOGGED for turn in session['turns']]\n\n" + worlds.CORRIDOR
    filled = logged.given(source, sessions)
    with sandbox.load(filled) as worker:
        assert worker.make(1)
    space: dict[str, object] = {}
    exec(compile(filled, "world", "exec"), space)
    assert space["SAID"] == [turn.answer for session in sessions for turn in session.turns]
    assert [len(line) > 200 for line in filled.split("\n")].index(True) == source.split("\n").index("LOGGED = []")
    assert filled.count("\n") == source.count("\n")
    assert logged.without(filled) == source


@pytest.mark.parametrize("line", ["LOGGED = []", "LOGGED=[ ]", "LOGGED = []  # filled in", "LOGGED: list = []"])
def test_ways_to_ask(line: str) -> None:
    assert logged.wants(f"import gymnasium\n{line}\nx = 1\n")


@pytest.mark.parametrize("line", ["logged = []", "    LOGGED = []", "LOGGED = [1]", "# LOGGED = []", "MY_LOGGED = []"])
def test_what_is_no_asking(line: str) -> None:
    source = f"import gymnasium\n{line}\n"
    assert not logged.wants(source)
    assert logged.given(source, record(Corridor(), 3)) == source


def test_a_file_holds_no_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = record(Corridor(), 40)
    whole = logged.given("LOGGED = []\n", sessions)
    monkeypatch.setattr(logged, "MOST", len(whole) // 3)
    part = logged.given("LOGGED = []\n", sessions)
    space: dict[str, list[object]] = {}
    exec(part, space)
    assert 5 < len(space["LOGGED"]) < 20
    assert len(part) < len(whole) // 2


def test_a_world_that_reads_its_sessions_passes_and_runs_anywhere(tmp_path: Path, sandbox: Sandbox) -> None:
    court = tribunal(sandbox, record(Corridor(), 80))
    trial = court.run(READS)
    assert trial.passed, trial.refusals
    file = tmp_path / "world.py"
    file.write_text(court.finished(READS))
    program = (f"import runpy; from gymnasium.utils.env_checker import check_env; "
               f"world = runpy.run_path({str(file)!r}); print(sorted(world['KNOWN'])); env = world['World'](); "
               "print(env.reset(seed=1), env.step('right'))")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "['Cell 1.']"
    assert "Cell 2." in done.stdout


def test_looking_up_whole_histories_shows_nothing(sandbox: Sandbox) -> None:
    """It holds two of three shown sessions, and is asked about the third."""
    court = tribunal(sandbox, record(Corridor(), 80))
    trial = court.run(LOOKS_UP)
    assert trial.shown is not None
    assert not trial.passed
    assert trial.shown.sessions == 20  # of 60
    assert EVERY == 3
    assert (trial.shown.figures["episode_match"].value or 0.0) < 0.9
    assert trial.differences


def test_what_is_withheld_is_not_given(sandbox: Sandbox) -> None:
    court = tribunal(sandbox, record(Corridor(), 80), gives=False)
    assert court.finished(LOOKS_UP) == LOOKS_UP
    trial = court.run(LOOKS_UP)
    assert trial.shown is not None
    assert (trial.shown.figures["episode_match"].value or 0.0) == 0.0
