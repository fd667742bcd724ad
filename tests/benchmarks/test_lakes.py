"""The lakes of the benchmarks: each can be won from everywhere, and what is told of one is true there."""

import numpy as np
import pytest

from benchmarks.lakes import HELD_OUT, Knowledge, Lake, concepts, learnt, noted, record, won


@pytest.mark.parametrize("number", [0, HELD_OUT, HELD_OUT + 7])
def test_who_knows_the_way_arrives_from_every_start(number: int) -> None:
    lake = Lake(number)
    sessions = [record(lake, seed, Knowledge(lake.ways)) for seed in range(40)]
    assert "".join(lake.rows).count("S") == len({session.observation.text for session in sessions}) > 1
    assert np.mean([session.outcome for session in sessions]) > 0.7
    assert np.mean([session.outcome for session in sessions]) > np.mean(
        [record(lake, seed, Knowledge()).outcome for seed in range(40)])


def test_what_is_told_is_what_the_recorded_agent_goes_by() -> None:
    lake = Lake(HELD_OUT)
    session = won(lake, 3)
    told = learnt([session])
    assert session.turns[-1].action.text in told.helps.values()
    items = noted(lake, np.random.default_rng(0), lake.ways)
    assert all(lake.ways[square] == action for square, action in items.helps.items())
    assert all(lake.ways[square] != action for square, action in items.harms)
    assert record(lake, 5, items).system is not None
    assert set(items.text.splitlines()) <= concepts().keys()
