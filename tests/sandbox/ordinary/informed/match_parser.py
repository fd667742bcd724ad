'''Structural pattern matching of every kind.'''
import enum
from dataclasses import dataclass

import gymnasium as gym


class Way(enum.Enum):
    NORTH = "north"
    SOUTH = "south"


@dataclass
class Put:
    what: str
    where: str


def parse(words):
    match words:
        case []:
            return None
        case ["go", ("north" | "south") as way]:
            return Way(way)
        case ["go", other]:
            return {"kind": "lost", "way": other, "extra": 1}
        case ["put", what, "in", where]:
            return Put(what, where)
        case ["say", first, *rest] if rest:
            return (first, rest)
        case [single]:
            return single
        case _:
            return 0


class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return "ready", {}

    def step(self, action):
        match parse(action.split()):
            case None:
                text = "nothing"
            case Way.NORTH:
                text = "up"
            case Way():
                text = "down"
            case {"kind": "lost", **rest}:
                text = f"lost {sorted(rest)}"
            case Put(what=w, where="box"):
                text = f"{w} boxed"
            case Put(w, place):
                text = f"{w} at {place}"
            case (str() as first, [*others]):
                text = f"{first}+{len(others)}"
            case "quit":
                return "bye", 1.0, True, False, {}
            case str(word):
                text = word.upper()
            case int() | float():
                text = "number"
        return text, 0.0, False, False, {}
