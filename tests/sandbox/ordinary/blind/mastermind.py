from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import gymnasium as gym
from gymnasium import spaces

COLOURS = {"R": "red", "G": "green", "B": "blue", "Y": "yellow", "O": "orange", "P": "purple"}


class Feedback(NamedTuple):
    black: int
    white: int

    def __str__(self) -> str:
        pegs = "*" * self.black + "o" * self.white
        return pegs or "-"


def compare(secret: str, guess: str) -> Feedback:
    black = sum(a == b for a, b in zip(secret, guess))
    common = sum((Counter(secret) & Counter(guess)).values())
    return Feedback(black, common - black)


class MastermindEnv(gym.Env):
    """Crack a colour code. Feedback: * right place, o right colour only."""

    metadata = {"render_modes": ["ansi"]}

    def __init__(self, length: int = 4, rows: int = 30, allow_repeats: bool = True) -> None:
        self.length = length
        self.rows = rows
        self.allow_repeats = allow_repeats
        self.action_space = spaces.Text(40)
        self.observation_space = spaces.Text(4000)
        self.render_mode = "ansi"
        self._secret = ""
        self._board: list[tuple[str, Feedback]] = []

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[str, dict]:
        super().reset(seed=seed)
        chosen = self.np_random.choice(list(COLOURS), size=self.length, replace=self.allow_repeats)
        self._secret = "".join(chosen)
        self._board = []
        legend = ", ".join(f"{k}={v}" for k, v in COLOURS.items())
        return f"Crack the {self.length}-peg code. Colours: {legend}.", {"rows_left": self.rows}

    def _normalise(self, action: str) -> str | None:
        """Accept 'RGBY', 'r g b y' and 'red green blue yellow'."""
        text = action.strip().lower()
        words = text.replace(",", " ").split()
        if words and words[0] == "guess":
            words = words[1:]
        by_name = {v: k for k, v in COLOURS.items()}
        letters = []
        for w in words:
            if w in by_name:
                letters.append(by_name[w])
            else:
                letters.extend(w.upper())
        code = "".join(letters)
        if len(code) != self.length or any(ch not in COLOURS for ch in code):
            return None
        return code

    def step(self, action: str) -> tuple[str, float, bool, bool, dict]:
        reward, terminated = 0.0, False
        if action.strip().lower() in ("board", "history"):
            obs = self.render()
        elif (code := self._normalise(action)) is None:
            obs = f"A guess is {self.length} letters out of {''.join(COLOURS)}."
            reward = -0.02
        elif any(code == old for old, _ in self._board):
            obs = f"You already tried {code}."
            reward = -0.02
        else:
            fb = compare(self._secret, code)
            best = max((f.black for _, f in self._board), default=0)
            self._board.append((code, fb))
            obs = f"{code}: {fb} ({fb.black} black, {fb.white} white)"
            if fb.black > best:
                reward = 0.1 * (fb.black - best)
            if fb.black == self.length:
                obs += " - code cracked!"
                reward += 1.0
                terminated = True
        truncated = not terminated and len(self._board) >= self.rows
        if truncated:
            obs += f"\nNo rows left. The code was {self._secret}."
        return obs, reward, terminated, truncated, {"rows_left": self.rows - len(self._board)}

    def render(self) -> str:
        if not self._board:
            return "The board is empty."
        return "\n".join(f"{i:2d}. {code} {fb}" for i, (code, fb) in enumerate(self._board, 1))
