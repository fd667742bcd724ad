"""Cards drawn from a small deck and not put back, one of them face down; turning it pays for an ace."""

import string

import gymnasium as gym

DECK = ("ace", "ace", "ace", "king", "king", "queen", "queen")
BEFORE, AFTER = "You hold ", ". A card lies face down."


class CardsKept(gym.Env):
    observation_space = action_space = gym.spaces.Text(400, min_length=0, charset=string.printable)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.deck = list(DECK)
        text = (options or {}).get("observation")
        if text is None:
            self.hand = [self.draw(), self.draw()]
        else:
            if not (text.startswith(BEFORE) and text.endswith(AFTER)):
                raise ValueError("no table looks like that")
            self.hand = text[len(BEFORE) : -len(AFTER)].split(", ")
            for card in self.hand:
                self.deck.remove(card)
        self.hidden = self.draw()
        return self.tell(), {}

    def draw(self):
        return self.deck.pop(int(self.np_random.integers(len(self.deck))))

    def tell(self):
        return BEFORE + ", ".join(self.hand) + AFTER

    def step(self, action):
        if action == "draw":
            if not self.deck:
                return "The deck is empty.", 0.0, False, False, {}
            self.hand.append(self.draw())
            return self.tell(), -0.1, False, False, {}
        if action == "turn":
            return f"The hidden card is a {self.hidden}.", 1.0 if self.hidden == "ace" else -0.5, True, False, {}
        return "Say draw or turn.", 0.0, False, False, {}
