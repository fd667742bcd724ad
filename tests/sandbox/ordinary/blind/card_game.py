"""High-card trick game: play cards from your hand against the house."""
from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import gymnasium as gym
from gymnasium import spaces

RANKS = "23456789TJQKA"
SUITS = {"C": "clubs", "D": "diamonds", "H": "hearts", "S": "spades"}
HAND_SIZE = 7


@dataclass(frozen=True, order=True)
class Card:
    value: int
    suit: str

    @property
    def code(self) -> str:
        return RANKS[self.value] + self.suit

    @property
    def name(self) -> str:
        return f"{RANKS[self.value]} of {SUITS[self.suit]}"

    @classmethod
    def from_code(cls, code: str) -> Card | None:
        code = code.strip().upper()
        if len(code) != 2 or code[0] not in RANKS or code[1] not in SUITS:
            return None
        return cls(RANKS.index(code[0]), code[1])


@dataclass
class Player:
    hand: list[Card] = field(default_factory=list)
    tricks: int = 0

    def show(self) -> str:
        return " ".join(c.code for c in sorted(self.hand, key=lambda c: (c.suit, c.value)))


class TrickGameEnv(gym.Env):
    metadata = {"render_modes": []}

    def __init__(self) -> None:
        self.action_space = spaces.Text(max_length=20)
        self.observation_space = spaces.Text(max_length=2000)
        self._trump = "S"
        self._lead: Card | None = None
        self._you = Player()
        self._house = Player()

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        super().reset(seed=seed)
        deck = [Card(v, s) for v, s in itertools.product(range(len(RANKS)), SUITS)]
        self.np_random.shuffle(deck)
        self._you = Player(deck[:HAND_SIZE])
        self._house = Player(deck[HAND_SIZE : 2 * HAND_SIZE])
        self._trump = deck[2 * HAND_SIZE].suit
        self._lead = self._house_lead()
        return self._describe("A new game begins."), {"tricks": (0, 0)}

    def _house_lead(self) -> Card:
        index = int(self.np_random.integers(len(self._house.hand)))
        return self._house.hand.pop(index)

    def _describe(self, text: str) -> str:
        out = [text, f"Trumps are {SUITS[self._trump]}."]
        if self._lead is not None:
            out += [f"The house leads the {self._lead.name}."]
        out += [f"Your hand: {self._you.show() or '(empty)'}"]
        out += [f"Tricks: you {self._you.tricks}, house {self._house.tricks}."]
        return "\n".join(out)

    def _beats(self, mine: Card, lead: Card) -> bool:
        if mine.suit == lead.suit:
            return mine.value > lead.value
        return mine.suit == self._trump

    def step(self, action: str):
        info = {"tricks": (self._you.tricks, self._house.tricks)}
        words = action.lower().split()
        match words:
            case ["hand"] | ["look"]:
                return self._describe("You look at your cards."), 0.0, False, False, info
            case ["play", code]:
                card = Card.from_code(code)
            case _:
                return self._describe("Commands: 'play <card>' such as 'play TS', or 'hand'."), -0.1, False, False, info
        if card is None:
            return self._describe(f"'{code}' is not the code of a card."), -0.1, False, False, info
        if card not in self._you.hand:
            return self._describe(f"You do not hold the {card.name}."), -0.1, False, False, info
        can_follow = any(c.suit == self._lead.suit for c in self._you.hand)
        if can_follow and card.suit != self._lead.suit:
            return self._describe("You must follow suit."), -0.1, False, False, info

        self._you.hand.remove(card)
        if self._beats(card, self._lead):
            self._you.tricks += 1
            reward, text = 1.0, f"Your {card.name} takes the trick."
        else:
            self._house.tricks += 1
            reward, text = 0.0, f"The house's {self._lead.name} holds against your {card.name}."
        terminated = not self._you.hand
        if terminated:
            self._lead = None
            won = self._you.tricks > self._house.tricks
            text += " You win the game!" if won else " The house wins the game."
            reward += 3.0 if won else 0.0
        else:
            self._lead = self._house_lead()
        info["tricks"] = (self._you.tricks, self._house.tricks)
        return self._describe(text), reward, terminated, False, info
