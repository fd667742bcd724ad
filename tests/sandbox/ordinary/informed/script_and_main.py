'''A demonstration block, an unused import, a registration, logging to the screen.'''
import sys
import argparse

import gymnasium as gym
from gymnasium.envs.registration import register

__all__ = ["World"]
__version__ = "1.0"


class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        print("reset", seed)
        return f"v{__version__}", {}

    def step(self, action):
        print(action, end="")
        return action * 2, 0.0, action == "b", False, {}

    def render(self):
        print("nothing to see")


register(id="World-v0", entry_point="world:World")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    env = World()
    print(env.reset(seed=options.seed))
    sys.exit(0)


if __name__ == "__main__":
    main()
