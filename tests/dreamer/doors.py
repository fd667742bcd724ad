"""A toy world for whole nights: three rooms, in each of which one of two doors is right.

The recorded agent prefers the wrong door in the second room.
"""

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from rollout.trajectory import Message, Observation, Trajectory, Turn

RIGHT = ("left", "right", "left")


class Doors(gym.Env[str, str]):
    """Go through three right doors."""

    observation_space = gym.spaces.Text(100, charset="abcdefghijklmnopqrstuvwxyz .ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    action_space = gym.spaces.Text(100)

    def __init__(self, right: Sequence[str] = RIGHT):
        self.right = right

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        self.room = 0
        return "Room 1.", {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        if action != self.right[self.room]:
            return "A trap.", 0.0, True, False, {}
        self.room += 1
        if self.room == len(self.right):
            return "The garden.", 1.0, True, False, {}
        return f"Room {self.room + 1}.", 0.0, False, False, {}


def record(count: int, seed: int = 0, right: Sequence[str] = RIGHT, skill: float | None = None) -> list[Trajectory]:
    """Sessions of the flawed agent.

    Args:
        right: the doors.
        skill: how likely it takes the right one in every room; None is the flawed agent.
    """
    random, env, sessions = np.random.default_rng(seed), Doors(right), []
    for number in range(count):
        observation, _ = env.reset()
        first, turns = observation, list[Turn]()
        while not turns or not turns[-1].terminated:
            likely = skill or (0.3 if observation == "Room 2." else 0.8)
            door = right[env.room]
            action = door if random.random() < likely else "left" if door == "right" else "right"
            observation, reward, terminated, truncated, _ = env.step(action)
            turns.append(Turn(action=action, observation=observation, reward=reward, terminated=terminated,
                              truncated=truncated))
        sessions.append(Trajectory(id=f"s{number}", source="real", observation=first, turns=tuple(turns),
                                   outcome=turns[-1].reward))
    return sessions


KEEPER = "ann.smith" + "@" + "example.com"
KEY = "sk-" + "proj-" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6"


class PrivateDoors(Doors):
    """The last door opens to who writes to its keeper; the log holds a key as well."""

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        if self.room == 2:
            action = "left" if action == f"write {KEEPER}" else action
        observation, *rest = super().step(action)
        hints = {"Room 3.": f"Room 3. Keeper: {KEEPER}.", "A trap.": f"A trap. password={KEY}"}
        return hints.get(observation, observation), *rest


def record_private(count: int) -> list[Trajectory]:
    """The same agent, who writes to the keeper; the secrets stand in texts, ids, tasks and what the log adds."""
    hints = {"Room 3.": f"Room 3. Keeper: {KEEPER}.", "A trap.": f"A trap. password={KEY}"}
    sessions = []
    for number, session in enumerate(record(count)):
        turns = []
        for place, turn in enumerate(session.turns):
            action = f"write {KEEPER}" if place == 2 and turn.action.text == "left" else turn.action.text
            answer = turn.answer or ""
            turns.append(turn.model_copy(update={
                "action": Message(role="assistant", content=action),
                "observation": Observation(messages=(Message(role="user", content=hints.get(answer, answer)),)),
            }))
        sessions.append(session.model_copy(update={
            "id": f"{session.id} of {KEEPER}" if number % 50 == 0 else session.id, "turns": tuple(turns),
            "extra": {"headers": {"Authorization": f"Bearer {KEY}"}, KEEPER: [KEY]},
        }))
    return sessions


class OldDoors(Doors):
    """As long as the second door was where the recorded agent looks for it."""

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        return super().step({"left": "right", "right": "left"}.get(action, action) if self.room == 1 else action)
