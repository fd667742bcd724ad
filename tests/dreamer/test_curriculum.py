"""What is rehearsed next: shares of starts in numbers, and what results of rehearsal do to them."""

from collections import Counter
from collections.abc import Callable, Sequence
from math import sqrt

import pytest

from dreamer.curriculum import POOL, Curriculum
from rollout.episode import Episode, Tokens
from rollout.trajectory import Trajectory
from rollout.world import Start

COUNT = 10_000
EVEN = 2 / 3  # expectation of 4·p·(1−p) where nothing is known of p


def session(text: str, outcome: float | None = 0.0, task: str | None = None) -> Trajectory:
    return Trajectory.model_validate({
        "id": "0", "source": "real", "task": task, "observation": text, "turns": ({"action": "wait"},),
        "outcome": outcome,
    })


def curriculum(sessions: Sequence[Trajectory], drawn: float | None = 0.0, seed: int = 0) -> Curriculum:
    return Curriculum(sessions, lambda outcome: outcome > 0, seed, drawn)


def played(start: Start, wins: int, losses: int, refused: bool = False) -> list[Episode]:
    return [
        Episode(
            0,
            session("drawn" if refused else start.observation or "drawn").model_copy(
                update={"outcome": float(won), "seed": start.seed, "group": start.group}),
            (Tokens([], [], [], []),),
        )
        for won in [True] * wins + [False] * losses
    ]


def shares(starts: Sequence[Start]) -> dict[str | None, float]:
    return {text: times / len(starts) for text, times in Counter(start.observation for start in starts).items()}


def near(share: float, expected: float) -> bool:
    """Within four standard errors of independent draws."""
    return abs(share - expected) <= 4 * sqrt(expected * (1 - expected) / COUNT)


def rehearse(
    what: Curriculum, result: Callable[[Start], tuple[int, int]], count: int, first: int = 0, refused: bool = False
) -> list[Start]:
    starts = what.draw(count, first)
    what.tell([episode for start in starts for episode in played(start, *result(start), refused)])
    return starts


def test_tasks_weigh_by_frequency_and_failure() -> None:
    sessions = [
        *[session("often", 1.0)] * 54, *[session("often", 0.0)] * 6,  # 60 of 100, failure 7/62
        *[session("hard", 1.0)] * 6, *[session("hard", 0.0)] * 24,  # 30 of 100, failure 25/32
        *[session("unknown", None)] * 10,  # failure 1/2
    ]
    weights = {"often": 0.6 * 7 / 62, "hard": 0.3 * 25 / 32, "unknown": 0.1 / 2}
    found = shares(curriculum(sessions).draw(COUNT, 0))
    for name, weight in weights.items():
        assert near(found[name], weight / sum(weights.values()))
    assert sum(found.values()) == pytest.approx(1)


def test_first_texts_share_their_tasks_weight() -> None:
    sessions = [*[session("a", task="one")] * 30, *[session("b", task="one")] * 10, *[session("c", task="two")] * 40]
    found = shares(curriculum(sessions).draw(COUNT, 0))
    assert near(found["a"], 3 / 8)
    assert near(found["b"], 1 / 8)
    assert near(found["c"], 1 / 2)


def test_contested_starts_are_preferred_to_won_and_lost_ones() -> None:
    names = ["won", "lost", "half", "new"]
    what = curriculum([session(name, None) for name in names])
    results = {"won": (8, 0), "lost": (0, 8), "half": (4, 4), "new": (0, 0)}
    rehearse(what, lambda start: results[start.observation or ""], 4)
    found = shares(what.draw(COUNT, 4))
    weights = {"won": 4 * 9 / 110, "lost": 4 * 9 / 110, "half": 4 * 25 / 110, "new": EVEN}
    for name, weight in weights.items():
        assert near(found[name], weight / sum(weights.values()))


def test_contest_within_a_task_counts_for_the_task_and_for_the_start() -> None:
    what = curriculum([session(text, None, task) for task, text in ("xa", "xb", "yc", "yd")])
    results = {"a": (8, 0), "b": (8, 0), "c": (8, 0), "d": (0, 8)}
    rehearse(what, lambda start: results[start.observation or ""], 4)
    found = shares(what.draw(COUNT, 4))
    easy, mixed = 4 * 17 / (18 * 19), 4 * 81 / (18 * 19)
    assert near(found["a"] + found["b"], easy / (easy + mixed))
    assert near(found["c"], found["d"])


def test_results_are_half_forgotten_every_round() -> None:
    what = curriculum([session("a"), session("b")])
    rehearse(what, lambda start: (8, 0), 2)
    for wins in (8.0, 4.0, 2.0):
        assert {(each.wins, each.losses) for each in what.summary() if each.task} == {(wins, 0.0)}
        what.tell([])


