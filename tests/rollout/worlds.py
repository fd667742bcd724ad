"""Authored worlds as an author might write them, each with something that rehearsal must bear."""

from rollout.world import Start


def starts(*seeds: int) -> list[Start]:
    """A group for each seed."""
    return [Start(seed, seed) for seed in seeds]


DAYS = '''
import gymnasium as gym


class Days(gym.Env):
    """Ends after as many days as its start says, paying half a point a day."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = int(self.np_random.integers(1, 7))
        return f"{self.left} days.", {}

    def step(self, action):
        self.left -= 1
        return f"{self.left} days.", 0.5, self.left == 0, False, {}
'''
BREAKS = DAYS.replace(
    "self.left -= 1", "self.left -= 1\n        if self.left == 2:\n            raise ValueError('broken')")
ENDLESS = DAYS.replace("self.left == 0", "False")
UNKNOWN = DAYS.replace(
    "return f\"{self.left} days.\", 0.5, self.left == 0, False, {}",
    "return f\"{self.left} days.\", 0.5, self.left == 2, False, {'imagined': True} if self.left == 2 else {}")
PAYDAY = DAYS.replace(
    "return f\"{self.left} days.\", 0.5,",
    "reward = 0.5\n        if self.left == 2:\n            reward = 4.0\n"
    "        return f\"{self.left} days.\", reward,")
TRUNCATES = DAYS.replace("self.left == 0, False", "False, self.left == 0")
NO_START = DAYS.replace("super().reset(seed=seed)", "raise ValueError('no start')")
