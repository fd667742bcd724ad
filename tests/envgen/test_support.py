"""What sessions vouch for, against a map of which only a part was ever visited."""

import itertools

import pytest

from envgen.support import vouched
from rollout.trajectory import Trajectory, Turn
from sandbox import Reset, Sandbox

LAKE = ["SFFF", "FHFH", "FFFH", "HFFG"]
MOVES = {"left": (0, -1), "down": (1, 0), "right": (0, 1), "up": (-1, 0)}
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
        self.row = min(max(self.row + down, 0), 3)
        self.column = min(max(self.column + right, 0), 3)
        ground = self.ground()
        return f"{self.row} {self.column}", float(ground == "G"), ground in "HG", False, {}
'''
READS = f'{HEAD}MAP = [{", ".join(str(list(row)) for row in LAKE)}]\n{CLASS}' + '''
    def ground(self):
        return MAP[self.row][self.column]
'''
BRANCHES = f"{HEAD}{CLASS}" + "\n    def ground(self):\n" + "".join(
    f"        if self.row == {row} and self.column == {column}:\n            return {LAKE[row][column]!r}\n"
    for row in range(4) for column in range(4)) + "        return 'F'\n"
ROUTES = ("right right left", "down down right right left", "right down", "down right")


def play(number: int, actions: str) -> Trajectory:
    turns, row, column = [], 0, 0
    for action in actions.split():
        row, column = (min(max(at + by, 0), 3) for at, by in zip((row, column), MOVES[action], strict=True))
        ground = LAKE[row][column]
        turns.append(Turn(action=action, observation=f"{row} {column}", reward=float(ground == "G"),
                          terminated=ground in "HG"))
    return Trajectory(id=f"s{number}", source="real", observation="0 0", turns=tuple(turns))


@pytest.mark.parametrize("source", [READS, BRANCHES], ids=["tables", "branches"])
def test_steps_onto_ground_that_no_session_visited_are_imagined_and_no_others(source: str, sandbox: Sandbox) -> None:
    sessions = [play(number, route) for number, route in enumerate(ROUTES)]
    visited = {turn.answer for session in sessions for turn in session.turns}
    moved = {turn.action.text for session in sessions for turn in session.turns}
    with sandbox.load(source, counting=True) as learning, sandbox.load(source, counting=True) as worker:
        worker.vouch(vouched(learning, sessions))
        (copy,) = worker.make(1)
        for row, column in itertools.product(range(4), range(4)):
            for action in MOVES:
                worker.reset_batch([Reset(copy, observation=f"{row} {column}")])
                (answer,) = worker.step_batch([(copy, action)])
                assert bool(answer.unvouched) is (answer.observation not in visited or action not in moved)
