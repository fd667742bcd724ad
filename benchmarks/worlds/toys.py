"""Gymnasium's Taxi and slippery FrozenLake, told as text: fields and rewards other than 0 and 1; chance."""

from collections.abc import Mapping
from copy import deepcopy
from math import log
from random import Random
from typing import Any

from benchmarks.worlds.world import Player, World
from rollout.trajectory import Trajectory
from tests.worlds.engines import Lake, Taxi, Told


class Toy(World):
    """One of the games that `tests.worlds.engines` tells, with its player."""

    def __init__(self, told: Told):
        self.name, self.told = told.name, told

    def engine(self) -> Told:
        return deepcopy(self.told)  # a game of its own

    def player(self, random: Random) -> Player:
        choose = self.told.player

        def act(text: str, info: Mapping[str, Any]) -> str:
            return choose(random, text, ())

        return act

    def surprise(self, session: Trajectory) -> list[float]:
        text, found = session.observation.text, []
        for turn in session.turns:
            known = turn.action.text in self.told.actions
            outcome = (turn.answer or "", turn.reward or 0.0, bool(turn.terminated))
            found.append(-log(self.told.outcomes(text, turn.action.text)[outcome]) if known else 0.0)
            text = turn.answer or "" if known else text
        return found

    def won(self, session: Trajectory) -> bool:
        return (session.turns[-1].reward or 0.0) > 0


WORLDS = (Toy(Taxi()), Toy(Lake(slippery=True)))
