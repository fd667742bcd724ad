"""Fidelity against numbers worked by hand, and against worlds that are wrong in known ways."""

from collections.abc import Sequence
from math import log

import pytest

from envgen import belief
from envgen.belief import Belief
from envgen.ends import infer_ends
from envgen.fidelity import FidelityReport, judge
from envgen.scored import FLOOR
from envgen.support import support
from rollout.trajectory import Call, Message, Trajectory, Turn
from sandbox import Limits, Sandbox
from tests.envgen import worlds
from tests.games import Corridor, Lottery, Shop, play, record

WALK = play(Corridor(), ["right", "right", "right"])  # three cells and the garden


def session(first: str, *said: tuple[str, str], reward: float | None = 0.0, end: bool | None = False) -> Trajectory:
    """A session of (action, answer) pairs, each with this reward and end."""
    turns = tuple(Turn(action=action, observation=text, reward=reward, terminated=end) for action, text in said)
    return Trajectory(id="s", source="real", observation=first, turns=turns)


def judged(
    sandbox: Sandbox, source: str, sessions: Sequence[Trajectory], shown: Sequence[Trajectory] = (), usual: float = 0.0
) -> FidelityReport:
    with sandbox.load(source) as worker:
        return judge(worker, "world", shown, sessions, usual)


def value(report: FidelityReport, name: str) -> float:
    found = report.figures[name].value
    assert found is not None
    return found


def nats(*probabilities: float) -> float:
    return -sum(log(max(each, FLOOR)) for each in probabilities) / len(probabilities)


def test_the_truth_of_a_deterministic_game_is_exact(sandbox: Sandbox) -> None:
    report = judged(sandbox, worlds.CORRIDOR, record(Corridor(), 30))
    for name in ("step_probability", "changed_step_probability", "reward_f1", "end_f1", "episode_match"):
        assert value(report, name) == 1.0
    assert value(report, "nats_per_step") == value(report, "imagined_share") == 0.0
    assert (report.chance, report.undetermined, report.counterexamples) == (False, 0, ())


def test_steps_of_chance_are_given_their_probability(sandbox: Sandbox) -> None:
    """Blue 0.3, then red 0.7, then out for 2."""
    blue, red = [Turn(action="draw", observation=text, reward=0.0, terminated=False) for text in ("Blue.", "Red.")]
    out = Turn(action="leave", observation="Outside.", reward=2.0, terminated=True)
    drawn = Trajectory(id="s", source="real", observation="None.", turns=(blue, red, out))
    report = judged(sandbox, worlds.LOTTERY, [drawn])
    assert value(report, "step_probability") == pytest.approx(2.0 / 3)
    assert value(report, "nats_per_step") == pytest.approx(nats(0.3, 0.7, 1.0))
    assert value(report, "episode_match") == pytest.approx(0.3 * 0.7)
    assert value(report, "reward_f1") == value(report, "end_f1") == 1.0
    assert not report.chance  # one session cannot show that the world has chance


@pytest.mark.parametrize(("shown", "chance"), [("Heads.", 0.25), ("Tails.", 0.75)])
def test_what_the_text_hides_is_believed_until_it_shows(sandbox: Sandbox, shown: str, chance: float) -> None:
    """Waiting tells nothing; the first look has the prior's probability, the second is certain."""
    report = judged(sandbox, worlds.COIN, [session("A cup.", ("wait", "A cup."), ("lift", shown), ("lift", shown))])
    assert value(report, "nats_per_step") == pytest.approx(nats(1.0, chance, 1.0))
    assert value(report, "step_probability") == pytest.approx((2.0 + chance) / 3)


def test_what_was_shown_once_cannot_change(sandbox: Sandbox) -> None:
    report = judged(sandbox, worlds.COIN, [session("A cup.", ("lift", "Heads."), ("lift", "Tails."))])
    assert value(report, "nats_per_step") == pytest.approx(nats(0.25, 0.0))


def test_after_a_mismatch_the_replay_enters_again(sandbox: Sandbox) -> None:
    """Cell 2 is called cell 3; from the logged text it goes on, one step lost."""
    assert value(judged(sandbox, worlds.FORGETS_A_CELL, [WALK]), "step_probability") == pytest.approx(2 / 3)


