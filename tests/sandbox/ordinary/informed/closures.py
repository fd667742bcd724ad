'''Closures with nonlocal, decorators with arguments, lambdas, default arguments, functools.'''
import functools
from functools import lru_cache, partial, reduce

import gymnasium as gym


def counter(start=0, *, by=1):
    n = start

    def bump():
        nonlocal n
        n += by
        return n

    return bump


def logged(prefix):
    def wrap(function):
        @functools.wraps(function)
        def inner(self, *args, **kwargs):
            self.log.append(prefix + function.__name__)
            return function(self, *args, **kwargs)

        return inner

    return wrap


@lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.log = []
        self.bump = counter(3, by=2)
        return "go", {}

    @logged(prefix=">")
    def double(self, x, scale=2):
        return x * scale

    def step(self, action):
        value = self.bump()
        ops = {"a": lambda v: v + 1, "b": partial(pow, 2), "c": self.double}
        result = ops.get(action, lambda v: -v)(value)
        total = reduce(lambda x, y: x * 2 + y, [value, result], 0)
        return f"{value} {result} {total} {fib(value)} {self.log}", 0.0, action == "c", False, {}
