"""Whole nights in worlds that people wrote: what is wrong is refused, what is right is rehearsed in, and compared."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from envgen.scored import FLOOR
from rollout.trajectory import Trajectory
from tests.dreamer.conftest import DREAM
from tests.dreamer.sources import CORRUPTED, KNOCKING, TABLE, TRUE

FEW = ("--set", "learning.rounds=2", "--set", "production.episodes=20")


def night(dream: DREAM, sources: dict[str, str], *settings: str) -> tuple[int, dict[str, Any], str]:
    """A night in environments that were written by hand: exit code, report and what was said."""
    folder = Path("worlds")
    folder.mkdir()
    for name, source in sources.items():
        (folder / f"{name.replace(' ', '_')}.py").write_text(source)
    code, out, err = dream("run", "night.toml", "--run", "run", "--json", "--set", 'author.files=["worlds/*.py"]',
                           "--set", "author.automaton=false", *settings)
    return code, json.loads(out) if out else {}, err


def record(stage: str) -> dict[str, Any]:
    return json.loads(Path("run", "night-001", f"{stage}.json").read_text())  # type: ignore[no-any-return]


def rehearsed(name: str = "rehearsal") -> list[Trajectory]:
    lines = Path("run", "night-001", name, "episodes.jsonl").read_text().splitlines()
    return list(map(Trajectory.model_validate_json, lines))


def test_a_true_world_written_by_hand_is_rehearsed_in_and_the_policy_promoted(project: Path, dream: DREAM) -> None:
    code, report, err = night(dream, {"doors": TRUE})
    assert (code, report.get("verdict")) == (0, "promoted"), err
    assert [each["author"] for each in record("validate")["judged"]] == ["by hand, doors.py"]
    assert list(report["environments"].values()) == [[]]


@pytest.mark.parametrize("name", CORRUPTED)
def test_a_night_in_a_corrupted_world_promotes_nothing(name: str, project: Path, dream: DREAM) -> None:
    code, report, err = night(dream, {name: CORRUPTED[name]})
    if code == 1:
        assert report["verdict"] == "refused"
        assert report["reason"].startswith("the gate refuses the environment: ")
        (refusals,) = report["environments"].values()
        assert all(each in report["reason"] for each in refusals)
        assert (report["figures"]["members"]["value"], report["figures"]["held_out_looks"]["value"]) == (0, 1)
    else:
        assert code == 2
        assert "no draft can be used: by hand" in err
        assert "Traceback" not in err
    assert not Path("run", "policies").exists()
    assert not Path("run", "promoted.json").exists()
    assert not list(Path("run", "night-001").glob("*/episodes.jsonl"))


def test_right_worlds_are_the_ensemble_and_agree_and_a_wrong_one_is_left_out(project: Path, dream: DREAM) -> None:
    worlds = {"one": TRUE, "two": TABLE, "wrong": CORRUPTED["another rule"]}
    code, report, err = night(dream, worlds, "--set", "learning.rounds=2")
    assert code in (0, 1), err
    judged = record("validate")["judged"]
    members = {each["environment"] for each in judged if not each["refusals"]}
    assert {each["author"]: bool(each["refusals"]) for each in judged} == {
        "by hand, one.py": False, "by hand, two.py": False, "by hand, wrong.py": True}
    for support in (each["support"] for each in judged):  # where a refused one is wrong is worth seeing, too
        assert len(support["lines"]) == len(support["labels"]) == len(support["sessions"])
        assert 0 < max(support["sessions"]) <= support["shown"]
    assert {name: bool(refusals) for name, refusals in report["environments"].items()} == {
        each["environment"]: bool(each["refusals"]) for each in judged}
    assert (report["figures"]["members"]["value"], report["figures"]["held_out_looks"]["value"]) == (2, 3)

    episodes = rehearsed()
    dreamed = [episode.environment for episode in episodes]
    assert {name: dreamed.count(name) for name in members} == dict.fromkeys(members, len(episodes) / 2)
    disagreement = report["figures"]["disagreement"]
    assert (disagreement["value"], disagreement["n"]) == (0.0, sum(len(episode.turns) for episode in episodes))
    for round in ("round-000", "round-001"):
        groups = {(episode.group, episode.environment) for episode in rehearsed(round)}
        assert len(groups) == len({group for group, _ in groups}) == 8
        assert {name for _, name in groups} == members


def test_members_disagree_exactly_where_no_session_says_who_is_right(project: Path, dream: DREAM) -> None:
    sessions = [json.loads(line) for line in Path("sessions.jsonl").read_text().splitlines()]
    code, report, err = night(dream, {"one": TRUE, "two": KNOCKING}, *FEW, "--set", "cloning.steps=25")
    assert code in (0, 1), err
    said = {turn["action"] for session in sessions for turn in session["turns"]}
    known, unknown = set[float | None](), set[float | None]()
    for episode in rehearsed():
        for turn in episode.turns:
            (known if turn.action.text in said else unknown).add(turn.disagreement)
    assert known == {0.0}
    assert unknown == {-math.log(FLOOR)}
    assert report["figures"]["disagreement"]["value"] > 0
    assert record("learn")["rounds"][0]["disagreement"]["n"] > 0


def test_a_night_of_one_member_measures_no_disagreement(project: Path, dream: DREAM) -> None:
    code, report, err = night(dream, {"one": TRUE, "two": TABLE}, *FEW, "--set", "author.members=1")
    assert code in (0, 1), err
    assert "disagreement" not in report["figures"]
    assert {turn.disagreement for episode in rehearsed() for turn in episode.turns} == {None}
    assert len({episode.environment for episode in rehearsed()}) == 1


def test_looks_at_held_out_sessions_are_counted_once_for_each_environment(project: Path, dream: DREAM) -> None:
    def looks(*settings: str) -> int:
        code, out, err = dream("validate", "night.toml", "--run", "run", "--json", *settings)
        assert code == 0, err
        return int(json.loads(out)["figures"]["held_out_looks"]["value"])

    assert looks() == 1
    assert looks() == 1
    (project / "doors.py").write_text(TRUE)
    code, _, err = dream("author", "night.toml", "--run", "run", "--set", 'author.files=["doors.py"]')
    assert code == 0, err
    assert looks("--set", 'author.files=["doors.py"]') == 2


@pytest.mark.parametrize(("settings", "words"), [
    (('author.files=["nowhere.py"]',), ["author.files", "nowhere.py", "no such file"]),
    (('author.files=["bytes.py"]',), ["author.files", "utf-8"]),
    (("author.automaton=false",), ["author", "nobody writes"]),
    (("author.members=0",), ["author.members", "greater than or equal to 1"]),
])
def test_a_wrong_author_section_is_told_before_the_night(
    settings: tuple[str, ...], words: list[str], project: Path, dream: DREAM
) -> None:
    (project / "bytes.py").write_bytes(b"\xff\xfe\x00")
    code, _, err = dream("run", "night.toml", *(part for each in settings for part in ("--set", each)))
    assert (code, "Traceback" in err) == (2, False)
    assert all(word in " ".join(err.split()) for word in words), err
    assert not (project / "runs").exists()


def test_a_draft_that_the_sandbox_refuses_is_recorded_and_the_others_go_on(project: Path, dream: DREAM) -> None:
    code, _, err = night(dream, {"one": TRUE, "two": CORRUPTED["does not parse"]}, *FEW)
    assert code in (0, 1), err
    (rejected,) = record("author")["rejected"]
    assert rejected.startswith("by hand, two.py: line ")


def test_what_the_sessions_prove_to_be_filler_is_not_compared_unless_asked_for(project: Path, dream: DREAM) -> None:
    log = project / "sessions.jsonl"
    log.write_text("\n".join(
        line.replace("A trap.", f"A trap at 12:{number // 60:02}:{number % 60:02}.").replace(
            "The garden.", f"The garden at 12:{number // 60:02}:{number % 60:02}.")
        for number, line in enumerate(log.read_text().splitlines())) + "\n")
    timed = TRUE.replace("A trap.", "A trap at 11:59:59.").replace("The garden.", "The garden at 11:59:59.")
    (project / "doors.py").write_text(timed)
    settings = ("--json", "--set", 'author.files=["doors.py"]', "--set", "author.automaton=false")
    code, _, err = dream("validate", "night.toml", "--run", "run", *settings)
    assert code == 0, err
    (compared,) = record("validate")["judged"][0]["report"]["compared"]
    assert "not compared in <" in compared
    assert "A trap at" in compared
    code, out, _ = dream("validate", "night.toml", "--run", "exact", *settings, "--set", 'sessions.compare="exact"')
    assert (code, json.loads(out)["verdict"]) == (1, "refused")
    (project / "doors.py").write_text(timed.replace("11:59:59.\", 0.0", "11:59:59.\", 1.0"))
    code, out, _ = dream("validate", "night.toml", "--run", "pays", *settings)
    assert (code, json.loads(out)["verdict"]) == (1, "refused"), "filler forgives no wrong reward"
