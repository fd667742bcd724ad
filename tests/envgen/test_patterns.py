"""What is found in sessions, against what is known of the worlds they come from."""

import itertools
import json
from typing import Any

import pytest

from envgen.ends import infer_ends
from envgen.patterns import Patterns, observe
from envgen.steps import steps, texts
from rollout.trajectory import Call, Message, Observation, Pointer, Text, Trajectory, Turn
from tests.games import Corridor, Lottery, Shop, Switch, play, record

GAMES = {"corridor": Corridor, "lottery": Lottery, "shop": Shop, "switch": Switch}


def session(name: str, *texts: str, reward: float | None = None, **last: bool | None) -> Trajectory:
    """A session showing these texts, its last turn with this reward and end."""
    turns = [Turn(action="go", observation=text) for text in texts[1:]]
    turns[-1] = turns[-1].model_copy(update={"reward": reward, **last})
    return Trajectory(id=name, source="real", observation=texts[0], turns=tuple(turns))


def calling(number: int, *calls: tuple[str, Any, str], **about: Any) -> Trajectory:
    """A session of tool calls: name, arguments and result each."""
    turns = tuple(
        Turn(action=Message(role="assistant", content=(Call(name=name, arguments=json.dumps(arguments), id=f"{id}"),)),
             observation=Observation(messages=(Message(role="tool", content=result, call=f"{id}"),)))
        for id, (name, arguments, result) in enumerate(calls)
    )
    pointer = Pointer(file="log.jsonl", line=number + 1)
    return Trajectory(id=f"s{number}", source="real", observation=f"Request {number}.", turns=turns, pointer=pointer,
                      **about)


def said(text: str) -> Observation:
    return Observation(messages=(Message(role="user", content=text),))


def statements(patterns: Patterns, kind: str) -> list[str]:
    return [absence.what for absence in patterns.never_observed if absence.kind == kind]


def test_steps_pair_each_turn_with_the_text_it_acted_on() -> None:
    walked = play(Corridor(), ["right", "left"])
    assert [(before, turn.answer) for before, turn, _ in steps(walked)] == [("Cell 1.", "Cell 2."),
                                                                            ("Cell 2.", "Cell 1.")]


def test_counts_of_a_walk_are_those_worked_by_hand() -> None:
    patterns = observe([play(Corridor(), ["right", "left"], "a"), play(Corridor(), ["right"] * 3, "b")])
    assert (patterns.sessions, patterns.turns, patterns.longest, patterns.calls) == (2, 5, 3, 0)
    assert {form.template: form.count for form in patterns.actions.forms} == {"right": 4, "left": 1}
    assert (patterns.distinct_actions, patterns.distinct_observations, patterns.distinct_openings) == (2, 4, 1)
    assert {each.value: each.count for each in patterns.outcomes} == {"0": 1, "1": 1}
    assert {each.value: each.count for each in patterns.rewards} == {"0": 4, "1": 1}
    assert {each.value: each.count for each in patterns.ends} == {"truncated": 1, "terminated": 1}
    assert (patterns.forks, patterns.chance) == (0.0, False)


def test_chance_shows_in_answers_that_differ() -> None:
    assert observe(record(Lottery(), 20)).chance


def test_rewards_that_were_not_logged_are_unknown() -> None:
    patterns = observe([session("a", "1", "2")])
    assert [each.value for each in (*patterns.rewards, *patterns.outcomes)] == ["unknown", "unknown"]
    assert statements(patterns, "reward") == ["a reward: the logs have none"]


def test_every_claim_points_to_a_line_that_shows_it() -> None:
    sessions = [each.model_copy(update={"pointer": Pointer(file="log", line=line)})
                for line, each in enumerate(record(Corridor(), 30), start=1)]
    patterns = observe(sessions)
    for count in patterns.outcomes:
        for example in count.examples:
            assert example.pointer
            assert f"{sessions[example.pointer.line - 1].outcome:g}" == count.value
    for kind in patterns.transitions:
        for example in kind.examples:
            assert example.pointer
            assert example.turn is not None
            turn = sessions[example.pointer.line - 1].turns[example.turn]
            assert (turn.reward, bool(turn.terminated)) == (kind.reward, kind.end)


@pytest.mark.parametrize("name", GAMES)
def test_transitions_count_every_step_once(name: str) -> None:
    sessions = record(GAMES[name](), 40)
    patterns = observe(sessions)
    assert sum(kind.count for kind in patterns.transitions) == sum(len(steps(each)) for each in sessions)
    counts = [kind.count for kind in patterns.transitions]
    assert counts == sorted(counts)


