"""Nights that follow each other: where each begins, what it reads, and what becomes of it when it is stopped."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import torch

from dreamer.config import load
from dreamer.past import own_sessions, real_tasks
from dreamer.policy import load as load_checkpoint
from dreamer.progress import Reporter
from dreamer.records import Accreditation
from dreamer.run import Run
from dreamer.store import Store
from tests.dreamer.conftest import DREAM
from tests.dreamer.doors import record

NOTHING = ("--set", "learning.rounds=1", "--set", "learning.learning_rate=1e-9", "--set", "learning.groups=1",
           "--set", "production.episodes=40", "--set", "cloning.steps=3", "--set", "rehearsal.episodes=4",
           "--set", "retention.episodes=30")


def reports(out: str) -> list[dict[str, object]]:
    """All reports that were printed, one after the other."""
    decoder, found = json.JSONDecoder(), []
    while out.strip():
        report, end = decoder.raw_decode(out := out.strip())
        found.append(report)
        out = out[end:]
    return found


def record_of(stage: str, night: int) -> dict[str, object]:
    return json.loads(Path("run", f"night-{night:03d}", f"{stage}.json").read_text())  # type: ignore[no-any-return]


def logits(model: torch.nn.Module, ids: list[int]) -> torch.Tensor:
    with torch.inference_mode():
        return model.eval()(torch.tensor([ids])).logits  # type: ignore[no-any-return]


def test_a_night_goes_on_from_what_the_one_before_promoted(project: Path, dream: DREAM) -> None:
    settings = (*NOTHING, "--set", "policy.lora=8", "--set", "cloning.steps=60",
                "--set", "learning.groups=8", "--set", "learning.learning_rate=0.01")
    assert dream("run", "night.toml", "--run", "run", *settings)[0] == 1
    candidate = str(record_of("learn", 1)["policy"])
    Store(project / "run").promote(candidate, by="a test")
    assert dream("run", "night.toml", "--run", "run", "--nights", "2", *settings)[0] in (0, 1)

    store, base = Store(project / "run", night=2), record_of("clone", 2)
    assert base["origin"] == candidate
    folder = store.policy(str(base["policy"]))
    assert {"adapter_config.json", "adapter_model.safetensors"} & {file.name for file in folder.iterdir()} == set()
    assert candidate in (folder / "README.md").read_text()
    adapted, tokenizer = load_checkpoint(store.policy(candidate))
    whole, same = load_checkpoint(folder)
    first, _ = load_checkpoint(store.policy(str(record_of("clone", 1)["policy"])))
    ids = tokenizer.encode("Room 2.")
    assert ids == same.encode("Room 2.")
    torch.testing.assert_close(logits(whole, ids), logits(adapted, ids), rtol=1e-4, atol=1e-4)
    assert (logits(whole, ids) - logits(first, ids)).abs().max() > 1e-3
    with Run(load(project / "night.toml", ["policy.lora=8"]), store, Reporter(lambda event: None, None)) as run:
        learner = run.policy(str(base["policy"])).model  # with fresh adapters, which change nothing yet
        assert torch.equal(logits(learner, ids), logits(whole, ids))

    assert record_of("read", 1)["files"] == {"sessions.jsonl": 120}
    assert record_of("read", 2)["files"] == {
        "sessions.jsonl": 120, "run/night-001/judging-candidate/episodes.jsonl": 40}
    parts = {part: store.load_sessions(part) for part in ("shown", "selection", "held_out")}
    own = [session for part in parts.values() for session in part if session.policy]
    assert {(session.source, session.policy, session.night) for session in own} == {("real", candidate, 1)}
    assert len({session.id for session in own}) == 40
    before = {session.id for session in Store(project / "run").load_sessions("held_out")}
    assert before <= {session.id for session in parts["held_out"]}


def test_nights_that_refuse_change_nothing_and_one_that_was_killed_is_finished(project: Path, dream: DREAM) -> None:
    assert dream("run", "night.toml", "--run", "run", *NOTHING)[0] == 1
    store = Store.open(Path("run"), Store.config(Path("run")), resume=False, nights=2)  # as one killed at once left it
    assert store.night == 2
    code, _, err = dream("run", "night.toml", "--run", "run", "--nights", "2", *NOTHING)
    assert code == 2
    assert "go on with --resume" in " ".join(err.split())
    _, out, _ = dream("run", "--run", "run", "--resume", "--nights", "2", "--json")
    (report,) = reports(out)
    assert (report["night"], report["verdict"]) == (2, "refused")
    assert json.loads(Path("run", "night-002", "report.json").read_text()) == report
    first = record_of("clone", 1)
    assert record_of("clone", 2) == {**first, "origin": first["policy"], "cloned_steps": 0, "loss": None}
    assert record_of("read", 2)["files"] == {"sessions.jsonl": 120}  # a refused candidate's sessions join no log

    code, _, err = dream("run", "night.toml", "--run", "run", "--nights", "2", *NOTHING)
    assert code == 2
    assert "ask for more --nights than 2" in " ".join(err.split())
    other = f"production.engine={Path(__file__).parent / 'doors.py'}:PrivateDoors"
    changed = (*NOTHING, "--set", "sessions.held_out=0.3", "--set", other)  # a night may be told something else
    assert dream("run", "night.toml", "--run", "run", "--nights", "3", *changed)[0] == 1
    assert [Store.config(project / "run" / f"night-00{night}").sessions.held_out for night in (2, 3)] == [0.2, 0.3]
    with Run(Store.config(project / "run"), Store(project / "run", 3), Reporter(lambda event: None, None)) as run:
        (task,) = real_tasks(run)
        assert task.engine.endswith("doors.py:Doors")
        assert list(own_sessions(run, {})) == []
    judged = Store(project / "run", 3).load("evaluate", Accreditation)
    assert judged is not None
    assert [(each.name, each.before.n) for each in judged.retained.tasks] == [("night-001", 30)]


def test_a_watched_night_waits_for_new_sessions_and_can_be_stopped(project: Path, dream: DREAM) -> None:
    log, events = project / "sessions.jsonl", project / "run" / "events.jsonl"
    news = [session.model_copy(update={"id": f"new {session.id}"}) for session in record(3, seed=1)]
    lines = [session.model_dump_json(exclude_none=True) + "\n" for session in news]

    def write() -> None:
        _wait_for(events, '"event":"begin","stage":"wait"')
        with open(log, "a") as stream:
            stream.write(lines[0] + lines[1][:20])  # half a session is none
            stream.flush()
            _wait_for(events, "not JSON")
            stream.write(lines[1][20:] + lines[2])
        _wait_for(events, '"event":"begin","stage":"wait"', times=2)
        os.kill(os.getpid(), signal.SIGINT)

    writer = threading.Thread(target=write)
    writer.start()
    code, out, err = dream("run", "night.toml", "--run", "run", "--watch", "--json", *NOTHING,
                           "--set", "nights.sessions=3")
    writer.join()
    assert code == 130
    assert "--resume" in err
    assert [report["night"] for report in reports(out)] == [1, 2]
    assert record_of("read", 2)["files"] == {"sessions.jsonl": 123}


def test_tasks_of_earlier_nights_are_rehearsed_in_their_share(project: Path, dream: DREAM) -> None:
    log = (project / "sessions.jsonl").read_text()
    (project / "cells.jsonl").write_text(log.replace("Room", "Cell"))
    settings = (*NOTHING, "--set", "learning.groups=4", "--set", "nights.replay=0.5")
    other = ("--set", 'sessions.files=["cells.jsonl"]')
    assert dream("run", "night.toml", "--run", "run", *settings)[0] == 1
    assert dream("run", "night.toml", "--run", "run", "--nights", "2", *settings, *other)[0] == 1
    for night, began, recalled in ((1, "Room 1.", None), (2, "Cell 1.", "Room 1.")):
        store = Store(project / "run", night)
        episodes = store.load_episodes("round-000")
        assert len({episode.id for episode in episodes}) == len(episodes) == 4 * 8
        tonight = [episode for episode in episodes if episode.recalls is None]
        again = [episode for episode in episodes if episode.recalls is not None]
        assert {episode.observation.text for episode in tonight} == {began}
        if recalled is None:
            assert not again
            continue
        assert {episode.observation.text for episode in again} == {recalled}
        assert len(again) == 2 * 8
        (earlier,) = {episode.recalls for episode in again}
        assert earlier == night - 1
        members = {each["environment"] for each in record_of("validate", night - 1)["judged"]}  # type: ignore[attr-defined]
        assert {episode.environment for episode in again} <= members
        (summary,) = record_of("learn", night)["rounds"]  # type: ignore[misc]
        assert summary["recalled"] == len(again)


def _wait_for(file: Path, text: str, times: int = 1) -> None:
    for _ in range(2400):
        if file.exists() and file.read_text().count(text) >= times:
            return
        time.sleep(0.05)
    raise AssertionError(f"{text} did not come")
