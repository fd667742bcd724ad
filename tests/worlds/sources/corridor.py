"""A corridor of five cells with an icy floor: one step in five goes the other way."""

import string

import gymnasium as gym

CELLS = 5


class Corridor(gym.Env):
    observation_space = action_space = gym.spaces.Text(400, min_length=0, charset=string.printable)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.cell = 1
        text = (options or {}).get("observation")
        if text is not None:
            named = {f"You are in cell {cell}.": cell for cell in range(1, CELLS)}
            if text not in named:
                raise ValueError("no cell looks like that")
            self.cell = named[text]
        return f"You are in cell {self.cell}.", {}

    def step(self, action):
        if action not in ("forward", "back"):
            return "Go forward or back.", 0.0, False, False, {}
        move = 1 if action == "forward" else -1
        if self.np_random.random() < 0.2:
            move = -move
        self.cell = max(1, self.cell + move)
        if self.cell == CELLS:
            return "You reach the door.", 1.0, True, False, {}
        return f"You are in cell {self.cell}.", -0.1, False, False, {}
