"""Whatever way a step's chance is found, the figure is what it says it is.

Against likelihoods worked out on paper: enumerated ones are exact, searched ones never more than the truth, sampled
ones off by what their standard error says. And sessions that the sandbox follows by itself are scored as those that are
taken step by step.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev
from typing import Any

import pytest

from envgen.belief import Belief
from envgen.comparison import Comparer, Comparison
from envgen.scored import Scored
from rollout.trajectory import Trajectory, Turn
from sandbox import Limits, Sandbox, SandboxError, Worker
from tests.worlds import mutation, recorded
from tests.worlds.engines import engines
from tests.worlds.known import KNOWN
from tests.worlds.source import NAMES, read


def plain(step: Scored) -> tuple[Any, ...]:
    """All that a score says, answers summed; support is told of outcomes that were stepped to, and is not compared."""
    told: dict[tuple[Any, ...], float] = defaultdict(float)
    for outcome in step.outcomes:
        told[outcome._replace(support=())[1:]] += outcome.probability
    expected = {answer: pytest.approx(p) for answer, p in told.items()}
    return (step.before, step.turn, expected, pytest.approx(step.probability), step.regime, step.approximate,
            step.standard_error, step.regained)


def compare(worker: Worker, sessions: Sequence[Trajectory], comparer: Comparer | None = None) -> None:
    """Sessions followed, stepped side by side, and stepped one by one."""
    beliefs = [Belief(worker, comparer or Comparer(), follow=follow) for follow in (True, False)]
    followed, stepped = ([list(map(plain, scored)) for scored in belief.replays(sessions)] for belief in beliefs)
    assert followed == stepped
    assert beliefs[0].exercised == beliefs[1].exercised
    assert beliefs[0].lost_mass == pytest.approx(beliefs[1].lost_mass)
    alone = Belief(worker, comparer or Comparer(), follow=False)
    assert [list(map(plain, alone.replay(session))) for session in sessions[:3]] == stepped[:3]


@pytest.mark.parametrize("name", sorted({*NAMES} - {"blackjack"}))
def test_following_changes_no_score(name: str, sandbox: Sandbox) -> None:
    sessions = recorded.sessions(name, 12)
    with sandbox.load(read(name), counting=True) as worker:
        compare(worker, sessions)
        compare(worker, [without(session) for session in sessions])


def without(session: Trajectory) -> Trajectory:
    """The session of a log that tells neither rewards nor ends."""
    turns = tuple(turn.model_copy(update={"reward": None, "terminated": None}) for turn in session.turns)
    return session.model_copy(update={"turns": turns})


@pytest.mark.parametrize("name", ["cliff", "lake_plain", "taxi", "shop", "vending", "rooms", "corridor", "cards_kept"])
def test_following_changes_no_score_of_broken_worlds(name: str) -> None:
    sessions = recorded.sessions(name, 6)
    judged = 0
    with Sandbox(Limits(message_seconds=2)) as sandbox:
        for mutant in mutation.mutants(name)[::9]:
            try:
                with sandbox.load(mutant.source) as worker:
                    list(Belief(worker).replays(sessions))
            except SandboxError:
                continue
            with sandbox.load(mutant.source) as worker:
                compare(worker, sessions)
            judged += 1
    assert judged >= 3


def test_following_changes_no_score_where_answers_are_not_compared_word_for_word(sandbox: Sandbox) -> None:
    rule = Comparison(of="all answers", mode="free", repeated=0, differing=0)
    with sandbox.load(read("cliff")) as worker:
        compare(worker, recorded.sessions("cliff", 3), Comparer([rule]))


def test_a_session_longer_than_a_message_is_followed_to_its_end(sandbox: Sandbox) -> None:
    actions = ["up", "down", "right", "left"] * 1500
    env = engines()["cliff"]
    text, _ = env.reset(seed=0)
    turns = []
    for number, action in enumerate(actions):
        told, reward, ended, _, _ = env.step(action if number % 1000 else "hum")
        turns.append(Turn(action=action if number % 1000 else "hum", observation=told, reward=reward, terminated=ended))
    session = Trajectory(id="long", source="real", observation=text, turns=tuple(turns))
    with sandbox.load(read("cliff")) as worker:
        assert [step.probability for step in Belief(worker).replay(session)] == [1.0] * len(turns)


def truth(name: str, session: Trajectory) -> list[float]:
    return [math.exp(-nats) for nats in KNOWN[name].nats(session)]


@pytest.mark.parametrize("name", sorted({*KNOWN} - {"mastermind"}))
def test_what_is_searched_is_a_lower_bound_and_nearly_all(name: str, sandbox: Sandbox) -> None:
    """Nothing is enumerated but what draws nothing; all of the mass is found. Mastermind's hidden code is drawn at the
    start alone, so that none of its steps is searched."""
    sessions = KNOWN[name].sessions(15, seed=4)
    shares, regimes = [], set()
    with sandbox.load(read(name)) as worker:
        for session, scored in zip(sessions, Belief(worker, forks=1, patience=1).replays(sessions), strict=True):
            for step, true in zip(scored, truth(name, session), strict=True):
                assert step.probability <= true * (1 + 1e-9)
                assert step.standard_error == 0.0
                shares.append(step.probability / true)
                regimes.add(step.regime)
    assert "search" in regimes
    assert fmean(shares) >= 0.99


DEALT = """
import gymnasium as gym

class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.deck = [rank + suit for rank in "TJQKA" for suit in "CDHS"]
        self.hidden = self.draw()
        self.hand = [self.draw(), self.draw(), self.draw()]
        return "You hold " + " ".join(self.hand), {}

    def draw(self):
        return self.deck.pop(int(self.np_random.integers(len(self.deck))))

    def step(self, action):
        if action == "turn":
            return "It is " + self.hidden, 0.0, True, False, {}
        self.hand += [self.draw(), self.draw()]
        return "You hold " + " ".join(self.hand), 0.0, False, False, {}
