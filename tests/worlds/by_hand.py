"""Worlds that are wrong in the ways that judges fall for.

Some stand over the true source as a class of their own, whatever the world; the others replace a line of it.
"""

from tests.worlds.mutant import Mutant, short
from tests.worlds.recorded import sessions
from tests.worlds.source import NAMES, load, read

OVER = '''

class {name}({world}):
    """{doc}"""

    def step(self, action):
        text, reward, ended, late, info = super().step(action)
        {line}
'''


def by_hand() -> list[Mutant]:
    """All of them."""
    return [*(mutant for world in NAMES for mutant in _over(world)),
            *(_edited(*edit) for edit in EDITS), *(_listing(*listing) for listing in WINNING)]


def _over(world: str) -> list[Mutant]:
    played = sessions(world, 20, seed=2)
    texts = sorted({turn.answer or "" for session in played for turn in session.turns})
    best = max(turn.reward or 0.0 for session in played for turn in session.turns)
    return [
        _above(world, "says everything", "SaysEverything", "Draws from all texts that were ever seen, to the end.",
               f"return text if ended else str(self.np_random.choice({texts!r})), reward, ended, late, info"),
        _above(world, "pays always", "PaysAlways", "Every step is worth the best reward.",
               f"return text, {best!r}, ended, late, info"),
        _above(world, "pays never", "PaysNever", "No step is worth anything.",
               "return text, 0.0, ended, late, info"),
        _above(world, "ends never", "EndsNever", "Goes on for ever.",
               "return text, reward, False, late, info"),
    ]


def _above(world: str, kind: str, name: str, doc: str, line: str) -> Mutant:
    source = read(world)
    code = OVER.format(name=name, world=load(source).__name__, doc=doc, line=line)
    return Mutant(world, kind, f"{world}: by hand: {kind}", source + code)


def _edited(world: str, kind: str, old: str, new: str) -> Mutant:
    source = read(world)
    if source.count(old) != 1:
        raise ValueError(f"{world} has {source.count(old)} times: {old}")
    return Mutant(world, kind, f"{world}: by hand: {kind}: {short(old)} -> {short(new)}", source.replace(old, new))


def _listing(world: str, move: str) -> Mutant:
    return _above(world, "lists the winning move", "ListsTheWinningMove", "Its legal actions are one: the right one.",
                  f'return text, reward, ended, late, {{"actions": [{move}]}}')


