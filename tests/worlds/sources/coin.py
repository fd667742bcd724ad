"""A coin that falls on heads three times in ten; leaving pays where it lies on heads."""

import string

import gymnasium as gym

HAND = "The coin lies in your hand."
SHOWS = {"heads": "The coin shows heads.", "tails": "The coin shows tails."}


class Coin(gym.Env):
    observation_space = action_space = gym.spaces.Text(400, min_length=0, charset=string.printable)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.text = (options or {}).get("observation", HAND)
        if self.text != HAND and self.text not in SHOWS.values():
            raise ValueError("no coin lies like that")
        return self.text, {}

    def step(self, action):
        if action == "toss":
            self.text = SHOWS["heads"] if self.np_random.random() < 0.3 else SHOWS["tails"]
            return self.text, 0.0, False, False, {}
        if action == "leave":
            return "You leave.", 1.0 if self.text == SHOWS["heads"] else -0.25, True, False, {}
        return "Say toss or leave.", 0.0, False, False, {}
