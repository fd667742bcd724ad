'''Generators, generator expressions, send, yield from, iterators of one's own.'''
import itertools

import gymnasium as gym


def triangle(start):
    total = start
    for n in itertools.count(1):
        got = yield total
        total += n if got is None else got


def flat(nested):
    for part in nested:
        if isinstance(part, list):
            yield from flat(part)
        else:
            yield part


class Countdown:
    def __init__(self, start):
        self.left = start

    def __iter__(self):
        return self

    def __next__(self):
        if self.left <= 0:
            raise StopIteration
        self.left -= 1
        return self.left


class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.numbers = triangle(1)
        next(self.numbers)
        return " ".join(str(x) for x in flat([1, [2, [3, []]], 4])), {}

    def step(self, action):
        if action.startswith("send"):
            value = self.numbers.send(int(action.split()[1]))
        elif action == "skip":
            value = [next(self.numbers) for _ in range(2)][-1]
        else:
            value = next(self.numbers)
        pairs = [(a, b) for a in range(3) for b in Countdown(a) if (a + b) % 2]
        done = value > 20
        return f"{value} {pairs} {sum(x * x for x in Countdown(4))}", float(value), done, False, {}
