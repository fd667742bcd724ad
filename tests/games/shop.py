"""A shop where everything costs: every turn a little, and not every ware is worth its price."""

from tests.games.game import Game, Step


class Shop(Game):
    """Rewards other than 0 and 1: each turn costs 0.25, tea brings 3, rust takes 2."""

    actions = ("wait", "buy tea", "buy rust")

    def begin(self) -> str:
        self.bought = 0
        return "Bought 0."

    def step(self, action: str) -> Step:
        worth = {"buy tea": 3.0, "buy rust": -2.0}.get(action)
        if worth is not None:
            self.bought += 1
        return f"Bought {self.bought}.", -0.25 + (worth or 0.0), self.bought == 2, False, {}
