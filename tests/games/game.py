"""What the toy games share: texts in, texts out, and the actions that do something."""

from typing import Any, ClassVar

import gymnasium as gym

Step = tuple[str, float, bool, bool, dict[str, Any]]


class Game(gym.Env[str, str]):
    """A text game. Words that it does not know change nothing."""

    actions: ClassVar[tuple[str, ...]]
    observation_space = gym.spaces.Text(100)
    action_space = gym.spaces.Text(100)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        return self.begin(), {}

    def begin(self) -> str:
        """Forget the last episode; the first words of the next."""
        raise NotImplementedError