"""


def test_a_card_game_whose_deals_are_too_many_is_searched_to_nearly_all_of_its_mass(sandbox: Sandbox) -> None:
    """The hidden card is like any other unseen one: 1/17·1/16 for the first two drawn, and so on; 1/13 at the end.

    17 cards may lie hidden at the start, whose 20·19·18·17 deals are too many to run.
    """
    hand = ["KD", "TC", "AS"]
    turns = []
    for cards in (["TH", "JD"], ["KC", "QS"]):
        hand = hand + cards
        turns.append(Turn(action="draw", observation="You hold " + " ".join(hand), reward=0.0, terminated=False))
    turns.append(Turn(action="turn", observation="It is QH", reward=0.0, terminated=True))
    session = Trajectory(id="s", source="real", observation="You hold KD TC AS", turns=tuple(turns))
    true = [1 / 17 / 16, 1 / 15 / 14, 1 / 13]
    with sandbox.load(DEALT) as worker:
        for forks in (64, 4096):  # the draws within a step searched, and enumerated
            steps = Belief(worker, forks=forks, patience=1).replay(session)
            shares = [step.probability / p for step, p in zip(steps, true, strict=True)]
            assert all(share <= 1 + 1e-9 for share in shares)
            assert fmean(shares) >= 0.99
            assert all(step.approximate for step in steps)
    assert [step.regime for step in steps] == ["enumerate"] * 3


def kolmogorov(values: Sequence[float]) -> float:
    """The largest distance between the distribution of some values and the standard normal one, times √n."""
    normal, n = NormalDist(), len(values)
    ranked = [normal.cdf(value) for value in sorted(values)]
    return math.sqrt(n) * max(max((i + 1) / n - p, p - i / n) for i, p in enumerate(ranked))


REPLICATIONS = 200


@pytest.mark.parametrize("name", ["coin", "corridor"])
def test_sampled_steps_are_off_by_what_their_standard_errors_say(name: str, sandbox: Sandbox) -> None:
    """Here a text shows the whole state, so every step starts from an exact belief and has no bias: the sum of a
    session's errors over its standard error is standard normal."""
    session = next(one for one in KNOWN[name].sessions(20, seed=5) if sum(p < 1 for p in truth(name, one)[:5]) >= 4)
    session = session.model_copy(update={"turns": session.turns[:5]})
    true = truth(name, session)
    scores = []
    with sandbox.load(read(name)) as worker:
        for seed in range(REPLICATIONS):
            steps = Belief(worker, forks=0, runs=0, samples=100, seed=seed).replay(session)
            assert {step.regime for step in steps} == {"sample"}
            chance = [(step, p) for step, p in zip(steps, true, strict=True) if p < 1]
            error = sum(step.probability - p for step, p in chance)
            scores.append(error / math.sqrt(sum(step.standard_error**2 for step, _ in chance)))
    assert abs(fmean(scores)) < 4 / math.sqrt(REPLICATIONS)
    # A normal sample's variance is 1 with standard error √(2/n).
    assert abs(stdev(scores) ** 2 - 1) < 4 * math.sqrt(2 / REPLICATIONS)
    assert kolmogorov(scores) < 1.63  # exceeded once in a hundred


@pytest.mark.parametrize("name", ["urn", "bandit"])
def test_the_sampled_likelihood_of_a_session_has_no_bias(name: str, sandbox: Sandbox) -> None:
    """Where something is hidden, the belief is estimated too, and a later step's probability is a ratio of estimates;
    the product over the session is not, and its mean is the likelihood."""
    session = max(KNOWN[name].sessions(8, seed=6), key=lambda one: sum(p < 1 for p in truth(name, one)))
    session = session.model_copy(update={"turns": session.turns[:4]})
    true = math.prod(truth(name, session))
    found = []
    with sandbox.load(read(name)) as worker:
        for seed in range(REPLICATIONS):
            steps = Belief(worker, forks=0, runs=0, samples=30, seed=seed).replay(session)
            found.append(math.prod(step.probability for step in steps))
    assert abs(fmean(found) - true) < 4 * stdev(found) / math.sqrt(REPLICATIONS)


def test_a_sampled_answer_that_all_runs_gave_is_not_certain(sandbox: Sandbox) -> None:
    turn = Turn(action="hum", observation="Say toss or leave.", reward=0.0, terminated=False)
    session = Trajectory(id="s", source="real", observation="The coin lies in your hand.", turns=(turn,))
    with sandbox.load(read("coin")) as worker:
        (step,) = Belief(worker, forks=0, runs=0, samples=100).replay(session)
    assert step.probability == pytest.approx(1.0)
    assert 0.01 < step.standard_error < 0.02


def test_blackjack_is_exact(sandbox: Sandbox) -> None:
    """28,561 starts and up to 30,000 hands of the dealer are run, because they promise to end."""
    engine = engines()["blackjack"]
    sessions = engine.sessions(25, seed=6)
    with sandbox.load(read("blackjack")) as worker:
        for session, scored in zip(sessions, Belief(worker).replays(sessions), strict=True):
            text = session.observation.text
            for turn, step, entropy in zip(session.turns, scored, engine.entropies(session), strict=True):
                assert step.regime == "enumerate"
                assert step.entropy == pytest.approx(entropy)
                if turn.action.text in engine.actions:
                    outcomes = engine.outcomes(text, turn.action.text)
                    assert step.probability == pytest.approx(outcomes[turn.answer, turn.reward, turn.terminated])
                    text = turn.answer or ""
                else:
                    assert step.probability == pytest.approx(1.0)
