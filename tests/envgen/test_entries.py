"""Beginning again: from a text, and after an episode."""

import pytest

from envgen.belief import Belief
from envgen.entries import match_entries
from envgen.fidelity import judge
from envgen.gate import Gate
from sandbox import Sandbox
from tests.envgen import worlds
from tests.games import Corridor, Lottery, record

TOLD = 'if options and "observation" in options:'
REMEMBERS = worlds.CORRIDOR.replace("self.cell = 1\n", "self.cell = getattr(self, 'cell', 1) % 4 or 1\n")
REFUSES = worlds.CORRIDOR.replace(TOLD, "if options:\n            raise ValueError('no')\n        if False:")
ENTERS_ELSEWHERE = worlds.CORRIDOR.replace('"Cell 2.": 2', '"Cell 2.": 3').replace(
    'return f"Cell {self.cell}.", {}', 'return (options or {}).get("observation", "Cell 1."), {}')
ONLY_THE_START = worlds.CORRIDOR.replace('{"Cell 1.": 1, "Cell 2.": 2, "Cell 3.": 3}', '{"Cell 1.": 1}')
MANY_STARTS = worlds.CORRIDOR.replace(
    "self.cell = 1\n", "self.cell, self.luck = 1, 0.0 if options else float(self.np_random.random())\n")
GOOD_WHEN_TOLD = MANY_STARTS.replace("self.cell == 4", "self.cell == (3 if self.luck else 4)")
TRUTH = {"starts_taken": 1.0, "entry_taken": 1.0, "entry_contradicted": 0.0, "forgets": 1.0, "drawn_off": None}


def figures(sandbox: Sandbox, source: str) -> dict[str, float | None]:
    with sandbox.load(source) as worker:
        found = match_entries(Belief(worker), record(Corridor(), 40))
    return {name: figure.value for name, figure in found.items()}


def test_the_truth_begins_from_every_text_and_forgets_what_was(sandbox: Sandbox) -> None:
    assert figures(sandbox, worlds.CORRIDOR) == TRUTH
    assert figures(sandbox, MANY_STARTS) == TRUTH | {"drawn_off": 0.0}


@pytest.mark.parametrize(("source", "name", "least", "most"), [
    (REMEMBERS, "forgets", 0.0, 0.95),
    (REFUSES, "starts_taken", 0.0, 0.0),
    (ENTERS_ELSEWHERE, "entry_contradicted", 0.1, 0.6),
    (ONLY_THE_START, "entry_taken", 0.1, 0.6),
    (GOOD_WHEN_TOLD, "drawn_off", 0.06, 0.6),
])
def test_what_is_wrong_shows_in_its_own_figure(
    source: str, name: str, least: float, most: float, sandbox: Sandbox
) -> None:
    found = figures(sandbox, source)
    value = found.pop(name)
    assert value is not None
    assert least <= value <= most
    if name != "starts_taken":  # what begins from no text has no other figure
        assert found | {name: TRUTH[name]} == TRUTH


@pytest.mark.parametrize(("source", "reason"), [
    (REMEMBERS, "forgets"), (REFUSES, "starts_taken"), (ENTERS_ELSEWHERE, "entry_contradicted"),
    (GOOD_WHEN_TOLD, "told their first texts"),
])
def test_the_gate_refuses_it(source: str, reason: str, sandbox: Sandbox) -> None:
    with sandbox.load(source) as worker:
        report = judge(worker, "world", record(Corridor(), 40), record(Corridor(), 40, seed=1), 0.0)
    assert reason in "; ".join(Gate().refusals(report))


def test_a_world_may_refuse_what_stands_in_the_middle(sandbox: Sandbox) -> None:
    with sandbox.load(ONLY_THE_START) as worker:
        report = judge(worker, "world", record(Corridor(), 40), record(Corridor(), 60, seed=1), 0.0)
    assert Gate().refusals(report) == ()


def test_chance_that_was_drawn_before_is_no_memory(sandbox: Sandbox) -> None:
    with sandbox.load(worlds.LOTTERY) as worker:
        assert match_entries(Belief(worker), record(Lottery(), 40))["forgets"].value == 1.0
