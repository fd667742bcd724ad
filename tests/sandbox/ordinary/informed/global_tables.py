'''Module tables, class tables, computed constants, a module-level function cache.'''
import gymnasium as gym

COLUMNS = "AB"
CELLS = {c + str(r): (i, r) for i, c in enumerate(COLUMNS) for r in range(1, 3)}
TRANSITIONS = {
    ("start", "A1"): ("hall", 0.0, False),
    ("hall", "B2"): ("vault", 0.5, False),
    ("vault", "A1"): ("out", 1.0, True),
}
TOTAL = sum(r for _, r, _ in TRANSITIONS.values())
for _name in ("spare",):
    CELLS[_name] = (9, 9)
del _name


class World(gym.Env):
    TEXTS = {"start": "a gate", "hall": "a hall", "vault": "gold", "out": "free"}
    START = "start"

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.node = self.START
        return self.TEXTS[self.node], {"total": TOTAL}

    def step(self, action):
        try:
            self.node, reward, done = TRANSITIONS[self.node, action]
        except KeyError as missing:
            return f"no {missing.args[0]} {CELLS.get(action, 'nowhere')}", -0.1, False, False, {}
        return World.TEXTS[self.node], reward, done, False, {}
