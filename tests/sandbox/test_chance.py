"""Random numbers are NumPy's, and can be taken apart."""

import math
from collections.abc import Iterator

import numpy as np
import pytest

from sandbox import Answer, Outcome, Reset, Sandbox, Worker
from sandbox.chance import Generator

SEEDS = [0, 1, 42, 2**31, 2**40 + 5, 2**130 + 7]
DRAWS = {
    "random": lambda g: g.random(),
    "integers": lambda g: int(g.integers(6)),
    "wide_integers": lambda g: int(g.integers(3, 10**12)),
    "endpoint": lambda g: int(g.integers(-5, 5, endpoint=True)),
    "shape": lambda g: np.array(g.integers(0, 10, size=(2, 3))).tolist(),
    "choice": lambda g: str(g.choice(["a", "b", "c"])),
    "weighted": lambda g: str(g.choice(["a", "b", "c"], p=[0.2, 0.3, 0.5])),
    "distinct": lambda g: np.array(g.choice(20, size=4, replace=False)).tolist(),
    "many_distinct": lambda g: np.array(g.choice(20000, size=1000, replace=False)).tolist(),
    "weighted_distinct": lambda g: np.array(g.choice(4, size=3, replace=False, p=[0.1, 0.2, 0.3, 0.4])).tolist(),
    "permutation": lambda g: np.array(g.permutation(9)).tolist(),
    "uniform": lambda g: g.uniform(2, 5),
}


@pytest.mark.parametrize("name", DRAWS)
def test_same_stream_as_numpy(name: str) -> None:
    for seed in SEEDS:
        ours, theirs = Generator(seed), np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
        for _ in range(20):
            assert DRAWS[name](ours) == DRAWS[name](theirs)
            assert ours.random() == theirs.random()
            ours_deck, their_deck = list(range(7)), list(range(7))
            ours.shuffle(ours_deck)
            theirs.shuffle(their_deck)
            assert ours_deck == their_deck


WORLD = """
import gymnasium as gym
ODDS = {"a": 0.25, "b": 0.5}
class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seen = []
        self.side = self.np_random.choice(["heads", "tails"], p=[0.75, 0.25])
        return "start", {}
    def step(self, action):
        rng = self.np_random
        if action == "die":
            out = rng.integers(1, 7)
        elif action == "odd":
            out = "odd" if rng.integers(1, 7) % 2 else "even"
        elif action == "coin":
            out = "win" if rng.random() < 0.3 else "lose"
        elif action == "steps":
            x = rng.random()
            out = "low" if x < 0.2 else "middle" if x < 0.7 else "high"
        elif action == "scaled":
            out = int(rng.random() * 4)
        elif action == "pair":
            out = sorted(int(i) for i in rng.choice(4, size=2, replace=False))
        elif action == "shuffle":
            deck = [1, 2, 3]
            rng.shuffle(deck)
            out = deck
        elif action == "shown":
            out = rng.random()
        elif action == "swallowed":
            try:
                out = f"{rng.random():.3f}"
            except BaseException:
                out = "caught"
        elif action == "wide":
            out = rng.integers(10**6)
        elif action == "uniform":
            out = rng.uniform(-1, 1) > 0.5
        elif action == "raise":
            out = 1 // rng.integers(0, 2)
        else:
            out = self.side
        self.seen.append(out)
        return str(out), 0.0, out == 6, False, {}
"""


@pytest.fixture(scope="module", params=["fast", "stock"])
def worker(request: pytest.FixtureRequest) -> Iterator[Worker]:
    with Sandbox(policy=request.param) as sandbox, sandbox.load(WORLD) as made:
        yield made


def expanded(worker: Worker, action: str, limit: int = 256) -> dict[str, float] | None:
    (one,) = worker.make(1)
    worker.reset_batch([Reset(one, seed=1)])
    outcomes = worker.expand(one, action, limit)
    if outcomes is None:
        return None
    assert math.isclose(sum(outcome.probability for outcome in outcomes), 1.0)
    return {str(getattr(o.answer, "observation", "fault")): o.probability for o in outcomes}


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("die", {str(k): 1 / 6 for k in range(1, 7)}),
        ("odd", {"odd": 0.5, "even": 0.5}),
        ("coin", {"win": 0.3, "lose": 0.7}),
        ("steps", {"low": 0.2, "middle": 0.5, "high": 0.3}),
        ("scaled", {str(k): 0.25 for k in range(4)}),
        ("pair", {str([i, j]): 1 / 6 for i in range(4) for j in range(i + 1, 4)}),
        ("uniform", {"True": 0.25, "False": 0.75}),
        ("raise", {"fault": 0.5, "1": 0.5}),
    ],
)
def test_expansion_is_exact(worker: Worker, action: str, expected: dict[str, float]) -> None:
    found = expanded(worker, action)
    assert found is not None
    assert found.keys() == expected.keys()
    for text, probability in expected.items():
        assert math.isclose(found[text], probability)


