"""Two levers, each of which pays one time in four or three times in four; which, nothing tells."""

import string

import gymnasium as gym

LEVERS = ("left", "right")
PULLS = 8


class Bandit(gym.Env):
    observation_space = action_space = gym.spaces.Text(400, min_length=0, charset=string.printable)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = PULLS
        text = (options or {}).get("observation")
        if text is not None:
            words = text.split()
            if len(words) < 3 or not words[0].isdigit() or not 0 < int(words[0]) <= PULLS or text not in (
                self.tell(int(words[0]), ""), self.tell(int(words[0]), "A coin drops."),
                self.tell(int(words[0]), "Nothing drops."),
            ):
                raise ValueError("no machine says that")
            self.left = int(words[0])
        self.chances = {lever: 0.25 if self.np_random.random() < 0.5 else 0.75 for lever in LEVERS}
        return text or self.tell(self.left, ""), {}

    def tell(self, left, event):
        return f"{left} pulls left. {event}".strip()

    def step(self, action):
        if action not in LEVERS:
            return "Pull left or right.", 0.0, False, False, {}
        self.left -= 1
        paid = self.np_random.random() < self.chances[action]
        text = self.tell(self.left, "A coin drops." if paid else "Nothing drops.")
        return text, 1.0 if paid else 0.0, self.left == 0, False, {}
