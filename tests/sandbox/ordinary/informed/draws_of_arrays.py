import gymnasium as gym


class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.n = 0
        rng = self.np_random
        self.hidden = int(rng.choice([3, 5, 7]))
        spots = [(x, y) for x in range(3) for y in range(3)]
        i = rng.choice(len(spots), size=3, replace=False)
        self.spots = [spots[k] for k in i]
        t = tuple(int(v) for v in rng.choice(spots))
        return f"{self.hidden} {self.spots} {t}", {}

    def step(self, action):
        rng = self.np_random
        self.n += 1
        out = []
        out.append(str([int(v) for v in rng.integers(low=0, high=10, size=4)]))
        out.append(str(rng.integers(1, 7, endpoint=True)))
        out.append(str(rng.permutation(5).tolist()))
        out.append(str([int(x) for x in rng.permuted([1, 2, 3, 4])]))
        deck = [f"{r}{s}" for s in "SH" for r in "A23"]
        rng.shuffle(deck)
        out.append(" ".join(deck))
        names = rng.choice(["ann", "bob", "cid"], size=2, replace=False)
        out.append(" and ".join(names))
        out.append(str(rng.choice(["a", "b", "c"], p=[0.2, 0.5, 0.3])))
        out.append(f"{rng.random():.4f} {rng.uniform(1, 5):.3f} {rng.uniform(-1, 1, size=2)[0]:.3f}")
        out.append(str(rng.random(3).tolist()[0] < 0.5))
        grid = rng.integers(0, 2, size=(2, 3))
        out.append(" / ".join("".join("#" if c else "." for c in row) for row in grid))
        out.append(str(int(rng.integers(5).item())) )
        return "\n".join(out), float(rng.random() < 0.5), self.n >= 5, False, {}
