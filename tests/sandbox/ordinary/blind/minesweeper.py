import itertools
import re

import gymnasium as gym
from gymnasium import spaces

HIDDEN, FLAG, MINE = "?", "F", "*"


class Cell:
    __slots__ = ("mine", "open", "flag", "count")

    def __init__(self):
        self.mine = self.open = self.flag = False
        self.count = 0

    def symbol(self, cheat=False):
        if self.open or cheat:
            return MINE if self.mine else str(self.count or ".")
        return FLAG if self.flag else HIDDEN


class MinesweeperEnv(gym.Env):
    """Classic minesweeper. The first cell you open is always safe."""

    metadata = {"render_modes": ["ansi", "human"]}
    COMMAND = re.compile(r"^\s*(open|flag|chord|o|f|c)?\s*([a-z])\s*(\d+)\s*$", re.I)

    def __init__(self, width=7, height=6, mines=6, render_mode=None):
        if mines >= width * height:
            raise ValueError("too many mines")
        self.width, self.height, self.mines = width, height, mines
        self.render_mode = render_mode
        self.action_space = spaces.Text(20)
        self.observation_space = spaces.Text(600)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.grid = {pos: Cell() for pos in itertools.product(range(self.height), range(self.width))}
        self.laid = self.exploded = False
        return f"{self.mines} mines lie hidden.\n{self.board()}", self._info()

    def _info(self):
        return {"opened": sum(c.open for c in self.grid.values()), "flags": sum(c.flag for c in self.grid.values())}

    def around(self, pos):
        r, c = pos
        for dr, dc in itertools.product((-1, 0, 1), repeat=2):
            if (dr or dc) and (r + dr, c + dc) in self.grid:
                yield r + dr, c + dc

    def lay_mines(self, first):
        candidates = [p for p in self.grid if p != first]
        for i in self.np_random.choice(len(candidates), size=self.mines, replace=False):
            pos = candidates[i]
            self.grid[pos].mine = True
            for other in self.around(pos):
                self.grid[other].count += 1
        self.laid = True

    def open_from(self, start):
        """Flood fill; returns the number of cells opened."""
        stack, opened = [start], 0
        while stack:
            pos = stack.pop()
            cell = self.grid[pos]
            if cell.open or cell.flag:
                continue
            cell.open = True
            opened += 1
            if cell.mine:
                self.exploded = True
            elif cell.count == 0:
                stack.extend(self.around(pos))
        return opened

    def step(self, action):
        reward = 0.0
        match = self.COMMAND.match(action)
        if match is None:
            text = "Try 'open b3', 'flag b3' or 'chord b3'."
        else:
            verb = (match.group(1) or "open")[0].lower()
            pos = (int(match.group(3)) - 1, ord(match.group(2).lower()) - ord("a"))
            if pos not in self.grid:
                text = "That is off the board."
            elif verb == "f":
                text = self._flag(self.grid[pos])
            elif verb == "o":
                if not self.laid:
                    self.lay_mines(pos)
                opened = self.open_from(pos)
                reward += 0.05 * opened
                text = f"{opened} cells opened." if opened else "That cell cannot be opened."
            else:
                cell = self.grid[pos]
                flags = sum(self.grid[p].flag for p in self.around(pos))
                if cell.open and flags == cell.count:
                    opened = sum(self.open_from(p) for p in self.around(pos))
                    reward += 0.05 * opened
                    text = f"The chord opens {opened} cells."
                else:
                    text = "You cannot chord there."
        won = not self.exploded and all(cell.open != cell.mine for cell in self.grid.values()) and self.laid
        if self.exploded:
            text, reward = "BOOM! " + text, -1.0
        elif won:
            text, reward = text + " The field is clear!", reward + 1.0
        return f"{text}\n{self.board(self.exploded)}", reward, self.exploded or won, False, self._info()

    def _flag(self, cell):
        if cell.open:
            return "That cell is already open."
        cell.flag = not cell.flag
        return "Flag planted." if cell.flag else "Flag removed."

    def board(self, cheat=False):
        head = "   " + " ".join(chr(ord("a") + c) for c in range(self.width))
        rows = (f"{r + 1:2d} " + " ".join(self.grid[r, c].symbol(cheat) for c in range(self.width)) for r in range(self.height))
        return "\n".join([head, *rows])
