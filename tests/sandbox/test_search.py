"""Search finds what the answer's probability is made of, and never more than that."""

import itertools
import math
from collections.abc import Iterator

import pytest

from sandbox import Answer, Chances, EnvironmentFault, Limits, Move, Reset, Sandbox, Target, Worker
from sandbox.likeness import common_start
from sandbox.search import shifted, swapped

WORLD = """
import gymnasium as gym

CARDS = [rank + suit for rank in "23456789TJQKA" for suit in "CDHS"]
CELL = {True: "#", False: "."}


class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.hidden = []
        self.code = [self.np_random.choice(list("ABCDEF")) for _ in range(4)]
        return "guess", {}

    def step(self, action):
        rng = self.np_random
        name, _, count = action.partition(" ")
        n = int(count) if count.isdigit() else 5
        cards = list(CARDS)
        hand = []
        reward = 0.0
        if name == "replaced":
            hand = [cards[rng.integers(52)] for _ in range(n)]
        elif name == "choice":
            hand = rng.choice(cards, size=n, replace=False)
        elif name in ("popped", "sorted", "hole", "holes"):
            for _ in range({"hole": 1, "holes": 2}.get(name, 0)):
                self.hidden.append(cards.pop(rng.integers(len(cards))))
            hand = [cards.pop(rng.integers(len(cards))) for _ in range(n)]
            if name == "sorted":
                hand.sort()
        elif name == "rejected":
            while len(hand) < n:
                card = cards[rng.integers(52)]
                if card not in hand:
                    hand.append(card)
        elif name == "half_deck":
            self.deck = rng.permutation(cards)
            hand = self.deck[:26]
        elif name == "urn":
            urn = ["red"] * 10 + ["blue"] * 20 + ["green"] * 30
            rng.shuffle(urn)
            hand = [urn.pop() for _ in range(n)]
        elif name == "sum":
            hand = [str(sum(rng.integers(1, 7) for _ in range(n)))]
        elif name == "house":
            total = 0
            while total < 17:
                total += min(rng.integers(52) // 4 + 1, 10)
            if "cards" in count:
                self.hidden.append(cards[rng.integers(52)])
            hand = [str(total)] + [cards[rng.integers(52)] for _ in range(3)]
        elif name == "weather":
            hand = rng.choice(["rain", "sun", "snow"], size=n, p=[0.2, 0.7, 0.1])
        elif name == "cells":
            hand = ["".join(CELL[rng.random() < 0.3] for _ in range(5)) for _ in range(n)]
        elif name == "paid":
            reward = float(rng.integers(1000) == 7)
            hand = [str(rng.integers(1000))]
        elif name == "mastermind":
            hand = [str(sum(a == b for a, b in zip(self.code, count)))]
        elif name == "pegs":
            hand = [str(sum(a == b for a, b in zip(self.code, count))), "red" if rng.integers(60) == 7 else "blue"]
        elif name == "continuous":
            hand = [f"{rng.random():.6f}"]
        elif name == "half":
            hand = [f"{rng.random():.6f}" if rng.integers(2) else "heads"]
        elif name == "endless":
            while rng.integers(2) < 2:
                pass
        elif name == "faulty":
            hand = [str([1] * 5 + [0])[rng.integers(400)]]
        elif name == "huge":
            hand = ["word " * 19990 + str(rng.integers(50)) for _ in range(1)] + [str(rng.integers(50))]
        elif name == "binary":
            hand = ["".join(chr(rng.integers(1, 500)) for _ in range(4))]
        elif name == "hashed":
            hand = [sorted({"a", "b", str(rng.integers(500))}, key=hash)[0], str(rng.integers(300))]
        return " ".join(hand), reward, False, False, {}
"""


@pytest.fixture(scope="module", params=["fast", "stock"])
def worker(request: pytest.FixtureRequest) -> Iterator[Worker]:
    with Sandbox(policy=request.param) as sandbox, sandbox.load(WORLD) as made:
        yield made


