from __future__ import annotations

import math
from collections import namedtuple
from enum import IntEnum

import gymnasium as gym
from gymnasium import spaces

Point = namedtuple("Point", "x y")


class Heading(IntEnum):
    NORTH, EAST, SOUTH, WEST = range(4)

    def turned(self, quarter: int) -> Heading:
        return Heading((self + quarter) % 4)


class Robot:
    """Keeps its own battery; raises RuntimeError when it runs flat."""

    def __init__(self, position: Point, battery: int) -> None:
        self.position, self.heading = position, Heading.NORTH
        self.__battery = self.__capacity = battery
        self.cargo: str | None = None

    @property
    def battery(self) -> int:
        return self.__battery

    def drain(self, amount: int = 1) -> None:
        self.__battery -= amount
        if self.__battery <= 0:
            raise RuntimeError("The battery is flat.")

    def recharge(self) -> int:
        gained, self.__battery = self.__capacity - self.__battery, self.__capacity
        return gained

    @property
    def ahead(self) -> Point:
        dx, dy = ((0, 1), (1, 0), (0, -1), (-1, 0))[self.heading]
        return Point(self.position.x + dx, self.position.y + dy)


class WarehouseEnv(gym.Env):
    metadata = {"render_modes": [], "render_fps": 4}
    DOCK = Point(0, 0)

    def __init__(self, width: int = 5, height: int = 4, crates: int = 2, battery: int = 30) -> None:
        self.width, self.height, self.n_crates, self.battery = width, height, crates, battery
        self.action_space, self.observation_space = spaces.Text(24), spaces.Text(600)

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        super().reset(seed=seed)
        self.robot = Robot(self.DOCK, self.battery)
        squares = [Point(x, y) for x in range(self.width) for y in range(self.height) if x or y]
        picks = self.np_random.choice(len(squares), self.n_crates + 2, replace=False).tolist()
        self.crates = {chr(ord("A") + k): squares[i] for k, i in enumerate(picks[: self.n_crates])}
        self.pillars = {squares[i] for i in picks[self.n_crates :]}
        self.delivered: list[str] = []
        return "Bring every crate to the dock at (0, 0). " + self._report(), {"battery": self.robot.battery}

    def _blocked(self, p: Point) -> bool:
        return p in self.pillars or not (0 <= p.x < self.width and 0 <= p.y < self.height)

    def _report(self) -> str:
        r = self.robot
        return f"At ({r.position.x}, {r.position.y}) facing {r.heading.name.lower()}, battery {r.battery}, cargo {r.cargo or 'none'}."

    def _scan(self) -> str:
        found = sorted((math.dist(self.robot.position, p), name, p) for name, p in self.crates.items())
        crates = ", ".join(f"crate {name} at ({p.x}, {p.y}), {d:.1f} m" for d, name, p in found) or "no crates"
        return f"Scan: {crates}. The way ahead is {'blocked' if self._blocked(self.robot.ahead) else 'clear'}."

    def _forward(self, count: int) -> str:
        for done in range(count):
            if self._blocked(target := self.robot.ahead):
                return f"Bump! Stopped after {done} squares."
            self.robot.position = target
            self.robot.drain(2 if self.robot.cargo else 1)
        return f"Moved {count}."

    def _handle(self, command: str) -> tuple[str, float]:
        robot, verb, arg = self.robot, *(command.split() + ["", ""])[:2]
        if verb == "forward":
            return self._forward(int(arg) if arg.isdecimal() else 1), 0.0
        if quarter := {"left": -1, "right": 1}.get(verb):
            robot.heading = robot.heading.turned(quarter)
            return f"Turned {verb}.", 0.0
        if verb == "scan":
            robot.drain()
            return self._scan(), 0.0
        if verb == "charge":
            return (f"Recharged {robot.recharge()}." if robot.position == self.DOCK else "There is no charger here."), 0.0
        if verb == "lift":
            here = [name for name, p in self.crates.items() if p == robot.position]
            if robot.cargo or not here:
                return "Nothing can be lifted.", -0.1
            robot.cargo = here.pop()
            del self.crates[robot.cargo]
            return f"Lifted crate {robot.cargo}.", 0.2
        if verb == "lower" and robot.cargo:
            name, robot.cargo = robot.cargo, None
            if robot.position == self.DOCK:
                self.delivered.append(name)
                return f"Crate {name} delivered.", 1.0
            self.crates[name] = robot.position
            return f"Crate {name} put down.", -0.2
        return "Commands: forward [n], left, right, scan, lift, lower, charge.", -0.05

    def step(self, action: str):
        flat = False
        try:
            text, reward = self._handle(action.lower())
        except RuntimeError as problem:
            text, reward, flat = str(problem), -1.0, True
        done = flat or len(self.delivered) == self.n_crates
        return f"{text} {self._report()}", reward, done, False, {"battery": self.robot.battery}
