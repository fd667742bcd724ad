"""The places of the benchmark of nights tell where one is, and their ways lead to the goal."""

import pytest

from benchmarks.nights import PLACES, make, record, succeeds
from benchmarks.places import Cliff


@pytest.mark.parametrize("place", range(len(PLACES)))
def test_every_text_names_the_place_and_the_way_leads_to_the_goal(place: int) -> None:
    env = make(place)
    for seed in range(10):
        told, _ = env.reset(seed=seed)
        outcome, over = 0.0, False
        while not over:
            assert told.startswith(f"{PLACES[place][1]['name']}. Row ")
            told, reward, terminated, truncated, _ = env.step(env.ways[env.square])
            outcome, over = outcome + reward, terminated or truncated
        assert told.endswith("You reached the goal.")
        assert outcome >= (succeeds(place) or 1.0)


def test_at_the_cliff_a_fall_ends_an_episode_and_nonsense_costs_a_step() -> None:
    env = Cliff("Cedar")
    told, _ = next(start for seed in range(100) if "Row 3, column 7." in (start := env.reset(seed=seed))[0])
    assert env.step("hum") == (f"{told} Say one of up, right, down, left.", -1.0, False, False, {})
    told, reward, terminated, truncated, _ = env.step("down")
    assert (told, reward, terminated, truncated) == ("Cedar. Row 4, column 1. You fell.", -100.0, True, False)


def test_the_same_seed_records_the_same_sessions() -> None:
    assert record(0, 5, seed=1) == record(0, 5, seed=1) != record(0, 5, seed=2)