def told(worker: Worker, action: str, seed: int = 1) -> tuple[int, Target]:
    """A copy, and what a copy of it answered when stepped by simulation."""
    one, other = worker.make(2)
    worker.reset_batch([Reset(one, seed=seed), Reset(other, seed=seed)])
    (answer,) = worker.step_batch([(other, action)])
    worker.drop([other])
    assert isinstance(answer, Answer), answer
    return one, Target(answer.observation, answer.reward, answer.terminated)


def dropped(worker: Worker, found: Chances) -> Chances:
    worker.drop([outcome.id for outcome in found.outcomes if outcome.id is not None])
    return found


HAND = 1 / math.perm(52, 5)


@pytest.mark.parametrize(
    ("action", "truth", "budget"),
    [
        ("replaced", 52.0**-5, 20_000),
        ("choice", HAND, 20_000),
        ("popped", HAND, 20_000),
        ("sorted", 120 * HAND, 20_000),
        ("hole", HAND, 20_000),
        ("rejected", HAND, 20_000),
        ("half_deck", 1 / math.perm(52, 26), 20_000),
    ],
)
def test_hands_of_cards(worker: Worker, action: str, truth: float, budget: int) -> None:
    one, target = told(worker, action)
    found = dropped(worker, worker.search(one, action, target, budget=budget))
    assert 0.99 * truth <= found.probability <= truth * (1 + 1e-9)
    assert found.runs <= budget
    assert {o.answer.observation for o in found.outcomes if isinstance(o.answer, Answer)} == {target.observation}
    if action == "hole":
        assert len(found.outcomes) == 47  # a state for every card that may lie hidden
        assert all(math.isclose(o.probability, HAND / 47) for o in found.outcomes)


@pytest.mark.slow
def test_two_hidden_cards() -> None:
    with Sandbox() as sandbox, sandbox.load(WORLD) as worker:
        one, target = told(worker, "holes")
        found = worker.search(one, "holes", target, budget=100_000, most=3000)
        assert 0.99 * HAND <= found.probability <= HAND * (1 + 1e-9)
        assert len(found.outcomes) >= 0.99 * 47 * 46


def test_what_the_text_spells_out(worker: Worker) -> None:
    one, target = told(worker, "cells 6")
    found = dropped(worker, worker.search(one, "cells 6", target))
    dark = target.observation.count("#")
    assert math.isclose(found.probability, 0.3**dark * 0.7 ** (30 - dark), rel_tol=1e-12)
    one, target = told(worker, "weather 12")
    found = dropped(worker, worker.search(one, "weather 12", target))
    odds = {"rain": 0.2, "sun": 0.7, "snow": 0.1}
    assert math.isclose(found.probability, math.prod(odds[word] for word in target.observation.split()), rel_tol=1e-12)


def test_small_trees_are_exact(worker: Worker) -> None:
    one, _ = told(worker, "sum 4")
    # 146 of 1296 throws of four dice make 14.
    found = dropped(worker, worker.search(one, "sum 4", Target("14")))
    assert found.exhaustive
    assert math.isclose(found.probability, 146 / 1296, rel_tol=1e-12)
    found = worker.search(one, "sum 4", Target("3"))
    assert (found.exhaustive, found.probability, found.outcomes) == (True, 0.0, [])
    one, target = told(worker, "urn 3")
    left, truth = {"red": 10, "blue": 20, "green": 30}, 1.0
    for word in target.observation.split():
        truth *= left[word] / sum(left.values())
        left[word] -= 1
    found = worker.search(one, "urn 3", target)
    assert found.exhaustive
    assert math.isclose(found.probability, truth, rel_tol=1e-12)
    assert len(found.outcomes) == 1  # 57 balls lie hidden, and their order is one alternative
    dropped(worker, found)


