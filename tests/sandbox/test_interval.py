"""A uniform draw that a world keeps: asked again in later steps, it is the same number."""

import pytest

from sandbox import Answer, Sandbox, Worker

LUCK = '''
import copy
import gymnasium as gym


class Luck(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.luck = self.np_random.random()
        self.double = 2 * self.luck + 1
        return "Go.", {}

    def step(self, action):
        if action == "show":
            return f"{float(self.luck):.6f}", 0.0, False, False, {}
        if action == "twin":
            twin = copy.deepcopy(self.luck)
            return str((self.luck < 0.4) == (twin < 0.4)), 0.0, False, False, {}
        if action == "double":
            return "low" if self.double < 1.6 else "high", 0.0, False, False, {}
        return "low" if self.luck < float(action) else "high", 0.0, False, False, {}
'''


@pytest.fixture
def worker(sandbox: Sandbox) -> Worker:
    return sandbox.load(LUCK)


def said(worker: Worker, copy: int, action: str) -> dict[str, tuple[float, int]]:
    """Each answer with its probability, and a copy in the state it leads to."""
    found = worker.expand(copy, action)
    assert found is not None
    told = {}
    for outcome in found:
        assert isinstance(outcome.answer, Answer)
        assert outcome.id is not None
        told[outcome.answer.observation] = round(outcome.probability, 9), outcome.id
    return told


def start(worker: Worker) -> int:
    (outcome,) = worker.expand_reset() or []
    assert outcome.id is not None
    return outcome.id


def test_it_narrows_from_step_to_step(worker: Worker) -> None:
    first = said(worker, start(worker), "0.5")
    assert {text: p for text, (p, _) in first.items()} == {"low": 0.5, "high": 0.5}
    low = said(worker, first["low"][1], "0.2")
    assert {text: p for text, (p, _) in low.items()} == {"low": 0.4, "high": 0.6}
    assert said(worker, low["high"][1], "0.2")["high"][0] == 1.0
    assert said(worker, low["high"][1], "0.5")["low"][0] == 1.0
    assert said(worker, first["high"][1], "0.2")["high"][0] == 1.0


def test_what_is_computed_of_it_is_of_the_same_number(worker: Worker) -> None:
    low = said(worker, start(worker), "0.3")["low"][1]
    assert said(worker, low, "double")["low"][0] == 1.0
    assert said(worker, low, "twin")["True"][0] == 1.0


def test_copies_of_the_state_do_not_share_what_is_decided(worker: Worker) -> None:
    begun = start(worker)
    said(worker, begun, "0.5")
    assert said(worker, begun, "0.5")["low"][0] == 0.5


def test_equal_states_are_one_and_others_are_not(worker: Worker) -> None:
    digests = {outcome.digest for outcome in worker.expand(start(worker), "0.5") or []}
    assert len(digests) == 2
    assert len({outcome.digest for _ in range(2) for outcome in worker.expand(start(worker), "0.5") or []}) == 2


def test_where_no_script_is_followed_the_rest_is_drawn_within_its_bounds(worker: Worker) -> None:
    low = said(worker, start(worker), "0.25")["low"][1]
    copies = [copy for copy in worker.copy([low] * 200) if isinstance(copy, int)]
    shown = [float(answer.observation) for answer in worker.step_batch([(copy, "show") for copy in copies])
             if isinstance(answer, Answer)]
    assert len(shown) == 200
    assert 0 <= min(shown) <= max(shown) < 0.25


def test_once_shown_it_stays(worker: Worker) -> None:
    copy = start(worker)
    one, other, again = [worker.step_batch([(copy, action)])[0] for action in ("show", "show", "0.5")]
    assert isinstance(one, Answer)
    assert isinstance(again, Answer)
    assert one == other
    assert again.observation == ("low" if float(one.observation) < 0.5 else "high")


def test_what_needs_all_of_it_is_sampled(worker: Worker) -> None:
    low = said(worker, start(worker), "0.25")["low"][1]
    assert worker.expand(low, "show") is None
    found = worker.sample(low, "show", 100)
    shown = [float(outcome.answer.observation) for outcome in found.outcomes if isinstance(outcome.answer, Answer)]
    assert len(set(shown)) > 90
    assert max(shown) < 0.25
