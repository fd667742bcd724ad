"""The worlds with known truth: they are what they claim, and their mutants are broken as their labels say."""

import json
from collections import Counter, defaultdict
from math import inf, log, sqrt
from random import Random

import pytest
from gymnasium.utils.env_checker import check_env

from rollout.trajectory import Trajectory, Turn
from sandbox import Sandbox
from tests.worlds.engines import Blackjack, Lake, Table, Told, engines, entropy
from tests.worlds.enumeration import EndlessError, Program
from tests.worlds.known import KNOWN, Known
from tests.worlds.likelihood import explain, predicted
from tests.worlds.mutation import every_mutant, judge, main, mutants, refused, revealed, sessions
from tests.worlds.source import NAMES, load, read

MUTANTS = every_mutant()
TABLES = [engine for engine in engines().values() if isinstance(engine, Table)]
BLACKJACK = engines()["blackjack"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore")
def test_sources_run_in_the_sandbox_and_outside(sandbox: Sandbox, name: str) -> None:
    with sandbox.load(read(name)) as worker:
        assert worker.check() == []
    check_env(load(read(name))(), skip_render_check=True)


@pytest.mark.parametrize("name", NAMES)
def test_logged_texts_can_be_begun_from_or_are_refused(name: str) -> None:
    """A start always; a later text with ValueError if not; and what followed in the log may follow there too."""
    program = Program(read(name))
    for session in sessions(name, 10):
        texts = [session.observation.text, *(turn.answer or "" for turn in session.turns)]
        for number, (text, turn) in enumerate(zip(texts, session.turns, strict=False)):
            told = program.start(text)
            faults = {answer.fault for answer, _ in told} - {None}
            assert faults in (set(), {"ValueError"})
            if faults:
                assert number > 0
                assert len(told) == 1
            else:
                assert {answer.text for answer, _ in told} == {text}
                answers = program.believe({state: p for (_, state), p in told.items()}, turn.action.text)
                assert any(answer[:3] == (turn.answer, turn.reward, turn.terminated) for answer, _ in answers)


# Known answers


@pytest.mark.parametrize("known", KNOWN.values(), ids=KNOWN)
def test_likelihoods_on_paper_are_those_of_enumeration(known: Known) -> None:
    program = Program(read(known.name))
    for session in known.sessions(100, seed=3):
        explained = explain(program, session)
        assert explained.nats == pytest.approx(known.nats(session), abs=1e-9)
        assert explained.start_nats == pytest.approx(known.start_nats(session), abs=1e-9)


def said(first: str, *turns: tuple[str, str]) -> Trajectory:
    return Trajectory(id="s", source="real", observation=first, turns=tuple(
        Turn(action=action, observation=text, reward=0.0, terminated=False) for action, text in turns))


def test_likelihoods_by_hand() -> None:
    urn = said("An urn stands in the dark.", ("look", "It looks red."), ("look", "It looks red."),
               ("blue", "The balls are red."))
    assert KNOWN["urn"].nats(urn) == pytest.approx([-log(0.45), -log(7 / 12), -log(6 / 7)])
    bandit = said("8 pulls left.", ("left", "7 pulls left. A coin drops."), ("left", "6 pulls left. A coin drops."),
                  ("right", "5 pulls left. Nothing drops."))
    assert KNOWN["bandit"].nats(bandit) == pytest.approx([-log(1 / 2), -log(5 / 8), -log(1 / 2)])
    down = ". A card lies face down."
    cards = said("You hold ace, ace" + down, ("draw", "You hold ace, ace, king" + down),
                 ("turn", "The hidden card is a ace."))
    assert KNOWN["cards_kept"].nats(cards) == pytest.approx([-log(2 / 5), -log(1 / 4)])
    pegs = said("5 guesses left.", ("red red red", "1 black, 0 white. 4 guesses left."))
    assert KNOWN["mastermind"].nats(pegs) == pytest.approx([-log(12 / 27)])


def test_same_seed_same_sessions() -> None:
    for known in KNOWN.values():
        assert known.sessions(5, seed=4) == known.sessions(5, seed=4) != known.sessions(5, seed=5)


# Gymnasium's engines


def by_source(program: Program, text: str, action: str) -> dict[tuple[str | None, float, bool], float]:
    belief = {state: p for (_, state), p in program.start(text).items()}
    return {answer[:3]: p for answer, p in predicted(program.believe(belief, action)).items()}


@pytest.mark.parametrize("engine", engines().values(), ids=engines())
def test_starts_are_drawn_as_the_engine_draws_them(engine: Told) -> None:
    drawn = predicted(Program(read(engine.name)).start())
    assert {answer.text: p for answer, p in drawn.items()} == pytest.approx(engine.starts, abs=1e-12)


@pytest.mark.parametrize("engine", TABLES, ids=lambda engine: engine.name)
def test_sources_agree_with_the_tables_of_the_engines(engine: Table) -> None:
    """In every state where one can act, for every action."""
    program = Program(read(engine.name))
    for text in engine.situations:
        for action in engine.actions:
            assert by_source(program, text, action) == pytest.approx(dict(engine.outcomes(text, action)), abs=1e-12)
        assert by_source(program, text, "hum") == {engine.step("hum")[:3]: 1.0}


@pytest.mark.parametrize("every", [12, pytest.param(1, marks=pytest.mark.slow)])
def test_blackjack_agrees_with_its_rules(every: int) -> None:
    assert isinstance(BLACKJACK, Blackjack)
    program = Program(read("blackjack"))
    for number, text in enumerate(BLACKJACK.situations):
        for action in ("hit", "stick") if number % every == 0 else ("hit",):
            assert by_source(program, text, action) == pytest.approx(dict(BLACKJACK.outcomes(text, action)), abs=1e-12)


def test_blackjack_agrees_with_the_engine() -> None:
    """Chi-square over 25,000 hands: starts, and what followed each text and action; rare outcomes are one."""
    starts, followed = Counter[str](), defaultdict[tuple[str, str], Counter[tuple[str, float, bool]]](Counter)
    random = Random(8)
    for hand in range(25_000):
        text, ended = BLACKJACK.reset(seed=None if hand else 8)[0], False
        starts[text] += 1
        while not ended:
            action = random.choice(BLACKJACK.actions)
            told, reward, ended, _, _ = BLACKJACK.step(action)
            followed[text, action][told, reward, ended] += 1
            text = told
    tables = [(starts, BLACKJACK.starts), *((seen, BLACKJACK.outcomes(*key)) for key, seen in followed.items())]
    square = freedom = 0.0
    for seen, expected in tables:
        assert set(seen) <= set(expected)
        count = seen.total()
        cells = [(seen[cell], count * p) for cell, p in expected.items() if count * p >= 5]
        cells.append((count - sum(n for n, _ in cells), count - sum(e for _, e in cells)))
        cells = [(n, e) for n, e in cells if e > 1e-6]
        square += sum((n - e) ** 2 / e for n, e in cells)
        freedom += len(cells) - 1
    assert freedom > 500
    assert abs(square - freedom) / sqrt(2 * freedom) < 4


def test_entropy_of_the_engines() -> None:
    lake = Lake(slippery=True)
    assert entropy(lake.outcomes("Ice at row 1, column 1.", "left")) == pytest.approx(log(3) - 2 / 3 * log(2))
    for engine in engines().values():
        program = Program(read(engine.name))
        excess = [sum(explain(program, session).nats) - sum(engine.entropies(session))
                  for session in sessions(engine.name)]
        error = sqrt(sum(each ** 2 for each in excess)) / len(excess)
        assert abs(sum(excess) / len(excess)) <= 4 * error


# Mutants


def test_there_are_many_mutants_all_different() -> None:
    assert len(MUTANTS) >= 900
    assert len({mutant.name for mutant in MUTANTS}) == len({mutant.source for mutant in MUTANTS}) == len(MUTANTS)
    assert not {mutant.source for mutant in MUTANTS} & {read(name) for name in NAMES}
    counts = Counter(mutant.world for mutant in MUTANTS)
    assert set(counts) == set(NAMES)
    assert {"constant", "comparison", "branch", "removed", "reward", "end", "draw", "kept", "string"} <= {
        mutant.kind for mutant in MUTANTS}


def test_same_seed_same_mutants() -> None:
    for name in ("coin", "taxi"):
        assert mutants(name, seed=5) == mutants(name, seed=5) != mutants(name, seed=6)
    assert [mutant.source for mutant in mutants("coin", most=10)] == [
        mutant.source for mutant in mutants("coin", most=10)]


@pytest.mark.slow
def test_mutants_compile_in_the_sandbox_or_are_recorded(sandbox: Sandbox) -> None:
    reasons = refused(MUTANTS, sandbox)
    assert all(reasons.values())
    assert len(MUTANTS) - len(reasons) >= 500


def test_labels_of_the_truth_and_of_known_faults() -> None:
    coin, logged = read("coin"), sessions("coin")
    pays, chance, later = "1.0 if self.text", "random() < 0.3", "no coin lies like that"
    assert revealed(coin, coin, logged).label == "equivalent"
    assert revealed(coin, coin.replace(later, "no"), logged).label == "equivalent"
    slight = revealed(coin, coin.replace(chance, "random() < 0.31"), logged)
    assert (slight.label, slight.by) == ("undetectable", ())
    wrong = revealed(coin, coin.replace(chance, "random() < 0.7"), logged)
    heads = sum(turn.answer == "The coin shows heads." for session in logged for turn in session.turns)
    tosses = sum(turn.action.text == "toss" for session in logged for turn in session.turns)
    assert (wrong.label, wrong.by) == ("revealed", ("step",))
    assert wrong.nats["step"] == pytest.approx((tosses - 2 * heads) * log(7 / 3))
    never = revealed(coin, coin.replace(pays, "0.0 if self.text"), logged)
    assert never.label == "revealed"
    assert never.nats["step"] == never.nats["entry"] == inf
    broken = revealed(coin, coin.replace(pays, "1.0 / 0 if self.text"), logged)
    assert broken.label == "crashes"


def test_each_part_of_a_world_is_looked_at() -> None:
    def by(name: str, old: str, new: str) -> tuple[str, ...]:
        assert read(name).count(old) == 1
        return revealed(read(name), read(name).replace(old, new), sessions(name)).by

    assert by("taxi", "[stop for stop in STOPS if stop != self.passenger]", "list(STOPS)") == ("start",)
    assert by("shop", '[*buy, *(', '[*buy[:1], *(') == ("step", "actions", "entry")
    assert by("vending", "self.coins = MOST if", "self.coins = 0 if") == ("entry",)
    assert by("urn", "self.colour = ", "self.colour = self.colour if hasattr(self, 'colour') else ") == ("again",)
    assert by("corridor", "-0.1, False, False", "-0.1, False, self.cell == 3") == ("step", "entry")
    assert by("bandit", "self.left = PULLS\n", "self.left = getattr(self, 'left', PULLS)\n") == ("again",)


def test_chance_without_end_is_told() -> None:
    endless = read("blackjack").replace("while dealer < 17", "while dealer > 1")
    with pytest.raises(EndlessError):
        by_source(Program(endless), "You hold hard 12. The dealer shows 2.", "stick")
    assert revealed(read("blackjack"), endless, sessions("blackjack", 3)).label == "crashes"


def test_worlds_broken_by_hand_are_revealed() -> None:
    """All but those that differ only in what no log shows, or too little for the sessions."""
    found = [mutant for mutant in MUTANTS if ": by hand: " in mutant.name and mutant.world != "blackjack"]
    verdicts = judge(found)
    hidden = {name for name, verdict in verdicts.items() if verdict.label != "revealed"}
    assert len(found) >= 80
    assert all("winning move" in name or "urn: by hand: draws the hidden" in name for name in hidden)


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "--world", "coin"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert sum(listed["counts"]["coin"].values()) == len(listed["mutants"]) + len(listed["refused"])
    assert all(mutant["name"].startswith("coin: ") for mutant in listed["mutants"])