def test_a_code_drawn_hidden_at_reset(worker: Worker) -> None:
    start = worker.search_reset(None, Target("guess"), most=2000)
    assert start.exhaustive
    assert math.isclose(start.probability, 1.0)
    assert len(start.outcomes) == 6**4
    belief = {outcome.id: outcome.probability for outcome in start.outcomes if outcome.id is not None}
    answers = worker.step_batch([(id, "mastermind AABB") for id in belief])
    agree = sum(p for p, a in zip(belief.values(), answers, strict=True) if a.observation == "4")  # type: ignore[union-attr]
    assert math.isclose(agree, 1 / 6**4)
    dropped(worker, start)
    some = worker.search_reset(None, Target("guess"), most=100)
    assert math.isclose(some.probability, 1.0)
    assert len(some.outcomes) == 100
    assert math.isclose(sum(outcome.probability for outcome in some.outcomes), 100 / 6**4)
    dropped(worker, some)


def test_reward_and_end_are_part_of_the_answer(worker: Worker) -> None:
    one, _ = told(worker, "paid")
    for reward, truth in ((1.0, 1e-6), (0.0, 999e-6), (None, 1e-3)):
        found = dropped(worker, worker.search(one, "paid", Target("12", reward, False)))
        assert found.probability <= truth * (1 + 1e-9)
        if reward == 1.0:
            assert math.isclose(found.probability, truth)
    assert worker.search(one, "paid", Target("12", 0.0, True), budget=5000).probability == 0.0


def test_searches_are_repeatable_keep_their_budget_and_leak_no_copies(worker: Worker) -> None:
    one, target = told(worker, "hole")

    def plain(found: Chances) -> object:
        return [(o.probability, o.answer, o.digest) for o in found.outcomes], found.probability, found.runs

    first = worker.search(one, "hole", target)
    worker.search(one, "holes", target, budget=500)
    assert plain(first) == plain(worker.search(one, "hole", target))
    for budget in (1, 7, 100, 513, 2000):
        assert dropped(worker, worker.search(one, "hole", target, budget=budget)).runs <= budget
    for limits in ({"budget": 0}, {"width": 0}, {"most": 0}):
        with pytest.raises(ValueError, match="at least 1"):
            worker.search(one, "hole", target, **limits)


def test_copies_are_those_of_the_outcomes_alone() -> None:
    with Sandbox(Limits(copies=60)) as sandbox, sandbox.load(WORLD) as worker:
        one, target = told(worker, "hole")
        found = worker.search(one, "hole", target)
        assert len(found.outcomes) == 47
        with pytest.raises(EnvironmentFault, match="more than 60 copies"):
            worker.search(one, "hole", target)
        dropped(worker, found)
        assert len(worker.make(59)) == 59


@pytest.mark.parametrize("action", ["continuous", "endless"])
def test_what_no_script_decides(worker: Worker, action: str) -> None:
    one, _ = told(worker, "sum")
    found = worker.search(one, action, Target("0.5"), budget=40)
    assert found.probability == 0.0
    assert found.undetermined == found.runs
    assert not found.exhaustive


def test_half_of_it_can_be_decided(worker: Worker) -> None:
    one, _ = told(worker, "sum")
    found = dropped(worker, worker.search(one, "half", Target("heads")))
    assert math.isclose(found.probability, 0.5)
    assert found.undetermined > 0


def test_faults_are_answers_that_do_not_agree(worker: Worker) -> None:
    one, _ = told(worker, "sum")
    found = dropped(worker, worker.search(one, "faulty", Target("1")))
    assert math.isclose(found.probability, 5 / 400)
    with pytest.raises(EnvironmentFault, match="no copy"):
        worker.search(10**6, "sum", Target("1"))
    (fresh,) = worker.make(1)
    with pytest.raises(EnvironmentFault, match="reset first"):
        worker.search(fresh, "sum", Target("1"))


@pytest.mark.parametrize("action", ["huge", "binary", "hashed"])
def test_hostile_texts(worker: Worker, action: str) -> None:
    one, target = told(worker, action)
    if action == "huge":
        assert len(target.observation) > 99_000
    found = dropped(worker, worker.search(one, action, target, budget=20_000))
    truth = {"huge": 1 / 2500, "binary": 499.0**-4, "hashed": 1.0}[action]
    assert 0 < found.probability <= truth * (1 + 1e-9)
    if action != "hashed":
        assert math.isclose(found.probability, truth)


