"""A vending machine that counts coins and never shows how many."""

import string

import gymnasium as gym

PRICE = {"tea": 2, "cake": 3}
MOST = 4
EMPTY = ("The machine hums.", "Coins rattle inside.", "It hurts.")
FULL = "The coin rolls out again."


class Vending(gym.Env):
    observation_space = action_space = gym.spaces.Text(400, min_length=0, charset=string.printable)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.coins = 0
        self.cups = 0
        text = (options or {}).get("observation", "The machine hums.")
        if text not in (*EMPTY, FULL, "Clink.", "Nothing happens.", "A cup of tea."):
            raise ValueError("no machine says that")
        if text != "The machine hums.":
            self.cups = 1 if text == "A cup of tea." else int(self.np_random.integers(2))
        if text not in EMPTY:
            fewest = 1 if text == "Clink." else 0
            self.coins = MOST if text == FULL else int(self.np_random.integers(fewest, MOST + 1))
        return text, {}

    def step(self, action):
        if action == "coin":
            if self.coins >= MOST:
                return "The coin rolls out again.", 0.0, False, False, {}
            self.coins += 1
            return "Clink.", -0.25, False, False, {}
        if action == "kick":
            lost = self.coins > 0
            self.coins = 0
            return "Coins rattle inside." if lost else "It hurts.", -0.5, False, False, {}
        if action in PRICE and self.coins >= PRICE[action]:
            self.coins -= PRICE[action]
            if action == "cake":
                return "A slice of cake.", 2.0, True, False, {}
            self.cups += 1
            return "A cup of tea.", 1.0, self.cups == 2, False, {}
        return "Nothing happens.", 0.0, False, False, {}
