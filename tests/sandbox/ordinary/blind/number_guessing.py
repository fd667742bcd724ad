"""Guess the secret number."""

import math

import gymnasium as gym
from gymnasium import spaces


class NumberGuessingEnv(gym.Env):
    """
    The environment thinks of an integer between ``low`` and ``high``.

    Actions are strings such as ``"42"`` or ``"guess 42"``; ``"hint"`` costs a
    little reward, ``"range"`` repeats what is already known.
    """

    metadata = {"render_modes": ["human"], "render_fps": 1}

    def __init__(self, low=1, high=1000, extra_guesses=20, render_mode=None):
        super().__init__()
        assert low < high
        self.low = low
        self.high = high
        self.max_guesses = math.ceil(math.log2(high - low + 1)) + extra_guesses
        self.render_mode = render_mode
        self.action_space = spaces.Text(max_length=16)
        self.observation_space = spaces.Text(max_length=256)
        self._secret = None
        self._guesses = []
        self._known_low = low
        self._known_high = high
        self._hints = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._secret = int(self.np_random.integers(self.low, self.high + 1))
        self._guesses = []
        self._known_low = self.low
        self._known_high = self.high
        self._hints = 0
        obs = "I am thinking of a number between %d and %d." % (self.low, self.high)
        return obs, self._get_info()

    def _get_info(self):
        return {
            "guesses": len(self._guesses),
            "remaining": self.max_guesses - len(self._guesses),
            "entropy": round(math.log2(self._known_high - self._known_low + 1), 3),
        }

    @staticmethod
    def _parse(action):
        text = action.strip().lower()
        if text.startswith("guess"):
            text = text[len("guess"):]
        try:
            return int(text)
        except ValueError:
            return None

    def _temperature(self, guess):
        gap = abs(guess - self._secret)
        for limit, word in ((5, "boiling"), (25, "hot"), (100, "warm"), (300, "cool")):
            if gap <= limit:
                return word
        return "freezing"

    def _hint(self):
        kinds = ["parity", "digits", "divisor"]
        kind = kinds[self._hints % len(kinds)]
        self._hints += 1
        if kind == "parity":
            return "The number is %s." % ("even" if self._secret % 2 == 0 else "odd")
        if kind == "digits":
            return "Its digits add up to %d." % sum(int(d) for d in str(self._secret))
        divisors = [d for d in range(2, 10) if self._secret % d == 0]
        if not divisors:
            return "No single digit above 1 divides it."
        return "It is divisible by %d." % divisors[int(self.np_random.integers(len(divisors)))]

    def step(self, action):
        text = action.strip().lower()
        reward = 0.0
        terminated = False
        if text == "hint":
            obs = self._hint()
            reward = -0.1
        elif text == "range":
            obs = "It lies between %d and %d." % (self._known_low, self._known_high)
        else:
            guess = self._parse(action)
            if guess is None:
                obs = "Please name a whole number, or say 'hint' or 'range'."
            elif not self.low <= guess <= self.high:
                obs = "%d is outside %d..%d." % (guess, self.low, self.high)
            else:
                self._guesses.append(guess)
                if guess == self._secret:
                    obs = "Correct! It took %d guesses." % len(self._guesses)
                    reward = 1.0
                    terminated = True
                elif guess < self._secret:
                    self._known_low = max(self._known_low, guess + 1)
                    obs = "%d is too low (%s)." % (guess, self._temperature(guess))
                else:
                    self._known_high = min(self._known_high, guess - 1)
                    obs = "%d is too high (%s)." % (guess, self._temperature(guess))
        truncated = not terminated and len(self._guesses) >= self.max_guesses
        if truncated:
            obs += " Out of guesses! It was %d." % self._secret
        if self.render_mode == "human":
            print(obs)
        return obs, reward, terminated, truncated, self._get_info()