def test_where_no_text_can_be_entered_the_replay_goes_on_from_what_the_world_did(sandbox: Sandbox) -> None:
    """A wrong word is one step lost; a wrong state shows in every step that it decides."""
    assert value(judged(sandbox, worlds.CANNOT_REENTER, [WALK]), "step_probability") == pytest.approx(2 / 3)
    stays = worlds.CANNOT_REENTER.replace('"right": 1', '"right": 0')
    report = judged(sandbox, stays, [WALK])
    assert value(report, "step_probability") == 0.0
    assert report.figures["contradicted"].value == 1.0


def test_where_the_world_is_over_the_rest_is_unmatched(sandbox: Sandbox) -> None:
    over = worlds.CANNOT_REENTER.replace("end = self.cell == 4", "end = True")
    report = judged(sandbox, over, [WALK])
    assert value(report, "step_probability") == 0.0
    assert (("no state",), 2) in [(kind.differs, kind.count) for kind in report.counterexamples]


@pytest.mark.parametrize(("source", "regained"), [
    (worlds.FORGETS_A_CELL, "anew"), (worlds.CANNOT_REENTER, "as it did"),
    (worlds.CANNOT_REENTER.replace("end = self.cell == 4", "end = True"), "lost"),
])
def test_a_step_that_goes_wrong_says_how_the_replay_went_on(source: str, regained: str, sandbox: Sandbox) -> None:
    with sandbox.load(source) as worker:
        assert Belief(worker).replay(WALK)[0].regained == regained


def test_what_a_world_did_instead_vouches_for_nothing(sandbox: Sandbox) -> None:
    twice = worlds.CANNOT_REENTER.replace(
        "        end = self.cell == 4", "        if self.cell == 2:\n            pass\n        end = self.cell == 4")
    with sandbox.load(twice, counting=True) as worker:
        known = support(worker, [WALK]).vouched
        ran = {worker.elements[number].line for number in known}
    lines = twice.split("\n")
    assert next(number for number, line in enumerate(lines, 1) if line.strip() == "pass") not in ran
    assert ran


def test_steps_are_told_by_the_action_and_by_the_tools_that_were_called(sandbox: Sandbox) -> None:
    """The corridor ends at a cell that the wrong world calls otherwise; whoever calls a tool is told by its name."""
    called = [Turn(action=Message(role="assistant", content=(Call(name=name, arguments="{}", id="1"),)),
                   observation="Cell 1.", reward=0.0, terminated=False) for name in ("look", "look", "smell")]
    talk = Trajectory(id="t", source="real", observation="Cell 1.", turns=(*called, *WALK.turns))
    report = judged(sandbox, worlds.FORGETS_A_CELL, [talk])
    assert {name: (figure.value, figure.n) for name, figure in report.by_action.items()} == {
        "look": (1.0, 2), "smell": (1.0, 1), "right": (pytest.approx(2 / 3), 3)}


def test_a_mismatch_says_what_was_logged_and_what_expected(sandbox: Sandbox) -> None:
    (kind,) = judged(sandbox, worlds.FORGETS_A_CELL, [WALK]).counterexamples
    (mismatch,) = kind.examples
    assert (mismatch.session, mismatch.turn, mismatch.before, mismatch.action) == ("s", 1, "Cell 1.", "right")
    assert "Cell 2." in mismatch.logged
    assert "Cell 3." in mismatch.expected


def test_a_world_that_breaks_loses_only_those_steps(sandbox: Sandbox) -> None:
    report = judged(sandbox, worlds.BREAKS, [WALK])
    assert value(report, "step_probability") == pytest.approx(2 / 3)


def test_a_first_text_that_the_world_never_draws_is_entered(sandbox: Sandbox) -> None:
    middle = session("Cell 2.", ("left", "Cell 1."), ("right", "Cell 2."))
    assert value(judged(sandbox, worlds.CORRIDOR, [middle]), "step_probability") == 1.0


def test_sessions_do_not_disturb_each_other(sandbox: Sandbox) -> None:
    alone = judged(sandbox, worlds.FORGETS_A_CELL, [WALK])
    both = judged(sandbox, worlds.FORGETS_A_CELL, [session("Nowhere.", ("fly", "Up.")), WALK])
    assert alone.counterexamples[0] in both.counterexamples


