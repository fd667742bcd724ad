"""Drawn starts against logged ones."""

from collections.abc import Sequence

import numpy as np
import pytest

from envgen.starts import match_starts
from rollout.figure import Figure
from sandbox import Sandbox

DICE = """
import gymnasium as gym


class Dice(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        one = int(self.np_random.integers(1, {sides}))
        other = {other}
        return f"You hold {{one}} and {{other}}.", {{}}

    def step(self, action):
        return "Over.", 0.0, True, False, {{}}
"""
FAIR = DICE.format(sides=7, other="int(self.np_random.integers(1, 7))")
WRONG = {
    "too few sides": DICE.format(sides=5, other="int(self.np_random.integers(1, 7))"),
    "always a pair": DICE.format(sides=7, other="one"),
    "another text": FAIR.replace("You hold", "You have"),
    "refuses to begin": FAIR.replace("one = int", "raise ValueError('no')\n        one = int"),
}


def logged(count: int, seed: int = 0) -> list[str]:
    random = np.random.default_rng(seed)
    return [f"You hold {random.integers(1, 7)} and {random.integers(1, 7)}." for _ in range(count)]


def figures(sandbox: Sandbox, source: str, texts: Sequence[str], shown: Sequence[str] = ()) -> dict[str, Figure]:
    with sandbox.load(source) as worker:
        return match_starts(worker, texts, shown)[0]


def value(found: dict[str, Figure], name: str) -> float:
    known = found[name].value
    assert known is not None
    return known


def test_the_truth_is_not_told_from_the_log(sandbox: Sandbox) -> None:
    """At most a tenth of ten truths may have a p-value below 0.1, give or take."""
    low = [value(figures(sandbox, FAIR, logged(100, seed)), "reset_match") < 0.1 for seed in range(10)]
    assert sum(low) <= 4


@pytest.mark.parametrize("name", WRONG)
def test_starts_drawn_otherwise_are_told_from_the_log(name: str, sandbox: Sandbox) -> None:
    found = figures(sandbox, WRONG[name], logged(150))
    assert value(found, "reset_match") < 0.01
    assert value(found, "reset_distance") > 0.2


def test_replaying_what_was_shown_is_not_drawing(sandbox: Sandbox) -> None:
    everything = [f"You hold {one} and {other}." for one in range(1, 7) for other in range(1, 7)]
    assert value(figures(sandbox, FAIR, logged(50), everything), "reset_novelty") == 0.0
    assert value(figures(sandbox, FAIR, logged(50), everything[:18]), "reset_novelty") == pytest.approx(0.5, abs=0.12)


def test_the_field_that_differs_most_is_named_with_its_values(sandbox: Sandbox) -> None:
    with sandbox.load(WRONG["too few sides"]) as worker:
        _, said = match_starts(worker, logged(150), ())
    assert said.startswith("field 1 of 'You hold <1> and <2>.' most")
    assert "'5' in 0%, not" in said or "'6' in 0%, not" in said
