'''Comprehensions of every kind, nested scopes, starred unpacking, conditional expressions.'''
import gymnasium as gym


class World(gym.Env):
    WORDS = ("ant", "bee", "cat")
    LENGTHS = {w: len(w) for w in ("ant", "bee")}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return str(self.LENGTHS), {}

    def step(self, action):
        n = int(action)
        squares = [i * i for i in range(n) if i % 2 or i > 2]
        table = {(a, b): a * b for a in range(n) for b in range(a)}
        letters = {c for w in self.WORDS for c in w if c not in "aeiou"}
        first, *middle, last = [0, *squares, *range(2), 9]
        matrix = [[*row] for row in zip(*[[1, 2, 3], [4, 5, 6]])]
        merged = {**self.LENGTHS, "n": n, **{"z": 0}}
        some = any(x > 8 for x in squares) if squares else None
        def area(*sides, scale=1, **rest):
            return [s * scale for s in sides] + sorted(rest)
        text = f"{squares} {table} {sorted(letters)} {first}{middle}{last} {matrix} {merged} {some}"
        return text + str(area(*squares, scale=2, **merged)), 0.0, n == 0, False, {}
