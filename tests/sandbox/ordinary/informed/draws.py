'''Every common draw.'''
import gymnasium as gym


class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        rng = self.np_random
        deck = [f"{rank}{suit}" for suit in "SH" for rank in range(1, 8)]
        rng.shuffle(deck)
        self.deck = deck
        return " ".join(deck[:5]) + f" {rng.random():.9f}", {}

    def step(self, action):
        rng = self.np_random
        if action == "a":
            text = f"{rng.integers(6)} {rng.integers(2, 9)} {rng.integers(0, 3, endpoint=True)}"
        elif action == "b":
            text = str(rng.choice(["x", "y", "z"])) + str(rng.choice(["x", "y", "z"], p=[0.1, 0.2, 0.7]))
        elif action == "c":
            text = " ".join(str(int(i)) for i in rng.permutation(6))
        elif action == "d":
            text = " ".join(str(int(i)) for i in rng.choice(len(self.deck), size=4, replace=False))
        elif action == "e":
            text = f"{rng.uniform(2, 4):.6f} {[round(float(v), 6) for v in rng.random(3)]}"
        elif action == "f":
            text = str([int(v) for v in rng.integers(0, 100, size=5)]) + str(int(rng.integers(10**12)))
        else:
            text = "yes" if rng.random() < 0.5 else "no"
        return text, float(rng.random()), False, False, {}
