'''Operator methods, hashing, ordering, containers of one's own.'''
from functools import total_ordering

import gymnasium as gym


@total_ordering
class Vec:
    __slots__ = ("x", "y")

    def __init__(self, x=0, y=0):
        self.x, self.y = x, y

    def __add__(self, other):
        return Vec(self.x + other.x, self.y + other.y)

    def __iadd__(self, other):
        self.x += other.x
        self.y += other.y
        return self

    def __mul__(self, k):
        return Vec(self.x * k, self.y * k)

    __rmul__ = __mul__

    def __neg__(self):
        return Vec(-self.x, -self.y)

    def __eq__(self, other):
        return isinstance(other, Vec) and (self.x, self.y) == (other.x, other.y)

    def __lt__(self, other):
        return (self.x, self.y) < (other.x, other.y)

    def __hash__(self):
        return hash((self.x, self.y))

    def __repr__(self):
        return f"<{self.x},{self.y}>"

    def __bool__(self):
        return bool(self.x or self.y)

    def __getitem__(self, index):
        return (self.x, self.y)[index]

    def __len__(self):
        return 2

    def __contains__(self, value):
        return value in (self.x, self.y)

    def __call__(self, k):
        return self.x * k + self.y


class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.v = Vec(1, 2)
        self.seen = {Vec(0, 0)}
        return repr(self.v), {}

    def step(self, action):
        verb, *numbers = action.split()
        n = [int(k) for k in numbers]
        if verb == "add":
            self.v += Vec(*n)
        elif verb == "scale":
            self.v = n[0] * self.v
        elif verb == "neg":
            self.v = -self.v
        elif verb == "cmp":
            return f"{self.v < Vec(*n)} {self.v >= Vec(*n)} {max(self.v, Vec(*n))}", 0.0, False, False, {}
        self.seen.add(self.v + Vec())
        x, y = self.v
        return f"{self.v} {x} {y} {len(self.v)} {2 in self.v} {self.v(3)} {sorted(self.seen)}", 0.0, not self.v, False, {}
