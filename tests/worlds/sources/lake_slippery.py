"""Gymnasium's FrozenLake-v1 (4x4, slippery), in words."""

import string

import gymnasium as gym

MAP = ("SFFF", "FHFH", "FFFH", "HFFG")
ACTIONS = ("left", "down", "right", "up")
MOVES = ((0, -1), (1, 0), (0, 1), (-1, 0))


class LakeSlippery(gym.Env):
    observation_space = action_space = gym.spaces.Text(400, min_length=0, charset=string.printable)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.row, self.column = 0, 0
        text = (options or {}).get("observation")
        if text is not None:
            self.row, self.column = self.find(text)
        return self.tell(), {}

    def find(self, text):
        for row in range(4):
            for column in range(4):
                if MAP[row][column] in "SF" and text == f"Ice at row {row + 1}, column {column + 1}.":
                    return row, column
        raise ValueError("no square looks like that")

    def tell(self):
        ground = {"H": "A hole", "G": "The goal"}.get(MAP[self.row][self.column], "Ice")
        return f"{ground} at row {self.row + 1}, column {self.column + 1}."

    def step(self, action):
        if action not in ACTIONS:
            return f"Say one of {', '.join(ACTIONS)}.", 0.0, False, False, {}
        turn = int(self.np_random.integers(3)) - 1
        down, across = MOVES[(ACTIONS.index(action) + turn) % 4]
        self.row = min(max(self.row + down, 0), 3)
        self.column = min(max(self.column + across, 0), 3)
        square = MAP[self.row][self.column]
        return self.tell(), 1.0 if square == "G" else 0.0, square in "HG", False, {}
