"""Five rooms, a key and a locked vault; the hands are seen only on asking."""

import string

import gymnasium as gym

DOORS = {
    "hall": ("kitchen", "cellar", "vault"), "kitchen": ("hall", "pantry"), "pantry": ("kitchen",),
    "cellar": ("hall",), "vault": ("hall",),
}
KEY = "pantry"
LAMP = "kitchen"


class Rooms(gym.Env):
    observation_space = action_space = gym.spaces.Text(400, min_length=0, charset=string.printable)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.room, self.key, self.lamp = "hall", False, False
        text = (options or {}).get("observation")
        if text is not None:
            self.key, self.lamp = bool(self.np_random.random() < 0.5), bool(self.np_random.random() < 0.5)
            rooms = [room for room in DOORS if text.startswith(f"You are in the {room}.")]
            if not rooms:
                raise ValueError("no room looks like that")
            self.room = rooms[0]
            if self.room == KEY:
                self.key = "A key" not in text
            if self.room == LAMP:
                self.lamp = "A lamp" not in text
            if self.room == "vault":
                self.key, self.lamp = True, "glitters" in text
            if text != self.tell():
                raise ValueError("the room looks otherwise")
        return self.tell(), {"actions": self.actions()}

    def tell(self):
        text = f"You are in the {self.room}. Doors: {', '.join(DOORS[self.room])}."
        if self.room == KEY and not self.key:
            text += " A key hangs here."
        if self.room == LAMP and not self.lamp:
            text += " A lamp stands here."
        if self.room == "vault":
            text += " It glitters." if self.lamp else " It is dark."
        return text

    def actions(self):
        found = ["wait", *("go " + door for door in DOORS[self.room] if door != "vault" or self.key)]
        if self.room == KEY and not self.key:
            found.append("take key")
        if self.room == LAMP and not self.lamp:
            found.append("take lamp")
        if self.room == "vault" and self.lamp:
            found.append("take gold")
        return found

    def step(self, action):
        text, reward = None, -0.01
        if action not in self.actions():
            text = "The vault is locked." if action == "go vault" and self.room == "hall" else "You cannot do that."
            reward = -0.1
        elif action.startswith("go "):
            self.room = action[3:]
        elif action == "take key":
            self.key = True
            reward = 0.2
        elif action == "take lamp":
            self.lamp = True
        elif action == "take gold":
            return "The gold is yours.", 1.0, True, False, {}
        return text or self.tell(), reward, False, False, {"actions": self.actions()}
