"""A small grid world described in text."""
from enum import Enum

import gymnasium as gym
from gymnasium import spaces


class Direction(Enum):
    NORTH = (-1, 0)
    SOUTH = (1, 0)
    WEST = (0, -1)
    EAST = (0, 1)

    @classmethod
    def parse(cls, text):
        text = text.strip().upper()
        for member in cls:
            if text == member.name or text == member.name[0]:
                return member
        return None


class GridWalkEnv(gym.Env):
    """Walk from the top-left corner to the goal while avoiding pits."""

    metadata = {"render_modes": ["ansi"]}

    def __init__(self, size=6, n_pits=5, max_steps=60, render_mode=None):
        super().__init__()
        self.size = size
        self.n_pits = n_pits
        self.max_steps = max_steps
        self.render_mode = render_mode
        self.action_space = spaces.Text(max_length=32)
        self.observation_space = spaces.Text(max_length=1000)
        self.agent = (0, 0)
        self.goal = (size - 1, size - 1)
        self.pits = set()
        self.steps = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.agent = (0, 0)
        cells = [
            (r, c)
            for r in range(self.size)
            for c in range(self.size)
            if (r, c) not in ((0, 0), (0, 1), (1, 0))
        ]
        order = self.np_random.permutation(len(cells))
        self.goal = cells[int(order[0])]
        self.pits = {cells[int(i)] for i in order[1 : 1 + self.n_pits]}
        self.steps = 0
        return self._observe("You wake up in the north-west corner of a field."), self._info()

    def _info(self):
        dist = abs(self.agent[0] - self.goal[0]) + abs(self.agent[1] - self.goal[1])
        return {"position": self.agent, "distance": dist, "steps": self.steps}

    def _neighbours(self):
        for d in Direction:
            dr, dc = d.value
            r, c = self.agent[0] + dr, self.agent[1] + dc
            if 0 <= r < self.size and 0 <= c < self.size:
                yield d, (r, c)

    def _observe(self, message):
        exits = ", ".join(d.name.lower() for d, _ in self._neighbours())
        breeze = any(cell in self.pits for _, cell in self._neighbours())
        lines = [message, f"You are at row {self.agent[0]}, column {self.agent[1]}."]
        lines.append(f"The goal is at row {self.goal[0]}, column {self.goal[1]}.")
        lines.append(f"Exits: {exits}.")
        if breeze:
            lines.append("You feel a draught from a pit nearby.")
        return "\n".join(lines)

    def step(self, action):
        self.steps += 1
        reward, terminated = -0.01, False
        command = action.strip().lower()
        if command.startswith("go "):
            command = command[3:]
        direction = Direction.parse(command)
        if command == "look":
            message = self.render_map()
        elif direction is None:
            message = f"I don't understand '{action}'. Try north, south, east, west or look."
            reward -= 0.05
        else:
            target = dict(self._neighbours()).get(direction)
            if target is None:
                message = "You bump into the fence."
                reward -= 0.05
            else:
                self.agent = target
                message = f"You walk {direction.name.lower()}."
                if target in self.pits:
                    message = "You fall into a pit!"
                    reward, terminated = -1.0, True
                elif target == self.goal:
                    message = "You reached the goal!"
                    reward, terminated = 1.0, True
        truncated = not terminated and self.steps >= self.max_steps
        return self._observe(message), reward, terminated, truncated, self._info()

    def render_map(self):
        def glyph(cell):
            if cell == self.agent:
                return "A"
            return "G" if cell == self.goal else "."

        return "\n".join("".join(glyph((r, c)) for c in range(self.size)) for r in range(self.size))

    def render(self):
        if self.render_mode == "ansi":
            return self.render_map()
