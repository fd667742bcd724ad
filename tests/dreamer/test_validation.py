"""`dream validate ENV.py SESSIONS…`: any environment against any sessions."""

import json
from pathlib import Path

import pytest

from rollout.formats import own
from tests.dreamer.conftest import DREAM
from tests.envgen import worlds
from tests.games import Corridor, Lottery, record


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    own.write(record(Corridor(), 80), tmp_path / "corridor.jsonl")
    own.write(record(Lottery(), 80), tmp_path / "lottery.jsonl")
    for name in ("CORRIDOR", "PAYS_ALWAYS", "LOTTERY"):
        (tmp_path / f"{name.lower()}.py").write_text(getattr(worlds, name))
    return tmp_path


@pytest.mark.parametrize("world", ["corridor", "lottery"])
def test_the_truth_passes(world: str, files: Path, dream: DREAM) -> None:
    code, out, err = dream("validate", f"{world}.py", f"{world}.jsonl", "--json")
    assert code == 0, err
    report = json.loads(out)
    assert report["figures"]["contradicted"]["value"] == 0.0
    assert report["regimes"].keys() == {"enumerate"}


def test_a_wrong_world_is_refused_with_what_it_got_wrong(files: Path, dream: DREAM) -> None:
    code, out, _ = dream("validate", "pays_always.py", "corridor.jsonl")
    assert code == 1
    assert "sure of another reward or end" in " ".join(out.split())


@pytest.mark.parametrize(("arguments", "words"), [
    (("validate", "corridor.py"), "name the logs"),
    (("validate", "nowhere.py", "corridor.jsonl"), "nowhere.py"),
    (("validate", "corridor.py", "nowhere.jsonl"), "no such file"),
    (("validate", "broken.py", "corridor.jsonl"), "line 1"),
])
def test_mistakes_are_told(arguments: tuple[str, ...], words: str, files: Path, dream: DREAM) -> None:
    (files / "broken.py").write_text("def (:\n")
    code, _, err = dream(*arguments)
    assert code == 2
    assert words in err
    assert "Traceback" not in err
