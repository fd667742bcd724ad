'''A generator of Python's own, seeded from the environment's.'''
import random

import gymnasium as gym


class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.rng = random.Random(int(self.np_random.integers(1000)))
        return str(self.rng.randint(1, 6)), {}

    def step(self, action):
        deck = list("abcdef")
        self.rng.shuffle(deck)
        text = f"{''.join(deck)} {self.rng.choice(deck)} {self.rng.sample(range(9), 3)} {self.rng.random():.6f}"
        return text + f" {self.rng.uniform(1, 2):.4f} {self.rng.choices('xy', weights=[1, 3], k=4)}", 0.0, action == "c", False, {}
