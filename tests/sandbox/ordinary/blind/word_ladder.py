"""Change one letter at a time to turn the first word into the last."""
from __future__ import annotations

from collections import defaultdict, deque
from functools import lru_cache
from string import ascii_lowercase

import gymnasium as gym
from gymnasium import spaces

WORDS = frozenset(
    """
    cold cord card ward warm word worm wore ware care core bore bare bard
    cart dart dark bark barn born corn horn torn tore tire tile tale pale
    pole hole hold bold bolt colt cole mole male mile mild wild wile wine
    line lane land sand band bald ball bail mail main gain grin pain pair
    """.split()
)


def differs_by_one(a: str, b: str) -> bool:
    return len(a) == len(b) and sum(x != y for x, y in zip(a, b)) == 1


@lru_cache(maxsize=None)
def neighbours(word: str) -> tuple[str, ...]:
    found = (
        word[:i] + letter + word[i + 1 :]
        for i in range(len(word))
        for letter in ascii_lowercase
        if letter != word[i]
    )
    return tuple(sorted(w for w in found if w in WORDS))


def shortest(start: str, goal: str) -> list[str] | None:
    parents: dict[str, str | None] = {start: None}
    frontier = deque([start])
    while frontier:
        word = frontier.popleft()
        if word == goal:
            path = []
            while word is not None:
                path.append(word)
                word = parents[word]
            return path[::-1]
        for other in neighbours(word):
            if other not in parents:
                parents[other] = word
                frontier.append(other)
    return None


class WordLadderEnv(gym.Env):
    metadata = {"render_modes": ["ansi"]}

    def __init__(self, min_length: int = 4, max_steps: int = 40):
        self.min_length = min_length
        self.max_steps = max_steps
        self.action_space = spaces.Text(20)
        self.observation_space = spaces.Text(500)
        self.ladder: list[str] = []
        self.goal = ""
        self.stats: defaultdict[str, int] = defaultdict(int)

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        super().reset(seed=seed)
        pool = sorted(WORDS)
        while True:
            start, goal = (str(w) for w in self.np_random.choice(pool, size=2, replace=False))
            path = shortest(start, goal)
            if path is not None and len(path) > self.min_length:
                break
        self.ladder, self.goal, self.par = [start], goal, len(path) - 1
        self.stats = defaultdict(int)
        return f"Turn {start} into {goal}. Par is {self.par}.\n{self.render()}", {"par": self.par}

    @property
    def current(self) -> str:
        return self.ladder[-1]

    def step(self, action: str):
        self.stats["steps"] += 1
        word = action.strip().lower()
        reward = -0.02
        if word == "back":
            if len(self.ladder) > 1:
                message = f"You climb down from {self.ladder.pop()}."
            else:
                message = "You are already on the first rung."
        elif word == "hint":
            self.stats["hints"] += 1
            reward -= 0.2
            message = f"Try '{shortest(self.current, self.goal)[1]}'."
        elif word == "options":
            message = "From here: " + ", ".join(neighbours(self.current)) + "."
        elif not word.isalpha():
            message = "Enter a word, or one of: back, hint, options."
        elif len(word) != len(self.current):
            message = f"The word must have {len(self.current)} letters."
        elif not differs_by_one(word, self.current):
            self.stats["errors"] += 1
            message = f"'{word}' does not differ from '{self.current}' by exactly one letter."
        elif word not in WORDS:
            self.stats["errors"] += 1
            message = f"'{word}' is not in my dictionary."
        elif word in self.ladder:
            message = f"'{word}' is already on the ladder."
        else:
            self.ladder += [word]
            message = f"{word.capitalize()} it is."
        done = self.current == self.goal
        if done:
            over = len(self.ladder) - 1 - self.par
            message += f" Solved, {over} over par!"
            reward += 1.0 / (1 + over)
        return f"{message}\n{self.render()}", reward, done, not done and self.stats["steps"] >= self.max_steps, dict(self.stats)

    def render(self) -> str:
        return " > ".join(self.ladder) + f" ... {self.goal}"
