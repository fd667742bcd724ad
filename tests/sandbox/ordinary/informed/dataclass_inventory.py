'''Dataclasses: defaults, factories, private fields, post-init, frozen, ordering, inheritance.'''
import dataclasses
from dataclasses import dataclass, field
from typing import ClassVar

import gymnasium as gym


@dataclass(frozen=True, order=True)
class Item:
    weight: int
    name: str = "thing"
    tags: tuple[str, ...] = ()

    def __post_init__(self):
        object.__setattr__(self, "name", self.name.lower())


@dataclass
class Bag:
    capacity: int
    items: list[Item] = field(default_factory=list)
    _moves: int = 0
    KIND: ClassVar[str] = "bag"

    @property
    def load(self) -> int:
        return sum(i.weight for i in self.items)

    def add(self, item: Item) -> bool:
        self._moves += 1
        if self.load + item.weight > self.capacity:
            return False
        self.items.append(item)
        return True


@dataclass
class LockedBag(Bag):
    code: str = "none"

    def __post_init__(self):
        self.code = self.code.upper()


CATALOGUE = {"rope": Item(3, "ROPE"), "lamp": Item(2, "Lamp", ("light",)), "anvil": Item(50, "anvil")}


class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.bag = LockedBag(capacity=6, code="ab")
        return repr(self.bag), {}

    def step(self, action):
        verb, _, noun = action.partition(" ")
        item = CATALOGUE.get(noun)
        reward = 0.0
        if verb == "take" and item is not None:
            reward = 1.0 if self.bag.add(item) else -1.0
        elif verb == "drop" and item in self.bag.items:
            self.bag.items.remove(item)
        elif verb == "use":
            self.bag = dataclasses.replace(self.bag, capacity=self.bag.capacity + 1)
        text = f"{self.bag} {sorted(self.bag.items)} {dataclasses.asdict(self.bag)['capacity']} {Bag.KIND}"
        return text, reward, self.bag.load >= 6, False, {"load": self.bag.load}
