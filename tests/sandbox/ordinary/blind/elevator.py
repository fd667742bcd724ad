"""An operator drives an elevator and delivers passengers."""
from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

import gymnasium as gym
from gymnasium.spaces import Text


class Door(Enum):
    OPEN = auto()
    CLOSED = auto()


@dataclass
class Passenger:
    name: str
    origin: int
    target: int
    waited: int = 0
    riding: bool = False

    def __str__(self) -> str:
        return f"{self.name}->{self.target}"


class Elevator:
    """Mechanical part: position, door and load."""

    def __init__(self, floors: int, capacity: int) -> None:
        self.floors = floors
        self.capacity = capacity
        self.floor = 0
        self.door = Door.CLOSED
        self.load: list[Passenger] = []

    @property
    def is_open(self) -> bool:
        return self.door is Door.OPEN

    def move(self, delta: int) -> str:
        if self.is_open:
            return "Close the door first."
        if not 0 <= self.floor + delta < self.floors:
            return "The elevator cannot go any further."
        self.floor += delta
        return f"The elevator moves to floor {self.floor}."


class ElevatorEnv(gym.Env):
    metadata = {"render_modes": ["ansi"]}
    NAMES = ("Ann", "Bob", "Cy", "Dee", "Eve", "Flo")

    def __init__(self, floors: int = 5, capacity: int = 2, passengers: int = 4, max_steps: int = 60) -> None:
        self.floors = floors
        self.capacity = capacity
        self.n_passengers = passengers
        self.max_steps = max_steps
        self.render_mode = "ansi"
        self.action_space = Text(20)
        self.observation_space = Text(1000)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.lift = Elevator(self.floors, self.capacity)
        self.waiting: list[Passenger] = []
        for name in self.NAMES[: self.n_passengers]:
            origin, target = (int(x) for x in self.np_random.choice(self.floors, size=2, replace=False))
            self.waiting.append(Passenger(name, origin, target))
        self.clock = 0
        self.delivered = 0
        return "Your shift begins.\n" + self.render(), {"delivered": 0}

    def _open(self) -> tuple[str, float]:
        if self.lift.is_open:
            return "The door is already open.", 0.0
        self.lift.door = Door.OPEN
        leaving = [p for p in self.lift.load if p.target == self.lift.floor]
        self.lift.load = [p for p in self.lift.load if p not in leaving]
        self.delivered += len(leaving)
        boarding = [p for p in self.waiting if p.origin == self.lift.floor]
        boarding = boarding[: self.lift.capacity - len(self.lift.load)]
        for p in boarding:
            p.riding = True
            self.waiting.remove(p)
            self.lift.load.append(p)
        text = "The door opens."
        if leaving:
            text += " " + ", ".join(p.name for p in leaving) + " out."
        if boarding:
            text += " " + ", ".join(p.name for p in boarding) + " in."
        return text, 1.0 * len(leaving)

    def step(self, action: str):
        self.clock += 1
        reward = 0.0
        command = action.strip().lower()
        if command in ("up", "down"):
            text = self.lift.move(1 if command == "up" else -1)
        elif command == "open":
            text, reward = self._open()
        elif command == "close":
            text = "The door closes." if self.lift.is_open else "The door is already closed."
            self.lift.door = Door.CLOSED
        elif command == "wait":
            text = "Muzak plays."
        else:
            text = f"There is no button '{action}'. Buttons: up, down, open, close, wait."
        for p in self.waiting:
            p.waited += 1
        reward -= 0.01 * len(self.waiting)
        terminated = self.delivered == self.n_passengers
        truncated = not terminated and self.clock >= self.max_steps
        return f"{text}\n{self.render()}", reward, terminated, truncated, {"delivered": self.delivered}

    def render(self) -> str:
        inside = ", ".join(map(str, self.lift.load)) or "empty"
        calls = sorted({p.origin for p in self.waiting})
        return f"Floor {self.lift.floor}, door {self.lift.door.name.lower()}, cabin: {inside}, calls from: {calls or 'none'}"
