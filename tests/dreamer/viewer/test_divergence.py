"""A real session and the dream, step by step, side by side."""

import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from dreamer.records import Judged, Validated
from dreamer.store import Store
from dreamer.viewer import site as sites
from dreamer.viewer.app import application
from dreamer.viewer.authored import dreamt
from dreamer.viewer.difference import marked, parting, spread
from dreamer.viewer.pages import divergence as pages
from dreamer.viewer.routes import show
from dreamer.viewer.site import Place, Site
from envgen.author import Environment
from envgen.scored import Regime, Scored
from rollout.trajectory import Call, Message, Trajectory, Turn
from sandbox import Limits, Sandbox, SandboxError
from tests.dreamer.viewer.nights import bare_night, judged_night, only, read, said
from tests.envgen import worlds
from tests.games import Corridor, Lottery, play, record

EVIL = "<script>alert(1)</script> \x1b[31m ' \" &amp;"
HOSTILE = worlds.CORRIDOR.replace('"The garden."', f'{EVIL!r}').replace(
    "The corridor, exactly.", "</code></pre><script>alert(2)</script>")
SLOW = worlds.CORRIDOR.replace("end = self.cell == 4", "end = self.cell == 4\n        while self.cell == 3: pass")
REFUSED = worlds.CORRIDOR.replace("import gymnasium as gym", "import gymnasium as gym\nimport socket\nHOME = socket")
MANY = worlds.LOTTERY.replace('return f"{self.ball}.", 0.0', '''
        drawn = [int(self.np_random.integers(10)) for _ in range(9)]
        return f"{self.ball}.", 0.0''')
NEVER = MANY.replace('else "Blue"', 'else "Green"')
HARDLY = worlds.LOTTERY.replace("< 0.7", "< 0.00001")
SIMULATED = worlds.LOTTERY.replace("self.np_random.random() < 0.7", "self.np_random.normal() < 0.5")
SOURCES = {"wrong": worlds.PAYS_FOR_THE_WRONG_CELL, "forgets": worlds.FORGETS_A_CELL, "right": worlds.CORRIDOR,
           "breaks": worlds.BREAKS, "stays wrong": worlds.CANNOT_REENTER, "hostile": HOSTILE}


@pytest.fixture(scope="session")
def nights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Store]:
    """Judged nights of a corridor and of a lottery."""
    folder = tmp_path_factory.mktemp("divergence")
    nights = {
        "corridor": judged_night(folder / "corridor", [*SOURCES.values()], record(Corridor(), 12)),
        "lottery": judged_night(folder / "lottery", [worlds.LOTTERY, HARDLY], record(Lottery(), 12))}
    for source in (MANY, SIMULATED, NEVER):
        nights["lottery"].save_environment(Environment(source=source, author="by hand"))
    return nights


@pytest.fixture(scope="session")
def site(nights: dict[str, Store]) -> Iterator[Site]:
    opened = Site([store.root for store in nights.values()])
    yield opened
    opened.close()


def digests(store: Store) -> dict[str, str]:
    """The corridor's environments, by what is wrong with them."""
    validated = store.load("validate", Validated)
    assert validated is not None
    return dict(zip(SOURCES, (each.environment for each in validated.judged), strict=False))


@pytest.fixture
def corridor(site: Site, nights: dict[str, Store]) -> Callable[[str, str], str]:
    """A page below one of the corridor's environments, as it is read."""
    return lambda name, page: read(site, f"corridor/night-001/environments/{digests(nights['corridor'])[name]}/{page}")


def test_the_first_counterexample_says_what_differs(corridor: Callable[[str, str], str]) -> None:
    words = corridor("wrong", "divergence")
    assert "the agent saw Cell 2. and did right" in words
    assert "The dream said the same words with reward 1" in words
    assert "≠ reward" in words
    assert "1Cell 3. reward 1" in words
    assert "0the log Cell 3. reward 0" in words
    assert "reward = 1.0 if self.cell == 3 else 0.0 ◀ if" in words
    assert "at least 9.21 nats" in words
    assert "begins anew at the text that the world showed" in words


def test_words_that_differ_are_marked_in_both_texts(site: Site, nights: dict[str, Store]) -> None:
    _, html = show(site, Place(f"corridor/night-001/environments/{digests(nights['corridor'])['forgets']}/divergence"))
    assert "Cell <del>2</del>." in html
    assert "Cell <ins>3</ins>." in html
    assert 'id="first-difference"' in html


