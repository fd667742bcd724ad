"""Balls drawn from an urn, seven in ten of them red; leaving pays for the last one."""

from tests.games.game import Game, Step


class Lottery(Game):
    """Chance in every draw."""

    actions = ("draw", "leave")

    def begin(self) -> str:
        self.ball = "None"
        return "None."

    def step(self, action: str) -> Step:
        if action == "leave":
            return "Outside.", 2.0 if self.ball == "Red" else -0.5, True, False, {}
        if action == "draw":
            self.ball = "Red" if self.np_random.random() < 0.7 else "Blue"
        return f"{self.ball}.", 0.0, False, False, {}