def test_a_log_without_rewards_and_ends_is_compared_by_its_texts(sandbox: Sandbox) -> None:
    texts = [(turn.action.text, turn.answer) for turn in WALK.turns]
    report = judged(sandbox, worlds.PAYS_ALWAYS, [session("Cell 1.", *texts, reward=None, end=None)])
    assert value(report, "step_probability") == 1.0
    assert report.figures["reward_f1"].value is None
    assert report.figures["end_f1"].value is None


def test_a_world_that_ends_where_such_a_log_goes_on_is_wrong(sandbox: Sandbox) -> None:
    texts = [(turn.action.text, turn.answer) for turn in WALK.turns]
    sessions, _ = infer_ends([session("Cell 1.", *texts, reward=None, end=None)] * 3)
    report = judged(sandbox, worlds.ENDS_ALWAYS, sessions)
    assert value(report, "step_probability") < 0.9


def test_a_world_that_ends_where_the_log_does_not_say_so_is_no_crash(sandbox: Sandbox) -> None:
    texts = [(turn.action.text, turn.answer) for turn in WALK.turns]
    report = judged(sandbox, worlds.ENDS_ALWAYS, [session("Cell 1.", *texts, reward=None, end=None)])
    assert report.figures["step_probability"].n == 3


@pytest.mark.parametrize(("source", "figure", "expected"), [
    (worlds.PAYS_ALWAYS, "reward_f1", 2 / 4),  # one hit; predicted 3 and logged 1
    (worlds.PAYS_NEVER, "reward_f1", 0.0),
    (worlds.PAYS_DOUBLE, "reward_f1", 0.0),
    (worlds.PAYS_FOR_THE_WRONG_CELL, "reward_f1", 0.0),
    (worlds.ENDS_NEVER, "end_f1", 0.0),
    (worlds.ENDS_ALWAYS, "end_f1", 2 / 4),
])
def test_events_that_are_wrong_cost_f1(sandbox: Sandbox, source: str, figure: str, expected: float) -> None:
    assert value(judged(sandbox, source, [WALK]), figure) == pytest.approx(expected)


def test_nothing_changes_is_the_identity_reference(sandbox: Sandbox) -> None:
    walked = play(Corridor(), ["left", "left", "right", "left"])
    report = judged(sandbox, worlds.IDENTITY, [walked])
    assert value(report, "identity_step_probability") == value(report, "step_probability") == 0.5
    assert value(report, "identity_changed_step_probability") == 0.0


def test_the_count_reference_gives_what_followed_before(sandbox: Sandbox) -> None:
    """Shown red, red, blue after the first draw: red again is worth 2/3, and leaving was never shown."""
    shown = [session("None.", ("draw", text)) for text in ("Red.", "Red.", "Blue.")]
    report = judged(sandbox, worlds.LOTTERY, [session("None.", ("draw", "Red."), ("leave", "Outside."))], shown)
    assert value(report, "counts_step_probability") == pytest.approx((2 / 3 + 0) / 2)
    assert value(report, "counts_nats_per_step") == pytest.approx(nats(2 / 3, 0))
    assert report.figures["novel_step_probability"].n == 1


def test_the_excess_over_counting_is_the_difference_of_nats(sandbox: Sandbox) -> None:
    shown, held_out = record(Lottery(), 40), record(Lottery(), 40, seed=1)
    report = judged(sandbox, worlds.LOTTERY, held_out, shown)
    assert value(report, "nats_over_counts") == pytest.approx(
        value(report, "nats_per_step") - value(report, "counts_nats_per_step"))


def test_the_truth_of_a_game_with_chance_beats_counting(sandbox: Sandbox) -> None:
    report = judged(sandbox, worlds.LOTTERY, record(Lottery(), 100, seed=1), record(Lottery(), 20))
    assert value(report, "nats_over_counts") < 0


def test_the_usual_reward_is_no_event(sandbox: Sandbox) -> None:
    report = judged(sandbox, worlds.IDENTITY, [play(Shop(), ["wait", "wait"])], usual=-0.25)
    assert report.figures["reward_f1"].value == 0.0 or report.figures["reward_f1"].n == 2
    assert judged(sandbox, worlds.IDENTITY.replace("0.0", "-0.25"), [play(Shop(), ["wait", "wait"])], usual=-0.25
                  ).figures["reward_f1"].value is None