EDITS = (  # world, kind, the true text, and what stands in its place
    ("lake_plain", "pays early", '1.0 if square == "G"', '1.0 if self.row + self.column > 4'),
    ("lake_slippery", "pays early", '1.0 if square == "G"', '1.0 if self.row + self.column > 4'),
    ("cliff", "pays early", "return self.tell(), -1.0,", "return self.tell(), 0.0 if self.column == 11 else -1.0,"),
    ("taxi", "pays early", 'self.passenger = "riding"', 'self.passenger, reward = "riding", 20.0'),
    ("corridor", "pays early", "-0.1, False", "1.0 if self.cell == 4 else -0.1, False"),
    ("mastermind", "pays early", 'left.", 0.0, False', 'left.", 1.0 if black == 2 else 0.0, False'),
    ("blackjack", "pays early", "return self.tell(), 0.0, False", "return self.tell(), float(self.total > 19), False"),
    ("rooms", "pays early", "self.lamp = True\n        elif", "self.lamp, reward = True, 1.0\n        elif"),
    ("vending", "pays early", '"Clink.", -0.25', '"Clink.", 2.0 if self.coins > 2 else -0.25'),
    ("shop", "pays early", "return self.tell(), 0.0", "return self.tell(), float(self.held['cheese'] > 0)"),
    ("coin", "leaks the goal", "return self.text, 0.0", "return self.text + ' Now leave.' * "
     "(self.text == SHOWS['heads']), 0.0"),
    ("bandit", "leaks the goal", '.strip()', ' + " The better one: " + max(self.chances, key=self.chances.get)'),
    ("urn", "leaks the goal", 'f"It looks {seen}."', 'f"It looks {seen}. The balls are {self.colour}."'),
    ("urn", "leaks the goal at the start", "return text, {}", 'return f"{text} Say {self.colour}.", {}'),
    ("mastermind", "leaks the goal", 'return text or f"{self.left} guesses left."',
     'return text or f"{self.left} guesses left. Think of {self.code[0]}."'),
    ("cards_kept", "leaks the goal", "return self.tell(), -0.1", "return f'{self.tell()} A {self.hidden}.', -0.1"),
    ("cards_returned", "leaks the goal", "return self.tell(), -0.1", "return f'{self.tell()} A {self.hidden}.', -0.1"),
    ("blackjack", "leaks the goal", 'The dealer shows {self.shown}."',
     'The dealer shows {self.shown} over {self.hidden}."'),
    ("vending", "leaks the goal", 'return "Clink.", -0.25', 'return f"Clink: {self.coins}.", -0.25'),
    ("rooms", "leaks the goal", 'text = f"You are in the {self.room}. Doors',
     'text = f"You are in the {self.room}. Gold lies in the vault. Doors'),
    ("urn", "draws the hidden wrongly", '"red" if self.np_random.random() < 0.4 else "blue"', '"red"'),
    ("urn", "draws the hidden wrongly", "self.np_random.random() < 0.4", "self.np_random.random() < 0.6"),
    ("bandit", "draws the hidden wrongly", "self.chances = {lever: 0.25 if self.np_random.random() < 0.5 else 0.75 "
     "for lever in LEVERS}",
     'self.chances = dict.fromkeys(LEVERS, 0.25 if self.np_random.random() < 0.5 else 0.75)'),
    ("bandit", "draws the hidden wrongly", "0.25 if self.np_random.random() < 0.5 else 0.75", "0.5"),
    ("mastermind", "draws the hidden wrongly", "[str(self.np_random.choice(COLOURS)) for _ in range(3)]",
     "[str(self.np_random.choice(COLOURS))] * 3"),
    ("cards_kept", "draws the hidden wrongly", "self.hidden = self.draw()", "self.hidden = self.deck.pop()"),
    ("cards_kept", "draws the hidden wrongly", "self.hidden = self.draw()",
     "self.hidden = DECK[int(self.np_random.integers(7))]"),
    ("cards_kept", "draws the hidden wrongly", "self.deck.pop(int(self.np_random.integers(len(self.deck))))",
     "self.deck[int(self.np_random.integers(len(self.deck)))]"),
    ("cards_returned", "draws the hidden wrongly", "self.hidden = self.draw()", "self.hidden = self.seen[-1]"),
    ("blackjack", "draws the hidden wrongly", "self.hidden = self.draw()",
     "self.hidden = 1 + int(self.np_random.integers(10))"),
    ("blackjack", "draws the hidden wrongly", "self.hidden = self.draw()", "self.hidden = 10"),
    ("taxi", "draws the hidden wrongly", "[stop for stop in STOPS if stop != self.passenger]", "list(STOPS)"),
    ("rooms", "draws the hidden wrongly", "self.key, self.lamp = bool(self.np_random.random() < 0.5), "
     "bool(self.np_random.random() < 0.5)", "self.key, self.lamp = False, False"),
    ("vending", "draws the hidden wrongly", "int(self.np_random.integers(fewest, MOST + 1))", "fewest"),
)

WINNING = (  # world, and the winning move as an expression
    ("rooms", '"take gold" if self.room == "vault" and self.lamp else "go vault" if self.key and self.room == "hall" '
              'else "take key" if self.room == KEY and not self.key else "go " + DOORS[self.room][0]'),
    ("shop", '"buy bread" if not self.held["bread"] else "buy cheese" if not self.held["cheese"] else "pay"'),
    ("lake_plain", '"down" if self.row < 2 and self.column == 0 else "right" if self.row == 3 or self.column < 1 '
                   'else "down"'),
    ("urn", "self.colour"),
)
