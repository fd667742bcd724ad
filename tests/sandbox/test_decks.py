"""Shuffled lists that are decided where they are read: the same probabilities, and the same lists."""

import itertools
import math
from collections import Counter
from collections.abc import Iterator

import pytest

from sandbox import Answer, Outcome, Reset, Sandbox, Target, Worker
from sandbox.chance import Generator
from sandbox.clone import clone, fingerprint
from sandbox.decks import Deck, Unseen, dealt, listed

WORLD = """
import copy
import json
import gymnasium as gym
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    cards: list


class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._deck = list(range(52))
        self.np_random.shuffle(self._deck)
        return "shuffled", {}

    def step(self, action):
        rng = self.np_random
        four = ["a", "b", "c", "d"]
        info = {}
        if action == "draw":
            out = self._deck.pop()
        elif action == "peek":
            out = self._deck[0]
        elif action == "left":
            out = len(self._deck)
        elif action == "again":
            rng.shuffle(self._deck)
            out = len(self._deck)
        elif action == "variable":
            rng.shuffle(four)
            out = four[1]
        elif action == "alias":
            other = four
            rng.shuffle(four)
            out = "".join(other) + "".join(four)
        elif action == "held":
            table = Table(four)
            rng.shuffle(table.cards)
            out = "".join(four) + "".join(table.cards)
        elif action == "looped":
            for one in four:
                rng.shuffle(four)
                break
            out = four[0]
        elif action == "listed":
            out = list(rng.permutation(four))[3]
        elif action == "indexed":
            order = rng.permutation(4)
            self.mine = [four[i] for i in order]
            out = self.mine[2] + four[order[2]]
        elif action == "whole_numbers":
            self.mine = [four[int(i)] for i in [int(i) for i in rng.permutation(4)]]
            out = self.mine[1]
        elif action == "made":
            out = [str(x) for x in [int(x) for x in "123"]] + [four[i] for i in (0, 1)]
        elif action == "deep":
            rng.shuffle(four)
            other = copy.deepcopy(four)
            out = "".join(four[:1] + other[:1])
        elif action == "shallow":
            rng.shuffle(four)
            other = copy.copy(four)
            out = four[0] + other[0]
        elif action == "json":
            rng.shuffle(four)
            out = sorted(json.loads(json.dumps(four)))
        elif action == "permutation":
            out = rng.permutation(4)[2]
        elif action == "choice":
            out = rng.choice(four, size=3, replace=False)[1]
        elif action == "whole":
            rng.shuffle(four)
            out = sorted(four)
        elif action == "told":
            rng.shuffle(four)
            out, info = "in info", {"order": four}
        elif action == "added":
            rng.shuffle(four)
            hand = ["x"]
            same = hand
            hand += four[:1]
            out = "".join(same) + "".join(["y"] + four[1:2])
        elif action == "equal":
            urn = ["red", "red", "blue"]
            rng.shuffle(urn)
            out = urn.pop()
        elif action == "written":
            rng.shuffle(four)
            four[0] = "z"
            four.append("end")
            out = four[0] + four[-1] + str(len(four)) + str("z" in four) + str(isinstance(four, list))
        elif action == "type":
            rng.shuffle(four)
            out = type(four) is list
        return str(out), 0.0, False, False, info
"""


@pytest.fixture(scope="module", params=["fast", "stock"])
def worker(request: pytest.FixtureRequest) -> Iterator[Worker]:
    with Sandbox(policy=request.param) as sandbox, sandbox.load(WORLD) as made:
        yield made


def told(outcomes: list[Outcome] | None) -> dict[str, float]:
    assert outcomes is not None
    found: dict[str, float] = {}
    for outcome in outcomes:
        text = outcome.answer.observation if isinstance(outcome.answer, Answer) else "fault"
        found[text] = found.get(text, 0.0) + outcome.probability
    return found


NINE = [9]
QUARTERS = {letter: 0.25 for letter in "abcd"}


