"""Who is promoted: on what evidence, by whose word, and what no evidence helps against."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dreamer.accreditation.accreditation import on_record
from dreamer.cli import main
from dreamer.progress import Reporter
from dreamer.records import Accreditation, Evidence, KeptTask, Played, Retained, Update
from dreamer.run import Run
from dreamer.store import Store
from rollout.figure import Figure, proportion
from rollout.trajectory import Trajectory
from tests.dreamer.conftest import DREAM, NIGHT
from tests.dreamer.doors import record

FEW = NIGHT[: NIGHT.index("[production]")].replace("rounds = 20", "rounds = 8").replace("groups = 8", "groups = 4")
Night = Callable[..., Path]


@pytest.fixture(scope="module")
def dreamt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a night in `run` that had no evidence from outside."""
    folder = tmp_path_factory.mktemp("project")
    write(folder / "sessions.jsonl", record(120))
    (folder / "night.toml").write_text(FEW)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("sys.argv", ["dream", "run", "night.toml", "--run", "run"])
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 1
    return folder


@pytest.fixture
def night(dreamt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """That night, in a working directory of its own."""
    shutil.copytree(dreamt, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    config = json.loads(Path("run/night-001/config.json").read_text())
    for file in (Path("run/config.json"), Path("run/night-001/config.json")):
        file.write_text(json.dumps({**config, "folder": str(tmp_path / "project")}))
    return Store(Path("run"))


def write(log: Path, sessions: list[Trajectory]) -> None:
    with open(log, "a") as stream:
        stream.writelines(session.model_dump_json(exclude_none=True) + "\n" for session in sessions)


def worked(policy: str, count: int, won: bool, name: str) -> list[Trajectory]:
    """New real sessions of a policy: of the recorded agent, those that were won or those that were lost."""
    some = [each for each in record(1000, seed=7) if bool(each.turns[-1].reward) is won][:count]
    return [each.model_copy(update={"id": f"{name}{number}", "policy": policy}) for number, each in enumerate(some)]


def policies(store: Store) -> tuple[str, str]:
    """The base and the candidate."""
    update = store.load("learn", Update)
    assert update is not None
    return json.loads(Path("run/night-001/clone.json").read_text())["policy"], update.policy


def report() -> dict[str, object]:
    read: dict[str, object] = json.loads(Path("run/report.json").read_text())
    return read


def test_without_evidence_the_report_says_how_to_come_by_some(night: Store) -> None:
    judged = night.load("evaluate", Accreditation)
    assert judged is not None
    assert (judged.evidence, judged.refusals, judged.promoted) == (None, (), False)
    for words in ("no evidence from outside the dream", "0 new real sessions", policies(night)[1], "dream approve run"):
        assert words in judged.reason
    figures = report()["figures"]
    assert isinstance(figures, dict)
    assert figures["promoted_kl"] == figures["original_kl"]
    assert 0 < figures["promoted_kl"]["value"] < 3


def test_new_sessions_of_both_policies_side_by_side_promote(night: Store, dream: DREAM) -> None:
    base, candidate = policies(night)
    write(Path("sessions.jsonl"), [*worked(base, 20, True, "a"), *worked(base, 20, False, "b"),
                                   *worked(candidate, 40, True, "c")])
    code, out, err = dream("evaluate", "night.toml", "--run", "run", "--json")
    assert (code, json.loads(out)["verdict"]) == (0, "promoted"), err
    assert "mean outcome in new real sessions changed by 0.5" in json.loads(out)["reason"]
    assert json.loads(out)["figures"]["real_success_before"]["n"] == 40
    assert night.promotions.history[-1].by == "new real sessions"
    assert night.promoted == candidate
    assert "Promoted: mean outcome in new real sessions" in night.load_card(candidate)


@pytest.mark.parametrize(("change", "words"), [
    ({"source": "dreamed"}, "0 of the candidate"),  # its own dream is no evidence
    ({"policy": "another"}, "0 of the candidate"),
    ({"outcome": 0.0}, "lower bound not above 0"),
])
def test_other_sessions_promote_nothing(night: Store, dream: DREAM, change: dict[str, object], words: str) -> None:
    base, candidate = policies(night)
    write(Path("sessions.jsonl"), [*worked(base, 40, False, "b"),
                                   *(each.model_copy(update=change) for each in worked(candidate, 40, True, "c"))])
    code, out, _ = dream("evaluate", "night.toml", "--run", "run", "--json")
    assert (code, night.promoted) == (1, None)
    assert words in json.loads(out)["reason"]


def test_sessions_that_the_night_was_dreamt_from_are_no_evidence(night: Store, dream: DREAM) -> None:
    base, candidate = policies(night)
    log = Path("sessions.jsonl")
    old = [Trajectory.model_validate_json(line) for line in log.read_text().splitlines()]
    log.unlink()
    write(log, [*(each.model_copy(update={"policy": base}) for each in old), *worked(candidate, 40, True, "c")])
    code, out, _ = dream("evaluate", "night.toml", "--run", "run", "--json")
    assert (code, night.promoted) == (1, None)
    assert f"0 new real sessions of the policy before, {base}, and 40 of the candidate" in json.loads(out)["reason"]


def test_a_person_promotes_and_that_is_on_record(night: Store, dream: DREAM) -> None:
    _, candidate = policies(night)
    code, out, err = dream("approve", "run", "--by", "ann")
    assert code == 0, err
    assert out.startswith(f"promoted: {Path('run/policies', candidate)} (approved by ann; ")
    assert (night.promoted, night.promotions.history[-1].by) == (candidate, "ann")
    assert report()["verdict"] == "promoted"
    assert json.loads(Path("run/night-001/report.json").read_text()) == report()
    assert "Promoted: approved by ann; " in night.load_card(candidate)
    assert night.load_card(candidate).count("## Accreditation") == 1
    code, _, err = dream("approve", "run", "--by", "bob")
    assert (code, "is promoted already" in err) == (2, True)
    code, out, _ = dream("evaluate", "night.toml", "--run", "run", "--json")
    assert (code, night.promoted) == (1, candidate)
    assert "yet it was promoted by ann" in json.loads(out)["reason"]


def test_a_person_cannot_promote_what_the_evidence_is_against(night: Store, dream: DREAM) -> None:
    base, candidate = policies(night)
    write(Path("sessions.jsonl"), [*worked(base, 40, True, "a"), *worked(candidate, 40, False, "c")])
    assert dream("evaluate", "night.toml", "--run", "run")[0] == 1
    code, _, err = dream("approve", "run", "--by", "ann")
    assert (code, night.promoted) == (2, None)
    assert "the candidate is worse" in err


def test_who_was_compared_with_another_policy_cannot_be_approved(night: Store, dream: DREAM) -> None:
    night.promote("another", by="ann")
    code, _, err = dream("approve", "run", "--by", "ann")
    assert (code, "but another is promoted now" in err) == (2, True)


def test_options_for_sessions_are_none_for_a_run(night: Store, dream: DREAM) -> None:
    code, _, err = dream("approve", "run", "--all")
    assert (code, "run is a run folder" in err) == (2, True)
    shutil.rmtree("run/night-001")
    code, _, err = dream("approve", "run")
    assert (code, "no candidate that was judged" in err) == (2, True)


def test_a_budget_holds_against_evidence_and_person(night: Store, dream: DREAM) -> None:
    few = ("--set", "learning.rounds=2", "--set", "guards.original_kl=0.0001")
    assert dream("learn", "night.toml", "--run", "run", *few)[0] == 0
    base, candidate = policies(night)
    write(Path("sessions.jsonl"), [*worked(base, 40, False, "b"), *worked(candidate, 40, True, "c")])
    code, out, _ = dream("evaluate", "night.toml", "--run", "run", "--json", *few)
    assert (code, night.promoted) == (1, None)
    assert "lower bound above 0; KL(original‖candidate) is 0." in json.loads(out)["reason"]
    assert "upper bound above guards.original_kl = 0.0001" in json.loads(out)["reason"]
    code, _, err = dream("approve", "run", "--by", "ann")
    assert (code, "guards.original_kl = 0.0001" in err) == (2, True)


def test_what_was_known_must_be_kept(night: Store, dream: DREAM) -> None:
    engine = f"{Path(__file__).parents[1] / 'doors.py'}"
    tasks = f'[{{name = "old", engine = "{engine}:OldDoors"}}, {{name = "new", engine = "{engine}:Doors"}}]'
    base, candidate = policies(night)
    write(Path("sessions.jsonl"), [*worked(base, 40, False, "b"), *worked(candidate, 40, True, "c")])
    code, out, err = dream("evaluate", "night.toml", "--run", "run", "--json", "--set", f"retention.tasks={tasks}",
                           "--set", "retention.episodes=100", "--set", 'retention.texts=["sessions.jsonl"]')
    assert (code, night.promoted) == (1, None), err
    judged = night.load("evaluate", Accreditation)
    assert judged is not None
    old, new = (each.change for each in judged.retained.tasks)
    assert (old.high or 0) < 0 < (new.low or 0)
    assert (judged.retained.texts[0].change.low or 0) > 0, "the logged actions are no longer the likely ones"
    assert [refusal.partition(":")[0] for refusal in judged.refusals] == ["old", "sessions.jsonl"]
    assert "old: success changed by -" in judged.reason
    assert Figure.model_validate(json.loads(out)["figures"]["retained: old"]) == old


def test_what_earlier_nights_have_on_record_is_of_the_policies_that_led_here(night: Store) -> None:
    base, candidate = policies(night)
    judged = night.load("evaluate", Accreditation)
    assert judged is not None
    shares = [proportion(won, 100) for won in (90, 80, 70)]
    for number, share in enumerate(shares[:2], start=1):
        later = Store(night.root, number)
        task = KeptTask(name="old", before=share, after=share, change=share)
        later.save("evaluate", judged.model_copy(update={"retained": Retained(tasks=(task,)), "evidence": Evidence(
            source="production", gain=share, success_gain=share,
            **dict.fromkeys(("before", "after"), Played(success=shares[2], outcome=share, turns=1, imagined_share=share,
                                                        seconds=1.0)))}))
        for stage, policy in (("clone", base), ("learn", candidate)):
            record = json.loads(Path(f"run/night-001/{stage}.json").read_text())
            (later.folder / f"{stage}.json").write_text(json.dumps({**record, "policy": policy}))
    with Run(Store.config(night.root), Store(night.root, 3), Reporter(lambda event: None, None)) as run:
        assert on_record(run) == {"old": shares[0]}
        night.promote(candidate, by="ann")
        assert on_record(run) == {"old": shares[0], "night-001": shares[2], "night-002": shares[2]}


def test_retention_is_checked_before_the_night(night: Store, dream: DREAM) -> None:
    wrong = 'retention.tasks=[{name = "x", engine = "nowhere.py:X"}]'
    code, _, err = dream("evaluate", "night.toml", "--run", "run", "--set", wrong)
    assert (code, "retention.tasks 'nowhere.py:X': no file" in err) == (2, True)
    code, _, err = dream("evaluate", "night.toml", "--run", "run", "--set", 'retention.texts=["nothing.jsonl"]')
    assert (code, "nothing.jsonl" in err) == (2, True)


def test_learning_that_diverges_leaves_the_base_and_says_so(night: Store, dream: DREAM) -> None:
    base, _ = policies(night)
    few = ("--set", "learning.rounds=3", "--set", "learning.learning_rate=1e39")
    assert dream("learn", "night.toml", "--run", "run", *few)[0] == 0
    update = night.load("learn", Update)
    assert update is not None
    assert (update.policy, update.stopped) == (base, "round 0: weights of the policy are no numbers")
    code, out, _ = dream("evaluate", "night.toml", "--run", "run", "--json", *few)
    assert (code, night.promoted) == (1, None)
    assert "nothing was learnt" in json.loads(out)["reason"]
    assert "learning was stopped: round 0" in json.loads(out)["reason"]
