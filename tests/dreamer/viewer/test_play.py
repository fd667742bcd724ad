"""Acting by hand in a dream, beside what real sessions saw."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dreamer.store import Store
from dreamer.viewer.authored import dreamt
from dreamer.viewer.routes import show
from dreamer.viewer.site import Place, Site
from envgen.author import Environment
from rollout.trajectory import Call, Message, Trajectory, Turn
from tests.dreamer.viewer.nights import bare_night, judged_night, only, read, said
from tests.envgen import worlds
from tests.games import Corridor, record

EVIL = "<script>alert(1)</script>\x1b[31m"
HIDDEN = worlds.CORRIDOR.replace("end = self.cell == 4", '''end = self.cell == 4
        if action == "jump":
            return "The moon.", 5.0, True, False, {}
        if action == "shout":
            return "Echo.", 0.0, False, False, {"actions": ["left", "listen"]}
        if action == "ask":
            return "", 0.0, True, False, {"imagined": True}''')
WRONG = worlds.PAYS_FOR_THE_WRONG_CELL
DESK = '''
import gymnasium as gym


class World(gym.Env):
    """Takes blue for whatever it is told to take."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return "The desk.", {}

    def step(self, action):
        return "Ticket blue taken at 23:59:59.", 0.0, True, False, {}
