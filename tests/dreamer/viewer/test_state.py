"""How far a night is, as pages tell it."""

from pathlib import Path

import pytest

from dreamer.config import Config
from dreamer.files import StoreError
from dreamer.records import Report
from dreamer.sections import Sessions
from dreamer.store import Store
from dreamer.viewer.state import state


@pytest.fixture
def store(tmp_path: Path) -> Store:
    config = Config(name="x", folder=tmp_path, sessions=Sessions(files=("x",)))
    return Store.open(tmp_path / "x-001", config, resume=False)


def told(store: Store, *events: tuple[float, str, dict[str, object]]) -> None:
    for time, event, facts in events:
        store.append_event({"time": time, "event": event, **facts})


def test_a_night_that_nobody_works_at_is_interrupted_and_says_how_to_go_on(store: Store) -> None:
    now = state(store)
    assert now.name == "interrupted"
    assert now.command == f"dream run --run {store.root} --resume"
    assert {stage.status for stage in now.stages} == {"waiting"}


def test_a_night_that_failed_says_why_until_it_goes_on(store: Store) -> None:
    told(store, (0.0, "night", {"night": 1}), (1.0, "failed", {"night": 1, "reason": "no draft can be used"}))
    assert (state(store).name, state(store).words) == ("failed", "no draft can be used")
    told(store, (2.0, "night", {"night": 1}))
    assert state(store).name == "interrupted"


def test_a_night_under_way_says_how_fast_it_is_and_how_long_it_takes(store: Store) -> None:
    told(store, (0.0, "night", {"night": 1}), (0.0, "begin", {"stage": "read", "total": 100, "unit": "sessions"}),
         (5.0, "progress", {"stage": "read", "done": 20}))
    with store.hold():
        now = state(store)
    assert now.live
    [reading] = [stage for stage in now.stages if stage.status == "under way"]
    [bar] = reading.bars
    assert (bar.done, bar.total, bar.unit, bar.rate, bar.remaining) == (20, 100, "sessions", 4.0, 20.0)
    assert state(store).stages[0].status == "interrupted"


def test_what_an_earlier_night_did_is_not_this_nights(store: Store) -> None:
    told(store, (0.0, "night", {"night": 1}), (1.0, "begin", {"stage": "read", "total": None, "unit": ""}),
         (2.0, "stage", {"night": 1, "stage": "read", "seconds": 2.0, "real_steps": 0}),
         (3.0, "night", {"night": 2}), (4.0, "begin", {"stage": "read", "total": None, "unit": ""}))
    store.save("read", Report(verdict="stopped", reason="", figures={}, run="", night=1, seed=0))
    assert [stage.seconds for stage in state(store).stages if stage.status == "done"] == [2.0]
    later = Store(store.root, 2)
    later.folder.mkdir()
    (later.folder / "config.json").write_bytes((store.folder / "config.json").read_bytes())
    assert [stage.name for stage in state(later).stages if stage.status == "interrupted"] == ["read"]


def test_two_processes_do_not_dream_in_one_folder(store: Store) -> None:
    assert not store.held
    with store.hold():
        assert store.held
        with pytest.raises(StoreError, match="another process is dreaming"), Store(store.root).hold():
            pass
    assert not store.held