@pytest.mark.parametrize(("sessions", "expected"), [
    ([], 1.0),
    ([session("same")] * 20, 1.0),
    ([session("same", task=f"task {number}") for number in range(20)], 1.0),
    ([session(f"map {number}") for number in range(300)], 0.5),  # nobody begins twice alike: capped
    ([session(f"task {number % 10}") for number in range(300)], 0.0),  # nobody begins in an unseen way
    ([*[session("a")] * 8, session("b"), session("c")], 0.2),
])
def test_the_world_draws_as_often_as_sessions_begin_in_unseen_ways(
    sessions: list[Trajectory], expected: float
) -> None:
    found = shares(curriculum(sessions, drawn=None).draw(COUNT, 0))
    assert found.get(None, 0.0) == pytest.approx(expected, abs=1 / COUNT)


def test_the_share_of_drawn_starts_can_be_stated() -> None:
    sessions = [session("a"), session("b")]
    assert near(shares(curriculum(sessions, 0.3).draw(COUNT, 0))[None], 0.3)
    assert shares(curriculum(sessions, 1.0).draw(COUNT, 0)) == {None: 1.0}


def test_a_round_is_as_various_as_it_can_be() -> None:
    starts = curriculum([session(f"map {number}") for number in range(16)]).draw(16, 0)
    assert len({start.observation for start in starts}) == 16


def test_groups_differ_and_are_numbered_by_their_seeds() -> None:
    what = curriculum([session("a"), session("b")], 0.5)
    starts = what.draw(100, 700)
    assert [start.seed for start in starts] == [start.group for start in starts] == list(range(700, 800))
    assert what.draw(0, 800) == []


def test_contested_draws_are_repeated_in_half_of_the_drawn_groups() -> None:
    what = curriculum([])
    rehearse(what, lambda start: [(8, 0), (0, 8), (4, 4), (1, 7)][start.seed % 4], 80)
    starts = what.draw(40, 80)
    again = [start.seed for start in starts if start.seed < 80]
    assert len(again) == 20
    assert {seed % 4 for seed in again} == {2}
    assert len({start.group for start in starts}) == 40


def test_a_repeated_draw_that_is_won_is_left() -> None:
    what = curriculum([])
    rehearse(what, lambda start: (4, 4) if start.seed == 3 else (8, 0), 10)
    assert 3 in {start.seed for start in rehearse(what, lambda start: (8, 0), 10, 10)}
    assert min(start.seed for start in what.draw(10, 20)) == 20


def test_few_draws_are_kept_for_repetition() -> None:
    what = curriculum([])
    rehearse(what, lambda start: (4, 4), 2 * POOL)
    starts = what.draw(COUNT, COUNT)
    assert sum(start.seed < COUNT for start in starts) == POOL
    assert len({start.group for start in starts}) == COUNT


def test_same_seed_and_same_results_same_starts() -> None:
    sessions = [session(f"map {number}", float(number % 2)) for number in range(50)]

    def night(seed: int) -> list[list[Start]]:
        what = curriculum(sessions, None, seed)
        return [rehearse(what, lambda start: (start.seed % 3, 2), 16, 16 * number) for number in range(5)]

    assert night(1) == night(1)
    assert night(1) != night(2)


def test_a_refused_start_is_not_asked_again_and_the_others_less() -> None:
    what = curriculum([session(name, None) for name in "abcd"])

    def told(starts: list[Start]) -> list[Episode]:
        return [episode for start in starts for episode in
                played(start, 0, 2, start.observation in ("a", "b"))]

    what.tell(told(what.draw(4, 0)))
    found = shares(what.draw(COUNT, 4))
    assert found.keys() == {"c", "d", None}
    assert near(found["c"] + found["d"], 3 / 5)  # two texts were taken and two refused, and one more taken is assumed


def test_a_world_that_refuses_every_text_draws_its_own() -> None:
    what = curriculum([session("a"), session("b")])
    rehearse(what, lambda start: (0, 2), 2, refused=True)
    assert shares(what.draw(COUNT, 2)) == {None: 1.0}
    assert sum(each.weight for each in what.summary()) == 1


def test_summary_says_what_the_next_round_will_be() -> None:
    what = curriculum([*[session("a", 1.0)] * 3, session("b", 0.0), session("b", None)], 0.25)
    rehearse(what, lambda start: (1, 3), 12)
    found = shares(what.draw(COUNT, 12))
    summary = what.summary()
    assert [each.weight for each in summary] == sorted((each.weight for each in summary), reverse=True)
    assert all(near(found[each.task], each.weight) for each in summary)
    assert {each.task: (each.sessions, each.failure) for each in summary} == {
        "a": (3, 1 / 5), "b": (2, 2 / 3), None: (0, None)}
    assert sum(each.wins for each in summary) == 12
    assert sum(each.losses for each in summary) == 36
