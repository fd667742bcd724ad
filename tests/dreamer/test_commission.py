"""`dream author SESSIONS… --model NAME`: a model writes, everything is kept, judged and shown."""

import json
import shutil
from pathlib import Path

import pytest

from benchmarks.worlds import WORLDS
from rollout.formats import own
from tests.dreamer.conftest import DREAM
from tests.dreamer.sources import TRUE
from tests.envgen import worlds
from tests.envgen.endpoint import Refusal, fenced, serve
from tests.games import Corridor, record

RECORDINGS = Path(__file__).parent.parent / "recordings"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    own.write(record(Corridor(), 80), tmp_path / "corridor.jsonl")
    return tmp_path


def test_a_world_is_written_judged_and_kept(folder: Path, dream: DREAM) -> None:
    with serve(fenced(worlds.PAYS_ALWAYS), fenced(worlds.CORRIDOR)) as served:
        code, out, err = dream("author", "corridor.jsonl", "--model", "small", "--base-url", served.base_url, "--json")
    assert code == 0, err
    report = json.loads(out)
    first, second = report["revisions"]
    assert report["best"] == second["revision"]["number"] == 2
    assert first["refusals"]
    assert not second["refusals"]
    assert second["held_out"]["figures"]["episode_match"]["value"] == 1.0
    assert report["cost"]["calls"]["value"] == 2
    assert (folder / "authored" / "world.py").read_text().strip() == worlds.CORRIDOR.strip()
    kept = {path.name for path in (folder / "authored").iterdir()}
    assert kept == {"world.py", "report.json", "replies", "001.py", "001.json", "002.py", "002.json"}
    assert dream("validate", "authored/world.py", "corridor.jsonl")[0] == 0


def test_a_world_that_the_gate_refuses_is_told_by_the_exit_code(folder: Path, dream: DREAM) -> None:
    with serve(fenced(worlds.PAYS_ALWAYS)) as served:
        code, out, _ = dream("author", "corridor.jsonl", "--model", "small", "--base-url", served.base_url,
                             "--calls", "1")
    assert code == 1
    assert "all 1 calls are made" in out
    assert "gate: " in out


def test_nothing_that_runs_is_refused_too(folder: Path, dream: DREAM) -> None:
    with serve("No.") as served:
        code, out, _ = dream("author", "corridor.jsonl", "--model", "small", "--base-url", served.base_url,
                             "--calls", "1")
    assert code == 1
    assert "cannot be used" in " ".join(out.split())


def test_sessions_are_divided_as_asked(folder: Path, dream: DREAM) -> None:
    """All begin alike, so by their starts there is nothing to divide."""
    with serve(fenced(worlds.CORRIDOR)) as served:
        asked = ("author", "corridor.jsonl", "--model", "small", "--base-url", served.base_url, "--json", "--split")
        code, _, err = dream(*asked, "start")
        assert code == 2
        assert "too few" in err
        code, out, err = dream(*asked, "session")
    assert code == 0, err
    report = json.loads(out)
    assert report["shown"] > report["held_out"] > report["selection"] > 0


def test_what_a_model_remembers_is_asked_without_transitions(folder: Path, dream: DREAM) -> None:
    with serve(fenced(worlds.PAYS_ALWAYS), fenced(worlds.PAYS_NEVER)) as served:
        code, _, _ = dream("author", "corridor.jsonl", "--model", "small", "--base-url", served.base_url, "--withhold")
    assert code == 1
    assert len(served.asked) == 2
    assert not any("Cell 2." in asked["messages"][1]["content"] for asked in served.asked)


@pytest.mark.parametrize(("world", "parents"), [("embers", [None, 1]), ("lantern", [None]), ("urns", [None])])
def test_a_recording_replays_the_whole_authoring(world: str, parents: list[int | None], folder: Path, dream: DREAM
                                                 ) -> None:
    own.write(WORLDS[world].record(150, 1), folder / f"{world}.jsonl")
    replies = shutil.copytree(RECORDINGS / world, folder / "replies")
    asked = [json.loads(line)["model"] for line in (replies / "exchanges.jsonl").read_text().splitlines()]
    code, out, err = dream("author", f"{world}.jsonl", "--model", asked[0], "--replay", "--replies", str(replies),
                           "--set", "drafts=1", "--json")
    assert code == 0, err
    report = json.loads(out)
    assert [each["revision"]["parent"] for each in report["revisions"]] == parents
    assert report["revisions"][-1]["refusals"] == []