@pytest.mark.parametrize(
    ("action", "expected", "most"),
    [
        ("variable", QUARTERS, 4),
        ("looped", QUARTERS, 24),
        ("listed", QUARTERS, 4),
        ("indexed", {2 * letter: 0.25 for letter in "abcd"}, 4),
        ("whole_numbers", QUARTERS, 4),
        ("made", {str(["1", "2", "3", "a", "b"]): 1.0}, 1),
        ("deep", {2 * letter: 0.25 for letter in "abcd"}, 24),
        ("shallow", {2 * letter: 0.25 for letter in "abcd"}, 4),
        ("json", {str(list("abcd")): 1.0}, 24),
        ("permutation", {str(i): 0.25 for i in range(4)}, 4),
        ("choice", QUARTERS, 4),
        ("alias", {2 * "".join(order): 1 / 24 for order in itertools.permutations("abcd")}, 24),
        ("held", {2 * "".join(order): 1 / 24 for order in itertools.permutations("abcd")}, 24),
        ("whole", {str(list("abcd")): 1.0}, 24),
        ("added", {f"x{a}y{b}": 1 / 12 for a, b in itertools.permutations("abcd", 2)}, 12),
        ("equal", {"red": 2 / 3, "blue": 1 / 3}, 2),
        ("written", {"zend5TrueTrue": 1.0}, 1),
        ("type", {"True": 1.0}, 1),
        ("told", {"in info": 1.0}, 24),
    ],
)
def test_an_order_is_decided_where_it_is_read(
    worker: Worker, action: str, expected: dict[str, float], most: int
) -> None:
    (one,) = worker.make(1)
    worker.reset_batch([Reset(one, seed=1)])
    found = told(worker.expand(one, action, limit=24))
    assert found == pytest.approx(expected, rel=1e-12)
    assert worker.expand(one, action, limit=most) is not None


def test_a_hidden_deck_is_one_state_and_goes_on(worker: Worker) -> None:
    (start,) = worker.expand_reset() or []
    assert start.probability == 1.0
    assert start.id is not None
    found = worker.expand(start.id, "draw")
    assert told(found) == pytest.approx({str(card): 1 / 52 for card in range(52)}, rel=1e-12)
    first = next(o for o in found or [] if isinstance(o.answer, Answer) and o.answer.observation == "17")
    assert first.id is not None
    again = worker.search(first.id, "draw", Target("17"))
    assert (again.probability, again.exhaustive) == (0.0, True)
    second = worker.search(first.id, "draw", Target("3"))
    assert math.isclose(second.probability, 1 / 51, rel_tol=1e-12)
    # What has been read stays read, and shuffling what nobody has seen changes nothing.
    (peeked,) = (o for o in worker.expand(start.id, "peek") or [] if getattr(o.answer, "observation", "") == "9")
    assert told(worker.expand(peeked.id or 0, "peek")) == {"9": 1.0}
    (mixed,) = worker.expand(start.id, "again") or []
    assert mixed.digest == start.digest
    # The order in which cards were drawn and are gone does not tell two states apart.
    other = next(o for o in found or [] if getattr(o.answer, "observation", "") == "3")
    then = worker.search(other.id or 0, "draw", Target("17"))
    assert then.outcomes[0].digest == second.outcomes[0].digest


def test_hidden_decks_are_simulated_too(worker: Worker) -> None:
    (start,) = worker.expand_reset() or []
    ids = [id for id in worker.copy([start.id or 0] * 3) if isinstance(id, int)]
    drawn = [[a.observation for a in worker.step_batch([(id, "draw")] * 52)] for id in ids]  # type: ignore[union-attr]
    assert sorted(map(int, drawn[0])) == list(range(52))
    assert drawn[0] == drawn[1] == drawn[2]  # copies hold the same generator
    sampled = worker.sample(start.id or 0, "draw", 2000, seed=1)
    assert len(sampled.outcomes) == 52
    worker.drop([*ids, *(outcome.id for outcome in sampled.outcomes if outcome.id is not None)])