def test_counterexamples_are_numbered_through_all_kinds(site: Site, nights: dict[str, Store]) -> None:
    store = nights["corridor"]
    digest = digests(store)["forgets"]
    validated = store.load("validate", Validated)
    assert validated is not None
    report = next(each.report for each in validated.judged if each.environment == digest)
    assert report is not None
    examples = [example for kind in report.counterexamples for example in kind.examples]
    path = f"corridor/night-001/environments/{digest}/divergence"
    for number, example in enumerate(examples):
        _, html = show(site, Place(f"{path}/{number}"))
        assert f"{number + 1} of {len(examples)}" in html
        assert re.search(rf'id="turn-{example.turn}" class="step differs focus"', html)
        assert ('data-key="n"' in html) == (number + 1 < len(examples))
        assert ('data-key="p"' in html) == (number > 0)
    status, html = show(site, Place(f"{path}/{len(examples)}"))
    assert status == 404
    assert f"from 0 to {len(examples) - 1}" in html


def test_every_link_stays_with_the_environment_that_is_looked_at(site: Site, nights: dict[str, Store]) -> None:
    path = f"corridor/night-001/environments/{digests(nights['corridor'])['forgets']}"
    _, html = show(site, Place(f"{path}/divergence"))
    for page in ("", "/divergence", "/divergence/1", "/play", "/session/held_out/0"):
        assert f'href="/{path}{page}"' in html


def test_steps_that_are_not_wrong_are_one_line_and_folded_far_from_what_differs(corridor: Callable[[str, str], str]
                                                                                 ) -> None:
    assert "It began with Cell 1." in corridor("wrong", "session/shown/1")
    assert re.search(r"Turns \d+ to \d+: nothing wrong", "".join(
        corridor("wrong", f"session/shown/{number}") for number in range(6)))


def test_where_nothing_differs_it_says_so_and_shows_a_session(corridor: Callable[[str, str], str]) -> None:
    words = corridor("right", "divergence")
    assert "No held-out step was given a probability near 0. 6 held-out sessions" in words
    assert "= alike" in words


def test_where_chance_decides_the_probability_is_called_one(site: Site, nights: dict[str, Store]) -> None:
    night = read(site, "lottery/night-001")
    assert "probability of a held-out answer" in night
    assert "told right" not in night
    digest = Environment(source=worlds.LOTTERY, author="").digest
    assert "No held-out step was given a probability near 0. 6 held-out sessions" in read(
        site, f"lottery/night-001/environments/{digest}/divergence")


def test_a_judging_that_was_stopped_is_not_told_as_one_that_found_nothing(tmp_path: Path) -> None:
    store = bare_night(tmp_path, SLOW, [session("right")])
    stopped = Judged(environment=Environment(source=SLOW, author="").digest, author="by hand", report=None,
                     refusals=("the sandbox stopped it",))
    store.save("validate", Validated(judged=(stopped,), looks=1))
    words = read(Site([store.root]), "")
    assert "its judging was stopped" in words
    assert "nowhere on held-out sessions" not in words


def test_a_dream_that_breaks_says_where(corridor: Callable[[str, str], str]) -> None:
    words = corridor("breaks", "divergence")
    assert "✗ the dream broke" in words
    assert "It broke: line 20: step raised AssertionError: broken" in words
    assert "assert self.cell != 3, 'broken' ◀ broke here" in words


def test_a_replay_that_cannot_begin_anew_says_how_it_goes_on(corridor: Callable[[str, str], str]) -> None:
    assert "it goes on from what it did itself" in corridor("stays wrong", "divergence")


def test_chance_is_shown_as_probabilities(site: Site, nights: dict[str, Store]) -> None:
    store = nights["lottery"]
    right, hardly, many, simulated = (Environment(source=source, author="").digest
                                      for source in (worlds.LOTTERY, HARDLY, MANY, SIMULATED))
    sessions = store.load_sessions("held_out")
    number = next(place for place, each in enumerate(sessions) if each.turns[0].answer == "Blue.")
    words = read(site, f"lottery/night-001/environments/{right}/session/held_out/{number}")
    assert "≈ possible, 0.300" in words
    assert "0.700Red. reward 0" in words
    assert "0.300✓ as logged Blue. reward 0" in words
    assert "Every way it could fall was tried." in words
    assert "≠ hardly ever, < 0.001" in read(site, f"lottery/night-001/environments/{hardly}/divergence")
    assert "a search met some, the rest was estimated" in read(
        site, f"lottery/night-001/environments/{many}/session/held_out/{number}")
    assert "Its chance was simulated; standard error" in read(
        site, f"lottery/night-001/environments/{simulated}/session/held_out/{number}")


def test_what_a_search_did_not_meet_is_set_beside_a_simulation(site: Site, nights: dict[str, Store]) -> None:
    sessions = nights["lottery"].load_sessions("held_out")
    number = next(place for place, each in enumerate(sessions) if each.turns[0].answer == "Blue.")
    digest = Environment(source=NEVER, author="").digest
    words = read(site, f"lottery/night-001/environments/{digest}/session/held_out/{number}")
    assert "The world answered Blue.. The dream most likely said Red.." in words
    assert "what the dream does instead was simulated" in words
    assert "Green. reward 0" in words
    assert "? not met surprise not known" in words
    assert "What the dream did when simulated" in words
    assert "not metthe log Blue." in words
    assert "at least" not in words


