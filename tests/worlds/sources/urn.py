"""An urn full of red or of blue balls; a glimpse in the dark is right three times in four."""

import string

import gymnasium as gym

START = "An urn stands in the dark."
COLOURS = ("red", "blue")
OTHER = {"red": "blue", "blue": "red"}


class Urn(gym.Env):
    observation_space = action_space = gym.spaces.Text(400, min_length=0, charset=string.printable)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        text = (options or {}).get("observation", START)
        if text != START and text not in [f"It looks {colour}." for colour in COLOURS]:
            raise ValueError("no urn looks like that")
        self.colour = "red" if self.np_random.random() < 0.4 else "blue"
        return text, {}

    def step(self, action):
        if action == "look":
            seen = self.colour if self.np_random.random() < 0.75 else OTHER[self.colour]
            return f"It looks {seen}.", -0.1, False, False, {}
        if action in COLOURS:
            right = action == self.colour
            return f"The balls are {self.colour}.", 1.0 if right else -1.0, True, False, {}
        return "Look, or name a colour.", 0.0, False, False, {}
