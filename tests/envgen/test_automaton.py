"""The embedded author: what it learns of small games, and that its code is plain and harmless."""

import time
import warnings
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from envgen.author import Environment
from envgen.automaton import Automaton
from envgen.fidelity import FidelityReport, judge
from rollout.trajectory import Trajectory, Turn
from sandbox import Answer, EnvironmentFault, Reset, Sandbox, Script
from tests.games import Corridor, Lottery, Shop, Switch, play, record
from tests.games.game import Game

DETERMINISTIC = [Corridor, Switch, Shop]


def first(sessions: Sequence[Trajectory]) -> Environment:
    return next(iter(Automaton().drafts(sessions)))


def judged(sandbox: Sandbox, draft: Environment, game: Game, usual_reward: float = 0.0) -> FidelityReport:
    """Against sessions that the author never saw."""
    with sandbox.load(draft.source) as worker:
        return judge(worker, draft.digest, [], record(game, 40, seed=1), usual_reward)


def outside(source: str) -> gym.Env[str, str]:
    """The environment as anyone would run it, without a sandbox."""
    names: dict[str, Any] = {}
    exec(compile(source, "world.py", "exec"), names)
    made: gym.Env[str, str] = names["World"]()
    return made


def says(*texts: str, reward: float = 1.0) -> Trajectory:
    """A session in which world and agent say these, in turn, and then the world ends."""
    turns = [Turn(action=action, observation=heard, reward=0.0, terminated=False)
             for action, heard in zip(texts[1::2], texts[2::2], strict=True)]
    turns[-1] = turns[-1].model_copy(update={"reward": reward, "terminated": True})
    return Trajectory(id="s", source="real", observation=texts[0], turns=tuple(turns))


@pytest.mark.parametrize("game", DETERMINISTIC)
def test_a_deterministic_game_is_learned_exactly(game: type[Game], sandbox: Sandbox) -> None:
    report = judged(sandbox, first(record(game(), 100)), game())
    assert report.figures["step_probability"].value == 1.0
    assert report.figures["episode_match"].value == 1.0
    assert not report.chance


@pytest.mark.parametrize(("game", "states"), [(Corridor, 4), (Switch, 3)])
def test_as_many_states_are_found_as_there_are(game: type[Game], states: int) -> None:
    assert first(record(game(), 100)).states == states


def test_states_with_one_text_are_kept_apart_where_their_futures_differ(sandbox: Sandbox) -> None:
    with sandbox.load(first(record(Switch(), 100)).source) as worker:
        locked, unlocked = worker.episodes([Script(["open", "open"]), Script(["pull", "pull", "pull", "open"])])
    assert [answer.observation for answer in locked.answers] == ["A room."] * 3
    assert (unlocked.answers[-1].observation, unlocked.answers[-1].reward) == ("Outside.", 1.0)


def test_probabilities_of_chance_come_close_to_the_truth(sandbox: Sandbox) -> None:
    with sandbox.load(first(record(Lottery(), 300)).source) as worker:
        outcomes = worker.expand_reset("Red.") or []
        chances: dict[str, float] = {}
        for start in outcomes:
            for outcome in worker.expand(start.id or 0, "draw") or []:
                assert isinstance(outcome.answer, Answer)
                text = outcome.answer.observation
                chances[text] = chances.get(text, 0.0) + start.probability * outcome.probability
    assert chances.keys() == {"Red.", "Blue."}
    assert chances["Red."] == pytest.approx(0.7, abs=0.06)


def test_drafts_of_a_game_with_chance_do_not_go_by_the_first_disagreement() -> None:
    assert all("disagreement" not in draft.author for draft in Automaton().drafts(record(Lottery(), 50)))


def test_drafts_differ_and_say_how_they_were_made() -> None:
    drafts = list(Automaton().drafts(record(Switch(), 30)))
    assert len({draft.digest for draft in drafts}) == len({draft.author for draft in drafts}) == len(drafts)


def test_the_same_sessions_give_the_same_code() -> None:
    assert [draft.source for draft in Automaton().drafts(record(Lottery(), 30))] == [
        draft.source for draft in Automaton().drafts(record(Lottery(), 30))]


@pytest.mark.parametrize("game", [*DETERMINISTIC, Lottery])
def test_the_code_passes_gymnasiums_checker_outside(game: type[Game]) -> None:
    env = outside(first(record(game(), 30)).source)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(render|spec|unwrapped|different from the unwrapped).*")
        check_env(env, skip_render_check=True)


@pytest.mark.parametrize("game", [*DETERMINISTIC, Lottery])
def test_the_code_passes_the_checker_inside(game: type[Game], sandbox: Sandbox) -> None:
    with sandbox.load(first(record(game(), 30)).source) as worker:
        assert worker.check() == []


@pytest.mark.parametrize("game", DETERMINISTIC)
def test_the_code_does_outside_what_it_does_inside(game: type[Game], sandbox: Sandbox) -> None:
    source = first(record(game(), 50)).source
    session = record(game(), 1, seed=2)[0]
    env = outside(source)
    env.reset(seed=0)
    without = [env.step(turn.action.text)[:4] for turn in session.turns]
    with sandbox.load(source) as worker:
        (episode,) = worker.episodes([Script([turn.action.text for turn in session.turns], seed=0)])
    assert without == [(answer.observation, answer.reward, answer.terminated, answer.truncated)
                       for answer in episode.answers[1:]]


