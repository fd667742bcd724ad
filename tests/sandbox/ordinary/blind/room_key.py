import textwrap
from collections import deque

import gymnasium as gym
from gymnasium.spaces import Text

ROOMS = {
    "hall": ("A draughty hall with a chequered floor.", {"north": "library", "east": "kitchen"}),
    "library": ("Shelves sag under forgotten books.", {"south": "hall", "east": "study"}),
    "kitchen": ("Copper pans gleam above a cold stove.", {"west": "hall", "north": "study", "down": "cellar"}),
    "study": ("A desk, a globe and a clock that has stopped.", {"west": "library", "south": "kitchen"}),
    "cellar": ("It is damp. A heavy door leads south.", {"up": "kitchen", "south": "vault"}),
    "vault": ("Gold! Heaps of it.", {"north": "cellar"}),
}
LOCKED = ("cellar", "south")
SHORT = {"n": "north", "s": "south", "e": "east", "w": "west", "u": "up", "d": "down"}


def distance(start, goal):
    """Breadth-first distance between two rooms, ignoring locks."""
    queue, seen = deque([(start, 0)]), {start}
    while queue:
        room, d = queue.popleft()
        if room == goal:
            return d
        for nxt in ROOMS[room][1].values():
            if nxt not in seen:
                seen.add(nxt)
                queue.append((nxt, d + 1))
    return None


class RoomKeyEnv(gym.Env):
    metadata = {"render_modes": []}

    def __init__(self, max_steps=60):
        self._max_steps = max_steps
        self.action_space = Text(60)
        self.observation_space = Text(1500)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        spots = ["library", "kitchen", "study"]
        self._items = {"key": str(self.np_random.choice(spots)), "lamp": str(self.np_random.choice(spots))}
        self._room = "hall"
        self._unlocked = False
        self._lit = False
        self._visited = {"hall"}
        self._steps = 0
        return "You seek the vault.\n" + self._look(), self._info()

    def _info(self):
        return {"room": self._room, "distance": distance(self._room, "vault"), "visited": len(self._visited)}

    def _dark(self):
        return self._room == "cellar" and not (self._lit and self._items["lamp"] in ("me", self._room))

    def _look(self):
        if self._dark():
            return "It is pitch dark. You can only make out the stairs up."
        desc, exits = ROOMS[self._room]
        text = f"[{self._room.title()}] {desc} Exits: {', '.join(exits)}."
        here = [i for i, place in self._items.items() if place == self._room]
        if here:
            text += " You see: " + ", ".join(here) + "."
        return textwrap.fill(text, 70)

    def _inventory(self):
        held = sorted(i for i, place in self._items.items() if place == "me")
        return "You carry: " + (", ".join(held) or "nothing") + "."

    def _go(self, direction):
        exits = ROOMS[self._room][1]
        if direction not in exits or (self._dark() and direction != "up"):
            return "You cannot go that way.", 0.0
        if (self._room, direction) == LOCKED and not self._unlocked:
            return "The heavy door is locked.", 0.0
        self._room = exits[direction]
        bonus = 0.0
        if self._room not in self._visited:
            self._visited.add(self._room)
            bonus = 0.05
        return self._look(), bonus

    def step(self, action):
        self._steps += 1
        words = [w for w in action.lower().split() if w not in {"the", "a", "with", "to"}]
        words = [SHORT.get(w, w) for w in words]
        reward = 0.0
        if words and words[0] in ("go", "walk"):
            words = words[1:]
        match words:
            case [("north" | "south" | "east" | "west" | "up" | "down") as d]:
                obs, reward = self._go(d)
            case ["look"] | ["l"]:
                obs = self._look()
            case ["inventory" | "i"]:
                obs = self._inventory()
            case ["take" | "get", item] if self._items.get(item) == self._room and not self._dark():
                self._items[item] = "me"
                obs, reward = f"You take the {item}.", 0.1
            case ["drop", item] if self._items.get(item) == "me":
                self._items[item] = self._room
                obs = f"You put the {item} down."
            case ["light", "lamp"] if self._items["lamp"] == "me":
                self._lit = not self._lit
                obs = "The lamp " + ("glows warmly." if self._lit else "goes out.")
            case ["unlock", "door", *_] if self._room == "cellar" and not self._dark() and self._items["key"] == "me":
                self._unlocked = True
                obs, reward = "The lock yields with a groan.", 0.3
            case ["take" | "get" | "drop" | "light" | "unlock", *_]:
                obs = "You can't do that here."
            case _:
                obs = "Pardon? Try: go <direction>, look, take, drop, light lamp, unlock door, inventory."
        done = self._room == "vault"
        if done:
            obs, reward = obs + "\nYou are rich!", reward + 1.0
        return obs, reward, done, not done and self._steps >= self._max_steps, self._info()
