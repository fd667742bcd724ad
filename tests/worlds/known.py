"""Tiny worlds whose sessions have a likelihood that was worked out on paper.

Every formula reads only the session, never the source. `start_nats` is of the first text, `nats` of each step.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from math import log

from rollout.trajectory import Trajectory
from tests.worlds.players import Choose, record, wanders
from tests.worlds.source import load, read


@dataclass(frozen=True)
class Known:
    """A world with known answers.

    Attributes:
        name: of its source.
        nats: the exact negative log-likelihood of each step.
        start_nats: of the first text.
    """

    name: str
    choose: Choose
    longest: int
    nats: Callable[[Trajectory], list[float]]
    start_nats: Callable[[Trajectory], float] = lambda session: 0.0

    def sessions(self, count: int, seed: int) -> list[Trajectory]:
        """Sessions of the source itself, played by plain Gymnasium."""
        return record(load(read(self.name))(), self.choose, count, seed, self.longest, self.name)


def _said(session: Trajectory) -> list[tuple[str, str]]:
    return [(turn.action.text, turn.answer or "") for turn in session.turns]


def coin(session: Trajectory) -> list[float]:
    """Tosses are independent: P(heads) = 0.3; all else is certain."""
    return [-log(0.3 if text.endswith("heads.") else 0.7) if action == "toss" else 0.0
            for action, text in _said(session)]


def bandit(session: Trajectory) -> list[float]:
    """After w wins and l losses of a lever, P(win) = Σθ·θ^w(1-θ)^l / Σθ^w(1-θ)^l over θ in {1/4, 3/4}; levers are
    independent."""
    wins, losses, found = Counter[str](), Counter[str](), []
    for action, text in _said(session):
        if action not in ("left", "right"):
            found.append(0.0)
            continue
        likely = [(theta, theta ** wins[action] * (1 - theta) ** losses[action]) for theta in (0.25, 0.75)]
        win = sum(theta * weight for theta, weight in likely) / sum(weight for _, weight in likely)
        won = text.endswith("A coin drops.")
        found.append(-log(win if won else 1 - win))
        (wins if won else losses)[action] += 1
    return found


def corridor(session: Trajectory) -> list[float]:
    """The cell is in the text, so each move is the intended one with 0.8; the first cell's wall turns a step back into
    staying."""
    cell, found = 1, []
    for action, text in _said(session):
        if action not in ("forward", "back"):
            found.append(0.0)
            continue
        after = 5 if text == "You reach the door." else int(text[-2])
        onward = after == cell + 1
        found.append(-log(0.8 if onward == (action == "forward") else 0.2))
        cell = after
    return found


def urn(session: Trajectory) -> list[float]:
    """A glimpse is right with 3/4, so r red and b blue ones leave P(red) = 2·3^(r-b) / (2·3^(r-b) + 3)."""
    balance, found = 0, []
    for action, text in _said(session):
        red = 2 * 3.0 ** balance / (2 * 3.0 ** balance + 3)
        seen_red = "red" in text
        if action == "look":
            chance = red * 0.75 + (1 - red) * 0.25
            found.append(-log(chance if seen_red else 1 - chance))
            balance += 1 if seen_red else -1
        elif action in ("red", "blue"):
            found.append(-log(red if seen_red else 1 - red))
        else:
            found.append(0.0)
    return found


def mastermind(session: Trajectory) -> list[float]:
    """All 27 codes are alike, so P(answer) = codes that fit it too / codes that fitted so far."""
    codes, left, found = list(product(("red", "green", "blue"), repeat=3)), 5, []
    for action, text in _said(session):
        guess = tuple(action.split())
        if len(guess) != 3:
            found.append(0.0)
            continue
        left -= 1
        fit = [code for code in codes if _pegs(code, guess, left) == text]
        found.append(-log(len(fit) / len(codes)))
        codes = fit
    return found


def _pegs(code: tuple[str, ...], guess: tuple[str, ...], left: int) -> str:
    if code == guess:
        return "You found the code."
    if left == 0:
        return f"You lose. The code was {' '.join(code)}."
    right = sum(map(str.__eq__, code, guess))
    return f"{right} black, {(Counter(code) & Counter(guess)).total() - right} white. {left} guesses left."


ACES = Counter(ace=3, king=2, queen=2)


def cards_kept(session: Trajectory) -> list[float]:
    """The hidden card is like any other that nobody has seen: P(card) = its unseen copies / all unseen cards."""
    unseen = ACES - Counter(_cards(session.observation.text))
    found = []
    for action, text in _said(session):
        if action not in ("draw", "turn") or text == "The deck is empty.":
            found.append(0.0)
            continue
        card = _cards(text)[-1] if action == "draw" else text.split()[-1][:-1]
        found.append(-log(unseen[card] / unseen.total()))
        unseen[card] -= 1
    return found


def cards_kept_start(session: Trajectory) -> float:
    """Two cards in order: P = n(first)/7 · what is then left of the second/6."""
    first, second = _cards(session.observation.text)
    return -log(ACES[first] / 7 * (ACES[second] - (first == second)) / 6)


def cards_returned(session: Trajectory) -> list[float]:
    """Every card is drawn from the whole deck: P(card) = its copies / 7."""
    found = []
    for action, text in _said(session):
        if action not in ("draw", "turn") or text == "You have drawn enough.":
            found.append(0.0)
            continue
        card = _cards(text)[-1] if action == "draw" else text.split()[-1][:-1]
        found.append(-log(ACES[card] / 7))
    return found


def cards_returned_start(session: Trajectory) -> float:
    """Two independent cards."""
    first, second = _cards(session.observation.text)
    return -log(ACES[first] * ACES[second] / 49)


def _cards(text: str) -> list[str]:
    return text.removeprefix("You hold ").removeprefix("You have seen ").partition(".")[0].split(", ")


CODES = tuple(" ".join(code) for code in product(("red", "green", "blue"), repeat=3))

KNOWN = {each.name: each for each in (
    Known("coin", wanders(("toss", "toss", "toss", "leave")), 10, coin),
    Known("bandit", wanders(("left", "right")), 12, bandit),
    Known("corridor", wanders(("forward", "forward", "back")), 20, corridor),
    Known("urn", wanders(("look", "look", "look", "look", "red", "blue")), 10, urn),
    Known("mastermind", wanders(CODES), 8, mastermind),
    Known("cards_kept", wanders(("draw", "draw", "turn")), 8, cards_kept, cards_kept_start),
    Known("cards_returned", wanders(("draw", "draw", "turn")), 8, cards_returned, cards_returned_start),
)}
