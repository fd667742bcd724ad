"""What sessions vouch for, against maps of which only a part was ever visited.

The maps are drawn by Gymnasium, the sessions are those of its own engine, told as text. The player keeps out of one
corner. A step is truly imagined if it leads onto ground that no session ever trod.
"""

import itertools
from collections.abc import Callable
from functools import cache
from random import Random

import pytest
from gymnasium.envs.toy_text.frozen_lake import generate_random_map

from envgen.support import support
from rollout.trajectory import Trajectory
from sandbox import Answer, Reset, Sandbox, Script
from tests.worlds.engines import Table
from tests.worlds.players import record
from tests.worlds.recorded import sessions as sessions_of
from tests.worlds.source import load, read

MOVES = {"left": (0, -1), "down": (1, 0), "right": (0, 1), "up": (-1, 0)}
Map = tuple[str, ...]
Square = tuple[int, int]


class Lake(Table):
    """Gymnasium's FrozenLake on a map of its own drawing."""

    def __init__(self, lake: Map):
        super().__init__("lake", "FrozenLake-v1", tuple(MOVES), desc=list(lake), is_slippery=False)
        self.width = len(lake[0])

    def tell(self, state: int, reward: float = 0.0) -> str:
        row, column = divmod(state, self.width)
        return f"{row} {column}"


def goes(lake: Map, text: str, action: str) -> Square:
    """Where an action leads."""
    return tuple(  # type: ignore[return-value]
        min(max(int(at) + by, 0), len(lake) - 1) for at, by in zip(text.split(), MOVES[action], strict=True))


def sessions(lake: Map, seed: int, count: int = 60) -> list[Trajectory]:
    """Sessions of a player who wanders about and keeps out of a corner of the map, drawn by the seed."""
    top, left = (Random(seed).randrange(2, len(lake) - 1) for _ in range(2))

    def choose(random: Random, text: str, legal: object) -> str:
        inside = [action for action in MOVES if not (goes(lake, text, action) >= (top, 0)
                                                     and goes(lake, text, action)[1] >= left)]
        return random.choice(inside)

    return record(Lake(lake), choose, count, seed, 30, "lake")


HEAD = '''
import gymnasium as gym

MOVES = {"left": (0, -1), "down": (1, 0), "right": (0, 1), "up": (-1, 0)}
'''
CLASS = '''

class Lake(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.row = self.column = 0
        if options and "observation" in options:
            self.row, self.column = (int(word) for word in options["observation"].split())
        return f"{self.row} {self.column}", {}

    def step(self, action):
        down, right = MOVES[action]
        self.row = min(max(self.row + down, 0), SIZE - 1)
        self.column = min(max(self.column + right, 0), SIZE - 1)
        ground = self.ground(self.row, self.column)
        return f"{self.row} {self.column}", float(ground == "G"), ground in ("H", "G"), False, {}

    def ground(self, row, column):
'''


def source(lake: Map, table: str, body: str) -> str:
    """A lake whose `ground` has this body, over a table."""
    lines = "".join(f"        {line}\n" for line in body.splitlines())
    return f"{HEAD}SIZE = {len(lake)}\n{table}\n{CLASS}{lines}"


def squares(lake: Map, kinds: str = "SFHG") -> list[tuple[int, int, str]]:
    return [(row, column, kind) for row, line in enumerate(lake) for column, kind in enumerate(line) if kind in kinds]


def nested(lake: Map) -> str:
    return "".join(f"if row == {row}:\n" + "".join(f"    if column == {column}:\n        return {kind!r}\n"
                                                   for column, kind in enumerate(line))
                   for row, line in enumerate(lake))


def places(lake: Map, kind: str) -> str:
    return ", ".join(f"({row}, {column})" for row, column, _ in squares(lake, kind))


