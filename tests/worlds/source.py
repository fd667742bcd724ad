"""The sources as text, and as classes outside the sandbox."""

from pathlib import Path
from typing import Any

import gymnasium as gym

FOLDER = Path(__file__).parent / "sources"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.py")))


def read(name: str) -> str:
    """The source of a world."""
    return (FOLDER / f"{name}.py").read_text(encoding="utf-8")


def load(source: str) -> type[gym.Env[str, str]]:
    """The class that a source defines, the last one if there are several, run by plain Gymnasium."""
    module: dict[str, Any] = {"__name__": "authored"}
    exec(compile(source, "<authored>", "exec"), module)
    return [value for value in module.values()
            if isinstance(value, type) and issubclass(value, gym.Env) and value.__module__ == "authored"][-1]