def test_shuffles_are_trees(worker: Worker) -> None:
    found = expanded(worker, "shuffle")
    assert found is not None
    assert len(found) == 6
    assert expanded(worker, "shuffle", limit=4) is None


@pytest.mark.parametrize("action", ["shown", "swallowed", "wide"])
def test_what_cannot_be_enumerated_is_undetermined(worker: Worker, action: str) -> None:
    assert expanded(worker, action) is None


def test_expansion_leaves_the_original_alone(worker: Worker) -> None:
    first, second = worker.make(2)
    worker.reset_batch([Reset(first, seed=9), Reset(second, seed=9)])
    for _ in range(3):
        worker.expand(first, "die")
        worker.expand(first, "wide")
        assert worker.step_batch([(first, "coin")]) == worker.step_batch([(second, "coin")])


def test_outcomes_are_environments(worker: Worker) -> None:
    (one,) = worker.make(1)
    worker.reset_batch([Reset(one, seed=1)])
    outcomes = worker.expand(one, "die")
    assert outcomes is not None
    assert len({outcome.digest for outcome in outcomes}) == 6
    for outcome in outcomes:
        assert outcome.id is not None
        assert isinstance(outcome.answer, Answer)
        following = worker.expand(outcome.id, "odd") if not outcome.answer.terminated else []
        assert following is not None
        assert all(isinstance(f, Outcome) for f in following)


def test_resets_are_expanded_too(worker: Worker) -> None:
    outcomes = worker.expand_reset()
    assert outcomes is not None
    assert sorted(outcome.probability for outcome in outcomes) == [0.25, 0.75]
    sides = {worker.step_batch([(o.id, "side")])[0].observation: o.probability for o in outcomes if o.id}  # type: ignore[union-attr]
    assert sides == {"heads": 0.75, "tails": 0.25}


COUNTED = """
import gymnasium as gym
RULES = {("a", "go"): ("b", 0.0), ("b", "go"): ("c", 1.0), ("b", "back"): ("a", 0.0)}
class World(gym.Env):
    NAMES = ["first", "second"]
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at = "a"
        return self.NAMES[0], {}
    def step(self, action):
        found = RULES.get((self.at, action))
        if found is None:
            return "no", 0.0, False, False, {}
        self.at, reward = found
        return (self.NAMES[1] if self.at == "b" else self.at), reward, self.at == "c", False, {}
"""


def test_support_names_branches_and_table_elements() -> None:
    with Sandbox() as sandbox, sandbox.load(COUNTED, counting=True) as worker:
        (one,) = worker.make(1)
        worker.reset_batch([Reset(one, seed=1)])
        (first,), (second,) = worker.step_batch([(one, "go")]), worker.step_batch([(one, "go")])
        labels = [[worker.elements[n].label for n in a.support] for a in (first, second)]  # type: ignore[union-attr]
        assert "RULES[('a', 'go')]" in labels[0]
        assert "RULES[('b', 'go')]" not in labels[0]
        assert "RULES[('b', 'go')]" in labels[1]
        assert "NAMES[1]" in labels[0]
        assert "NAMES[1]" not in labels[1]
        counted = {worker.elements[n].label: k for n, k in worker.support().items()}
        assert counted["RULES[('a', 'go')]"] == 1
        assert "RULES[('b', 'back')]" not in counted
        worker.expand(one, "go") if not second.terminated else None  # type: ignore[union-attr]
        worker.check()
        assert {worker.elements[n].label: k for n, k in worker.support().items()} == counted
    with Sandbox() as sandbox, sandbox.load(COUNTED) as plain:
        assert plain.elements == []
        assert plain.support() == {}