@pytest.mark.parametrize("action", ["fly", "", "RIGHT", "{{ right }}", "right "])
def test_an_action_that_no_session_shows_is_imagined_and_ends_the_episode(action: str, sandbox: Sandbox) -> None:
    with sandbox.load(first(record(Corridor(), 30)).source) as worker:
        (episode,) = worker.episodes([Script(["right", action, "right"])])
    last = episode.answers[-1]
    assert (len(episode.answers), last.reward, last.terminated, last.info) == (3, 0.0, True, {"imagined": True})


def test_a_start_is_entered_from_its_text(sandbox: Sandbox) -> None:
    with sandbox.load(first(record(Corridor(), 30)).source) as worker:
        (episode,) = worker.episodes([Script(["right"], observation="Cell 3.")])
    assert [answer.observation for answer in episode.answers] == ["Cell 3.", "The garden."]


@pytest.mark.parametrize("text", ["Cell 9.", "", "The garden."])
def test_a_text_that_begins_nothing_is_refused(text: str, sandbox: Sandbox) -> None:
    with sandbox.load(first(record(Corridor(), 30)).source) as worker:
        (answer,) = worker.reset_batch([Reset(worker.make(1)[0], observation=text)])
    assert isinstance(answer, EnvironmentFault)
    assert "ValueError" in str(answer)


def test_what_the_text_hides_is_drawn_when_it_is_entered(sandbox: Sandbox) -> None:
    with sandbox.load(first(record(Switch(), 100)).source) as worker:
        starts = worker.expand_reset("A room.") or []
    assert len(starts) == 2
    assert sum(start.probability for start in starts) == pytest.approx(1.0)


def test_starts_are_drawn_as_often_as_they_were_logged(sandbox: Sandbox) -> None:
    sessions = [says("north", "go", "end")] * 3 + [says("south", "go", "end")]
    with sandbox.load(first(sessions).source) as worker:
        starts = {start.answer.observation: start.probability
                  for start in worker.expand_reset() or [] if isinstance(start.answer, Answer)}
    assert starts == {"north": 0.75, "south": 0.25}


@pytest.mark.parametrize("reward", [-1.0, 0.1, 1e-7, 1e300, 1 / 3])
def test_rewards_are_written_exactly(reward: float, sandbox: Sandbox) -> None:
    with sandbox.load(first([says("a", "go", "b", reward=reward)]).source) as worker:
        (episode,) = worker.episodes([Script(["go"])])
    assert episode.answers[-1].reward == reward


@pytest.mark.parametrize("action", ["<reset>", "", "__class__", "None"])
def test_actions_may_be_any_words(action: str, sandbox: Sandbox) -> None:
    source = first([says("a", action, "b", action, "c")]).source
    with sandbox.load(source) as worker:
        (episode,) = worker.episodes([Script([action, action])])
    assert [answer.observation for answer in episode.answers] == ["a", "b", "c"]


def test_an_answer_that_was_not_logged_is_empty_not_unknown(sandbox: Sandbox) -> None:
    with sandbox.load(first([says("a", "go", "")]).source) as worker:
        (episode,) = worker.episodes([Script(["go"])])
    assert (episode.answers[-1].observation, episode.answers[-1].info) == ("", {})


def test_a_session_of_many_states_is_learned(sandbox: Sandbox) -> None:
    answers = [f"{number}" for number in range(200)]
    source = first([says("start", *[word for answer in answers for word in ("go", answer)])]).source
    with sandbox.load(source) as worker:
        (episode,) = worker.episodes([Script(["go"] * 200)])
    assert [answer.observation for answer in episode.answers[1:]] == answers


def test_a_session_of_a_thousand_turns_is_learned() -> None:
    there_and_back = play(Corridor(), ["right", "left"] * 600)
    assert first([there_and_back, there_and_back, *record(Corridor(), 30)]).states == 4


def test_copies_are_cheap_however_much_a_world_has_to_say(sandbox: Sandbox) -> None:
    """Many episodes begin at once, and a message to the sandbox has a deadline."""
    sessions = [says(f"{number} begins", "go", f"{number} " + "goes on and on " * 100) for number in range(200)]
    with sandbox.load(first(sessions).source) as worker:
        began = time.monotonic()
        worker.make(500)
        assert time.monotonic() - began < 1


HOSTILE = [
    "'", '"', "'''", '"""', "\\", "\\'", "ends with \\", "\n", "\r\n", "\t", "\x00", "\u2028\u2029\x85", "\u202e",
    "é 🜁 漢", "{{ 7 * 7 }}", "{% for x in y %}", "{# gone #}", "{", "}}", "{0}", "%s", "$x", "# coding: latin-1",
    "');import os;('", '"""\nimport os\n"""', "\\N{BULLET}", "\\u0041", "\ufeff", " leading and trailing ",
]


def carries(sandbox: Sandbox, text: str) -> None:
    """A text, as first words, action and answer, comes out of the sandbox as it went in."""
    draft = first([says(text, text, f"{text}!", text, f"{text}?")])
    compile(draft.source, "world.py", "exec")
    with sandbox.load(draft.source) as worker:
        (episode,) = worker.episodes([Script([text, text])])
    assert episode.fault is None
    assert [answer.observation for answer in episode.answers] == [text, f"{text}!", f"{text}?"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_text(text: str, sandbox: Sandbox) -> None:
    carries(sandbox, text)


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
@settings(max_examples=40)
def test_any_text_is_only_text(sandbox: Sandbox, text: str) -> None:
    carries(sandbox, text)
