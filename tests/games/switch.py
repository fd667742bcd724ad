"""A room with a lever and a door; the lever works the lock, and nothing shows it."""

from tests.games.game import Game, Step


class Switch(Game):
    """Deterministic, but one text stands for two states."""

    actions = ("pull", "open")

    def begin(self) -> str:
        self.unlocked = False
        return "A room."

    def step(self, action: str) -> Step:
        if action == "open" and self.unlocked:
            return "Outside.", 1.0, True, False, {}
        if action == "pull":
            self.unlocked = not self.unlocked
        return "A room.", 0.0, False, False, {}
