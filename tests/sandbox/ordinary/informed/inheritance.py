'''Abstract bases, super in several methods, class constants, class and static methods, properties with setters.'''
from abc import ABC, abstractmethod

import gymnasium as gym
from gymnasium import spaces


class Creature(ABC):
    BASE = 10
    made = 0

    def __init__(self, name, **kwargs):
        self.name = name
        self._hp = self.BASE
        self.extra = kwargs

    @abstractmethod
    def strike(self, rng):
        ...

    @property
    def hp(self):
        return self._hp

    @hp.setter
    def hp(self, value):
        self._hp = max(0, value)

    @classmethod
    def spawn(cls, *args, **kwargs):
        return cls(*args, **kwargs)

    @staticmethod
    def describe(creature):
        return f"{creature.name}:{creature.hp}"

    def __str__(self):
        return f"{type(self).__name__}({self.describe(self)})"


class Orc(Creature):
    BASE = Creature.BASE + 5

    def __init__(self, name="orc", rage=1):
        super().__init__(name, rage=rage)
        self.rage = rage

    def strike(self, rng):
        self.rage += 1
        return int(rng.integers(1, 3)) + self.rage // 2


class Boss(Orc):
    def strike(self, rng):
        return super().strike(rng) + 1

    def __str__(self):
        return "*" + super().__str__() + "*" + self.__class__.__name__


class Base(gym.Env):
    metadata = {"render_modes": ["ansi"]}

    def __init__(self, render_mode=None):
        super().__init__()
        self.render_mode = render_mode
        self.observation_space = spaces.Text(max_length=500)
        self.action_space = spaces.Text(max_length=50)

    def status(self):
        return "base"

    def render(self):
        print(self.status())


class World(Base):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.hero, self.foe = Orc.spawn("hero"), Boss.spawn(rage=2)
        return self.status(), {}

    def status(self):
        return f"{self.hero} {self.foe} {super().status()}"

    def step(self, action):
        if action == "hit":
            self.foe.hp -= self.hero.strike(self.np_random)
        elif action == "heal":
            self.hero.hp += 2
        if action != "block" and self.foe.hp:
            self.hero.hp -= self.foe.strike(self.np_random)
        done = not self.foe.hp or not self.hero.hp
        self.render()
        return self.status(), 1.0 if not self.foe.hp else 0.0, done, False, {}
