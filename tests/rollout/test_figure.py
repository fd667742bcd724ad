"""Figures against numbers worked by hand."""

import numpy as np
import pytest

from rollout.figure import GROUPS, Figure, Ratio, apart, difference, mean, paired, proportion, ratio, ratios


@pytest.mark.parametrize(("hits", "trials", "low", "high"), [
    (0, 10, 0.0, 0.2775), (8, 10, 0.4902, 0.9433), (10, 10, 0.7225, 1.0), (1, 1, 0.2065, 1.0),
    (50, 100, 0.4038, 0.5962),
])
def test_a_proportion_has_wilsons_interval(hits: int, trials: int, low: float, high: float) -> None:
    figure = proportion(hits, trials)
    assert figure.value == hits / trials
    assert (figure.low, figure.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_a_ratio_is_sum_over_sum_not_a_mean_of_ratios() -> None:
    figure = ratio([1, 0], [1, 9])
    assert (figure.value, figure.n) == (0.1, 10)


def test_the_interval_of_a_ratio_spans_the_ways_that_sessions_can_be_drawn() -> None:
    """Of two sessions, drawing one twice happens half of the time: 0.5 and 1.5, a quarter each."""
    figure = ratio([1, 3], [2, 2])
    assert (figure.value, figure.low, figure.high) == (1.0, 0.5, 1.5)


def test_equal_sessions_leave_no_doubt() -> None:
    figure = mean([0.25] * 7)
    assert (figure.value, figure.low, figure.high, figure.n) == (0.25, 0.25, 0.25, 7)


def test_sessions_without_the_event_count_for_nothing() -> None:
    assert ratio([1, 0, 0], [2, 0, 0]).value == 0.5


def test_an_interval_repeats_exactly() -> None:
    assert ratio([1, 2, 5, 0], [3, 3, 9, 1]) == ratio([1, 2, 5, 0], [3, 3, 9, 1])


def test_figures_made_together_are_those_made_alone() -> None:
    wanted = {"one": Ratio([1, 2, 5, 0], [3, 3, 9, 1]), "other": Ratio([1, 0, 0, 0], [2, 0, 0, 0], 7, "F1"),
              "nothing": Ratio([0, 0, 0, 0], [0, 0, 0, 0])}
    assert ratios(wanted) == {name: ratio(*each) for name, each in wanted.items()}
    assert ratios({}) == {}


def test_many_sessions_have_the_interval_of_their_mean() -> None:
    """More than are drawn one by one: 1.96 standard errors to each side, short of a tenth."""
    values = np.random.default_rng(3).exponential(size=10 * GROUPS + 7)
    half = 1.959964 * values.std() / len(values) ** 0.5
    figure = mean(values.tolist())
    assert figure.value == pytest.approx(values.mean())
    assert figure.low == pytest.approx(values.mean() - half, abs=half / 10)
    assert figure.high == pytest.approx(values.mean() + half, abs=half / 10)


def test_a_difference_has_welchs_interval() -> None:
    figure = difference([1, 2, 3], [0, 1, 2])  # variances 1 and 1: 1.96 * sqrt(1/3 + 1/3)
    assert (figure.value, figure.n) == (1.0, 6)
    assert (figure.low, figure.high) == (pytest.approx(1 - 1.6003, abs=1e-4), pytest.approx(1 + 1.6003, abs=1e-4))


@pytest.mark.parametrize("figure", [proportion(0, 0), ratio([], []), ratio([0, 0], [0, 0]), mean([])])
def test_nothing_to_measure_is_no_number(figure: Figure) -> None:
    assert (figure.value, figure.n, str(figure)) == (None, 0, "– (n=0)")


def test_a_figure_is_never_a_bare_number() -> None:
    assert str(proportion(800, 1000)) == "0.800 [0.774, 0.824] (n=1,000)"


@pytest.mark.parametrize(("count", "share", "swapped"), [(12, 0.9, 0.1), (40, 0.5, 0.3), (200, 0.95, 0.05)])
def test_the_interval_of_paired_shares_holds_the_truth_as_often_as_it_says(count: int, share: float, swapped: float
                                                                          ) -> None:
    random, held = np.random.default_rng(0), 0
    for _ in range(500):
        before = random.random(count) < share
        after = np.where(random.random(count) < swapped, random.random(count) < 0.5, before)
        figure = paired(after.tolist(), before.tolist())
        assert figure.low is not None
        assert figure.high is not None
        held += figure.low <= swapped * (0.5 - share) <= figure.high
    assert held >= 0.93 * 500


def test_paired_shares_that_never_differ_still_leave_doubt_where_trials_are_few() -> None:
    few, many = (paired([True] * count, [True] * count) for count in (5, 500))
    assert few.value == many.value == 0.0
    assert few.low is not None
    assert many.low is not None
    assert few.low < -0.4 < -0.01 < many.low


def test_shares_of_independent_trials_differ_by_newcombes_interval() -> None:
    """56 of 70 and 48 of 80: the first example of Newcombe's paper."""
    figure = apart(proportion(56, 70), proportion(48, 80))
    assert (figure.value, figure.n) == (pytest.approx(0.2), 150)
    assert (figure.low, figure.high) == (pytest.approx(0.0524, abs=1e-4), pytest.approx(0.3339, abs=1e-4))
