"""The page of two nights side by side."""

from pathlib import Path

import pytest

from dreamer.config import Config
from dreamer.records import Report, Update
from dreamer.store import Store
from dreamer.viewer.charts import Series, lines
from dreamer.viewer.pages.compare import Row
from dreamer.viewer.routes import show
from dreamer.viewer.site import Place, Site
from rollout.figure import Figure
from tests.dreamer.viewer.nights import judged_night, read
from tests.envgen import worlds
from tests.games import Corridor, record


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A night that was judged and then interrupted, and two that are over, of another run."""
    folder = tmp_path_factory.mktemp("compare")
    under_way = judged_night(folder / "one", [worlds.CORRIDOR], record(Corridor(), 8))
    for night, success in ((1, 0.25), (2, 0.75)):
        config = Config.model_validate({"name": "two", "folder": folder, "seed": night,
                                        "sessions": {"files": ["<b>s</b>.jsonl"]}})
        store = Store.open(folder / "two", config, resume=False, nights=2)
        for number in range(3):
            store.append_event({"event": "begin", "stage": "learn", "time": 0.0, "total": 3, "unit": "rounds"}
                               if number == 0 else {"event": "progress", "stage": "learn", "time": 1.0, "done": number,
                                                    "success": success * number / 2, "promoted_kl": {"value": 0.1}})
        store.append_event({"event": "stage", "stage": "learn", "time": 2.0, "seconds": 10.0 * night})
        store.save("learn", Update(policy="0", episodes=1, turns=1, seconds=1.0, rehearsal_seconds=1.0, rounds=()))
        figures = {"real_success_after": Figure(value=success, low=success - 0.1, high=success + 0.1, n=100),
                   "baseline: <i>cloning</i>": Figure(value=0.5, n=100),
                   "members": Figure(value=night, n=1, unit="environments")}
        store.save_report(Report(verdict="refused", reason="<script>alert(1)</script>", figures=figures, run="two",
                                 night=night, seed=night), over=True)
        store.append_event({"event": "night", "night": night + 1, "time": 3.0})
    return [under_way.root, folder / "two"]


@pytest.fixture(scope="session")
def site(runs: list[Path]) -> Site:
    return Site(runs)


def test_figures_settings_and_times_that_differ(site: Site) -> None:
    words = read(site, "compare/two/night-001/two/night-002")
    assert "real success after 0.250 [0.150, 0.350] n = 100 0.750 [0.650, 0.850] n = 100 +0.500 apart" in words
    assert "seed 1 2" in words
    assert "learn 10 s 20 s +10 s" in words
    assert "members of the ensemble 1 2 +1" in words
    assert "Success in the dream" in words
    _, html = show(site, Place("compare/two/night-001/two/night-002"))
    assert 'class="line second"' in html
    assert "<script>alert" not in html
    assert "<i>cloning" not in html


def test_a_night_that_is_not_over_is_compared_as_far_as_it_is(site: Site) -> None:
    words = read(site, "compare/one/night-001/two/night-002")
    assert "interrupted" in words
    assert "probability that it gives a logged answer 1.000" in words
    assert "real success after – 0.750" in words
    assert 'sessions.files ["s.jsonl"] ["<b>s</b>.jsonl"]' in words
    assert "learn not done 20 s" in words


def test_nights_are_chosen_by_the_query(site: Site) -> None:
    chosen = read(site, "compare", {"then": ["one/night-001"], "now": ["two/night-002"]})
    assert chosen == read(site, "compare/one/night-001/two/night-002")
    assert read(site, "compare") == read(site, "compare/two/night-001/two/night-002")
    assert read(site, "compare", {"now": ["two/night-002"]}) == read(site, "compare")


def test_nights_link_to_their_comparison(site: Site) -> None:
    _, html = show(site, Place("two/night-002"))
    assert 'href="/compare/two/night-001/two/night-002"' in html
    _, html = show(site, Place("one/night-001"))
    assert 'href="/compare?now=one%2Fnight-001"' in html


@pytest.mark.parametrize("place", [
    Place("compare/one/night-001/three/night-001"), Place("compare/one/night-001/two/night-009"),
    Place("compare", {"then": "../../etc"}), Place("compare", {"now": "two/night-x"}),
])
def test_nights_that_are_not_there(site: Site, place: Place) -> None:
    status, html = show(site, place)
    assert status == 404
    assert "Not here" in html


def test_one_night_alone_has_nothing_to_be_compared_with(runs: list[Path]) -> None:
    status, html = show(Site(runs[:1]), Place("compare"))
    assert (status, "nothing to compare it with" in html) == (404, True)


def test_intervals_lie_apart_or_overlap() -> None:
    def figure(low: float | None, high: float | None) -> Figure:
        return Figure(value=0.5, low=low, high=high, n=1)

    assert Row("", figure(0.1, 0.2), figure(0.3, 0.4)).apart is True
    assert Row("", figure(0.3, 0.4), figure(0.1, 0.2)).apart is True
    assert Row("", figure(0.1, 0.3), figure(0.3, 0.4)).apart is False
    assert Row("", figure(None, None), figure(0.3, 0.4)).apart is None
    assert Row("", None, figure(0.3, 0.4)).change is None


def test_a_chart_tells_its_heights_apart() -> None:
    chart = lines("KL", [Series("KL", [(0.0, 0.018)])], "round")
    assert [f'>{each}</text>' in chart for each in ("0.000", "0.005", "0.010", "0.015")] == [True] * 4
    assert "e-0" not in chart