ENDLESS_CHANCE = worlds.COIN.replace('if action == "lift":', "x = float(self.np_random.random())\n        if x > 2:")
MANY = ENDLESS_CHANCE.replace("bool(self.np_random.random() < 0.25)", "int(self.np_random.integers(5))")
NO_BEGINNING = worlds.COIN.replace("bool(self.np_random.random() < 0.25)", "float(self.np_random.random()) < 0.25")


@pytest.mark.parametrize(("source", "regimes", "approximate"), [
    (ENDLESS_CHANCE, {"sample": 1}, 0), (MANY, {"sample": 1}, 0), (NO_BEGINNING, {"enumerate": 1}, 1),
])
def test_what_cannot_be_enumerated_is_sampled_and_said_so(
    sandbox: Sandbox, source: str, regimes: dict[str, int], approximate: int
) -> None:
    report = judged(sandbox, source, [session("A cup.", ("wait", "A cup."))])
    assert (report.regimes, report.approximate, report.undetermined) == (regimes, approximate, 0)
    assert value(report, "step_probability") == pytest.approx(1.0)


def test_the_error_of_sampling_is_told(sandbox: Sandbox) -> None:
    """Two copies, believed by 1/4 and 3/4; in each a fair draw that no script decides, sampled 400 times. Four steps
    together have half the error of one.
    """
    source = worlds.COIN.replace('if action == "lift":', "if float(self.np_random.normal()) < 0:")
    lifted = session("A cup.", ("lift", "A cup."))
    one, four = (value(judged(sandbox, source, [lifted] * count), "sampling_error") for count in (1, 4))
    assert one == pytest.approx(((1 / 16 + 9 / 16) * 0.25 / 400) ** 0.5, rel=0.03)
    assert four == pytest.approx(one / 2, rel=0.03)
    assert judged(sandbox, worlds.COIN, [lifted]).figures["sampling_error"].value is None


def test_an_answer_that_samples_never_met_is_undetermined(sandbox: Sandbox) -> None:
    report = judged(sandbox, ENDLESS_CHANCE, [session("A cup.", ("wait", "A mug."))])
    assert (report.regimes, report.undetermined) == ({"sample": 1}, 1)


def test_belief_that_is_cut_is_reported(sandbox: Sandbox) -> None:
    """8,192 hidden states, 4,096 kept: half are lost."""
    source = worlds.COIN.replace("bool(self.np_random.random() < 0.25)", "int(self.np_random.integers(8192))")
    assert judged(sandbox, source, [session("A cup.", ("wait", "A cup."))]).lost_mass == pytest.approx(0.5)


def test_judging_leaves_no_copies_behind() -> None:
    with Sandbox(Limits(copies=12)) as narrow, narrow.load(worlds.LOTTERY) as worker:
        report = judge(worker, "world", [], [*record(Lottery(), 40), session("Nowhere.", ("draw", "Red."))], 0.0)
    assert report.undetermined == 0
    assert value(report, "end_f1") == 1.0


def test_a_report_repeats_exactly(sandbox: Sandbox) -> None:
    sessions = record(Lottery(), 20)
    assert judged(sandbox, worlds.LOTTERY, sessions) == judged(sandbox, worlds.LOTTERY, sessions)


def test_a_report_survives_its_file(sandbox: Sandbox) -> None:
    report = judged(sandbox, worlds.FORGETS_A_CELL, [WALK])
    assert FidelityReport.model_validate_json(report.model_dump_json()) == report


def test_every_judged_session_is_told(sandbox: Sandbox) -> None:
    told: list[int] = []
    with sandbox.load(worlds.CORRIDOR) as worker:
        judge(worker, "world", [], record(Corridor(), 7), 0.0, told.append)
    assert told == [1] * 7


@pytest.mark.parametrize("source", [worlds.CANNOT_REENTER, worlds.LOTTERY.replace("Blue", "Black"), worlds.BREAKS])
def test_room_that_is_made_drops_nothing_that_is_needed(source: str, sandbox: Sandbox,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    """Worlds that are lost again and again, many sessions side by side, with hardly any room for copies."""
    sessions = record(Lottery(), 40) + record(Corridor(), 40)
    roomy = judged(sandbox, source, sessions)
    monkeypatch.setattr(belief, "ROOM", 1)
    assert judged(sandbox, source, sessions) == roomy
