"""Gymnasium's own toy games told as text: the real worlds whose faithful sources stand in `sources/`.

Rules, chance and starts are the engine's; the words are ours, and so is the answer to a word that is no action. Each
game also says everything that may follow a text and an action, from the engine's transition table (for blackjack:
worked out from the rules, by raw sums), and so how much surprise the engine itself holds.
"""

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Mapping
from functools import cache, cached_property
from math import log
from random import Random
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from rollout.trajectory import Trajectory
from tests.worlds.players import Choose, record

Outcomes = Mapping[tuple[str, float, bool], float]  # text, reward, end: probability


class Told(gym.Env[str, str]):
    """An engine in words.

    Attributes:
        name: of the faithful source.
        actions: words, in the engine's numbering.
    """

    name: str
    actions: tuple[str, ...]
    longest: ClassVar[int] = 40
    observation_space = action_space = gym.spaces.Text(400)

    @property
    @abstractmethod
    def starts(self) -> Mapping[str, float]:
        """Every first text, with its probability."""

    @abstractmethod
    def outcomes(self, text: str, action: str) -> Outcomes:
        """Everything that may follow an action where a text was shown that tells where one is."""

    @property
    @abstractmethod
    def player(self) -> Choose:
        """Flawed: the right action about half the time."""

    def sessions(self, count: int, seed: int) -> list[Trajectory]:
        """Sessions of a flawed player with the engine."""
        return record(self, self.player, count, seed, self.longest, self.name)

    def entropies(self, session: Trajectory) -> list[float]:
        """Nats of surprise that the engine holds at each step, given all that was shown."""
        text, found = session.observation.text, []
        for turn in session.turns:
            known = turn.action.text in self.actions
            found.append(entropy(self.outcomes(text, turn.action.text)) if known else 0.0)
            text = turn.answer or "" if known else text
        return found


def entropy(outcomes: Outcomes) -> float:
    return -sum(p * log(p) for p in outcomes.values() if p > 0)


