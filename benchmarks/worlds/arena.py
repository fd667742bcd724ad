"""TextArena's games without its wrappers (the `-raw` ids), which would say the rules again at every turn.

An observation is what the game said since the agent's last action, less the echo of that action, and at the end the
reason it gives, which TextArena keeps beside the messages. Two refused actions in a row end a game.
"""

import random
import re
from collections import deque
from collections.abc import Mapping
from itertools import permutations
from math import log
from random import Random
from typing import Any, ClassVar

import gymnasium as gym

from benchmarks.worlds.world import Expert, Skilled
from rollout.trajectory import Trajectory
from tests.worlds.engines import CARD, dealt, points

Place = tuple[int, int]

MOVES: dict[str, Place] = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
KEYS = {"up": "w", "down": "s", "left": "a", "right": "d"}
SUITS, DECK = 4, 52


class Arena(gym.Env[str, str]):
    """A one-player game of TextArena.

    The games seed Python's one global generator and draw from it, so each engine keeps a state of its own and puts
    the common one back.

    Raises:
        ModuleNotFoundError: TextArena is not installed (`pip install -e .[benchmark]`).
    """

    observation_space = action_space = gym.spaces.Text(4096)

    def __init__(self, game: str):
        import textarena

        self.game = textarena.make(game)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        drawn = int(self.np_random.integers(2**31)) if seed is None else seed
        common = random.getstate()
        try:
            self.game.reset(num_players=1, seed=drawn)
            self.chance = random.getstate()
        finally:
            random.setstate(common)
        return "\n".join(self._said()), {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        common = random.getstate()
        random.setstate(self.chance)
        try:
            ended, _ = self.game.step(action)
            self.chance = random.getstate()
        finally:
            random.setstate(common)
        said = self._said()
        if not ended:
            return "\n".join(said), 0.0, False, False, {}
        rewards, about = self.game.close()
        return "\n".join([*said, about[0]["reason"]]), float(rewards[0]), True, False, {}

    def _said(self) -> list[str]:
        return [words for speaker, words, _ in self.game.get_observation()[1] if speaker == -1]


class ArenaWorld(Skilled):
    """One of the games."""

    game: ClassVar[str]
    odd = ("", "[jump]", "up", "[Up] please", "I do not know.", "[1 2 3]", "[hit", "[7 8 9 1]", "[2 2 1 3]")

    def engine(self) -> Arena:
        return Arena(self.game)


def spoken(move: str, random: Random) -> str:
    """A move as players put it: mostly the word, sometimes its key, sometimes with words around it."""
    fate = random.random()
    return f"[{move}]" if fate < 0.8 else f"[{KEYS[move]}]" if fate < 0.9 else f"I go [{move}]."


def moved(place: Place, move: str) -> Place:
    return place[0] + MOVES[move][0], place[1] + MOVES[move][1]


class FrozenLake(ArenaWorld):
    """A map of its own in each session, shown whole."""

    name, game, skill = "lake_random", "FrozenLake-v0-random-raw", 0.65

    def expert(self, random: Random) -> Expert:
        def wise(said: str, text: str) -> str:
            board = [re.findall(r"[|](.{5})(?=[|])", line) for line in text.splitlines() if line.startswith("|")]
            signs = {(row, column): sign.strip() for row, line in enumerate(board) for column, sign in enumerate(line)}
            start = next(place for place, sign in signs.items() if sign == "P")
            open_, came = deque([start]), {start: list[str]()}
            while open_:
                place = open_.popleft()
                if signs[place] == "G":
                    return spoken(came[place][0], random)
                for move in MOVES:
                    after = moved(place, move)
                    if signs.get(after, "H") != "H" and after not in came:
                        came[after] = [*came[place], move]
                        open_.append(after)
            raise ValueError(f"no way leads to the goal:\n{text}")

        return wise

    def anything(self, random: Random) -> str:
        return spoken(random.choice(tuple(MOVES)), random)


class Sokoban(ArenaWorld):
    """A board in characters; the square under the player is not shown."""

    name, game, skill = "sokoban", "Sokoban-v0-raw", 0.82

    def expert(self, random: Random) -> Expert:
        goals, plan, board = set[Place](), list[str](), ""

        def wise(said: str, text: str) -> str:
            nonlocal plan, board
            shown = text.partition("Current Board:\n\n")[2].partition("\nAvailable")[0]
            if shown and shown != board:
                signs = {(row, column): sign for row, line in enumerate(shown.splitlines())
                         for column, sign in enumerate(line.split())}
                goals.update(place for place, sign in signs.items() if sign in "O√")
                board, plan = shown, solve(signs, frozenset(goals))
            return spoken(plan[0] if plan else random.choice(tuple(MOVES)), random)

        return wise

    def anything(self, random: Random) -> str:
        return spoken(random.choice(tuple(MOVES)), random)


def solve(signs: Mapping[Place, str], goals: frozenset[Place]) -> list[str]:
    """The shortest moves that push every box onto a goal; none where it cannot be done any more."""
    free = {place for place, sign in signs.items() if sign != "#"}
    start = (next(place for place, sign in signs.items() if sign == "P"),
             frozenset(place for place, sign in signs.items() if sign in "X√"))
    open_, came = deque([start]), {start: list[str]()}
    while open_:
        state = open_.popleft()
        place, boxes = state
        if boxes == goals:
            return came[state]
        for move in MOVES:
            after = moved(place, move)
            pushed = moved(after, move)
            if after not in free or (after in boxes and (pushed not in free or pushed in boxes)):
                continue
            then = (after, boxes - {after} | {pushed} if after in boxes else boxes)
            if then not in came:
                came[then] = [*came[state], move]
                open_.append(then)
    return []


class Mastermind(ArenaWorld):
    """Four different digits of 1 to 6, hidden."""

    name, game, skill = "mastermind", "Mastermind-v0-raw", 0.3
    CODES: ClassVar[tuple[tuple[int, ...], ...]] = tuple(permutations(range(1, 7), 4))
    TOLD = re.compile(r"Submitted \[([\d\s]+)\]\. Feedback: (\d) black peg\(s\), (\d) white")

    @staticmethod
    def compare(code: tuple[int, ...], guess: tuple[int, ...]) -> tuple[int, int]:
        """Black and white pegs."""
        black = sum(one == other for one, other in zip(code, guess, strict=True))
        return black, len(set(code) & set(guess)) - black

    def left(self, codes: tuple[tuple[int, ...], ...], text: str) -> tuple[tuple[int, ...], ...]:
        """Which of the codes a text leaves possible."""
        if not (told := self.TOLD.search(text)):
            return codes
        guess, pegs = tuple(map(int, told[1].split())), (int(told[2]), int(told[3]))
        return tuple(code for code in codes if self.compare(code, guess) == pegs)

    def expert(self, random: Random) -> Expert:
        codes = self.CODES

        def wise(said: str, text: str) -> str:
            nonlocal codes
            codes = self.left(codes, text)
            return f"[{' '.join(map(str, random.choice(codes)))}]"

        return wise

    def anything(self, random: Random) -> str:
        fate, guess = random.random(), " ".join(map(str, random.sample(range(1, 7), 4)))
        return "[1 2 3 4]" if fate < 0.15 else f"Perhaps [{guess}]?" if fate < 0.3 else f"[{guess}]"

    def surprise(self, session: Trajectory) -> list[float]:
        codes, found = self.CODES, []
        for turn in session.turns:
            answer = turn.answer or ""
            after = codes[:1] if "cracked the code" in answer else self.left(codes, answer)
            found.append(log(len(codes) / len(after)))
            codes = after
        return found


class Blackjack(ArenaWorld):
    """Five hands from an endless deck; the dealer's second card is told only by the score at a hand's end."""

    name, game, skill = "blackjack", "Blackjack-v0-raw", 0.55
    HAND = re.compile(r"Hand (\d+)/(\d+)\nYour hand: (.*) \(Score: (\d+)\)\nDealer shows: (.*)")
    OVER = re.compile(r"Hand \d+: you (\w+)\. Your final (\d+), Dealer (\d+)\.")

    def expert(self, random: Random) -> Expert:
        score = 0

        def wise(said: str, text: str) -> str:
            nonlocal score
            score = int(told[4]) if (told := self.HAND.search(text)) else score
            return random.choice(("[Hit]", "[hit]")) if score < 17 else "[Stand]"

        return wise

    def anything(self, random: Random) -> str:
        return random.choice(("[Hit]", "[Stand]", "[Hit]", "[stand]", "I will [Hit] once more"))

    def surprise(self, session: Trajectory) -> list[float]:
        text, found = session.observation.text, []
        for turn in session.turns:
            answer = turn.answer or ""
            hand = self.HAND.search(answer)
            found.append(self._surprise(self._hand(text), answer) if hand else 0.0)
            text = answer if hand else text
        return found

    def _hand(self, text: str) -> re.Match[str]:
        hand = self.HAND.search(text)
        if hand is None:
            raise ValueError(f"no hand is told: {text!r}")
        return hand

    def _surprise(self, before: re.Match[str], answer: str) -> float:
        """One card; or a hand's end, by what the dealer's cards and the last one may be, and the next three cards."""
        over = self.OVER.search(answer)
        if over is None:
            return log(DECK)
        shown, last = worth(before[5]), before[1] == before[2]
        final, dealer = int(over[2]), int(over[3])
        nats = 0.0 if last else 3 * log(DECK)
        if over[1] != "bust":
            ends = [(p, dealt(shown + card, 1 in (shown, card))) for card, p in CARD.items()]
            return nats - log(sum(p * end.get(dealer, 0.0) for p, end in ends))
        cards = [worth(card) for card in before[3].split(", ")]
        total, ace = sum(cards), 1 in cards
        bust = sum(p for card, p in CARD.items() if points(total + card, ace or card == 1) == final)
        second = sum(p for card, p in CARD.items() if points(shown + card, 1 in (shown, card)) == dealer)
        return nats - log(second) + (log(DECK) if last else -log(bust))  # the last hand is shown once more

    def won(self, session: Trajectory) -> bool:
        """Most hands, played to the end."""
        return (session.outcome or 0.0) > 0.5


def worth(card: str) -> int:
    """An ace as 1."""
    rank = card[:-1]
    return 1 if rank == "A" else 10 if rank in "JQK" else int(rank)


WORLDS = (FrozenLake(), Sokoban(), Mastermind(), Blackjack())
