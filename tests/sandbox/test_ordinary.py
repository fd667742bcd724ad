"""Ordinary environments, as models write them, run as they are and give what plain Python gives.

`ordinary/blind` was written by someone who only heard 'a Gymnasium text environment', `ordinary/informed` with every
feature of the language in mind. Each is played in this process over Gymnasium and NumPy themselves, and in the sandbox.
"""

import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env

from sandbox import Sandbox, SandboxedEnv, SandboxError, Script

FOLDER = Path(__file__).parent / "ordinary"
FILES = sorted(path for path in FOLDER.glob("*/*.py") if path.name != "__init__.py")
SEEDS = (0, 7, 12345)
Step = tuple[str, float, bool, bool]


def actions_of(path: Path) -> list[str]:
    return path.with_suffix(".actions.txt").read_text().splitlines()


def played_plainly(path: Path, seed: int) -> list[Step]:
    """The trajectory in plain Python, over the real Gymnasium."""
    module = types.ModuleType("plain")
    sys.modules["plain"] = module
    exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, gymnasium.Env) and value.__module__ == "plain"
    ]
    env = found[-1]()
    out: list[Step] = [(env.reset(seed=seed)[0], 0.0, False, False)]
    for action in actions_of(path):
        observation, reward, terminated, truncated, _ = env.step(action)
        out.append((observation, float(reward), terminated, truncated))
        if terminated or truncated:
            break
    return out


def played_confined(sandbox: Sandbox, path: Path, seed: int, counting: bool = False) -> list[Step]:
    with sandbox.load(path.read_text(), counting=counting) as worker:
        episode = worker.episodes([Script(actions_of(path), seed=seed)])[0]
    assert episode.fault is None, episode.fault
    return [(answer.observation, answer.reward, answer.terminated, answer.truncated) for answer in episode.answers]


@pytest.fixture(scope="module", params=["fast", "stock"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(policy=request.param) as made:
        yield made


def test_there_are_enough_and_half_are_blind() -> None:
    blind = [path for path in FILES if path.parent.name == "blind"]
    assert len(FILES) >= 50
    assert len(blind) >= 25


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_same_trajectory_as_plain_python(sandbox: Sandbox, path: Path) -> None:
    for seed in SEEDS:
        assert played_confined(sandbox, path, seed) == played_plainly(path, seed)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_counting_changes_nothing(sandbox: Sandbox, path: Path) -> None:
    assert played_confined(sandbox, path, 7, counting=True) == played_confined(sandbox, path, 7)


def test_nine_in_ten_are_accepted(sandbox: Sandbox) -> None:
    refused = []
    for path in FILES:
        try:
            sandbox.load(path.read_text()).close()
        except SandboxError as error:
            refused.append((path.stem, str(error), getattr(error, "remedy", "")))
    assert all(remedy for _, _, remedy in refused)
    assert len(refused) <= len(FILES) // 10, refused


@pytest.mark.parametrize("name", ["blind/sokoban", "blind/dice_game", "informed/beginning_from_text"])
def test_gymnasium_accepts_the_sandboxed_environment(sandbox: Sandbox, name: str) -> None:
    with sandbox.load((FOLDER / f"{name}.py").read_text()) as worker, warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*render modes.*")
        check_env(SandboxedEnv(worker))
        assert worker.check() == []
