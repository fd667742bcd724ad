"""Four cells in a row, the last one a garden."""

from tests.games.game import Game, Step


class Corridor(Game):
    """Deterministic, and its text says everything."""

    actions = ("left", "right")

    def begin(self) -> str:
        self.cell = 1
        return "Cell 1."

    def step(self, action: str) -> Step:
        self.cell = max(1, self.cell + {"left": -1, "right": 1}.get(action, 0))
        if self.cell == 4:
            return "The garden.", 1.0, True, False, {}
        return f"Cell {self.cell}.", 0.0, False, False, {}
