'''Begins from an observation, hides something, lists legal actions.'''
import re

import gymnasium as gym


class World(gym.Env):
    FORM = re.compile(r"You are at \((\d), (\d)\)\.")

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        text = (options or {}).get("observation")
        self.trap = (int(self.np_random.integers(4)), int(self.np_random.integers(4)))
        if text is None:
            self.at = [0, 0]
        else:
            found = self.FORM.fullmatch(text)
            if found is None:
                raise ValueError(f"no state shows {text!r}")
            self.at = [int(part) for part in found.groups()]
        return self.text(), self.info()

    def text(self):
        return "You are at ({}, {}).".format(*self.at)

    def info(self):
        return {"actions": [a for a, ok in (("n", self.at[0] < 3), ("e", self.at[1] < 3)) if ok]}

    def step(self, action):
        if action == "n" and self.at[0] < 3:
            self.at[0] += 1
        elif action == "e" and self.at[1] < 3:
            self.at[1] += 1
        trapped = tuple(self.at) == self.trap
        return self.text(), -1.0 if trapped else 0.0, trapped or self.at == [3, 3], False, self.info()
