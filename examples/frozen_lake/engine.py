"""Gymnasium's own FrozenLake-v1, told as text: the real world of the lake examples.

The rules, the chance and the map are Gymnasium's; only the telling is ours. Also used by `slippery_lake`.
"""

from collections.abc import Sequence
from typing import Any

import gymnasium as gym

ACTIONS = ("left", "down", "right", "up")  # Gymnasium's numbering


class FrozenLakeText(gym.Env[str, str]):
    """FrozenLake with words for numbers.

    Args:
        is_slippery: the ice carries the agent sideways two times in three.
        max_steps: an episode is truncated after so many actions, wrong words included.
        desc: the map, in Gymnasium's letters; None takes its 4x4 one.
    """

    def __init__(self, is_slippery: bool = False, max_steps: int = 100, desc: Sequence[str] | None = None):
        self.observation_space = gym.spaces.Text(200)
        self.action_space = gym.spaces.Text(200)
        self.lake = gym.make("FrozenLake-v1", desc=desc, map_name="4x4", is_slippery=is_slippery).unwrapped
        self.max_steps = max_steps

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        self.square, _ = self.lake.reset(seed=seed)
        return self._tell(), {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        late = self.steps >= self.max_steps
        if action not in ACTIONS:
            return f"Say one of {', '.join(ACTIONS)}.", 0.0, False, late, {}
        self.square, reward, ended, _, _ = self.lake.step(ACTIONS.index(action))
        return self._tell(), float(reward), bool(ended), late and not ended, {}

    def _tell(self) -> str:
        row, column = divmod(int(self.square), self.lake.ncol)
        told = f"Row {row + 1}, column {column + 1}."
        return told + {b"H": " You fell into a hole.", b"G": " You reached the goal."}.get(
            self.lake.desc[row, column], ""
        )