@pytest.mark.parametrize(("regime", "probability", "undetermined"), [
    ("enumerate", 0.0, False), ("search", 0.0, True), ("sample", 0.0, True), ("search", 0.00005, True),
    ("search", 0.3, False), ("guided", 0.00005, False),
])
def test_a_lower_bound_near_0_says_nothing_of_the_surprise(regime: Regime, probability: float, undetermined: bool
                                                            ) -> None:
    turn = Turn(action="draw", observation="Blue.")
    step = dreamt.Step(1, "", turn, "improbable", Scored("", turn, (), probability, regime))
    assert step.undetermined == undetermined


def test_hostile_texts_and_code_are_only_shown(site: Site, nights: dict[str, Store]) -> None:
    digest = digests(nights["corridor"])["hostile"]
    status, html = show(site, Place(f"corridor/night-001/environments/{digest}/divergence"))
    assert status == 200
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html.replace("<ins>", "").replace("</ins>", "")
    assert "\x1b" not in html


@pytest.mark.parametrize(("source", "words"), [
    (REFUSED, "socket"), (SLOW, "took longer than"), ("def (:\n", "line 1"),
])
def test_a_world_that_cannot_be_asked_is_told(source: str, words: str, site: Site, tmp_path: Path,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dreamt, "SECONDS", 0.5)
    store = bare_night(tmp_path, source, [session("right", "right", "right")])
    told = read(site, f"{only(site, store)}/session/held_out/0")
    assert "The dream could not be asked" in told
    assert words in told
    assert "The garden." in told
    assert "not replayed" in told


def test_pages_do_not_wait_long_for_a_busy_sandbox_nor_keep_that_they_did(site: Site, tmp_path: Path,
                                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "WAIT", 0.05)
    path = f"{only(site, bare_night(tmp_path, worlds.CORRIDOR, [session('right', 'right', 'right')]))}"
    with site.sandbox():
        assert "The dream could not be asked: the sandbox is busy with another page" in read(
            site, f"{path}/session/held_out/0")
        assert "The dream cannot be played: the sandbox is busy with another page" in read(site, f"{path}/play")
    assert "Nothing is wrong in this session" in read(site, f"{path}/session/held_out/0")


def test_files_are_served_while_many_wait_for_the_sandbox(tmp_path: Path) -> None:
    store = bare_night(tmp_path, worlds.CORRIDOR, [session("right", "right", "right")])
    site = Site([])
    path = f"/{only(site, store)}/play"
    with (TestClient(application(site, "127.0.0.1", ""), "http://127.0.0.1") as client, ThreadPoolExecutor(46) as pool,
          site.sandbox()):
        played = [pool.submit(client.get, path) for _ in range(45)]
        (done, _) = wait(played, timeout=2, return_when=FIRST_COMPLETED)
        assert "busy with another page" in done.pop().result().text
        pool.submit(client.get, "/static/style.css").result(timeout=2)
        assert not all(each.done() for each in played)
    site.close()


def test_a_kernel_that_cannot_confine_code_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Sandbox) -> None:
        raise SandboxError("the kernel has no seccomp", "kernel")

    monkeypatch.setattr(Sandbox, "_start", refuse)
    store = bare_night(tmp_path, worlds.CORRIDOR, [session("right", "right", "right")])
    unconfined = Site([store.root])
    words = read(unconfined, f"{only(unconfined, store)}/session/held_out/0")
    assert "the kernel has no seccomp" in words
    assert "The garden." in words


def test_tool_calls_and_logs_without_rewards_are_shown(site: Site, tmp_path: Path) -> None:
    call = Message(role="assistant", content=(Call(name="go", arguments='{"to": "right"}'),))
    told = Trajectory.model_validate({"id": EVIL, "source": "real", "observation": "Cell 1.", "turns": [
        Turn(action=call, observation="Cell 2."), Turn(action="right")]})
    store = bare_night(tmp_path, worlds.CORRIDOR, [told])
    _, html = show(site, Place(f"{only(site, store)}/session/held_out/0"))
    assert "<script>alert" not in html
    words = said(html)
    assert 'go {"to": "right"}' in words
    assert "reward not logged" in words
    assert "– the log ends here" in words


