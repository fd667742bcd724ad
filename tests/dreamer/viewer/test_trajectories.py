"""The list of a night's trajectories, their index, and the page of one."""

import math
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import orjson
import pytest
from rich.console import Console
from starlette.testclient import TestClient

from dreamer.config import Config
from dreamer.sections import Sessions
from dreamer.store import Store
from dreamer.viewer.app import application
from dreamer.viewer.export import write_site
from dreamer.viewer.played import real
from dreamer.viewer.played.filters import FILTERS, SORTED, Filter
from dreamer.viewer.played.index import Index, index
from dreamer.viewer.site import NotThere, Site
from rollout.episode import Episode, Learnt, Tokens
from rollout.trajectory import Call, Image, Message, Observation, Pointer, Reasoning, Text, Trajectory, Turn

if TYPE_CHECKING:
    from tests.dreamer.viewer.conftest import Window

HOME = "http://127.0.0.1:7860"
LIST = "/lake-001/night-001/trajectories"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\u202e"
Open = Callable[[str], "Window"]


def session(number: int, **more: Any) -> Trajectory:
    """Odd ones succeed; number 0 has no known outcome."""
    won = float(number % 2)
    turns = tuple(Turn(action="go", observation=f"Step {each}.", reward=won) for each in range(number % 3 + 1))
    return Trajectory(**{
        "id": f"session-{number}", "source": "real", "task": "find <it>" if number < 4 else None,
        "observation": f"Start {number}.", "turns": turns, "outcome": won if number else None, "stop": "terminated",
        "policy": "agent", "approval": "rule: all", "pointer": Pointer(file="log.jsonl", line=number + 1), **more})


def episode(number: int) -> Episode:
    turns = tuple(Turn(action="up", observation="On.", reward=0.5, imagined=True if each < number else None)
                  for each in range(2))
    trajectory = Trajectory(id=f"round-000-{number}", source="dreamed", observation="Go.", turns=turns, outcome=1.0,
                            stop="imagined" if number else "terminated", policy="policy-1", environment="e", round=0)
    return Episode(number, trajectory, (Tokens([1], [5, 6, 1, 7, 8], [1, 1, 0, 1, 1], [-0.5, -1.0, 0.0, -2.0, -0.1]),))


CHAT = session(7, id=HOSTILE, task=HOSTILE, policy=HOSTILE, stop=HOSTILE, approval=None, system=HOSTILE,
               tools=({"name": HOSTILE},), turns=(
    Turn(action=Message(role="assistant", content=(
            Reasoning(text=f"Hm. {HOSTILE}"), Text(text=HOSTILE), Call(name="look", arguments='{"at": 1}', id="c1"))),
         observation=Observation(messages=(
             Message(role="tool", content=HOSTILE, call="c1", failed=True),
             Message(role="user", content=(Image(reference="sha256:abc", media_type="image/png"),)))),
         terminated=True, actions=("a", HOSTILE)),))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A night with eight real sessions and three dreamed ones, of which the first was learnt from."""
    store = Store.open(tmp_path / "lake-001", Config(name="lake", folder=tmp_path, sessions=Sessions(files=("x",))),
                       resume=False)
    store.save_sessions("shown", [session(number) for number in range(6)])
    store.save_sessions("held_out", [session(6), CHAT])
    store.save_episodes("round-000", map(episode, range(3)))
    store.save_learnt("round-000", [("round-000-0", Learnt([1.5, 1.5, -0.5, -0.5], [-0.4, -1.0, -2.5, -0.1],
                                                            [0.7, 0.6, 0.5, 0.4]))])
    return store


@pytest.fixture
def client(store: Store) -> Iterator[TestClient]:
    with TestClient(application(Site([store.root]), "127.0.0.1", "token"), HOME) as opened:
        yield opened


def ids(store: Store, query: str = "") -> list[str]:
    """What a question finds, without its numbers' prefix."""
    held = Index(store)
    assert held.update(None).done
    asked = Filter(dict(parse_qsl(query)), None)
    assert not asked.problems
    with held.reading() as connection:
        rows = asked.rows(connection, 1)
        assert len(rows) == asked.summary(connection).count
        walked = [None, *((row["part"], row["number"]) for row in rows), None]
        for before, here, after in zip(walked, walked[1:], walked[2:], strict=False):
            assert here is not None
            assert [each and tuple(each) for each in asked.beside(connection, *here)] == [before, after]
    return ["chat" if row["id"] == HOSTILE else row["id"].removeprefix("session-").removeprefix("round-000-")
            + ("d" if row["source"] == "dreamed" else "") for row in rows]


