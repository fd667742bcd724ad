"""Tower of Hanoi with a random starting arrangement."""
import re
from typing import Optional

import gymnasium as gym
from gymnasium import spaces


class IllegalMove(Exception):
    """Raised when a disk may not be moved."""


class HanoiEnv(gym.Env):
    metadata = {"render_modes": ["ansi", "human"]}

    _MOVE = re.compile(
        r"^(?:move\s+)?(?:disk\s+)?(?:from\s+)?(?:peg\s+)?([abc])\s*(?:to|->|,|\s)\s*(?:peg\s+)?([abc])$", re.IGNORECASE
    )
    PEGS = "ABC"

    def __init__(self, disks: int = 4, max_moves: int = 100, render_mode: Optional[str] = None):
        self.disks = disks
        self.max_moves = max_moves
        self.render_mode = render_mode
        self.action_space = spaces.Text(50)
        self.observation_space = spaces.Text(500)
        self._pegs = {p: [] for p in self.PEGS}
        self._history = []
        self._turns = 0

    def reset(self, *, seed: Optional[int] = None, options: Optional[dict] = None):
        super().reset(seed=seed)
        self._pegs = {p: [] for p in self.PEGS}
        if options and options.get("classic"):
            self._pegs["A"] = list(range(self.disks, 0, -1))
        else:
            # every assignment of disks to pegs is a legal position
            for disk in range(self.disks, 0, -1):
                peg = self.PEGS[self.np_random.integers(2)]
                self._pegs[peg].append(disk)
        self._history.clear()
        self._turns = 0
        return "Move all disks to peg C.\n" + self._board(), self._info()

    def _info(self):
        return {"moves": len(self._history), "on_target": len(self._pegs["C"])}

    def _board(self) -> str:
        return "\n".join(f"{p}: {' '.join(map(str, stack)) or '-'}" for p, stack in self._pegs.items())

    def _move(self, src: str, dst: str) -> int:
        if src == dst:
            raise IllegalMove("A disk must change pegs.")
        if not self._pegs[src]:
            raise IllegalMove(f"Peg {src} is empty.")
        disk = self._pegs[src][-1]
        if self._pegs[dst] and self._pegs[dst][-1] < disk:
            raise IllegalMove(f"Disk {disk} cannot rest on the smaller disk {self._pegs[dst][-1]}.")
        self._pegs[dst].append(self._pegs[src].pop())
        return disk

    def step(self, action: str):
        self._turns += 1
        reward = -0.01
        text = action.strip()
        if text.lower() == "undo":
            if self._history:
                src, dst = self._history.pop()
                self._move(dst, src)
                message = f"You take back {src} to {dst}."
            else:
                message = "There is nothing to undo."
        elif text.lower() in {"look", "show"}:
            message = "The towers stand before you."
        elif found := self._MOVE.match(text):
            src, dst = (g.upper() for g in found.groups())
            try:
                disk = self._move(src, dst)
            except IllegalMove as err:
                message = str(err)
                reward -= 0.09
            else:
                self._history.append((src, dst))
                message = f"Disk {disk} goes from {src} to {dst}."
        else:
            message = f"Cannot parse {text!r}. Write for example 'A to C', 'undo' or 'look'."
        terminated = len(self._pegs["C"]) == self.disks
        if terminated:
            reward += 1.0
            message += f" Solved in {len(self._history)} moves!"
        truncated = self._turns >= self.max_moves and not terminated
        if self.render_mode == "human":
            self.render()
        return message + "\n" + self._board(), reward, terminated, truncated, self._info()

    def render(self):
        if self.render_mode == "human":
            print(self._board())
            return None
        return self._board()
