'''Enums of all kinds, and their members as dictionary keys and observations.'''
from enum import Enum, Flag, IntEnum, StrEnum, auto, unique

import gymnasium as gym


@unique
class Light(Enum):
    RED = auto()
    GREEN = auto()
    AMBER = auto()

    @property
    def following(self):
        members = list(Light)
        return members[(members.index(self) + 1) % len(members)]


class Level(IntEnum):
    LOW = 1
    HIGH = 5


class Mode(StrEnum):
    IDLE = "idle"
    BUSY = auto()


class Right(Flag):
    READ = auto()
    WRITE = auto()
    BOTH = READ | WRITE


COST = {Light.RED: 1, Light.GREEN: 2, Light.AMBER: 3}


class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.light, self.rights, self.level = Light.RED, Right(0), Level.LOW
        return Mode.IDLE, {}

    def step(self, action):
        if action == "press":
            self.light = self.light.following
        elif action == "read":
            self.rights |= Right.READ
        elif action == "write":
            self.rights |= Right.WRITE
            self.level = Level["HIGH"]
        done = self.rights == Right.BOTH and self.light is Light.AMBER
        text = f"{self.light.name} {self.light.value} {self.light} {self.rights.value} {self.level + 1} {Mode.BUSY}"
        return text, COST[self.light], done, False, {"mode": Mode.BUSY, "bits": Right.WRITE in self.rights, "names": list(Light.__members__)}