def test_a_stale_recording_fails_loudly(folder: Path, dream: DREAM) -> None:
    code, _, err = dream("author", "corridor.jsonl", "--model", "a-large-language-model", "--replay", "--replies",
                         str(RECORDINGS / "urns"), "--set", "drafts=1")
    assert code == 2
    words = " ".join(err.split())
    assert "the recording is stale; line" in words
    assert "Record again" in words


@pytest.mark.parametrize(("arguments", "words"), [
    (["corridor.jsonl"], "name the model"),
    (["corridor.jsonl", "--model", "small"], "OPENAI_API_KEY is not set"),
    (["nowhere.jsonl", "--model", "small"], "no such file"),
    (["corridor.jsonl", "--model", "small", "--set", "dollars=1"], "dollars needs prices"),
    (["corridor.jsonl", "--model", "small", "--set", "cals=1"], "known are model"),
    (["corridor.jsonl", "--model", "small", "--set", "calls"], "KEY=VALUE"),
    (["corridor.jsonl", "--model", "small", "--base-url", "http://127.0.0.1:9/v1", "--set", "retries=0"],
     "cannot be reached"),
    (["corridor.jsonl", "--model", "small", "--base-url", "127.0.0.1:9"], "/v1"),
])
def test_mistakes_are_told(arguments: list[str], words: str, folder: Path, dream: DREAM,
                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    code, _, err = dream("author", *arguments)
    assert code == 2, err
    assert words in " ".join(err.split()), err
    assert "Traceback" not in err


def test_an_unknown_model_is_named_with_those_that_are_there(folder: Path, dream: DREAM) -> None:
    with serve(Refusal(404)) as served:
        code, _, err = dream("author", "corridor.jsonl", "--model", "large", "--base-url", served.base_url)
    assert code == 2
    assert "it has small" in " ".join(err.split())


def test_a_night_asks_the_model_it_is_told_of(project: Path, dream: DREAM) -> None:
    """What it writes is judged beside the automaton's drafts, and the folder keeps what was asked."""
    with serve(fenced(TRUE)) as served:
        model = f'author.model={{model="small", base_url="{served.base_url}", drafts=1}}'
        code, out, err = dream("validate", "night.toml", "--run", "run", "--set", model)
        assert code == 0, err + out
        assert dream("validate", "night.toml", "--run", "run", "--set", model)[0] == 0
    authored = json.loads(Path("run", "night-001", "author.json").read_text())
    assert "small, draft 1" in {each["author"] for each in authored["candidates"]}
    assert any(each["author"].startswith("automaton") for each in authored["candidates"])
    assert len(served.asked) == 1
    (reply,) = Path("run", "correspondence").glob("*.reply.md")
    kept = [json.loads(path.read_text()) for path in Path("run", "environments").glob("*/environment.json")]
    assert len(kept) == len(authored["candidates"]), "whatever runs is kept, not the members alone"
    (lineage,) = [each["lineage"] for each in kept if each["author"] == "small, draft 1"]
    assert reply.name == f"001-{lineage['exchanges'][0]}.reply.md"
    assert (lineage["parent"], lineage["calls"]) == (None, 1)
    assert all(each["lineage"] is None for each in kept if each["author"].startswith("automaton"))


def test_a_model_that_writes_nothing_that_runs_costs_only_its_own_drafts(project: Path, dream: DREAM) -> None:
    with serve("No.") as served:
        model = f'author.model={{model="small", base_url="{served.base_url}", calls=1}}'
        assert dream("validate", "night.toml", "--run", "run", "--set", model)[0] == 0
    (rejected,) = json.loads(Path("run", "night-001", "author.json").read_text())["rejected"]
    assert "small wrote nothing that runs" in rejected


def test_a_night_whose_model_has_no_key_ends_before_it_begins(project: Path, dream: DREAM) -> None:
    model = 'author.model={model="large", key="NO_SUCH_KEY"}'
    code, _, err = dream("run", "night.toml", "--run", "run", "--set", model)
    assert code == 2
    assert "NO_SUCH_KEY" in err
    assert not Path("run").exists()