FULL: dict[str, Callable[[Map], str]] = {  # a place in the code for every square
    "lists": lambda lake: source(lake, f"MAP = {[list(line) for line in lake]}", "return MAP[row][column]"),
    "built lists": lambda lake: source(lake, f"MAP = [list(line) for line in {lake}]", "return MAP[row][column]"),
    "rows of letters": lambda lake: source(lake, f"MAP = {lake}", "return MAP[row][column]"),
    "one word": lambda lake: source(lake, f"MAP = {''.join(lake)!r}", "return MAP[row * SIZE + column]"),
    "words split": lambda lake: source(lake, f"MAP = {' '.join(lake)!r}.split()", "return MAP[row][column]"),
    "dict": lambda lake: source(
        lake, f"MAP = {{{', '.join(f'({row}, {column}): {kind!r}' for row, column, kind in squares(lake))}}}",
        "return MAP[row, column]"),
    "built dict": lambda lake: source(
        lake, f"MAP = {{(r, c): kind for r, line in enumerate({lake}) for c, kind in enumerate(line)}}",
        "return MAP[row, column]"),
    "set for each ground": lambda lake: source(
        lake, f"ICE = {{{places(lake, 'SF')}}}\nHOLES = {{{places(lake, 'H')}}}",
        "if (row, column) in ICE:\n    return 'F'\nif (row, column) in HOLES:\n    return 'H'\nreturn 'G'"),
    "ifs": lambda lake: source(lake, "", "".join(
        f"if row == {row} and column == {column}:\n    return {kind!r}\n" for row, column, kind in squares(lake))),
    "nested ifs": lambda lake: source(lake, "", nested(lake)),
    "match": lambda lake: source(lake, "", "match (row, column):\n" + "".join(
        f"    case ({row}, {column}):\n        return {kind!r}\n" for row, column, kind in squares(lake))),
}
SPARSE: dict[str, Callable[[Map], str]] = {  # the holes listed, and one rule for the rest: it is ice
    "set of holes": lambda lake: source(
        lake, f"HOLES = {{{places(lake, 'H')}}}",
        f"if (row, column) in HOLES:\n    return 'H'\nreturn 'G' if (row, column) == {places(lake, 'G')} else 'F'"),
    "dict of the rest": lambda lake: source(
        lake, f"MAP = {{{', '.join(f'({r}, {c}): {kind!r}' for r, c, kind in squares(lake, 'HG'))}}}",
        "return MAP.get((row, column), 'F')"),
    "match of holes": lambda lake: source(lake, "", "match (row, column):\n" + "".join(
        f"    case ({row}, {column}):\n        return {kind!r}\n" for row, column, kind in squares(lake, "HG"))
        + "    case _:\n        return 'F'\n"),
}
MAPS = [(size, seed) for size in (6, 8) for seed in (1, 2, 3)]
Steps = set[tuple[Map, str, str]]


@cache
def recorded(size: int, seed: int) -> tuple[Map, tuple[Trajectory, ...]]:
    lake = tuple(generate_random_map(size, seed=seed))
    return lake, tuple(sessions(lake, seed))


def told(write: Callable[[Map], str], sandbox: Sandbox) -> tuple[Steps, Steps, Steps]:
    """Of all steps on all maps: those that are truly imagined, those that are marked, those onto holes."""
    truly, marked, holes = Steps(), Steps(), Steps()
    for lake, shown in itertools.starmap(recorded, MAPS):
        visited = {turn.answer for session in shown for turn in session.turns}
        assert {turn.action.text for session in shown for turn in session.turns} == set(MOVES)
        steps = [(f"{row} {column}", action) for row, column, _ in squares(lake, "SF") for action in MOVES]
        with sandbox.load(write(lake), counting=True) as learning, sandbox.load(write(lake), counting=True) as worker:
            worker.vouch(support(learning, shown).vouched)
            copies = worker.make(len(steps))
            worker.reset_batch([Reset(copy, observation=begun)
                                for copy, (begun, _) in zip(copies, steps, strict=True)])
            answers = worker.step_batch([(copy, action) for copy, (_, action) in zip(copies, steps, strict=True)])
        for (begun, action), answer in zip(steps, answers, strict=True):
            row, column = goes(lake, begun, action)
            assert isinstance(answer, Answer)
            assert answer.observation == f"{row} {column}"
            step = {(lake, begun, action)}
            truly |= step if answer.observation not in visited else set()
            marked |= step if answer.unvouched else set()
            holes |= step if lake[row][column] == "H" else set()
    assert len(truly) == 573, "of 960 steps: to mark them all would have a precision of 0.6"
    return truly, marked, holes