def test_one_entry_for_all_regimes(worker: Worker) -> None:
    one, target = told(worker, "hole")
    assert worker.chances(one, "hole", target).regime == "search"
    assert worker.chances(one, "sum 2", Target("7")).regime == "enumerate"
    assert worker.chances(one, "sum 2").probability == 1.0
    assert worker.chances(one, "hole", samples=50).regime == "sample"
    assert worker.chances(one, "continuous", Target("0.5"), samples=50).regime == "sample"
    assert worker.chances(None, None, forks=2000).regime == "enumerate"
    assert worker.chances(None, None, Target("guess"), forks=200).regime == "search"


def test_samples(worker: Worker) -> None:
    one, _ = told(worker, "sum")
    first, again, other = (worker.sample(one, "continuous", 600, seed) for seed in (4, 4, 5))
    assert (first.regime, first.runs, first.exhaustive) == ("sample", 600, False)
    assert first.probability == 1.0
    for found, same in ((again, True), (other, False)):
        assert ([(o.probability, o.answer) for o in found.outcomes]
                == [(o.probability, o.answer) for o in first.outcomes]) is same  # fmt: skip
    dropped(worker, first), dropped(worker, again), dropped(worker, other)
    dice = worker.sample(one, "sum 1", 3000, seed=1)
    assert len(dice.outcomes) == 6
    for outcome in dice.outcomes:
        assert abs(outcome.probability - 1 / 6) < 5 * math.sqrt(5 / 36 / 3000)
    # They go on, each with chance of its own.
    ids = [outcome.id for outcome in dice.outcomes if outcome.id is not None]
    following = worker.step_batch([(id, "continuous") for id in ids])
    assert len({answer.observation for answer in following if isinstance(answer, Answer)}) == 6
    dropped(worker, dice)
    faulty = worker.sample(one, "faulty", 2000, seed=2)
    faults = [o for o in faulty.outcomes if isinstance(o.answer, EnvironmentFault)]
    assert sum(o.probability for o in faults) > 0.9
    assert all(o.id is None for o in faults)
    dropped(worker, faulty)
    few = worker.sample(one, "continuous", 500, most=10)
    assert len(few.outcomes) == 10
    starts = worker.sample_reset(None, 500, seed=3, most=500)
    assert starts.probability == 1.0
    codes = worker.step_batch([(o.id, "mastermind AABB") for o in starts.outcomes if o.id is not None])
    assert len({answer.observation for answer in codes if isinstance(answer, Answer)}) >= 3


def test_belief_over_samples_is_a_belief(worker: Worker) -> None:
    """Equal states are one outcome however many runs led there."""
    one, _ = told(worker, "sum")
    found = dropped(worker, worker.sample(one, "nothing", 100))
    assert [outcome.probability for outcome in found.outcomes] == [pytest.approx(1.0)]


def house(total: int = 0) -> dict[int, float]:
    """What a house that draws up to 17 ends with, and how likely."""
    if total >= 17:
        return {total: 1.0}
    ends: dict[int, float] = {}
    for card in range(1, 11):
        for end, p in house(total + card).items():
            ends[end] = ends.get(end, 0.0) + p * (4 if card == 10 else 1) / 13
    return ends


@pytest.mark.parametrize("action", ["house", "house cards"])
@pytest.mark.parametrize("total", [17, 20, 26])
def test_what_only_a_sum_tells_is_estimated_beyond_what_is_found(worker: Worker, action: str, total: int) -> None:
    """Two to 17 cards of 52 are told by their sum alone, one is hidden, and three follow that the text spells out."""
    one, _ = told(worker, "sum")
    target, truth = Target(f"{total} 7D 9C KS"), house()[total] / 52**3
    bound = dropped(worker, worker.search(one, action, target, budget=4000))
    assert (bound.regime, bound.error) == ("search", 0.0)
    assert 0 < bound.probability < truth
    found = dropped(worker, worker.chances(one, action, target, budget=4000, guided=2400))
    assert found.regime == "guided"
    assert found.runs <= 6400
    assert math.isclose(found.probability, truth, rel_tol=0.5)
    assert abs(found.probability - truth) < 4 * found.error + 0.05 * truth