ALL = ["0", "1", "2", "3", "4", "5", "6", "chat", "0d", "1d", "2d"]


@pytest.mark.parametrize(("query", "found"), [
    ("", ALL),
    ("part=real", ALL[:8]), ("part=dreamed", ALL[8:]), ("part=held_out", ["6", "chat"]),
    ("outcome=won", ["1", "3", "5", "chat", "0d", "1d", "2d"]), ("outcome=lost", ["2", "4", "6"]),
    ("outcome=unknown", ["0"]), ("outcome_from=0.5&outcome_to=1&part=shown", ["1", "3", "5"]),
    ("turns_from=3", ["2", "5"]), ("turns_to=1&part=real", ["0", "3", "6", "chat"]),
    ("imagined_from=0.5", ["1d", "2d"]), ("imagined_to=0.5", ["0d", "1d"]),
    ("task=FIND", ["0", "1", "2", "3"]), ("task=%25", []), ("policy=policy-1&stop=imagined", ["1d", "2d"]),
    ("q=start 3", ["3"]), ("q=round-000-1", ["1d"]), ("q=_", []),
    ("sort=-turns&part=shown", ["2", "5", "1", "4", "0", "3"]),
    ("sort=outcome&part=shown", ["2", "4", "1", "3", "5", "0"]),
    ("sort=-outcome&part=shown", ["1", "3", "5", "2", "4", "0"]),
    ("sort=-key&part=shown", ["5", "4", "3", "2", "1", "0"]), ("sort=-imagined&imagined_from=0", ["2d", "1d", "0d"]),
])
def test_what_is_asked_for_is_found_in_its_order(store: Store, query: str, found: list[str]) -> None:
    assert ids(store, query) == found


@pytest.mark.parametrize("column", SORTED)
def test_every_column_sorts_all(store: Store, column: str) -> None:
    assert sorted(ids(store, f"sort={column}")) == sorted(ALL) == sorted(ids(store, f"sort=-{column}"))


def test_what_cannot_be_asked_is_said_and_left_out(client: TestClient) -> None:
    page = client.get(f"{LIST}?turns_from=many&outcome=maybe&sort=colour&page=99999999999999999999")
    assert page.status_code == 200
    for words in ("turns from &#39;many&#39;: that is no number", "won, lost or unknown, not &#39;maybe&#39;",
                  "no column &#39;colour&#39;"):
        assert words in page.text
    assert "<b>11</b>" in page.text


def test_a_success_is_what_the_night_calls_one(tmp_path: Path) -> None:
    config = Config(name="l", folder=tmp_path, sessions=Sessions(files=("x",), success=0.0))
    store = Store.open(tmp_path / "lake-001", config, resume=False)
    store.save_sessions("shown", [session(number) for number in range(3)])
    with TestClient(application(Site([store.root]), "127.0.0.1", "token"), HOME) as client:
        page = client.get(f"{LIST}?outcome=won").text
        assert "<b>2</b>" in page
        assert "Nothing matches" in client.get(f"{LIST}?outcome=lost").text


