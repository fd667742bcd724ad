"""The real engine, where the configuration names one.

It is the user's own code and runs in this process, trusted. Every step taken in it is counted.
"""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym

from dreamer.config import ConfigError
from rollout.world import RealWorld


def open_production(engine: str, options: dict[str, Any], folder: Path, hands: int = 1,
                    key: str = "production.engine") -> RealWorld:
    """A world that makes real environments.

    Args:
        engine: `file.py:Name`, the file relative to `folder`.
        options: keyword arguments for `Name`.
        hands: how many threads may be in different environments at once.
        key: where the configuration names it.

    Raises:
        ConfigError: there is no such file or name; or, when the world is used, it makes no Gymnasium environment.
    """
    make = find_engine(engine, folder, key)

    def made() -> gym.Env[str, str]:
        try:
            env = make(**options)
        except (Exception, SystemExit) as error:
            raise ConfigError(
                f"{key} {engine!r} with options {options} failed: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(env, gym.Env):
            raise ConfigError(f"{key} {engine!r} makes a {type(env).__name__}, not a gymnasium.Env")
        return env

    return RealWorld(made, hands)


def find_engine(engine: str, folder: Path, key: str = "production.engine") -> Callable[..., Any]:
    """What `file.py:Name` names. Imports the file; makes and steps nothing.

    Raises:
        ConfigError: there is no such file or name.
    """
    file, _, name = engine.rpartition(":")
    path = (folder / file).resolve()
    if not file or not path.is_file():
        raise ConfigError(f"{key} {engine!r}: no file {path}; write it as file.py:Name")
    spec = importlib.util.spec_from_file_location(f"production_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{key} {engine!r}: {path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        failure = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{key} {engine!r}: importing {path} failed: {failure}") from error
    if not callable(found := getattr(module, name, None)):
        raise ConfigError(f"{key} {engine!r}: {path} has no {name!r} to call")
    return found  # type: ignore[no-any-return]
