'''Context managers, written and generated; exceptions that pass through them.'''
from contextlib import contextmanager, suppress

import gymnasium as gym


class Lock:
    def __init__(self, log):
        self.log = log

    def __enter__(self):
        self.log.append("(")
        return self

    def __exit__(self, kind, value, trace):
        self.log.append(")" if kind is None else f"!{kind.__name__})")
        return kind is KeyError


@contextmanager
def noted(log, word):
    log.append(word)
    try:
        yield len(log)
    finally:
        log.append("/" + word)


class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.log = []
        return "", {}

    def step(self, action):
        with Lock(self.log) as lock, noted(self.log, action) as size:
            if action == "b":
                raise KeyError(size)
            lock.log.append(str(size))
        with suppress(ZeroDivisionError):
            self.log.append(1 // 0)
        return " ".join(self.log), 0.0, len(self.log) > 14, False, {}
