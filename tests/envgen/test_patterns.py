"""What is counted in sessions."""

from envgen.patterns import observe, steps
from rollout.trajectory import Trajectory, Turn
from tests.games import Corridor, Lottery, Shop, play, record


def session(name: str, *texts: str, reward: float | None = None, **last: bool | None) -> Trajectory:
    """A session showing these texts, its last turn with this reward and end."""
    turns = [Turn(action="go", observation=text) for text in texts[1:]]
    turns[-1] = turns[-1].model_copy(update={"reward": reward, **last})
    return Trajectory(id=name, source="real", observation=texts[0], turns=tuple(turns))


def test_steps_pair_each_turn_with_the_text_it_acted_on() -> None:
    walked = play(Corridor(), ["right", "left"])
    assert [(before, turn.answer) for before, turn, _ in steps(walked)] == [("Cell 1.", "Cell 2."),
                                                                              ("Cell 2.", "Cell 1.")]


def test_counts_of_a_walk_are_those_worked_by_hand() -> None:
    patterns = observe([play(Corridor(), ["right", "left"], "a"), play(Corridor(), ["right"] * 3, "b")])
    assert (patterns.sessions, patterns.turns, patterns.longest) == (2, 5, 3)
    assert patterns.actions == {"right": 4, "left": 1}
    assert (patterns.distinct_actions, patterns.distinct_observations) == (2, 4)
    assert patterns.outcomes == {"0": 1, "1": 1}
    assert (patterns.usual_reward, patterns.chance) == (0.0, 0.0)


def test_the_usual_reward_is_the_commonest_not_zero() -> None:
    assert observe([play(Shop(), ["wait", "wait", "buy tea"])]).usual_reward == -0.25


def test_chance_shows_in_answers_that_differ() -> None:
    assert observe(record(Lottery(), 20)).chance > 0


def test_rewards_that_were_not_logged_count_as_none() -> None:
    patterns = observe([session("a", "1", "2")])
    assert (patterns.usual_reward, patterns.outcomes) == (0.0, {"unknown": 1})