@pytest.mark.parametrize("style", FULL)
def test_steps_onto_ground_that_no_session_trod_are_imagined_and_no_others(style: str, sandbox: Sandbox) -> None:
    truly, marked, _ = told(FULL[style], sandbox)
    precision, recall = (len(truly & marked) / len(steps) for steps in (marked, truly))
    assert min(precision, recall) >= 0.95, (precision, recall)


@pytest.mark.parametrize("style", SPARSE)
def test_that_all_the_rest_is_ice_is_one_rule(style: str, sandbox: Sandbox) -> None:
    """What is listed is marked until somebody trod there; what is not listed has no place in the code to be marked."""
    truly, marked, holes = told(SPARSE[style], sandbox)
    assert holes & truly <= marked <= truly
    assert len(marked) / len(truly) < 0.5


@pytest.mark.parametrize("name", ["lake_plain", "lake_slippery", "coin", "cards_kept"])
def test_every_session_counts_once_wherever_it_is_replayed(name: str, sandbox: Sandbox) -> None:
    """Each alone, or all in one: with starts that are remembered, copies that are merged, steps that are followed."""
    shown = [*sessions_of(name, 10), *sessions_of(name, 3)]
    with sandbox.load(read(name), counting=True) as worker:
        together = support(worker, shown)
        alone = [support(worker, [session]) for session in shown]
        elements = [(element.kind, element.line, element.label) for element in worker.elements]
    assert together.sessions == tuple(sum(counts) for counts in zip(*(each.sessions for each in alone), strict=True))
    assert max(together.sessions) == len(shown) == together.shown
    assert [(element.kind, element.line, element.label) for element in together.elements] == elements
    assert together.vouched == tuple(element.number for element in together.elements if element.count)


DRAWN = '''
import gymnasium as gym

MOVES = {"left": -1, "right": 1}
SAID = {"F": "ice", "H": "a hole", "T": "a tunnel back to the start"}


class Lake(gym.Env):
    """Every reset draws another map: what lies on either side of the start."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at = 2
        if options and "observation" in options:
            self.map = list(options["observation"])
        else:
            self.map = ["FHT"[self.np_random.integers(3)] for _ in range(5)]
        return "".join(self.map), {}

    def step(self, action):
        self.at = (self.at + MOVES[action]) % 5
        ground = self.map[self.at]
        if ground == "T":
            self.at = 2
        return f"{self.at}: {SAID[ground]}", float(ground == "F"), ground == "H", False, {}
'''


def test_a_rule_is_vouched_for_on_every_map_that_is_drawn(sandbox: Sandbox) -> None:
    """No map that is shown has a tunnel: its sessions vouch for ice and holes everywhere, and for tunnels nowhere."""
    recorded = record(load(DRAWN)(), lambda random, text, legal: random.choice(["left", "right"]), 200, 1, 12, "drawn")
    shown = [session for session in recorded if "T" not in session.observation.text]
    assert {turn.answer.partition(": ")[2] for session in shown for turn in session.turns if turn.answer} == {
        "ice", "a hole"}
    walk = Random(2)
    scripts = [Script(walk.choices(["left", "right"], k=12), seed=seed) for seed in range(10_000, 11_000)]
    with sandbox.load(DRAWN, counting=True) as learning, sandbox.load(DRAWN, counting=True) as worker:
        worker.vouch(support(learning, shown).vouched)
        episodes = worker.episodes(scripts)
    known = {session.observation.text for session in shown}
    steps = [answer for episode in episodes if episode.answers[0].observation not in known
             for answer in episode.answers[1:]]
    tunnels = sum("tunnel" in answer.observation for answer in steps)
    assert 500 < tunnels < len(steps) - 500, (tunnels, len(steps))
    assert all(bool(answer.unvouched) is ("tunnel" in answer.observation) for answer in steps)
