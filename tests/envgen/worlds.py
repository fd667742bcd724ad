"""Authored worlds for fidelity: the truth of two toy games, and what mutation makes of it."""

CORRIDOR = '''
import gymnasium as gym


class World(gym.Env):
    """The corridor, exactly."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.cell = 1
        if options and "observation" in options:
            self.cell = {"Cell 1.": 1, "Cell 2.": 2, "Cell 3.": 3}.get(options["observation"])
            if self.cell is None:
                raise ValueError("nothing begins there")
        return f"Cell {self.cell}.", {}

    def step(self, action):
        self.cell = max(1, self.cell + {"left": -1, "right": 1}.get(action, 0))
        end = self.cell == 4
        text = "The garden." if end else f"Cell {self.cell}."
        reward = 1.0 if end else 0.0
        return text, reward, end, False, {}
'''

LOTTERY = '''
import gymnasium as gym


class World(gym.Env):
    """The lottery, exactly."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.ball = "None"
        if options and "observation" in options:
            self.ball = options["observation"][:-1]
            if self.ball not in ("None", "Red", "Blue"):
                raise ValueError("nothing begins there")
        return f"{self.ball}.", {}

    def step(self, action):
        if action == "leave":
            return "Outside.", 2.0 if self.ball == "Red" else -0.5, True, False, {}
        if action == "draw":
            self.ball = "Red" if self.np_random.random() < 0.7 else "Blue"
        return f"{self.ball}.", 0.0, False, False, {}
'''

COIN = '''
import gymnasium as gym


class World(gym.Env):
    """A coin under a cup, heads one time in four; the text shows it once the cup is lifted."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.heads = bool(self.np_random.random() < 0.25)
        return "A cup.", {}

    def step(self, action):
        if action == "lift":
            return "Heads." if self.heads else "Tails.", 0.0, False, False, {}
        return "A cup.", 0.0, False, False, {}
'''

IDENTITY = '''
import gymnasium as gym


class World(gym.Env):
    """Nothing ever changes."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.text = options["observation"] if options else "Cell 1."
        return self.text, {}

    def step(self, action):
        return self.text, 0.0, False, False, {}
'''


def changed(source: str, **replacements: str) -> str:
    """A source with the value of some of `step`'s assignments replaced."""
    lines = source.split("\n")
    for name, value in replacements.items():
        (place,) = [number for number, line in enumerate(lines) if line.strip().startswith(f"{name} = ")]
        indent = lines[place][: len(lines[place]) - len(lines[place].lstrip())]
        lines[place] = f"{indent}{name} = {value}"
    return "\n".join(lines)


PAYS_ALWAYS = changed(CORRIDOR, reward="1.0")
PAYS_NEVER = changed(CORRIDOR, reward="0.0")
PAYS_DOUBLE = changed(CORRIDOR, reward="2.0 if end else 0.0")
PAYS_FOR_THE_WRONG_CELL = changed(CORRIDOR, reward="1.0 if self.cell == 3 else 0.0")
ENDS_NEVER = CORRIDOR.replace("reward, end, False", "reward, False, False")
ENDS_ALWAYS = CORRIDOR.replace("reward, end, False", "reward, True, False")
FORGETS_A_CELL = changed(CORRIDOR, text='"The garden." if end else f"Cell {3 if self.cell == 2 else self.cell}."')
CANNOT_REENTER = FORGETS_A_CELL.replace('if options and "observation" in options:', "if options:").replace(
    'self.cell = {"Cell 1.": 1, "Cell 2.": 2, "Cell 3.": 3}.get(options["observation"])', "self.cell = None")
BREAKS = CORRIDOR.replace("end = self.cell == 4", "end = self.cell == 4\n        assert self.cell != 3, 'broken'")
SAYS_EVERYTHING = LOTTERY.replace('return f"{self.ball}.", 0.0, False, False, {}', '''
        texts = ("None.", "Red.", "Blue.", "Outside.", "Green.", "Black.", "White.", "Grey.")
        return texts[int(self.np_random.integers(8))], 0.0, False, False, {}''')
LOTTERY_PAYS_NEVER = LOTTERY.replace('2.0 if self.ball == "Red" else -0.5', "0.0")
