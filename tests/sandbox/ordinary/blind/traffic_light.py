"""Control the traffic lights at a crossing."""

from collections import deque
from enum import Enum

import gymnasium as gym
from gymnasium import spaces


class Light(Enum):
    RED = "red"
    AMBER = "amber"
    GREEN = "green"

    def next(self):
        order = [Light.RED, Light.GREEN, Light.AMBER]
        return order[(order.index(self) + 1) % len(order)]


class Road:
    def __init__(self, name, rate):
        self.name = name
        self.rate = rate
        self.queue = deque()
        self.light = Light.RED
        self.passed = 0

    def arrive(self, clock):
        self.queue.append(clock)

    def discharge(self, n):
        gone = [self.queue.popleft() for _ in range(min(n, len(self.queue)))]
        self.passed += len(gone)
        return len(gone)

    def oldest(self, clock):
        return clock - self.queue[0] if self.queue else 0


class TrafficLightEnv(gym.Env):
    """Two roads meet. Never show green on both!"""

    metadata = {"render_modes": ["ansi"]}

    def __init__(self, rates=(0.6, 0.4), horizon=30, max_queue=12):
        super().__init__()
        self.rates = rates
        self.horizon = horizon
        self.max_queue = max_queue
        self.action_space = spaces.Text(max_length=30)
        self.observation_space = spaces.Text(max_length=500)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.roads = {name: Road(name, rate) for name, rate in zip(("main", "side"), self.rates)}
        for road in self.roads.values():
            for _ in range(int(self.np_random.integers(0, 4))):
                road.arrive(0)
        self.clock = 0
        self.walkers = False
        return "All lights are red.\n" + self.render(), self._info()

    def _info(self):
        return {"clock": self.clock, "passed": sum(r.passed for r in self.roads.values())}

    def _tick(self):
        self.clock += 1
        moved = 0
        for road in self.roads.values():
            capacity = {Light.RED: 0, Light.AMBER: 1, Light.GREEN: 2}[road.light]
            moved += road.discharge(capacity)
            if self.np_random.random() < road.rate:
                road.arrive(self.clock)
        if self.np_random.random() < 0.15:
            self.walkers = True
        return moved

    def step(self, action):
        words = action.lower().split()
        reward, terminated = 0.0, False
        moved = None
        if words == ["wait"]:
            moved = self._tick()
            text = f"{moved} cars pass."
        elif len(words) == 2 and words[0] == "switch" and words[1] in self.roads:
            road = self.roads[words[1]]
            road.light = road.light.next()
            moved = self._tick()
            text = f"The {road.name} road now shows {road.light.value}; {moved} cars pass."
        elif words == ["walk"]:
            if not self.walkers:
                text = "Nobody wants to cross on foot."
            elif any(r.light is not Light.RED for r in self.roads.values()):
                text = "The walkers shake their heads: not every light is red."
            else:
                self.walkers = False
                reward += 1.0
                self._tick()
                text = "The walkers cross safely."
        else:
            text = "Commands: wait, switch main, switch side, walk."
        if moved is not None:
            waiting = [r.oldest(self.clock) for r in self.roads.values()]
            reward += 0.2 * moved - 0.02 * sum(waiting)
        if all(r.light is not Light.RED for r in self.roads.values()):
            text, reward, terminated = text + " Crash! Both roads had right of way.", reward - 5.0, True
        elif max(len(r.queue) for r in self.roads.values()) > self.max_queue:
            text, reward, terminated = text + " The queue blocks the town.", reward - 2.0, True
        return f"{text}\n{self.render()}", reward, terminated, not terminated and self.clock >= self.horizon, self._info()

    def render(self):
        rows = [f"{r.name}: {r.light.value:<5} queue {'#' * len(r.queue) or '-'}" for r in self.roads.values()]
        if self.walkers:
            rows.append("Walkers are waiting.")
        return "\n".join(rows)