class Table(Told):
    """An engine that keeps its transitions as a table `P[state][action]`."""

    def __init__(self, name: str, engine: str, actions: tuple[str, ...], **options: Any):
        self.name, self.actions = name, actions
        self.engine: Any = gym.make(engine, **options).unwrapped

    def tell(self, state: int, reward: float = 0.0) -> str:
        """The words for a state and what it took to get there."""
        raise NotImplementedError

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        return self.tell(int(self.engine.reset(seed=seed)[0])), {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        if action not in self.actions:
            return f"Say one of {', '.join(self.actions)}.", 0.0, False, False, {}
        state, reward, ended, _, _ = self.engine.step(self.actions.index(action))
        return self.tell(int(state), reward), float(reward), bool(ended), False, {}

    @property
    def starts(self) -> Mapping[str, float]:
        return {self.tell(state): float(p) for state, p in enumerate(self.engine.initial_state_distrib) if p > 0}

    @cached_property
    def situations(self) -> dict[str, int]:
        """Every text that can be reached and after which one can act, with its state."""
        found, open_ = {self.tell(int(s)): int(s) for s in np.flatnonzero(self.engine.initial_state_distrib)}, []
        open_ = list(found.values())
        while open_:
            for ways in self.engine.P[open_.pop()].values():
                for _, state, reward, ended in ways:
                    text = self.tell(int(state), reward)
                    if not ended and text not in found:
                        found[text] = int(state)
                        open_.append(int(state))
        return found

    def outcomes(self, text: str, action: str) -> Outcomes:
        told: dict[tuple[str, float, bool], float] = defaultdict(float)
        for p, state, reward, ended in self.engine.P[self.situations[text]][self.actions.index(action)]:
            told[self.tell(int(state), reward), float(reward), bool(ended)] += float(p)
        return told

    @cached_property
    def best(self) -> dict[int, int]:
        """The action of highest value in each state: value iteration, discount 0.97."""
        values: dict[int, float] = defaultdict(float)
        states = set(self.situations.values())

        def worth(state: int, action: int) -> float:
            ways = self.engine.P[state][action]
            return float(sum(p * (reward + (not ended) * 0.97 * values[int(after)])
                             for p, after, reward, ended in ways))

        for _ in range(60):
            values |= {state: max(worth(state, action) for action in self.engine.P[state]) for state in states}
        return {state: max(self.engine.P[state], key=lambda action: worth(state, action)) for state in states}

    @property
    def player(self) -> Choose:
        def choose(random: Random, text: str, legal: object) -> str:
            fate = random.random()
            if fate < 0.03:
                return "hum"
            state = self.situations.get(text)
            return self.actions[self.best[state]] if state is not None and fate < 0.6 else random.choice(self.actions)

        return choose


class Lake(Table):
    """FrozenLake-v1, 4x4."""

    def __init__(self, slippery: bool):
        super().__init__("lake_slippery" if slippery else "lake_plain", "FrozenLake-v1",
                         ("left", "down", "right", "up"), map_name="4x4", is_slippery=slippery)

    def tell(self, state: int, reward: float = 0.0) -> str:
        row, column = divmod(state, 4)
        ground = {b"H": "A hole", b"G": "The goal"}.get(self.engine.desc[row, column], "Ice")
        return f"{ground} at row {row + 1}, column {column + 1}."


class Cliff(Table):
    """CliffWalking-v1."""

    def __init__(self) -> None:
        super().__init__("cliff", "CliffWalking-v1", ("up", "right", "down", "left"))

    def tell(self, state: int, reward: float = 0.0) -> str:
        row, column = divmod(state, 12)
        if state == 47:
            return "You are safe."
        return ("You fall and are carried back. " if reward == -100 else "") + f"Row {row + 1}, column {column + 1}."


class Taxi(Table):
    """Taxi-v4."""

    def __init__(self) -> None:
        super().__init__("taxi", "Taxi-v4", ("south", "north", "east", "west", "pick up", "drop off"))

    def tell(self, state: int, reward: float = 0.0) -> str:
        row, column, passenger, destination = self.engine.decode(state)
        stops = ("red", "green", "yellow", "blue", "riding")
        if passenger == destination:
            return "The passenger pays and leaves."
        return (f"Taxi at row {row + 1}, column {column + 1}. Passenger: {stops[passenger]}. "
                f"Destination: {stops[destination]}.")


CARD = {card: (4 if card == 10 else 1) / 13 for card in range(1, 11)}


def points(total: int, ace: bool) -> int:
    """What a hand counts, by its raw sum and whether it holds an ace."""
    return total + 10 if ace and total + 10 <= 21 else total


@cache
def dealt(total: int, ace: bool) -> dict[int, float]:
    """Where a dealer who draws to 17 ends, with probability."""
    if points(total, ace) >= 17:
        return {points(total, ace): 1.0}
    ends: dict[int, float] = defaultdict(float)
    for card, p in CARD.items():
        for end, q in dealt(total + card, ace or card == 1).items():
            ends[end] += p * q
    return ends


class Blackjack(Told):
    """Blackjack-v1 as registered (`sab=True`), the dealer's second card told at the end."""

    name = "blackjack"
    actions = ("stick", "hit")

    def __init__(self) -> None:
        self.engine: Any = gym.make("Blackjack-v1").unwrapped

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        (total, shown, ace), _ = self.engine.reset(seed=seed)
        return self._tell(total, bool(ace), shown, total == 21), {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        if action not in self.actions:
            return "Say hit or stick.", 0.0, False, False, {}
        (total, shown, ace), reward, ended, _, _ = self.engine.step(self.actions.index(action))
        if not ended:
            text = self._tell(total, bool(ace), shown)
        elif action == "hit":
            text = f"You are bust with {total}."
        else:
            dealer = self.engine.dealer
            text = f"The dealer turns over {dealer[1]} and ends with {points(sum(dealer), 1 in dealer)}."
        return text, float(reward), bool(ended), False, {}

    def _tell(self, total: int, soft: bool, shown: int, natural: bool = False) -> str:
        return f"You hold {'natural' if natural else 'soft' if soft else 'hard'} {total}. The dealer shows {shown}."

    @property
    def starts(self) -> Mapping[str, float]:
        told: dict[str, float] = defaultdict(float)
        for shown, p in CARD.items():
            for one, q in CARD.items():
                for two, r in CARD.items():
                    total, ace = one + two, 1 in (one, two)
                    told[self._tell(points(total, ace), ace, shown, {one, two} == {1, 10})] += p * q * r
        return told

    @cached_property
    def situations(self) -> dict[str, tuple[int, bool, int, bool]]:
        """Every text of a hand in play: raw sum, whether an ace counts eleven, the dealer's card, if a natural."""
        hands = [*((total, False, False) for total in range(4, 22)), *((total, True, False) for total in range(2, 12)),
                 (11, True, True)]
        return {self._tell(points(total, ace), ace, shown, natural): (total, ace, shown, natural)
                for total, ace, natural in hands for shown in CARD}

    def outcomes(self, text: str, action: str) -> Outcomes:
        total, ace, shown, natural = self.situations[text]
        told: dict[tuple[str, float, bool], float] = defaultdict(float)
        for card, p in CARD.items():
            if action == "hit":
                after, soft = total + card, (ace or card == 1) and total + card <= 11
                if after > 21:
                    told[f"You are bust with {after}.", -1.0, True] += p
                else:
                    told[self._tell(points(after, soft), soft, shown), 0.0, False] += p
                continue
            mine, beaten = points(total, ace), natural and {shown, card} != {1, 10}
            for end, q in dealt(shown + card, 1 in (shown, card)).items():
                reward = 1.0 if end > 21 or beaten else float(mine > end) - float(mine < end)
                told[f"The dealer turns over {card} and ends with {end}.", reward, True] += p * q
        return told

    @property
    def player(self) -> Choose:
        def choose(random: Random, text: str, legal: object) -> str:
            fate, hand = random.random(), self.situations.get(text)
            if fate < 0.03 or hand is None:
                return "hum" if fate < 0.03 else "hit"
            wise = "hit" if points(*hand[:2]) < 17 else "stick"
            return wise if fate < 0.6 else random.choice(self.actions)

        return choose


@cache
def engines() -> dict[str, Told]:
    """The engines by name, made once."""
    made = (Lake(False), Lake(True), Cliff(), Taxi(), Blackjack())
    return {engine.name: engine for engine in made}