def test_a_step_that_changes_one_number_is_told_from_one_that_changes_nothing() -> None:
    patterns = observe(record(Corridor(), 60))
    kinds = {(" ".join(patterns.actions.forms[form].template for form in kind.action if form is not None),
              tuple(change.what for change in kind.changes)) for kind in patterns.transitions if not kind.end}
    assert ("right", ("changed",)) in kinds
    assert ("left", ()) in kinds


@pytest.mark.parametrize("name", GAMES)
def test_nothing_that_was_observed_is_listed_as_never_observed(name: str) -> None:
    """By brute force over the sessions, for every kind of statement that these games can make."""
    for count in (1, 3, 10, 60):
        sessions, _ = infer_ends(record(GAMES[name](), count))
        patterns = observe(sessions)
        turns = [turn for each in sessions for turn in each.turns]
        rewards = [turn.reward or 0.0 for turn in turns]
        outcomes = [each.outcome or 0.0 for each in sessions]
        claimed = statements(patterns, "outcome")
        assert ("a success, an outcome above 0" in claimed) is not any(value > 0 for value in outcomes)
        assert ("a failure, an outcome not above 0" in claimed) is not any(value <= 0 for value in outcomes)
        assert ("a reward above zero" in statements(patterns, "reward")) is not any(value > 0 for value in rewards)
        assert ("a reward below zero" in statements(patterns, "reward")) is not any(value < 0 for value in rewards)
        assert ("an end of the world" in statements(patterns, "end")) is not any(turn.terminated for turn in turns)
        tried = {(before, turn.action.text) for each in sessions
                 for before, turn in zip(texts(each), each.turns, strict=False)}
        untried = {f"the action {action!r} on {text!r}"
                   for text, action in itertools.product({one for one, _ in tried}, {other for _, other in tried})} - {
                       f"the action {action!r} on {text!r}" for text, action in tried}
        listed = statements(patterns, "pair")
        assert set(listed[:50]) <= untried
        assert len(untried) == len(listed) or len(listed) == 51
        for template in (form.template for form in patterns.actions.forms):
            same = any(before == after for each in sessions for before, turn, after in steps(each)
                       if turn.action.text == template)
            claim = f"`{template}` answered by what stood there before"
            assert not (same and claim in statements(patterns, "standstill"))


def test_tools_and_legal_actions_that_nobody_took_are_listed() -> None:
    tools = ({"type": "function", "function": {"name": "find"}}, {"name": "pay", "input_schema": {}})
    sessions = [calling(number, ("find", {"id": number}, "ok"), tools=tools) for number in range(3)]
    turns = (Turn(action="go", observation="x", actions=("go", "jump")),)
    legal = session("a", "1", "2").model_copy(update={"turns": turns})
    assert statements(observe(sessions), "tool") == ["a call of pay"]
    assert statements(observe([legal]), "action") == ["the action 'jump', which was legal"]


FAILING = (
    "Error: no money", '{"status": "error"}', '{"success": false}', "<error>x</error>", "Order not found",
    "bash: no such file", "ValueError: bad", "Unable to process", "Could not find it", "Permission denied",
    "HTTP 404: Not Found", "Unknown order",
)


@pytest.mark.parametrize("result", FAILING)
def test_an_answer_that_can_be_read_as_a_failure_is_no_absence_of_failures(result: str) -> None:
    """Alone, with words beside it, and among parallel calls."""
    alone = calling(0, ("pay", {}, "paid"), ("pay", {}, result))
    assert statements(observe([alone]), "failure") == []
    words = alone.turns[1].action.model_copy(update={
        "content": (Text(text="Let me pay."), *alone.turns[1].action.parts)})
    spoken = alone.model_copy(update={"turns": (alone.turns[0], alone.turns[1].model_copy(update={"action": words}))})
    assert statements(observe([spoken]), "failure") == []
    parts = tuple(Call(name=name, arguments="{}", id=name) for name in ("find", "pay"))
    both = Turn(action=Message(role="assistant", content=parts), observation=Observation(messages=(
        Message(role="tool", content="ok", call="find"), Message(role="tool", content=result, call="pay"))))
    assert statements(observe([alone.model_copy(update={"turns": (both,)})]), "failure") == [
        "an answer to find that says it failed"]


