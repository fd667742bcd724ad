"""The page of patterns: what is found, and the way from it to the sessions."""

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest

from dreamer.config import Config
from dreamer.store import Store
from dreamer.viewer.played.places import Places
from dreamer.viewer.routes import show
from dreamer.viewer.site import Place, Site
from envgen.patterns import Patterns, observe
from envgen.steps import place
from rollout.trajectory import Call, Message, Observation, Pointer, Trajectory, Turn
from tests.dreamer.viewer.conftest import Window
from tests.dreamer.viewer.nights import read, said
from tests.games import Corridor, Shop, record

PAGE = "night/night-001/patterns"
EVIL = "<script>alert(1)</script>"


def night(folder: Path, sessions: list[Trajectory]) -> Store:
    """A night that has read its sessions."""
    config = Config.model_validate({"name": "night", "folder": folder, "sessions": {"files": ["s.jsonl"]}})
    store = Store.open(folder / "night", config, resume=False)
    store.save_sessions("shown", sessions)
    store.save_patterns(observe(sessions))
    return store


def test_what_sessions_show_stands_on_the_page(tmp_path: Path) -> None:
    sessions = record(Corridor(), 30)
    store = night(tmp_path, sessions)
    words = read(Site([store.root]), PAGE)
    assert f"Turns {sum(len(each.turns) for each in sessions)}, at most" in words
    assert "Chance none seen" in words
    assert "Cell <1>. text" in words
    assert "1: 1 to 3" in words
    assert "a reward below zero" in words
    assert "all answers word for word" in words


def test_places_lead_to_the_turns_that_they_name(tmp_path: Path) -> None:
    store = night(tmp_path, record(Corridor(), 30))
    _, html = show(Site([store.root]), Place(PAGE))
    kinds = html[html.index('id="kinds"'):html.index('id="comparisons"')]
    rows = re.findall(r"<tr>(.*?)</tr>", kinds, re.DOTALL)[1:]
    assert len(rows) == len(store.load_patterns().transitions)
    sessions = store.load_sessions("shown")
    for row in rows:
        action = said(row).split()[0]
        ways = re.findall(r'href="/night/night-001/trajectories/shown/(\d+)#turn-(\d+)"', row)
        assert ways
        assert {sessions[int(number)].turns[int(turn) - 1].action.text for number, turn in ways} == {action}


def test_lines_of_logs_lead_to_turns_too(tmp_path: Path) -> None:
    """Forms name lines, not sessions; a session may span several."""
    first, second = record(Corridor(), 2)
    turns = tuple(turn.model_copy(update={"line": 12 + number}) for number, turn in enumerate(second.turns))
    second = second.model_copy(update={"turns": turns, "pointer": Pointer(file="a.jsonl", line=10)})
    store = night(tmp_path, [first, second])
    with open(store.sessions("shown"), "a") as stream:
        stream.write("nonsense\n[1]\n")
    pointers = [Pointer(file=file, line=line) for file, line in (("a.jsonl", 10), ("a.jsonl", 13), ("b.jsonl", 10))]
    places = Places(store, [place(first), place(second, 1)], pointers)
    ways = [places.way(each) for each in (*pointers, place(second, 1), place(record(Corridor(), 3)[2]))]
    second_turn = ("trajectories/shown/1", 2)
    assert [way and (way.path, way.turn) for way in ways] == [
        ("trajectories/shown/1", None), second_turn, None, second_turn, None]


def test_logged_texts_are_not_obeyed(tmp_path: Path) -> None:
    call = Message(role="assistant", content=(Call(name=f"tool{EVIL}", arguments=f'{{"{EVIL}": "\x1b[31m"}}', id="1"),))
    answer = Observation(messages=(Message(role="tool", content=f"{EVIL} done", call="1"),))
    turns = (Turn(action=call, observation=answer, reward=1.0, terminated=True),)
    sessions = [Trajectory(id=f"{EVIL}-{number}", source="real", task=EVIL, observation=EVIL, turns=turns, outcome=1.0,
                           pointer=Pointer(file=EVIL, line=number + 1)) for number in range(3)]
    store = night(tmp_path, sessions)
    _, html = show(Site([store.root]), Place(PAGE))
    assert EVIL in unescape(html)
    assert EVIL not in html
    assert "\x1b" not in html
    assert "never" in said(html).lower()


def test_long_tables_are_folded(tmp_path: Path) -> None:
    sessions = [each.model_copy(update={"task": f"task {number}"}) for number, each in enumerate(record(Shop(), 60))]
    store = night(tmp_path, sessions)
    _, html = show(Site([store.root]), Place(PAGE))
    assert "<summary>10 more</summary>" in html
    assert html.count("task 59") == 1


def test_what_is_missing_or_damaged_is_said(tmp_path: Path) -> None:
    store = night(tmp_path, record(Corridor(), 4))
    store.sessions("shown").unlink()
    site = Site([store.root])
    status, html = show(site, Place(PAGE))
    assert status == 200
    assert "trajectories/shown" not in html
    (store.folder / "patterns.json").write_text('{"sessions": "many"}')
    status, html = show(site, Place(PAGE))
    assert (status, "is no record of this version" in html) == (500, True)
    (store.folder / "patterns.json").unlink()
    status, html = show(site, Place(PAGE))
    assert (status, "the stage read of this night is not done" in html) == (404, True)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return night(tmp_path_factory.mktemp("patterns"), record(Shop(), 60))


def test_words_are_found_in_all_tables(
        shop: Store, serve: Callable[[list[Path]], str], window: Callable[[str], Window]) -> None:
    page = window(serve([shop.root])).open(PAGE)
    rows = page.locator(".found tbody tr").count()
    page.keyboard.press("/")
    page.keyboard.type("TEA")
    page.wait_for_function("document.getElementById('found').textContent")
    shown = page.locator(".found tbody tr:not([hidden])")
    assert 0 < shown.count() < rows
    assert all("tea" in text.lower() for text in shown.all_inner_texts())
    assert page.locator("#found").inner_text() == f"{shown.count()} of {rows} rows"
    page.locator(".find input").fill("")
    assert shown.count() == rows


def test_patterns_are_those_of_the_terminal(shop: Store) -> None:
    found = shop.load_patterns()
    assert isinstance(found, Patterns)
    words = read(Site([shop.root]), PAGE)
    assert f"Kinds of steps {len(found.transitions)}" in words
    assert f"Forms of actions {len(found.actions.forms)}" in words
