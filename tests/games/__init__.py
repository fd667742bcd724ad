"""Toy text games behind Gymnasium's own interface, and a player that leaves sessions."""

from tests.games.corridor import Corridor
from tests.games.lottery import Lottery
from tests.games.player import play, record
from tests.games.shop import Shop
from tests.games.switch import Switch

__all__ = ["Corridor", "Lottery", "Shop", "Switch", "play", "record"]
