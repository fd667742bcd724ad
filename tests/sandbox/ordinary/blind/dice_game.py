"""Farkle-flavoured push-your-luck dice game ("Ten Thousand", shortened)."""
from collections import Counter

import gymnasium as gym

TRIPLE_SCORE = {1: 1000, 2: 200, 3: 300, 4: 400, 5: 500, 6: 600}
SINGLE_SCORE = {1: 100, 5: 50}


def score_dice(dice):
    """Return (points, all_used) for the given kept dice."""
    counts = Counter(dice)
    total = 0
    all_used = True
    if sorted(counts) == [1, 2, 3, 4, 5, 6]:
        return 1500, True
    for face, n in counts.items():
        if n >= 3:
            total += TRIPLE_SCORE[face] * 2 ** (n - 3)
        elif face in SINGLE_SCORE:
            total += SINGLE_SCORE[face] * n
        else:
            all_used = False
    return total, all_used


class FarkleEnv(gym.Env):
    metadata = {"render_modes": ["ansi"]}

    def __init__(self, target=2000, max_turns=15, render_mode=None):
        self.target = target
        self.max_turns = max_turns
        self.render_mode = render_mode
        self.action_space = gym.spaces.Text(64)
        self.observation_space = gym.spaces.Text(512)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.banked = 0
        self.turn = 1
        self._new_turn()
        return "Welcome to Farkle! " + self._status(), {}

    def _new_turn(self):
        self.pot = 0
        self.free = 6
        self.table = []

    def _status(self):
        dice = " ".join(map(str, self.table)) if self.table else "none"
        return "Turn {}/{}. Banked: {}. Pot: {}. Dice on table: {}. Dice to roll: {}.".format(
            self.turn, self.max_turns, self.banked, self.pot, dice, self.free
        )

    def step(self, action):
        parts = action.strip().lower().split()
        before = self.banked
        if not parts:
            msg = "Say something: roll, keep <dice>, or bank."
        elif parts[0] == "roll":
            msg = self._roll()
        elif parts[0] == "keep":
            msg = self._keep(parts[1:])
        elif parts[0] == "bank":
            msg = self._bank()
        else:
            msg = "Unknown command {!r}. Use roll, keep <dice>, or bank.".format(parts[0])
        reward = (self.banked - before) / 1000
        terminated = self.banked >= self.target
        truncated = self.turn > self.max_turns and not terminated
        if terminated:
            msg += " You reached the target!"
        obs = msg + " " + self._status()
        return obs, reward, terminated, truncated, {"banked": self.banked, "pot": self.pot}

    def _roll(self):
        if self.table:
            return "Keep at least one scoring die before rolling again."
        self.table = sorted(int(d) for d in self.np_random.integers(1, 7, size=self.free))
        best, _ = score_dice(self.table)
        if best == 0:
            rolled = " ".join(str(d) for d in self.table)
            self.turn += 1
            self._new_turn()
            return "You rolled {} - Farkle! The pot is lost.".format(rolled)
        return "You roll the dice."

    def _keep(self, words):
        try:
            kept = [int(ch) for ch in "".join(words)]
        except ValueError:
            return "Name the dice as digits, for example 'keep 1 5 5'."
        if not kept:
            return "Keep which dice?"
        if Counter(kept) - Counter(self.table):
            return "Those dice are not on the table."
        points, all_used = score_dice(kept)
        if not all_used:
            return "Some of those dice do not score."
        self.pot += points
        self.free -= len(kept)
        self.table = []
        if self.free == 0:
            self.free = 6
            return "Hot dice! {} points, and all six dice are yours again.".format(points)
        return "You set aside {} points.".format(points)

    def _bank(self):
        if self.table:
            return "First keep some of the dice on the table."
        if self.pot == 0:
            return "There is nothing to bank."
        self.banked += self.pot
        msg = "You bank {} points.".format(self.pot)
        self.turn += 1
        self._new_turn()
        return msg

    def render(self):
        return self._status()
