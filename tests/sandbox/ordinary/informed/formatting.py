'''Text formatting in all its ways.'''
import math
import string
import textwrap

import gymnasium as gym

TEMPLATE = "{name:<8}|{0:>6}|{1[key]!r:^9}|{1[list][0]}"


class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return TEMPLATE.format(7, {"key": "v", "list": [5]}, name="bob") + "{}{{}}{:,}".format("a", 12345), {}

    def step(self, action):
        try:
            x = float(action)
        except ValueError as error:
            return "error: " + str(error), -1.0, False, False, {}
        lines = [
            f"{x:08.3f} {x!r:>8} {x:e} {int(x):#x} {int(x):b} {x / 1000:.1%}",
            "%5.1f|%-5s|%03d|%%" % (x, action, int(x)),
            "{:>{width}.{digits}f}".format(math.sqrt(x), width=10, digits=2),
            action.zfill(6) + action.center(9, "*") + action.rjust(5).replace(" ", "."),
            f"{'nested ' + f'{x:.0f}'} {x=}",
            textwrap.fill("word " * int(min(x, 20)), width=20),
            "".join(c for c in string.ascii_lowercase if ord(c) % 5 == int(x) % 5).title(),
        ]
        return "\n".join(lines), x, x > 300, False, {}
