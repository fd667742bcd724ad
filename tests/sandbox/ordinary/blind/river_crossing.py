"""The wolf, the goat and the cabbage - with a river that is not always calm."""

import re
import textwrap
from enum import Flag, auto

import gymnasium as gym
from gymnasium.spaces import Text


class Cargo(Flag):
    NOTHING = 0
    FARMER = auto()
    WOLF = auto()
    GOAT = auto()
    CABBAGE = auto()

    @property
    def names(self):
        return [c.name.lower() for c in PASSENGERS if c in self]


PASSENGERS = (Cargo.WOLF, Cargo.GOAT, Cargo.CABBAGE)
EVERYONE = Cargo.FARMER | Cargo.WOLF | Cargo.GOAT | Cargo.CABBAGE
DANGERS = {
    Cargo.WOLF | Cargo.GOAT: "The wolf eats the goat!",
    Cargo.GOAT | Cargo.CABBAGE: "The goat eats the cabbage!",
}


class RiverCrossingEnv(gym.Env):
    metadata = {"render_modes": ["ansi"]}

    def __init__(self, wind=0.2, max_steps=50):
        super().__init__()
        self.wind, self.max_steps = wind, max_steps
        self.action_space = Text(60)
        self.observation_space = Text(700)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._left, self._boat = EVERYONE, Cargo.NOTHING
        self._steps = 0
        self._roll_weather()
        intro = """
            Bring the wolf, the goat and the cabbage across the river.
            The boat holds you and one passenger, and must not sail in a storm.
        """
        return textwrap.dedent(intro).strip() + "\n" + self.render(), {"crossed": 0}

    def _roll_weather(self):
        self._weather = "stormy" if self.np_random.random() < self.wind else "calm"

    @property
    def _right(self):
        return EVERYONE & ~self._left & ~self._boat

    @property
    def _here(self):
        """Everything on the farmer's bank, excluding the boat."""
        return self._left if Cargo.FARMER in self._left else self._right

    def _find(self, text):
        return next((p for p in PASSENGERS if re.search(rf"\b{p.name}\b", text, re.IGNORECASE)), None)

    def _load(self, passenger):
        if self._boat:
            return "The boat is full."
        if passenger not in self._here:
            return f"The {passenger.name.lower()} is not on this bank."
        self._left &= ~passenger
        self._boat |= passenger
        return f"The {passenger.name.lower()} is in the boat."

    def _unload(self):
        if not self._boat:
            return "The boat is empty."
        who = self._boat.names[0]
        if Cargo.FARMER in self._left:
            self._left |= self._boat
        self._boat = Cargo.NOTHING
        return f"The {who} is ashore."

    def step(self, action):
        self._steps += 1
        reward, terminated = 0.0, False
        command = action.strip().lower()
        if command.startswith("load") and (passenger := self._find(command)):
            text = self._load(passenger)
        elif command.startswith("load"):
            text = "Load whom? There are a wolf, a goat and a cabbage."
        elif command.startswith("unload"):
            text = self._unload()
        elif command in ("row", "cross") and self._weather == "stormy":
            text = "The storm drives you back."
            reward = -0.05
            self._roll_weather()
        elif command in ("row", "cross"):
            self._left ^= Cargo.FARMER
            text = "You row across."
            reward = -0.02
            behind = self._right if Cargo.FARMER in self._left else self._left
            for pair, doom in DANGERS.items():
                if pair in behind:
                    text, reward, terminated = f"{text} {doom}", -1.0, True
            self._roll_weather()
        elif command == "wait":
            text = "You skip stones."
            self._roll_weather()
        else:
            text = "You can load <someone>, unload, row, or wait."
        if self._right == EVERYONE:
            text, reward, terminated = text + " All are safely across!", 1.0, True
        truncated = self._steps >= self.max_steps and not terminated
        return f"{text}\n{self.render()}", reward, terminated, truncated, {"crossed": len(self._right.names)}

    def render(self):
        you = "left" if Cargo.FARMER in self._left else "right"
        left, right, boat = (", ".join(x.names) or "nobody" for x in (self._left, self._right, self._boat))
        return f"Left: {left}. Right: {right}. Boat ({you} bank): {boat}. The river is {self._weather}."
