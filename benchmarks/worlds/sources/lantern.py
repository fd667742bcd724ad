"""Three of six words, in their order, open the lantern; a guess burns a wick, asking burns two.

A word is steady in its own place and wavers when it is one place off; two places off it does nothing. The voice that
answers says any one of the three words.
"""

import re
import string

import gymnasium as gym

WORDS = ("orv", "tal", "miq", "bexo", "sul", "grin")
WICKS = 8
FIRST = "The lantern waits for three of orv, tal, miq, bexo, sul, grin. "
FORM = re.compile(r"(?:The lantern waits .*\. |Steady \d, wavering \d\. |A voice says \w+\. )Wicks left (\d)\.")


def compare(code, guess):
    """How many words are steady, and how many waver."""
    steady = sum(one == other for one, other in zip(code, guess, strict=True))
    return steady, sum(word in code and abs(code.index(word) - place) == 1 for place, word in enumerate(guess))


class Lantern(gym.Env):
    observation_space = action_space = gym.spaces.Text(400, min_length=0, charset=string.printable)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.wicks = WICKS
        text = (options or {}).get("observation")
        if text is not None:
            found = FORM.fullmatch(text)
            if not found or not 0 < int(found[1]) <= WICKS:
                raise ValueError("no lantern says that")
            self.wicks = int(found[1])
        self.code = []
        while len(self.code) < 3:
            self.code.append(str(self.np_random.choice([word for word in WORDS if word not in self.code])))
        return text or f"{FIRST}Wicks left {self.wicks}.", {}

    def step(self, action):
        words = action.split()
        if action == "ulm":
            self.wicks -= 2
            return self.burn(f"A voice says {self.np_random.choice(self.code)}.")
        if len(words) != 4 or words[0] != "vash" or any(word not in WORDS for word in words[1:]):
            return "Say ulm, or vash and three words.", 0.0, False, False, {}
        guess = words[1:]
        if len(set(guess)) < 3:
            return "No word twice.", 0.0, False, False, {}
        if guess == self.code:
            return "The lantern opens.", 1.0, True, False, {}
        self.wicks -= 1
        steady, wavering = compare(self.code, guess)
        return self.burn(f"Steady {steady}, wavering {wavering}.")

    def burn(self, said):
        if self.wicks <= 0:
            return f"{said} Dark. It was {' '.join(self.code)}.", -0.5, True, False, {}
        return f"{said} Wicks left {self.wicks}.", 0.0, False, False, {}
