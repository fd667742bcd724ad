"""Players who leave sessions behind: anything goes, or mostly the right thing."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import gymnasium as gym

from rollout.trajectory import Trajectory, Turn

Choose = Callable[[Random, str, Sequence[str]], str]  # by the last text and the legal actions, if listed


def wanders(actions: Sequence[str], odd: float = 0.03) -> Choose:
    """Says any of some actions, repeats are likelier, mostly legal ones, now and then a word that means nothing."""

    def choose(random: Random, text: str, legal: Sequence[str]) -> str:
        if random.random() < odd:
            return "hum"
        fit = [action for action in actions if action in legal]
        return random.choice(fit if fit and random.random() < 0.9 else actions)

    return choose


def record(
    env: gym.Env[str, str], choose: Choose, count: int, seed: int, longest: int, name: str
) -> list[Trajectory]:
    """Sessions of a player; the seed decides the world's chance and the player's."""
    random = Random(f"{name} {seed}")
    return [_play(env, choose, random, seed * 100_000 + number, longest, f"{name}-{seed}-{number}")
            for number in range(count)]


def _play(
    env: gym.Env[str, str], choose: Choose, random: Random, seed: int, longest: int, name: str
) -> Trajectory:
    info: dict[str, Any]
    text, info = env.reset(seed=seed)
    first, turns = text, list[Turn]()
    while len(turns) < longest and not (turns and turns[-1].terminated):
        action = choose(random, text, info.get("actions", ()))
        text, reward, ended, _, info = env.step(action)
        turns.append(Turn(
            action=action, observation=text, reward=float(reward), terminated=ended,
            truncated=not ended and len(turns) + 1 == longest,
            actions=tuple(info["actions"]) if "actions" in info else None,
        ))
    return Trajectory(
        id=name, source="real", observation=first, turns=tuple(turns), seed=seed,
        outcome=sum(turn.reward or 0.0 for turn in turns),
        stop="terminated" if turns[-1].terminated else "truncated",
    )
