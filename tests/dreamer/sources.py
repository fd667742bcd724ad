"""The doors as people might write them: right in two ways, and wrong in several."""

TRUE = '''
import gymnasium as gym

RIGHT = ("left", "right", "left")


class World(gym.Env):
    """Three rooms, in each of which one of two doors is right."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.room = 0
        if options and "observation" in options:
            texts = ["Room 1.", "Room 2.", "Room 3."]
            if options["observation"] not in texts:
                raise ValueError("nothing begins there")
            self.room = texts.index(options["observation"])
        return f"Room {self.room + 1}.", {}

    def step(self, action):
        if action != RIGHT[self.room]:
            return "A trap.", 0.0, True, False, {}
        self.room += 1
        if self.room == 3:
            return "The garden.", 1.0, True, False, {}
        return f"Room {self.room + 1}.", 0.0, False, False, {}
'''

TABLE = '''
import gymnasium as gym

TRAP = ("A trap.", 0.0, True)
LEADS = {
    ("Room 1.", "left"): ("Room 2.", 0.0, False),
    ("Room 2.", "right"): ("Room 3.", 0.0, False),
    ("Room 3.", "left"): ("The garden.", 1.0, True),
}


class World(gym.Env):
    """The same, by what each word leads to."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.text = (options or {}).get("observation", "Room 1.")
        if self.text not in ("Room 1.", "Room 2.", "Room 3."):
            raise ValueError("nothing begins there")
        return self.text, {}

    def step(self, action):
        self.text, reward, end = LEADS.get((self.text, action), TRAP)
        return self.text, reward, end, False, {}
'''

# What no session shows: nobody has ever knocked.
KNOCKING = TRUE.replace('    def step(self, action):\n', '''    def step(self, action):
        if action not in ("left", "right"):
            return "Nobody answers.", 0.0, False, False, {}
''')

CORRUPTED = {
    "pays always": TRUE.replace("0.0, True", "1.0, True").replace("0.0, False", "1.0, False"),
    "pays for the trap": TRUE.replace('"A trap.", 0.0', '"A trap.", 1.0'),
    "ends never": TRUE.replace("0, True", "0, False").replace("self.room += 1", "self.room = min(self.room + 1, 2)"),
    "leaks the goal": TRUE.replace('f"Room {self.room + 1}."', 'f"Room {self.room + 1}. Go {RIGHT[self.room]}."'),
    "another rule": TRUE.replace('("left", "right", "left")', '("left", "left", "left")'),
    "forgets no room at reset": TRUE.replace("self.room = 0", "self.room = getattr(self, 'room', 0)"),
    "counts episodes": TRUE.replace("self.room = 0", "COUNT.append(seed)\n        self.room = len(COUNT) % 2").replace(
        "RIGHT =", "COUNT = []\nRIGHT ="),
    "does not parse": TRUE.replace("def step(self, action):", "def step(self, action)"),
    "dies late": TRUE.replace("self.room == 3:", "self.room == 3:\n            while True: pass"),
}