def test_a_dream_that_cannot_begin_says_so_and_its_lost_steps_are_folded(site: Site, tmp_path: Path) -> None:
    call = Message(role="assistant", content=(Call(name="go", arguments="{}"),))
    answers = ('{"a": 1, "b": [2]}', "The cellar.", "Cell 1.", "Cell 1.")
    told = Trajectory.model_validate({"id": f"{'logs/' * 30}sessions.jsonl:7", "source": "real", "observation": "Hi.",
        "turns": [Turn(action="How are you?", observation="I am well."),
                  *(Turn(action=call, observation=answer) for answer in answers), Turn(action=call)]})
    store = bare_night(tmp_path, worlds.CORRIDOR, [told] * 20)
    path = f"{only(site, store)}/session/held_out/3"
    _, html = show(site, Place(path))
    words = said(html)
    assert re.search("<h1>(.*)</h1>", html)[1].endswith('sessions.jsonl:7</a> and the dream')  # type: ignore[index]
    assert "held out 4" in words
    assert 'trajectories?part=held_out">all of them</a>' in html
    assert "cannot begin with this text, and so has no state to act in until turn 5" in words
    assert '{\n  &#34;a&#34;: 1,' in html
    assert re.findall('id="turn-(.)" class="step ([a-z-]+)', html) == [
        ("1", "not-compared"), ("2", "lost"), ("3", "lost"), ("4", "lost"), ("5", "alike"), ("6", "unanswered")]
    assert html.count('class="step-head"') == 1
    assert "Every way it could fall was tried" not in words


def test_of_long_sessions_and_texts_a_part_is_shown(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                                        ) -> None:
    monkeypatch.setattr(pages, "REPLAYED", 30)
    monkeypatch.setattr(pages, "SHOWN", 20)
    lost = Trajectory(id="long", source="real", observation="Cell 1.", turns=(
        Turn(action="right", observation="x" * (Limits.request_bytes + 1)),))
    store = bare_night(tmp_path, worlds.CORRIDOR, [session(*["left"] * 40), session("left")])
    store.save_sessions("held_out", [session(*["left"] * 40), lost])
    words = read(site, f"{only(site, store)}/session/held_out/0")
    assert "30 of 30 turns. Only so many turns of 40 were replayed." in words
    assert "Turns 21 to 40 are in the session." in words
    _, html = show(site, Place(f"{only(site, store)}/session/held_out/1"))
    assert "the session is too long" in html
    assert len(html) < 50_000


@pytest.mark.parametrize(("page", "words"), [
    ("environments/0123456789abcdef/divergence", "0123456789abcdef"),
    ("environments/../divergence", "no environment"),
    ("environments/{digest}/session/held_out/99", "it has 6, numbered from 0"),
    ("environments/{digest}/session/rehearsal/0", "no part"),
])
def test_what_is_not_there_is_told(page: str, words: str, site: Site, nights: dict[str, Store]) -> None:
    digest = digests(nights["corridor"])["right"]
    status, html = show(site, Place(f"corridor/night-001/{page.format(digest=digest)}"))
    assert status == 404
    assert words in said(html)


def test_counterexamples_whose_session_is_gone_are_told(nights: dict[str, Store], tmp_path: Path) -> None:
    shutil.copytree(nights["corridor"].root, tmp_path / "gone")
    store = Store(tmp_path / "gone", 1)
    store.save_sessions("held_out", [session("right")])
    status, html = show(Site([store.root]), Place(f"gone/night-001/environments/{digests(store)['wrong']}/divergence"))
    assert status == 404
    assert "no longer among the held-out sessions" in said(html)


def test_long_texts_are_told_from_where_they_part() -> None:
    head, tail = "the same words again and again, " * 9, " and so on" * 30
    one, other = parting(f"{head}a key{tail}", f"{head}a lamp{tail}")
    assert one.startswith("…")
    assert "again, a key and so on" in one
    assert "again, a lamp and so on" in other
    assert max(len(one), len(other)) < 120
    assert parting("A key.", "A lamp.") == ("A key.", "A lamp.")


def test_long_differences_are_marked_as_a_whole() -> None:
    one, other = "a b " * 2000, "b a " * 2000
    left, right = marked(f"same {one} end", f"same {other} end")
    assert left.startswith("same ")
    assert left.count("<del>") == right.count("<ins>") == 1
    assert "more characters" in left
    assert spread('{"a": [1]}', '{"a": [2]}') == ('{\n  "a": [\n    1\n  ]\n}', '{\n  "a": [\n    2\n  ]\n}')
    assert spread('{"a":1}', '{"a": 1}') == ('{"a":1}', '{"a": 1}')  # else they would look alike
    assert spread("{no JSON", '{"a": 1.50}') == ("{no JSON", '{"a": 1.50}')
    assert marked("<b>", "<i>") == ("&lt;<del>b</del>&gt;", "&lt;<ins>i</ins>&gt;")


def session(*actions: str) -> Trajectory:
    return play(Corridor(), actions)
