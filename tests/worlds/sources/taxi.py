"""Gymnasium's Taxi-v4, in words."""

import re
import string

import gymnasium as gym

STOPS = {"red": (0, 0), "green": (0, 4), "yellow": (4, 0), "blue": (4, 3)}
WALLS = ((0, 1), (1, 1), (3, 0), (3, 2), (4, 0), (4, 2))  # to the east of these squares
FORM = re.compile(r"Taxi at row (\d), column (\d)\. Passenger: (\w+)\. Destination: (\w+)\.")
WORDS = ("south", "north", "east", "west", "pick up", "drop off")


class Taxi(gym.Env):
    observation_space = action_space = gym.spaces.Text(400, min_length=0, charset=string.printable)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        text = (options or {}).get("observation")
        if text is None:
            self.row, self.column = int(self.np_random.integers(5)), int(self.np_random.integers(5))
            self.passenger = str(self.np_random.choice(list(STOPS)))
            self.destination = str(self.np_random.choice([stop for stop in STOPS if stop != self.passenger]))
        else:
            found = FORM.fullmatch(text)
            if not found or found[4] not in STOPS or found[3] not in ("riding", *STOPS) or found[3] == found[4]:
                raise ValueError("no trip looks like that")
            self.row, self.column = int(found[1]) - 1, int(found[2]) - 1
            if not (0 <= self.row < 5 and 0 <= self.column < 5):
                raise ValueError("no street is there")
            self.passenger, self.destination = found[3], found[4]
        return self.tell(), {}

    def tell(self):
        return (f"Taxi at row {self.row + 1}, column {self.column + 1}. Passenger: {self.passenger}. "
                f"Destination: {self.destination}.")

    def step(self, action):
        if action not in WORDS:
            return f"Say one of {', '.join(WORDS)}.", 0.0, False, False, {}
        place, reward = (self.row, self.column), -1.0
        if action == "south":
            self.row = min(self.row + 1, 4)
        elif action == "north":
            self.row = max(self.row - 1, 0)
        elif action == "east" and place not in WALLS:
            self.column = min(self.column + 1, 4)
        elif action == "west" and (self.row, self.column - 1) not in WALLS:
            self.column = max(self.column - 1, 0)
        elif action == "pick up":
            if STOPS.get(self.passenger) == place:
                self.passenger = "riding"
            else:
                reward = -10.0
        elif action == "drop off":
            here = [stop for stop in STOPS if STOPS[stop] == place]
            if self.passenger != "riding" or not here:
                reward = -10.0
            elif here[0] == self.destination:
                return "The passenger pays and leaves.", 20.0, True, False, {}
            else:
                self.passenger = here[0]
        return self.tell(), reward, False, False, {}
