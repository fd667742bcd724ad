"""The gate: true worlds pass, wrong ones are refused for the reason that they are wrong."""

from typing import Any

import pytest
from pydantic import ValidationError

from envgen.automaton import Automaton
from envgen.fidelity import FidelityReport, judge
from envgen.gate import Gate
from rollout.figure import Figure
from sandbox import Sandbox
from tests.envgen import worlds
from tests.games import Corridor, Lottery, Shop, Switch, play, record
from tests.games.game import Game


def refusals(sandbox: Sandbox, source: str, game: Game, sessions: int = 60) -> str:
    with sandbox.load(source) as worker:
        report = judge(worker, "world", record(game, 100), record(game, sessions, seed=1), 0.0)
    return "; ".join(Gate().refusals(report))


@pytest.mark.parametrize(("source", "game"), [(worlds.CORRIDOR, Corridor), (worlds.LOTTERY, Lottery)])
def test_the_truth_passes(sandbox: Sandbox, source: str, game: type[Game]) -> None:
    assert refusals(sandbox, source, game(), sessions=200) == ""


@pytest.mark.parametrize("game", [Corridor, Switch, Lottery])
def test_what_the_automaton_learned_of_a_small_game_passes(sandbox: Sandbox, game: type[Game]) -> None:
    """One of its drafts, that is, for choosing comes before judging."""
    drafts = Automaton().drafts(record(game(), 200))
    assert "" in [refusals(sandbox, draft.source, game(), sessions=200) for draft in drafts]


@pytest.mark.parametrize(("source", "reason"), [
    (worlds.PAYS_ALWAYS, "reward_f1"), (worlds.PAYS_NEVER, "reward_f1"), (worlds.PAYS_DOUBLE, "reward_f1"),
    (worlds.PAYS_FOR_THE_WRONG_CELL, "reward_f1"), (worlds.ENDS_NEVER, "end_f1"), (worlds.ENDS_ALWAYS, "end_f1"),
    (worlds.FORGETS_A_CELL, "step_probability"), (worlds.BREAKS, "step_probability"),
    (worlds.IDENTITY, "step_probability"), (worlds.LOTTERY, "step_probability|nats_over_counts"),
])
def test_a_wrong_world_is_refused_for_what_is_wrong(sandbox: Sandbox, source: str, reason: str) -> None:
    said = refusals(sandbox, source, Corridor())
    assert any(each in said for each in reason.split("|"))
    assert "bound must be" in said
    assert "(n=" in said


@pytest.mark.parametrize("source", [worlds.SAYS_EVERYTHING, worlds.LOTTERY_PAYS_NEVER,
                                    worlds.LOTTERY.replace("< 0.7", "< 0.1")])
def test_a_wrong_world_with_chance_is_refused(sandbox: Sandbox, source: str) -> None:
    assert "nats_over_counts" in refusals(sandbox, source, Lottery())


def test_a_true_world_passes_though_its_chance_must_be_sampled(sandbox: Sandbox) -> None:
    source = worlds.LOTTERY.replace("self.np_random.random() <", "float(self.np_random.random()) <")
    assert refusals(sandbox, source, Lottery()) == ""


def test_too_few_sessions_are_refused_for_being_few(sandbox: Sandbox) -> None:
    with sandbox.load(worlds.CORRIDOR) as worker:
        report = judge(worker, "world", [], [play(Corridor(), ["right", "left"])], 0.0)
    said = Gate().refusals(report)
    assert all("record more sessions" in each for each in said)
    assert len(said) == 2  # neither rewards nor ends were seen


def report(chance: bool = False, undetermined: int = 0, **figures: Figure) -> FidelityReport:
    """A report in which everything is perfect but what is given."""
    perfect = Figure(value=1.0, n=100, low=1.0, high=1.0)
    zero = Figure(value=0.0, n=100, low=0.0, high=0.0)
    known: dict[str, Any] = {
        "step_probability": perfect, "reward_f1": perfect, "end_f1": perfect, "nats_over_counts": zero,
        "calibration": zero, "contradicted": zero, "contradicted_event": zero, "faults": zero, "frequencies_off": zero,
        "entry_contradicted": zero, "actions_match": perfect, "forgets": perfect, "reset_match": perfect,
        "reset_surprise": zero, "starts_taken": perfect, "drawn_off": zero,
    }
    return FidelityReport(environment="world", sessions=10, figures=known | figures, chance=chance,
                          regimes={"enumerate": 100}, approximate=0, undetermined=undetermined, lost_mass=0.0)


@pytest.mark.parametrize("name", ["step_probability", "reward_f1", "end_f1"])
def test_the_lower_bound_decides_not_the_value(name: str) -> None:
    (said,) = Gate().refusals(report(**{name: Figure(value=0.95, n=20, low=0.5, high=1.0)}))
    assert name in said
    assert "held-out sessions would do (there are 10)" in said


@pytest.mark.parametrize("name", ["step_probability", "reward_f1", "end_f1"])
def test_a_value_below_the_bound_is_not_excused_by_few_sessions(name: str) -> None:
    (said,) = Gate().refusals(report(**{name: Figure(value=0.4, n=20, low=0.3, high=0.5)}))
    assert "would do" not in said


def test_every_bound_that_fails_is_named() -> None:
    bad = Figure(value=0.0, n=9, low=0.0, high=0.1)
    said = Gate().refusals(report(step_probability=bad, reward_f1=bad, end_f1=bad, undetermined=50))
    assert len(said) == 4


@pytest.mark.parametrize(("undetermined", "refused"), [(5, False), (6, True)])
def test_some_undetermined_steps_are_allowed(undetermined: int, refused: bool) -> None:
    assert bool(Gate().refusals(report(undetermined=undetermined))) is refused


def test_with_chance_the_upper_bound_of_the_excess_decides() -> None:
    (said,) = Gate().refusals(report(chance=True, nats_over_counts=Figure(value=0.0, n=20, low=-0.1, high=0.1)))
    assert "nats_over_counts" in said


def test_a_bound_of_zero_asks_nothing() -> None:
    low = Figure(value=0.1, n=9, low=0.0, high=0.2)
    assert Gate(reward_f1=0.0).refusals(report(reward_f1=low)) == ()


@pytest.mark.parametrize("wrong", [{"step_probability": 1.1}, {"end_f1": -0.1}, {"colour": 1}, {"undetermined": 2}])
def test_bounds_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Gate.model_validate(wrong)


def test_shop_is_judged_by_its_own_usual_reward(sandbox: Sandbox) -> None:
    """Every turn costs a quarter, which is no event; what was learned of it passes."""
    draft = next(iter(Automaton().drafts(record(Shop(), 200))))
    with sandbox.load(draft.source) as worker:
        found = judge(worker, "world", [], record(Shop(), 100, seed=1), -0.25)
    assert Gate().refusals(found) == ()


def test_a_world_that_is_sure_of_another_reward_is_refused_however_rare(sandbox: Sandbox) -> None:
    """One win among many sessions, which the world would punish."""
    source = worlds.LOTTERY.replace("2.0", "-2.0")
    assert "sure of another reward or end" in refusals(sandbox, source, Lottery())