def test_tools_that_never_failed_are_listed_and_those_that_did_are_not() -> None:
    sessions = [calling(number, ("find", {"id": number}, f'{{"name": "n{number}"}}'),
                        ("pay", {"sum": number}, "Error: no money" if number == 4 else f"paid {number}"))
                for number in range(10)]
    never = statements(observe(sessions), "failure")
    assert len(never) == 1
    assert "find" in never[0]


def test_calls_are_forms_by_tool_and_results_are_records() -> None:
    sessions = [calling(number, ("find", {"id": f"u{number}"}, json.dumps({"name": "ann", "age": 20 + number})))
                for number in range(10)]
    patterns = observe(sessions)
    (call,) = patterns.actions.forms
    assert call.template.startswith("find {")
    assert patterns.calls == 10
    record_form = next(form for form in patterns.observations.forms if form.kind == "record")
    age = next(field for field in record_form.fields if field.name == "age")
    assert (age.kind, age.low, age.high) == ("integer", 20, 29)


def test_tasks_are_told_apart_by_name_with_failure_rates() -> None:
    sessions = [session(f"s{number}", "1", "2", reward=float(number % 4 == 0)).model_copy(
        update={"task": f"t{number % 2}", "outcome": float(number % 4 == 0)}) for number in range(20)]
    patterns = observe(sessions)
    assert patterns.tasks_by == "task"
    assert {task.name: (task.sessions, task.failed.value, task.failed.n) for task in patterns.tasks} == {
        "t0": (10, 0.5, 10), "t1": (10, 1.0, 10)}


def test_tasks_without_names_are_told_apart_by_their_openings_or_tools() -> None:
    asked = [f"Sum {number} and 3." if number % 2 else f"Spell the word number {number}!" for number in range(20)]
    openings = [session(f"s{number}", text, "done") for number, text in enumerate(asked)]
    patterns = observe(openings)
    assert (patterns.tasks_by, sorted(task.sessions for task in patterns.tasks)) == ("opening", [10, 10])
    requests = ["Hi! My flight is late", "Could you book me something nice", "cancel it", "why was I charged twice?"]
    sessions = [calling(number, (("find", "pay")[number % 2], {}, "ok")).model_copy(
        update={"observation": said(request)}) for number, request in enumerate(requests)]
    patterns = observe(sessions)
    assert (patterns.tasks_by, {task.name for task in patterns.tasks}) == ("tools", {"find", "pay"})


def answered(*answers: str) -> list[Trajectory]:
    return [session(f"s{number}", "Start.", answer) for number, answer in enumerate(answers)]


@pytest.mark.parametrize(("answers", "mode"), [
    (["Done."] * 4, "exact"),
    (["Heads.", "Tails.", "Heads.", "Tails."], "exact"),
    ([f"The time is 10:{minute}." for minute in range(10, 40)], "template"),
    ([f"It weighs 10.0{digit} kg." for digit in range(10)], "tolerance"),
    ([f"You rolled a {eyes}." for eyes in range(1, 7)], "exact"),
])
def test_how_answers_compare_follows_from_how_repeated_ones_differ(answers: list[str], mode: str) -> None:
    sessions = [each.model_copy(update={"id": f"{each.id} {start}", "observation": said(f"Start {start}.")})
                for start in range(4) for each in answered(*answers)]
    (comparison,) = observe(sessions).comparisons
    assert comparison.mode == mode
    assert comparison.repeated == 4
    assert bool(comparison.fields) is (mode in ("template", "tolerance"))


def test_words_of_people_are_free_where_the_agent_has_tools() -> None:
    talk = calling(0, ("find", {}, "ok"))
    talk = talk.model_copy(update={"turns": (*talk.turns, Turn(action="Anything else?", observation="No, thanks!"))})
    modes = {each.of: each.mode for each in observe([talk]).comparisons}
    assert modes == {"calls of find": "exact", "people's words": "free"}


def test_the_record_can_be_kept_and_read_again() -> None:
    patterns = observe(record(Shop(), 30))
    assert Patterns.model_validate_json(patterns.model_dump_json(exclude_none=True)) == patterns


def test_the_order_of_the_sessions_hardly_matters() -> None:
    sessions = record(Shop(), 30)
    one, other = observe(sessions), observe(sessions[::-1])
    assert {(form.template, form.count) for form in one.observations.forms} == {
        (form.template, form.count) for form in other.observations.forms}
    assert sorted(kind.count for kind in one.transitions) == sorted(kind.count for kind in other.transitions)