def test_the_index_follows_the_files(store: Store) -> None:
    held = Index(store)
    held.update(None)
    assert held.line("held_out", 0) == store.sessions("held_out").read_bytes().splitlines(keepends=True)[0]
    assert held.line("held_out", 2) is None
    assert held.line("..", 0) is None
    store.save_sessions("held_out", [session(9), session(8), session(6)])
    assert held.line("held_out", 2) == store.sessions("held_out").read_bytes().splitlines(keepends=True)[2]
    store.save_episodes("round-001", map(episode, range(1)))
    store.episodes("round-000").unlink()
    progress = held.update(None)
    assert progress.done
    assert progress.read == progress.size == sum(path.stat().st_size for path in store.parts().values())
    with held.reading() as connection:
        rows = connection.execute("SELECT part, number, id FROM trajectory ORDER BY key").fetchall()
        (policies,) = connection.execute("SELECT count(*) FROM value WHERE value = 'policy-1'").fetchone()
    assert [tuple(row) for row in rows[6:]] == [
        ("held_out", 0, "session-9"), ("held_out", 1, "session-8"), ("held_out", 2, "session-6"),
        ("round-001", 0, "round-000-0")]
    assert policies == 1


def test_broken_lines_are_counted_and_named_and_nothing_else_is_lost(store: Store, client: TestClient) -> None:
    good = session(1).model_dump_json(exclude_none=True).encode()
    lines = [good, b'{"id": "cut', b"", good.replace(b'"version":2', b'"version":3'), b'{"id": "x", "turns": 3}',
             good.replace(b'"agent"', b"[1]"), b"\xff", good.replace(b'"agent"', b'"agent","round":%d' % 2**63),
             good.replace(b'"version":2', b'"version":' + b"[" * 1000 + b"]" * 1000),
             good.replace(b'"Start 1."', b"[" * 1000 + b"]" * 1000), good]
    store.sessions("shown").write_bytes(b"\n".join(lines))  # the last line has no end
    assert ids(store, "part=shown") == ["1", "1", "1"]
    page = client.get(LIST).text
    assert "8 lines hold no trajectory" in page
    assert "shown, line 2: not JSON" in page
    assert "shown, line 4: version 3; this version of dream reads 2" in page
    assert "and 3 more" in page
    with Index(store).reading() as connection:
        (why,) = connection.execute("SELECT why FROM broken WHERE number = 7").fetchone()
    assert why == "its round has more than 64 bits"
    assert client.get(f"{LIST}/shown/9").status_code == 500  # it lies too deep to be read, but does not stop the list
    assert client.get(f"{LIST}/shown/10").status_code == 200
    broken = client.get(f"{LIST}/shown/1")
    assert broken.status_code == 500
    assert "line 2: no trajectory of this version" in broken.text
    assert client.get(f"{LIST}/shown/1.json").content == b'{"id": "cut\n'
    store.sessions("shown").write_bytes(b"\n".join((lines[5], good)))
    assert real.number_of(store, "shown", "session-1") == 1


def test_several_fill_one_index_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dreamer.viewer.played.index.BATCH", 500)
    store.save_sessions("selection", [session(number % 6) for number in range(300)])
    with ThreadPoolExecutor(4) as pool:
        assert all(progress.done for progress in pool.map(lambda _: Index(store).update(None), range(4)))
    with Index(store).reading() as connection:
        assert connection.execute("SELECT count(*), count(DISTINCT key) FROM trajectory").fetchone()[:] == (311, 311)


@pytest.mark.parametrize("damage", ["garbage", "another version", "a folder", "read-only"])
def test_an_index_that_cannot_be_used_is_made_again(store: Store, damage: str) -> None:
    if damage == "garbage":
        store.index.write_bytes(b"no database" * 1000)
    elif damage == "another version":
        with sqlite3.connect(store.index) as connection:
            connection.execute("PRAGMA user_version = 99")
    elif damage == "a folder":
        store.index.mkdir()  # so nothing can be written there
    else:  # it can be read and is behind, and its header says that only later versions of SQLite may write
        Index(store).update(None)
        store.save_sessions("shown", [])
        index = bytearray(store.index.read_bytes())
        index[18] = 3
        store.index.write_bytes(index)
        store.save_sessions("shown", [session(number) for number in range(6)])
    assert ids(store) == ALL