def test_estimates_have_no_bias(worker: Worker) -> None:
    """Over many seeds their mean is the truth, and they are off it by what their errors say."""
    one, _ = told(worker, "sum")
    ways = worker.expand(one, "sum 5", limit=8000)
    assert ways is not None
    truth = sum(way.probability for way in ways if isinstance(way.answer, Answer) and way.answer.observation == "12")
    dropped(worker, Chances("enumerate", ways, 1.0, True, 0))
    found = list[Chances]()
    for seed in range(100):
        found.append(worker.chances(one, "sum 5", Target("12"), forks=64, budget=150, guided=200, seed=seed))
        dropped(worker, found[-1])
    assert {each.regime for each in found} == {"guided"}
    mean = math.fsum(each.probability for each in found) / len(found)
    spread = math.sqrt(math.fsum((each.probability - mean) ** 2 for each in found) / (len(found) - 1))
    assert abs(mean - truth) < 4 * spread / math.sqrt(len(found))
    assert math.isclose(math.sqrt(math.fsum(each.error**2 for each in found) / len(found)), spread, rel_tol=0.3)


def test_copies_are_searched_as_one(worker: Worker) -> None:
    """Which of them it is, is one more draw: what each gives to the answer counts by how far it is believed."""
    ids = worker.make(3)
    worker.reset_batch([Reset(id, seed=seed) for seed, id in enumerate(ids)])
    codes = [next(code for code in map("".join, itertools.product("ABCDEF", repeat=4)) if isinstance(
        answer := worker.step_batch([(id, f"mastermind {code}")])[0], Answer) and answer.observation == "4")
        for id in ids]
    assert len(set(codes)) == 3
    pegs = Move(ids, (0.5, 0.3, 0.2), f"pegs {codes[1]}", Target("4 red"))
    moves = [pegs, Move(ids[:1], (1.0,), "sum 2", Target("7"))]
    (((weight, found),), ((_, other),)) = worker.chances_each(moves, forks=40)
    assert (weight, found.regime, found.exhaustive) == (1.0, "search", True)
    assert math.isclose(found.probability, 0.3 / 60)
    assert other.regime == "enumerate"
    dropped(worker, found), dropped(worker, other)


def test_shifted_draws_take_the_same_items() -> None:
    def taken(choices: list[int]) -> list[int]:
        items = list(range(9))
        return [items.pop(choice) for choice in choices]

    for old in range(9):
        for second in range(8):
            for third in range(7):
                before = taken([old, second, third])
                for new in set(range(9)) - set(before):
                    after = taken(shifted([old, second, third], [9, 8, 7], 0, new))
                    assert after[1:] == before[1:]


def test_swapped_draws_take_each_others_items() -> None:
    for one in range(6):
        for other in range(5):
            items = list(range(6))
            first = [items.pop(one), items.pop(other)]
            (plan,) = swapped([one, other, 3], [6, 5, 9], 0)
            items = list(range(6))
            assert [items.pop(plan[0]), items.pop(plan[1]), plan[2]] == [*first[::-1], 3]
    assert list(swapped([1, 4], [6, 6], 0)) == [[4, 1]]
    assert list(swapped([4, 4], [6, 6], 0)) == []
    assert list(swapped([1, 4], [6, 9], 0)) == list(swapped([1, 4], [6, 6], 1)) == []


def test_common_starts() -> None:
    texts = ["", "a", "ab", "abc", "abd", "xbc", "abcabc"]
    for one in texts:
        for other in texts:
            same = [i for i in range(min(len(one), len(other)) + 1) if one[:i] == other[:i]]
            assert common_start(one, other) == max(same)