'''
SLOW = worlds.CORRIDOR.replace("end = self.cell == 4", "end = self.cell == 4\n        while self.cell == 3: pass")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return judged_night(tmp_path_factory.mktemp("play") / "corridor", [HIDDEN, WRONG], record(Corridor(), 12))


@pytest.fixture(scope="session")
def site(store: Store) -> Iterator[Site]:
    opened = Site([store.root])
    yield opened
    opened.close()


@pytest.fixture
def played(site: Site) -> Callable[..., str]:
    """The page after some actions, as it is read."""

    def page(*actions: str, source: str = HIDDEN, **start: str) -> str:
        digest = Environment(source=source, author="").digest
        query = {"a": list(actions)} | {name: [value] for name, value in start.items()}
        return read(site, f"corridor/night-001/environments/{digest}/play", query)

    return page


def test_each_answer_says_what_real_sessions_saw(played: Callable[..., str], store: Store) -> None:
    words = played("right", "left")
    sessions = [each for part in ("held_out", "selection", "shown") for each in store.load_sessions(part)]
    first = sum(each.observation.text == "Cell 1." for each in sessions)
    moved = sum(text == "Cell 1." and turn.action.text == "right" for each in sessions
                for text, turn in zip(["Cell 1.", *(turn.answer for turn in each.turns)], each.turns, strict=False))
    assert f"{first} began with this text" in words
    assert f"{moved} × Cell 2. reward 0" in words
    assert "the dream says what a real session saw" in words
    assert words.count("● vouched for") == 2
    assert "held out 1, turn" in words


def test_an_answer_that_no_session_saw_is_told(played: Callable[..., str]) -> None:
    words = played("right", "right", source=WRONG)
    assert "× Cell 3. reward 0" in words
    assert "reward 1 goes on" in words
    assert "no real session saw what the dream says" in words


def test_what_nobody_did_is_imagined_and_the_end_ends(played: Callable[..., str]) -> None:
    words = played("jump", "left")
    assert "No real session did this where it was shown the same words." in words
    assert "○ imagined" in words
    assert "The game ended here. Reward in all: 5." in words
    assert "What do you do?" not in words
    assert words.count("Undo Restart") == 2  # above, and where it ended
    assert "Vouched for: all code behind the answer" in words
    assert "It does not know what follows." in played("ask")


def test_actions_are_offered(site: Site, played: Callable[..., str]) -> None:
    words = played("right")
    assert "× here" in words
    assert "Anything else" in words
    assert "listen legal" in played("shout")
    path = f"corridor/night-001/environments/{Environment(source=HIDDEN, author='').digest}/play"
    _, html = show(site, Place(path, {}, {"a": ["right"]}))
    assert f'href="/{path}?seed=0&amp;a=right&amp;a=left#now"' in html
    assert f'href="/{path}?seed=0#now" data-key="u"' in html
    assert '<input type="hidden" name="a" value="right">' in html


def test_a_game_may_begin_where_a_session_did(played: Callable[..., str]) -> None:
    assert "Cell 1. (14)" in played()
    assert "reward 0 goes on" in played("right", start="0")


@pytest.mark.parametrize(("query", "words"), [
    ({"seed": ["x"]}, "seed is a whole number"), ({"seed": ["-1"]}, "seed is a whole number"),
    ({"start": ["7"]}, "there is no opening 7"), ({"a": ["left"] * 201}, "at most 200 actions"),
    ({"a": ["é" * 4000]}, "16,000 characters"),
])
def test_addresses_that_are_no_game_are_told(query: dict[str, list[str]], words: str, site: Site) -> None:
    path = f"corridor/night-001/environments/{Environment(source=HIDDEN, author='').digest}/play"
    status, html = show(site, Place(path, {name: each[-1] for name, each in query.items()}, query))
    assert status == 404
    assert words in said(html)


@pytest.mark.parametrize(("source", "actions", "words"), [
    (worlds.BREAKS, ["right", "right"], "It broke: line 20: step raised AssertionError: broken"),
    (SLOW, ["right", "right"], "The dream cannot be played: it took longer than 0.5 seconds"),
    ("def (:\n", [], "The dream cannot be played: line 1"),
    (worlds.CORRIDOR.replace("self.cell = 1", "self.cell = 1 / 0"), [], "it cannot begin: line"),
])
def test_what_goes_wrong_is_told(source: str, actions: list[str], words: str, site: Site, tmp_path: Path,
                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dreamt, "SECONDS", 0.5)
    night = bare_night(tmp_path, source, record(Corridor(), 2))
    assert words in read(site, f"{only(site, night)}/play", {"a": actions})


def test_hostile_texts_are_only_shown_and_tool_calls_can_be_played(site: Site, tmp_path: Path) -> None:
    call = Message(role="assistant", content=(Call(name="go", arguments='{"to": "right"}'),))
    told = Trajectory.model_validate({"id": EVIL, "source": "real", "observation": "Cell 1.", "turns": [
        Turn(action=call, observation=EVIL)]})
    night = bare_night(tmp_path, worlds.CORRIDOR.replace("The garden.", EVIL), [told])
    path = f"{only(site, night)}/play"
    assert 'go {"to": "right"}1 × here' in read(site, path).replace("} 1", "}1")
    status, html = show(site, Place(path, {}, {"a": [EVIL, 'go {"to": "right"}', "right", "right", "right"]}))
    assert status == 200
    assert "<script>alert" not in html
    assert "\x1b" not in html
    assert "not known whether imagined" in html


def test_sessions_that_cannot_be_read_are_left_out(site: Site, tmp_path: Path) -> None:
    night = bare_night(tmp_path, worlds.CORRIDOR, record(Corridor(), 2))
    told = night.sessions("held_out").read_bytes()
    night.sessions("held_out").write_bytes(b'{"broken\n' + told)
    words = read(site, f"{only(site, night)}/play")
    assert "1 line of the real sessions holds no trajectory of this version; left out here." in words
    assert "Cell 1. (2)" in words


def test_answers_are_compared_as_the_night_compares_them(site: Site, tmp_path: Path) -> None:
    told = [Trajectory.model_validate({"id": f"{number}", "source": "real", "observation": "The desk.", "turns": [
        {"action": f"take {colour}", "observation": f"Ticket {colour} taken at 10:{10 + number}:30.", "reward": 0.0,
         "terminated": True}]}) for number, colour in enumerate(("blue", "red", "green") * 3)]
    night = bare_night(tmp_path, DESK, told)
    path = f"{only(site, night)}/play"
    words = read(site, path, {"a": ["take blue"]})
    assert "How answers are compared: all answers: not compared in <2> of 'Ticket <1> taken at <2>.'" in words
    assert "✓ the dream says what a real session saw" in words
    assert "× here: how often real sessions did it where they were shown the very same words." in read(site, path)
    assert "≠ no real session saw what the dream says" in read(site, path, {"a": ["take red"]})


def test_words_of_people_are_not_compared(site: Site, tmp_path: Path) -> None:
    call = Message(role="assistant", content=(Call(name="look", arguments="{}"),))
    told = Trajectory.model_validate({"id": "talk", "source": "real", "observation": "The desk.", "turns": [
        Turn(action="Which colour?", observation="Blue, please."), Turn(action=call, observation="Nothing.")]})
    night = bare_night(tmp_path, DESK, [told])
    words = read(site, f"{only(site, night)}/play", {"a": ["Which colour?"]})
    assert "Blue, please." in words
    assert "– not compared" in words


def test_a_copy_says_that_playing_needs_the_viewer(store: Store) -> None:
    copied = Site([store.root])
    copied.static = True
    assert "Open the run folder with dream view" in read(
        copied, f"corridor/night-001/environments/{Environment(source=HIDDEN, author='').digest}/play")
