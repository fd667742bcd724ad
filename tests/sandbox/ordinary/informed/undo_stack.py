'''Deep copies, slices, nested lists, exceptions of one's own, try/else/finally.'''
import copy

import gymnasium as gym


class BadMove(ValueError):
    def __init__(self, why, code=3):
        super().__init__(why)
        self.code = code


class World(gym.Env):
    SIZE = 3

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.grid = [[0] * self.SIZE for _ in range(self.SIZE)]
        self.past = []
        self.tries = 0
        return str(self.grid), {}

    def _apply(self, words):
        if words[0] == "undo":
            if not self.past:
                raise BadMove("nothing to undo", code=4)
            self.grid = self.past.pop()
            return
        try:
            row, value = int(words[1]), int(words[2])
        except (IndexError, ValueError) as error:
            raise BadMove("numbers please") from error
        self.past.append(copy.deepcopy(self.grid))
        self.grid[row][:2] = [value] * 2
        del self.grid[row][0]
        self.grid[row].insert(0, value + 1)

    def step(self, action):
        try:
            self._apply(action.split())
        except BadMove as bad:
            text, reward = f"{bad} ({bad.code})", -1.0
        else:
            text, reward = "ok", 0.0
        finally:
            self.tries += 1
        assert self.tries > 0, "counted"
        return f"{text} {self.grid} {self.tries}", reward, self.tries >= 7, False, {}