def test_plain_runs_are_numpys_still(worker: Worker) -> None:
    generator = Generator(5)
    deck = list(range(52))
    generator.shuffle(deck)
    (one,) = worker.make(1)
    worker.reset_batch([Reset(one, seed=5)])
    answers = worker.step_batch([(one, "draw")] * 3)
    assert [a.observation for a in answers] == [str(card) for card in deck[:-4:-1]]  # type: ignore[union-attr]


@pytest.mark.parametrize("line", ["import heapq", "from heapq import heappop", "POP = list.pop", "list = sorted"])
def test_where_lists_are_read_behind_their_back_shuffles_are_eager(line: str) -> None:
    with Sandbox() as sandbox, sandbox.load(line + "\n" + WORLD) as worker:
        assert worker.expand_reset() is None


def test_decks_are_lists() -> None:
    """Every way to read a deck gives what a list of the same order would."""
    reads = [
        list,
        tuple,
        sorted,
        str,
        repr,
        len,
        set,
        bool,
        max,
        listed,
        lambda d: d[1],
        lambda d: d[-1],
        lambda d: d[1:3],
        lambda d: d[::-1],
        lambda d: list(reversed(d)),
        lambda d: d + NINE,
        lambda d: NINE + d,
        lambda d: d * 2,
        lambda d: 2 * d,
        lambda d: d == [1, 2, 3],
        lambda d: d < [2],
        lambda d: 2 in d,
        lambda d: d.index(2),
        lambda d: d.count(2),
        lambda d: d.copy(),
        lambda d: (d.pop(), d.pop(0), d),
        lambda d: (d.remove(2), d),
        lambda d: (d.sort(reverse=True), d),
        lambda d: (d.insert(1, 5), d),
        lambda d: (d.extend([4]), d),
        lambda d: (d.append(4), d),
        lambda d: (d.reverse(), d),
        lambda d: [*d, 0],
        lambda d: "-".join(map(str, d)),
        lambda d: [x for pair in zip(d, d, strict=True) for x in pair],
        lambda d: d.__iadd__([7]),
        lambda d: (d.clear(), d),
        lambda d: d[:1] + d[1:] + d[:0],
        lambda d: list(enumerate(d)),
        lambda d: d != [1, 2, 3],
        lambda d: [8].__iadd__(d),
        lambda d: sum(d),
    ]
    for read in reads:
        seen = Counter()
        for seed in range(300):
            deck = dealt(Generator(seed), [1, 2, 3])
            twin = clone(deck, {})
            order = [item.read() for item in list.__iter__(twin)]
            # The twin draws the same, one after another; read in another order, the deck may fall otherwise.
            result = read(deck)
            if isinstance(result, list) and not isinstance(result, Deck):
                assert not any(type(item) is Unseen for item in result)
            assert sorted(order) == [1, 2, 3]
            seen[str(result)] += 1
        possible = Counter(str(read(list(order))) for order in itertools.permutations([1, 2, 3]))
        assert set(seen) == set(possible), read
        for text, count in possible.items():
            assert abs(seen[text] / 300 - count / 6) < 0.15


def test_fingerprints_of_what_is_unseen() -> None:
    def state(read: int, generator: int = 0, split: bool = False) -> object:
        deck = dealt(Generator(generator), "abcd")
        if read >= 0:
            deck[read]
        return [deck[:2], deck[2:]] if split else deck

    assert fingerprint(state(-1)) == fingerprint(state(-1, generator=3))
    assert fingerprint(state(-1)) != fingerprint(state(0))
    assert fingerprint(state(0)) != fingerprint(state(1))
    assert fingerprint(state(-1, split=True)) == fingerprint(clone(state(-1, split=True), {}))
    shared = dealt(Generator(0), "abcd")
    copied = clone([shared, shared.copy()], {})
    assert copied[0][2] == copied[1][2]
