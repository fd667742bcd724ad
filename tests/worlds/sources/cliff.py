"""Gymnasium's CliffWalking-v1, in words."""

import string

import gymnasium as gym

ROWS, COLUMNS = 4, 12
ACTIONS = ("up", "right", "down", "left")
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))
FALL = "You fall and are carried back. "


class Cliff(gym.Env):
    observation_space = action_space = gym.spaces.Text(400, min_length=0, charset=string.printable)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.row, self.column = 3, 0
        text = (options or {}).get("observation")
        if text is not None and text != FALL + self.tell():
            self.row, self.column = self.find(text)
        return text or self.tell(), {}

    def find(self, text):
        for self.row in range(ROWS):
            for self.column in range(COLUMNS):
                if (self.row < 3 or self.column == 0) and text == self.tell():
                    return self.row, self.column
        raise ValueError("no place looks like that")

    def tell(self):
        return f"Row {self.row + 1}, column {self.column + 1}."

    def step(self, action):
        if action not in ACTIONS:
            return f"Say one of {', '.join(ACTIONS)}.", 0.0, False, False, {}
        down, across = MOVES[ACTIONS.index(action)]
        self.row = min(max(self.row + down, 0), ROWS - 1)
        self.column = min(max(self.column + across, 0), COLUMNS - 1)
        if self.row == 3 and 0 < self.column < 11:
            self.row, self.column = 3, 0
            return FALL + self.tell(), -100.0, False, False, {}
        if self.row == 3 and self.column == 11:
            return "You are safe.", -1.0, True, False, {}
        return self.tell(), -1.0, False, False, {}