def test_what_stops_the_reading_is_said(store: Store, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    held = index(store)
    monkeypatch.setattr("dreamer.viewer.played.index.facts_of", lambda line: 1 // 0)
    assert held.update(None).problem
    page = client.get(LIST).text
    assert "Not everything could be read: integer division" in page
    assert "data-building" not in page
    monkeypatch.undo()
    assert held.update(None) == held.update()
    assert held.update().done
    assert "Not everything could be read" not in client.get(LIST).text


def test_what_links_lead_to_elsewhere_is_left_out(store: Store, client: TestClient, tmp_path: Path) -> None:
    secret = tmp_path / "secret.jsonl"
    secret.write_text("root:x:0:0\n")
    (store.folder / "sessions" / "secret.jsonl").symlink_to(secret)
    (store.folder / "sessions" / "within.jsonl").symlink_to("shown.jsonl")
    store.sessions("held_out").unlink()
    store.sessions("held_out").symlink_to(secret)
    assert [*store.parts()] == ["shown", "within", "round-000"]
    assert client.get(f"{LIST}/secret/0.json").status_code == 404
    assert real.count(store, "held_out") == 0
    with pytest.raises(NotThere):
        real.session(store, "held_out", 0)


def test_nothing_hostile_becomes_markup(client: TestClient) -> None:
    for address in (LIST, f"{LIST}?{urlencode({name: HOSTILE for name in FILTERS})}", f"{LIST}/held_out/1"):
        page = client.get(address)
        assert page.status_code == 200
        assert "<img" not in page.text
        assert re.findall(r"<script[^>]*>", page.text) == re.findall(r'<script type="module" src="/static/\w+.js">',
                                                                     page.text)
        assert "&lt;script&gt;alert(1)" in page.text
    assert r"\x1b[31m\u202e" in page.text
    assert "\x1b" not in page.text


def test_a_transcript_shows_all_that_was_said(client: TestClient) -> None:
    page = client.get(f"{LIST}/held_out/1").text
    for words in ("thought", "<b>look</b>", "{ &#34;at&#34;: 1 }", "result, failed", "sha256:abc image/png",
                  "1 defined", "system prompt", "2 actions", "nobody: it may not train", "log.jsonl, line 8", "ended",
                  "night-001/sessions/held_out.jsonl, line 2"):
        assert words in page, words
    raw = client.get(f"{LIST}/held_out/1.json")
    assert raw.headers["content-type"] == "application/json"
    assert Trajectory.model_validate_json(raw.content) == CHAT


def test_what_is_odd_is_shown_as_far_as_it_can_be(store: Store, client: TestClient) -> None:
    deep = "[" * 300 + "]" * 300
    call = Message(role="assistant", content=(Call(name="look", arguments=deep, id="c1"),))
    store.save_sessions("shown", [session(1, turns=(Turn(action=call, observation="."),))])
    assert deep in client.get(f"{LIST}/shown/0").text
    store.sessions("shown").write_text(session(1).model_dump_json().replace('"reward":1.0', '"reward":"x"'))
    assert "line 1: no trajectory of this version" in client.get(f"{LIST}/shown/0").text


def test_before_and_after_are_those_of_the_list(client: TestClient) -> None:
    page = client.get(f"{LIST}/shown/3?outcome=won&sort=-key").text
    assert re.findall(r'href="([^"]*)" data-key="([pnu])"', page) == [
        (f"{LIST}/shown/5?outcome=won&amp;sort=-key", "p"), (f"{LIST}?outcome=won&amp;sort=-key", "u"),
        (f"{LIST}/shown/1?outcome=won&amp;sort=-key", "n")]


def test_tokens_have_their_numbers(client: TestClient) -> None:
    page = client.get(f"{LIST}/round-000/0").text
    cells = re.findall(r'<i class="(\w+) heat-(\d)( below)?">([^<]*)</i>', page)
    by = {name: [text for each, _, _, text in cells if each == name] for name in
          ("advantage", "kl", "entropy", "logprob", "reward")}
    assert by["advantage"] == ["+1.50", "+1.50", "-0.50", "-0.50"]
    assert by["kl"][:2] == [f"{math.exp(0.1) - 1.1:.3f}", "0.000"]
    assert by["entropy"] == ["0.70", "0.60", "0.50", "0.40"]
    assert by["logprob"] == ["-0.50", "-1.00", "-2.00", "-0.10"]
    assert by["reward"] == ["+0.50"] * 4
    assert ("advantage", "9", "", "+1.50") in cells
    assert ("advantage", "3", " below", "-0.50") in cells
    assert re.search('value="(\\w+)" checked', page)[1] == "advantage"  # type: ignore[index]
    assert "tokenizer is not in the run folder" in page
    assert "were not measured for this episode" in client.get(f"{LIST}/round-000/1").text
    assert 'name="measure"' not in client.get(f"{LIST}/shown/0").text


def test_an_advantage_that_all_tokens_share_is_not_what_is_shown_first(store: Store, client: TestClient) -> None:
    store.save_learnt("round-000", [("round-000-0", Learnt([1.5] * 4, [-0.4] * 4, [0.7] * 4))])
    assert 'value="kl" checked' in client.get(f"{LIST}/round-000/0").text


def test_tokens_that_do_not_fit_are_said(store: Store, client: TestClient) -> None:
    odd = episode(0)
    store.save_episodes("round-000", [replace(odd, pieces=odd.pieces * 2)])
    assert "Its tokens make 4 turns, not 2" in client.get(f"{LIST}/round-000/0").text
    (store.folder / "round-000" / "tokens.parquet").write_bytes(b"nothing")
    assert "cannot be read" in client.get(f"{LIST}/round-000/0").text


def test_tokens_are_shown_whatever_the_update_and_the_tokenizer_were(store: Store, client: TestClient) -> None:
    odd = episode(0)
    for name, note in (("p" * 300, "is not in the run folder"), ("0" * 16, "cannot be read")):
        store.save_episodes("round-000", [replace(odd, trajectory=odd.trajectory.model_copy(update={"policy": name}))])
        store.save_learnt("round-000", [(odd.trajectory.id, Learnt(
            [1.5] * 4, [-0.4, math.nan, -math.inf, -0.1], [0.7, math.inf, 0.5, math.nan]))])
        store.policy("0" * 16).mkdir(parents=True, exist_ok=True)
        (store.policy("0" * 16) / "tokenizer.json").write_text("{broken")
        page = client.get(f"{LIST}/round-000/0").text
        assert note in page
        assert re.findall(r'<i class="entropy heat-\d">([^<]*)</i>', page) == ["0.70", "inf", "0.50", "nan"]
        assert re.findall(r'<i class="kl heat-\d">([^<]*)</i>', page) == ["0.005", "nan", "inf", "0.000"]


def test_what_is_huge_is_paged_and_cut(store: Store, client: TestClient) -> None:
    long = session(0, turns=(Turn(action="x" * 5_000_000, observation="<b>" * 1_000_000),))
    many = session(1, turns=tuple(Turn(action=f"do {each}", observation="ok") for each in range(1000)))
    store.save_sessions("shown", [long, many])
    page = client.get(f"{LIST}/shown/0")
    assert len(page.content) < 200_000
    assert "4,980,000 more characters" in page.text
    assert len(client.get(f"{LIST}/shown/0.json").content) > 8_000_000
    first, later = client.get(f"{LIST}/shown/1").text, client.get(f"{LIST}/shown/1?from=777&sort=id").text
    assert re.findall(r'id="(turn-\d+)"', first) == [f"turn-{each}" for each in range(1, 201)]
    assert re.findall(r'id="(turn-\d+)"', later) == [f"turn-{each}" for each in range(601, 801)]
    assert "turns 601 to 800 of 1,000" in later
    assert 'href="?sort=id&amp;from=801"' in later
    assert 'id="turn-1000"' in client.get(f"{LIST}/shown/1?from=5000").text


def test_what_is_not_there_is_said(client: TestClient) -> None:
    for address in (f"{LIST}/shown/99", f"{LIST}/nowhere/0", f"{LIST}/shown/99.json", f"{LIST}/..%2F..%2Fetc/0",
                    f"{LIST}/shown/{10**30}"):
        answer = client.get(address)
        assert answer.status_code == 404
    assert "there are the parts: " in client.get(f"{LIST}/nowhere/0").text


def test_a_night_without_sessions_yet_says_so(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "lake-001", Config(name="l", folder=tmp_path, sessions=Sessions(files=("x",))),
                       resume=False)
    with TestClient(application(Site([store.root]), "127.0.0.1", "token"), HOME) as client:
        assert "has read no sessions yet" in client.get(LIST).text


def test_filters_take_effect_at_once_and_the_address_is_shared(
        store: Store, serve: Callable[[Sequence[Path]], str], window: Open) -> None:
    from playwright.sync_api import expect

    home = serve([store.root])
    page = window(home).open(LIST.strip("/"))
    told = page.locator("#matching")
    told.evaluate("region => { window.region = region }")
    page.get_by_label("result").select_option("won")
    expect(page.locator("tbody tr:visible")).to_have_count(7)
    expect(told).to_have_text("7 match; won: 1.000 [0.646, 1.000] n = 7")
    assert told.evaluate("region => region === window.region")  # only what is new in a region is read aloud
    page.get_by_label("id or first words").press_sequentially("round")
    expect(page.locator("tbody tr:visible")).to_have_count(3)
    assert page.url.endswith("?q=round&outcome=won")
    assert page.evaluate("document.activeElement.name") == "q"
    again = window(home).open(page.url.removeprefix(home))
    assert again.locator("tbody tr").count() == 3
    assert again.get_by_label("result").input_value() == "won"
    again.locator("tbody a").first.click()
    again.wait_for_url("**/round-000/0?*")
    again.keyboard.press("n")
    again.wait_for_url("**/round-000/1?*")
    again.keyboard.press("j")
    again.keyboard.press("j")
    again.keyboard.press("j")
    again.keyboard.press("k")
    assert again.url.endswith("#turn-1")
    again.keyboard.press("u")
    again.wait_for_url("**/trajectories?q=round&outcome=won")
    page.evaluate("() => { window.kept = fetch; window.fetch = () => Promise.reject(new TypeError('gone')) }")
    page.get_by_label("result").select_option("lost")
    expect(told).to_have_text("The viewer does not answer. Load this page again once it does.")
    assert told.is_visible()
    assert page.locator("#results").is_hidden()
    page.evaluate("() => { window.fetch = window.kept }")
    page.get_by_label("result").select_option("won")
    expect(page.locator("tbody tr:visible")).to_have_count(3)


def test_a_link_to_a_turn_finds_its_page(store: Store, serve: Callable[[Sequence[Path]], str], window: Open) -> None:
    store.save_sessions("shown", [session(1, turns=tuple(Turn(action="a", observation="b") for _ in range(500)))])
    page = window(serve([store.root])).open(f"{LIST.strip('/')}/shown/0#turn-450")
    page.wait_for_url("**/0?from=450#turn-450")
    assert page.locator("#turn-450").is_visible()


def test_an_export_filters_and_sorts_by_itself(store: Store, tmp_path: Path, window: Open,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    from playwright.sync_api import expect

    monkeypatch.setattr("dreamer.viewer.pages.trajectories.COPIED", 12)
    write_site([store.root], tmp_path / "site", False, Console(quiet=True))
    page = window((tmp_path / "site").as_uri()).open(f"{LIST}.html?outcome=won&sort=-turns")
    shown = page.locator("tbody tr:visible")
    assert [row.split("\t")[0].strip() for row in shown.all_inner_texts()] == [
        "shown 2", "round-000 1", "round-000 2", "round-000 3", "shown 4", "held_out 2"]
    assert "9 of 11" in page.locator("#results").inner_text()
    expect(page.locator(".sums")).to_be_hidden()  # they are not of those that are shown
    page.get_by_label("where").select_option("real")
    expect(page.locator("tbody tr:visible")).to_have_count(3)
    page.get_by_role("link", name="turns").click()
    assert page.url.endswith("?part=real&outcome=won&sort=turns")
    expect(page.locator("tbody tr:visible")).to_have_count(3)
    page.locator("tbody tr:visible a").first.click()
    assert page.locator("h1").inner_text() == "session-3"
    assert orjson.loads((tmp_path / "site" / f"{LIST[1:]}/shown/3.json").read_bytes())["id"] == "session-3"
