'''An environment in a wrapper that counts steps.'''
import gymnasium as gym


class Inner(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.value = int(self.np_random.integers(100))
        return f"start {self.value}", {}

    def step(self, action):
        self.value += len(action)
        return f"value {self.value}", 1, False, False, {}


class Limited(gym.Wrapper):
    def __init__(self, env=None, limit=3):
        super().__init__(env if env is not None else Inner())
        self._limit = limit
        self._steps = 0

    def reset(self, *, seed=None, options=None):
        self._steps = 0
        return self.env.reset(seed=seed, options=options)

    def step(self, action):
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._steps += 1
        return observation + "!", reward, terminated, truncated or self._steps >= self._limit, info
