"""Places that are named in every text, so that whoever acts knows where it is: lakes and a cliff of Gymnasium's.

Rules, chance and maps are Gymnasium's. Ours are the telling, the limit of steps and, at the cliff, that an episode may
begin near the goal and ends with a fall: a policy that wanders would seldom come to the end.
"""

from typing import Any

import gymnasium as gym

from benchmarks import lakes

STEPS = 20  # most actions of an episode
WIDTH = 12  # squares along the cliff
FIRST = (36, 30, 32, 33, 34, 35, 23)  # where an episode at the cliff begins: Gymnasium's square, and near the goal


class Place(gym.Env[str, str]):
    """A grid of Gymnasium's that is told square by square, after its name.

    A word that it does not know costs what a step does.

    Args:
        name: of the place.
        grid: what it is.
        width: squares in a row.
        actions: Gymnasium's numbering.
        ways: the next action on a shortest way to the goal, by what is told of a square.
        price: of a step.
    """

    observation_space = gym.spaces.Text(200)
    action_space = gym.spaces.Text(200)

    def __init__(self, name: str, grid: gym.Env[Any, Any], width: int, actions: tuple[str, ...], ways: dict[str, str],
                 price: float = 0.0):
        self.name, self.grid, self.width, self.actions, self.ways = name, grid.unwrapped, width, actions, ways
        self.price = price

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        self.grid.reset(seed=seed)
        self.steps = 0
        return self.tell(), {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        late = self.steps >= STEPS
        if action not in self.actions:
            return f"{self.tell()} Say one of {', '.join(self.actions)}.", -self.price, False, late, {}
        _, reward, ended, _, _ = self.grid.step(self.actions.index(action))
        return self.tell(float(reward), bool(ended)), float(reward), bool(ended), late and not ended, {}

    @property
    def square(self) -> str:
        """What is told of the square that the agent is on."""
        return told(int(self.grid.s), self.width)  # type: ignore[attr-defined]

    def tell(self, reward: float = 0.0, ended: bool = False) -> str:
        happened = " You fell." if reward < -1 or (ended and not reward) else " You reached the goal." if ended else ""
        return f"{self.name}. {self.square}{happened}"


def told(square: int, width: int) -> str:
    """What is told of a square, by Gymnasium's number."""
    row, column = divmod(square, width)
    return f"Row {row + 1}, column {column + 1}."


class Lake(Place):
    """A frozen lake, with the map of that number of `benchmarks.lakes`."""

    def __init__(self, name: str, number: int):
        lake = lakes.Lake(number)
        super().__init__(name, gym.make("FrozenLake-v1", desc=lake.rows, is_slippery=False), lakes.SIZE,
                         ("left", "down", "right", "up"), lake.ways)


class Cliff(Place):
    """CliffWalking-v1: a step costs 1; a fall costs 100, leads back to Gymnasium's first square, and ends here."""

    def __init__(self, name: str):
        ways = {told(square, WIDTH): "down" if square % WIDTH == WIDTH - 1 else "right" for square in range(36)}
        super().__init__(name, gym.make("CliffWalking-v1"), WIDTH, ("up", "right", "down", "left"),
                         ways | {told(36, WIDTH): "up"}, price=1.0)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        self.grid.s = int(self.np_random.choice(FIRST))  # type: ignore[attr-defined]
        return self.tell(), {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        told, reward, ended, late, info = super().step(action)
        fell = reward < -self.price
        return told, reward, ended or fell, late and not fell, info
