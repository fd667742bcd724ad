"""A code of three pegs in three colours, repeats allowed, to be found in five guesses."""

import string

import gymnasium as gym

COLOURS = ("red", "green", "blue")
GUESSES = 5


def compare(code, guess):
    """How many pegs are right, and how many more have the right colour in the wrong place."""
    black = sum(one == other for one, other in zip(code, guess, strict=True))
    return black, sum(min(code.count(colour), guess.count(colour)) for colour in COLOURS) - black


class Mastermind(gym.Env):
    observation_space = action_space = gym.spaces.Text(400, min_length=0, charset=string.printable)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = GUESSES
        text = (options or {}).get("observation")
        if text is not None:
            words = text.split()
            if not text.endswith(" guesses left.") or not words[-3].isdigit() or not 0 < int(words[-3]) <= GUESSES:
                raise ValueError("no game says that")
            self.left = int(words[-3])
        self.code = [str(self.np_random.choice(COLOURS)) for _ in range(3)]
        return text or f"{self.left} guesses left.", {}

    def step(self, action):
        guess = action.split()
        if len(guess) != 3 or any(colour not in COLOURS for colour in guess):
            return "Name three colours of red, green and blue.", 0.0, False, False, {}
        self.left -= 1
        if guess == self.code:
            return "You found the code.", 1.0, True, False, {}
        if self.left == 0:
            return f"You lose. The code was {' '.join(self.code)}.", -1.0, True, False, {}
        black, white = compare(self.code, guess)
        return f"{black} black, {white} white. {self.left} guesses left.", 0.0, False, False, {}
