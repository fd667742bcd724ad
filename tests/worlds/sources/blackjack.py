"""Gymnasium's Blackjack-v1, in words: an infinite deck, the dealer's second card face down.

Ace and ten at once are a natural: it loses to nothing, and draws with a natural only.
"""

import re
import string

import gymnasium as gym

DECK = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 10)
FORM = re.compile(r"You hold (hard|soft|natural) (\d+)\. The dealer shows (\d+)\.")


def add(total, soft, card):
    """A hand with one more card: its total, and whether an ace counts eleven in it."""
    if card == 1 and total <= 10:
        return total + 11, True
    if soft and total + card > 21:
        return total + card - 10, False
    return total + card, soft


class Blackjack(gym.Env):
    observation_space = action_space = gym.spaces.Text(400, min_length=0, charset=string.printable)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        text = (options or {}).get("observation")
        self.hidden = self.draw()
        if text is None:
            self.shown = self.draw()
            self.total, self.soft = add(*add(0, False, self.draw()), self.draw())
            self.natural = self.total == 21
        else:
            found = FORM.fullmatch(text)
            if not found:
                raise ValueError("no table looks like that")
            self.soft, self.total, self.shown = found[1] != "hard", int(found[2]), int(found[3])
            self.natural = found[1] == "natural"
            least = 21 if self.natural else 12 if self.soft else 4
            if not least <= self.total <= 21 or self.shown not in DECK:
                raise ValueError("no cards make that")
        return self.tell(), {}

    def draw(self):
        return int(self.np_random.choice(DECK))

    def tell(self):
        kind = "natural" if self.natural else "soft" if self.soft else "hard"
        return f"You hold {kind} {self.total}. The dealer shows {self.shown}."

    def step(self, action):
        if action == "hit":
            self.total, self.soft = add(self.total, self.soft, self.draw())
            self.natural = False
            if self.total > 21:
                return f"You are bust with {self.total}.", -1.0, True, False, {}
            return self.tell(), 0.0, False, False, {}
        if action == "stick":
            dealer, soft = add(*add(0, False, self.shown), self.hidden)
            beaten = self.natural and dealer != 21
            while dealer < 17:
                dealer, soft = add(dealer, soft, self.draw())
            reward = 0.0 if dealer == self.total else -1.0
            if dealer > 21 or dealer < self.total or beaten:
                reward = 1.0
            return f"The dealer turns over {self.hidden} and ends with {dealer}.", reward, True, False, {}
        return "Say hit or stick.", 0.0, False, False, {}
