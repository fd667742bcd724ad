"""The worlds that authors are tried on: sessions repeat, floors are what faithful sources score, engines are apart."""

import json
import random
from importlib.util import find_spec
from math import exp
from pathlib import Path

import pytest
from gymnasium.utils.env_checker import check_env

from benchmarks.worlds.arena import WORLDS as ARENA
from benchmarks.worlds.arena import Arena, Blackjack
from benchmarks.worlds.house import WORLDS as HOUSES
from benchmarks.worlds.invented import WORLDS as INVENTED
from benchmarks.worlds.invented import Code, Invented, Kiln
from benchmarks.worlds.toys import WORLDS as TOYS
from benchmarks.worlds.world import World
from rollout.sessions import read
from rollout.trajectory import Trajectory
from sandbox import Sandbox
from tests.worlds.enumeration import Program
from tests.worlds.likelihood import explain

with_textarena = pytest.mark.skipif(find_spec("textarena") is None, reason="needs the extra `benchmark`")
EVERY = [
    *(pytest.param(world, id=world.name) for world in (*TOYS, *INVENTED)),
    *(pytest.param(world, id=world.name, marks=with_textarena) for world in ARENA),
]


@pytest.mark.parametrize("world", EVERY)
def test_sessions_repeat_and_differ_by_seed(world: World) -> None:
    first = world.record(4, seed=5)
    assert first == world.record(4, seed=5)
    assert [turns(session) for session in first] != [turns(session) for session in world.record(4, seed=6)]
    assert all(len(session.turns) <= world.longest for session in first)
    assert all(min(world.surprise(session)) >= -1e-9 for session in first)


@pytest.mark.parametrize("world", EVERY)
def test_players_are_imperfect_but_not_hopeless(world: World) -> None:
    sessions = world.record(40, seed=3)
    assert any(map(world.won, sessions))
    assert len({session.outcome for session in sessions}) > 1
    assert {"terminated"} <= {session.stop for session in sessions} <= {"terminated", "truncated"}


@pytest.mark.parametrize("world", INVENTED, ids=lambda world: world.name)
@pytest.mark.filterwarnings("ignore")
def test_invented_engines_run_in_the_sandbox_and_outside(sandbox: Sandbox, world: Invented) -> None:
    with sandbox.load(world.source) as worker:
        assert worker.check() == []
    check_env(world.engine(), skip_render_check=True)


@pytest.mark.parametrize("world", [world for world in INVENTED if not isinstance(world, Kiln)],
                         ids=lambda world: world.name)
def test_floors_are_the_likelihood_of_the_engine_as_a_source(world: Invented) -> None:
    program = Program(world.source)
    for session in world.record(15, seed=4):
        assert world.surprise(session) == pytest.approx(explain(program, session).nats, abs=1e-9)


def test_the_kiln_re_entered_from_its_text_goes_on_as_logged() -> None:
    env = Kiln().engine()
    for session in Kiln().record(15, seed=4):
        env.reset(options={"observation": session.observation.text})
        for turn in session.turns:
            assert env.step(turn.action.text)[:3] == (turn.answer, turn.reward, turn.terminated)


def test_told_codes_are_never_ruled_out() -> None:
    world = Code()
    for session in world.record(60, seed=7):
        codes = world.CODES
        for turn in session.turns:
            answer = turn.answer or ""
            codes = world.left(codes, turn.action.text, answer)
            assert codes
            if "Dark." in answer:
                assert tuple(answer.removesuffix(".").split()[-3:]) in codes


def test_toy_floors_agree_with_the_entropy_of_their_engines() -> None:
    for world in TOYS:
        sessions = world.record(150, seed=8)
        found = sum(sum(world.surprise(session)) for session in sessions)
        expected = sum(sum(world.told.entropies(session)) for session in sessions)
        assert found == pytest.approx(expected, rel=0.05, abs=1e-9)


@with_textarena
@pytest.mark.parametrize("world", ARENA, ids=lambda world: world.name)
def test_arena_texts_hold_no_echo_and_the_rules_once(world: World) -> None:
    for session in world.record(10, seed=2):
        rules = session.observation.text.splitlines()[0]
        assert all(rules not in (turn.answer or "") and turn.answer for turn in session.turns)
        ends = [turn for turn in session.turns if turn.terminated]
        assert ends == list(session.turns[-1:]) or not ends


@with_textarena
def test_two_refused_actions_in_a_row_end_a_game() -> None:
    env = Arena("Mastermind-v0-raw")
    env.reset(seed=1)
    assert env.step("no")[2] is False
    assert env.step("[1 2 3 4]")[2] is False
    assert env.step("no")[2] is False
    text, reward, ended, _, _ = env.step("no")
    assert (ended, text.startswith("Invalid Move: "), 0 <= reward < 1) == (True, True, True)


@with_textarena
def test_arena_engines_stay_apart_and_leave_the_common_generator_alone() -> None:
    random.seed(0)
    common = random.getstate()
    one, other = Arena("Blackjack-v0-raw"), Arena("Blackjack-v0-raw")
    assert one.reset(seed=3) == other.reset(seed=3)
    for action in ("[Hit]", "[Stand]", "[Hit]", "[Stand]"):
        assert one.step(action) == other.step(action)
    assert random.getstate() == common


@with_textarena
def test_blackjacks_floor_sums_to_one_over_what_may_follow() -> None:
    """Standing on 20 in the last hand: every end of the dealer's."""
    world = Blackjack()
    hand = "Hand 5/5\nYour hand: K♣, Q♣ (Score: 20)\nDealer shows: 4♦"

    def nats(action: str, answer: str) -> float:
        turn = {"action": action, "observation": answer, "reward": 0.0, "terminated": True}
        session = {"id": "s", "source": "real", "observation": hand, "turns": [turn]}
        return world.surprise(Trajectory.model_validate_json(json.dumps(session)))[0]

    stood = [nats("[Stand]", f"Hand 5: you {'win' if dealer > 21 else 'lose' if dealer == 21 else 'draw'}. Your final "
                             f"20, Dealer {dealer}.\n{hand}") for dealer in range(17, 27)]
    assert sum(exp(-each) for each in stood) == pytest.approx(1.0)


@pytest.mark.slow
def test_houses_compile_and_are_played() -> None:
    world = HOUSES[1]
    sessions = world.record(2, seed=1)
    assert sessions == world.record(2, seed=1)
    assert [session.task for session in sessions] == ["house-17", "house-18"]


def test_the_command_writes_sessions_that_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.worlds.__main__ import main

    path = tmp_path / "new" / "sessions.jsonl"
    monkeypatch.setattr("sys.argv", ["worlds", "urns", "--count", "3", "--seed", "9", "--to", str(path)])
    main()
    assert [turns(session) for session in read([path])] == [turns(session) for session in INVENTED[1].record(3, seed=9)]


def turns(session: Trajectory) -> list[tuple[str, str | None]]:
    return [(turn.action.text, turn.answer) for turn in session.turns]
