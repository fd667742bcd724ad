from __future__ import annotations

from typing import Iterable, Literal, Optional

import gymnasium as gym
import gymnasium.spaces as sp

Mark = Literal["X", "O", " "]

LINES: tuple[tuple[int, int, int], ...] = (
    (0, 1, 2), (3, 4, 5), (6, 7, 8),
    (0, 3, 6), (1, 4, 7), (2, 5, 8),
    (0, 4, 8), (2, 4, 6),
)  # fmt: skip
COLS = "abc"


class Board:
    def __init__(self, cells: Optional[Iterable[Mark]] = None) -> None:
        self.cells: list[Mark] = list(cells) if cells is not None else [" "] * 9

    def __getitem__(self, i: int) -> Mark:
        return self.cells[i]

    def __setitem__(self, i: int, mark: Mark) -> None:
        self.cells[i] = mark

    def __str__(self) -> str:
        rows = []
        for r in range(3):
            rows.append(f"{r + 1} " + "|".join(self.cells[3 * r : 3 * r + 3]))
        return "  " + " ".join(COLS) + "\n" + "\n  -+-+-\n".join(rows)

    @property
    def free(self) -> list[int]:
        return [i for i, m in enumerate(self.cells) if m == " "]

    def wins(self, mark: Mark) -> bool:
        return any(all(self.cells[i] == mark for i in line) for line in LINES)

    @staticmethod
    def name(i: int) -> str:
        return f"{COLS[i % 3]}{i // 3 + 1}"

    @classmethod
    def index(cls, name: str) -> int:
        """Translate 'b2' (or '2b', or the digit 5) to 0..8; ValueError otherwise."""
        name = "".join(sorted(name.strip().lower(), reverse=True))
        if len(name) == 1 and name in "123456789":
            return int(name) - 1
        if len(name) == 2 and name[0] in COLS and name[1] in "123":
            return COLS.index(name[0]) + 3 * (int(name[1]) - 1)
        raise ValueError(name)


class TicTacToeEnv(gym.Env):
    """A match of several games against an opponent who plays at random."""

    metadata: dict = {"render_modes": ["ansi"]}

    def __init__(self, games: int = 5) -> None:
        super().__init__()
        self.games = games
        self.action_space = sp.Text(10)
        self.observation_space = sp.Text(500)
        self._board = Board()
        self._score = {"X": 0, "O": 0, "draw": 0}

    def reset(self, *, seed: Optional[int] = None, options: Optional[dict] = None) -> tuple[str, dict]:
        super().reset(seed=seed)
        self._score = {"X": 0, "O": 0, "draw": 0}
        opening = self._new_game()
        return f"You are X. {opening}\n{self._board}", {"score": dict(self._score)}

    def _new_game(self) -> str:
        self._board = Board()
        if self.np_random.random() < 0.5:
            return "You begin."
        return self._opponent()

    def _opponent(self) -> str:
        square = int(self.np_random.choice(self._board.free))
        self._board[square] = "O"
        return f"O plays {Board.name(square)}."

    def _finish(self, winner: str) -> str:
        self._score[winner] += 1
        return {"X": "You win this game!", "O": "O wins this game.", "draw": "A draw."}[winner]

    def _check(self) -> Optional[str]:
        for mark in ("X", "O"):
            if self._board.wins(mark):
                return mark
        return None if self._board.free else "draw"

    def step(self, action: str) -> tuple[str, float, bool, bool, dict]:
        reward = 0.0
        try:
            square = Board.index(action.lower().removeprefix("play "))
        except ValueError:
            text = f"'{action}' is not a square. Squares run from a1 to c3."
        else:
            if self._board[square] != " ":
                text = f"Square {Board.name(square)} is taken."
            else:
                self._board[square] = "X"
                text = f"You play {Board.name(square)}."
                if (winner := self._check()) is None:
                    text += " " + self._opponent()
                    winner = self._check()
                if winner is not None:
                    reward = {"X": 1.0, "O": -1.0, "draw": 0.2}[winner]
                    text += f" {self._finish(winner)}\n{self._board}"
                    text += f"\nNext game. {self._new_game()}" if sum(self._score.values()) < self.games else "\nThe match is over."
        done = sum(self._score.values()) >= self.games
        return f"{text}\n{self._board}", reward, done, False, {"score": dict(self._score)}

    def render(self) -> str:
        return str(self._board)
