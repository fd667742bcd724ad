"""Cards drawn from a small deck and put back each time, one more face down; turning it pays for an ace."""

import string

import gymnasium as gym

DECK = ("ace", "ace", "ace", "king", "king", "queen", "queen")
BEFORE, AFTER = "You have seen ", ". A card lies face down."
MOST = 6


class CardsReturned(gym.Env):
    observation_space = action_space = gym.spaces.Text(400, min_length=0, charset=string.printable)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        text = (options or {}).get("observation")
        if text is None:
            self.seen = [self.draw(), self.draw()]
        else:
            if not (text.startswith(BEFORE) and text.endswith(AFTER)):
                raise ValueError("no table looks like that")
            self.seen = text[len(BEFORE) : -len(AFTER)].split(", ")
            if len(self.seen) > MOST or any(card not in DECK for card in self.seen):
                raise ValueError("no deck holds that")
        self.hidden = self.draw()
        return self.tell(), {}

    def draw(self):
        return str(self.np_random.choice(DECK))

    def tell(self):
        return BEFORE + ", ".join(self.seen) + AFTER

    def step(self, action):
        if action == "draw":
            if len(self.seen) >= MOST:
                return "You have drawn enough.", 0.0, False, False, {}
            self.seen.append(self.draw())
            return self.tell(), -0.1, False, False, {}
        if action == "turn":
            return f"The hidden card is a {self.hidden}.", 1.0 if self.hidden == "ace" else -0.5, True, False, {}
        return "Say draw or turn.", 0.0, False, False, {}
