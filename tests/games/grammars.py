"""Worlds whose grammar is known: texts of real play, and by which template each of their segments was said.

A world is a list of texts, a text a list of `Piece`s. Worlds that Gymnasium runs are worded here and remember what
they said; texts that come from elsewhere (TextWorld's Inform 7, recorded tool results) are held against a list of
templates read off their sources, and a sentence that fits none of them is an error.
"""

import importlib.util
import json
import random
import re
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym

ROOT = Path(__file__).parents[2]
AIRLINE = ROOT.parent / "shared" / "data" / "airline" / "sessions.jsonl"


class Piece(NamedTuple):
    """A segment of a text and its origin.

    Attributes:
        template: literal text with "{}" for fields; for JSON a name of the record.
        values: of the fields.
        after: what separates the segment from the next.
        raw: the text of a segment that is no sentence: JSON or a board.
        keys: the outermost keys that all segments of a JSON template have between them.
    """

    template: str
    values: tuple[str, ...] = ()
    after: str = " "
    raw: str | None = None
    keys: frozenset[str] = frozenset()

    def __str__(self) -> str:
        if self.raw is not None:
            return self.raw
        first, *rest = self.template.split("{}")
        return first + "".join(value + literal for value, literal in zip(self.values, rest, strict=True))


Text = list[Piece]


def say(template: str, *values: object, after: str = " ") -> Piece:
    return Piece(template, tuple(map(str, values)), after)


def written(text: Text) -> str:
    """The text that its pieces make."""
    return "".join(str(piece) + piece.after for piece in text).rstrip()


def recognise(text: str, templates: Iterable[str]) -> Text:
    """A text of sentences and lines, each held against templates, the first that fits.

    Raises:
        ValueError: a sentence that no template says.
    """
    said: Text = []
    for line in filter(str.strip, text.splitlines()):
        sentences = re.split(r"(?<=[.!?]) +(?=[A-Z])", line.strip())
        for number, sentence in enumerate(sentences):
            for template in templates:
                pattern = ".+?".join(map(re.escape, template.split("{}"))).replace(".+?", "(.+?)")
                if found := re.fullmatch(pattern, sentence):
                    said.append(say(template, *found.groups(), after=" " if number + 1 < len(sentences) else "\n"))
                    break
            else:
                raise ValueError(f"no template says {sentence!r}")
    return said


LAKE = ("Row {}, column {}.", "You fell into a hole.", "You reached the goal.", "Say one of {}, {}, {}, {}.")


def frozen_lake(episodes: int = 200, seed: int = 0) -> list[Text]:
    """The example's engine, played at random, wrong words included."""
    spec = importlib.util.spec_from_file_location("lake", ROOT / "examples" / "frozen_lake" / "engine.py")
    assert spec is not None
    assert spec.loader is not None
    engine = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(engine)
    env, chance = engine.FrozenLakeText(is_slippery=True), random.Random(seed)
    texts = []
    for episode in range(episodes):
        texts.append(recognise(env.reset(seed=episode)[0], LAKE))
        ended = late = False
        while not (ended or late):
            told, _, ended, late, _ = env.step(chance.choice([*engine.ACTIONS, "jump"]))
            texts.append(recognise(told, LAKE))
    return texts


def taxi(episodes: int = 60, seed: int = 0) -> list[Text]:
    """Gymnasium's Taxi-v4 in words."""
    env, chance = gym.make("Taxi-v4").unwrapped, random.Random(seed)
    stops = ("red", "green", "yellow", "blue")
    moves = ("south", "north", "east", "west", "pickup", "dropoff")

    def tell(state: int) -> Text:
        row, column, passenger, destination = env.decode(state)  # type: ignore[attr-defined]
        where = (say("The passenger sits in your taxi.") if passenger == 4 else
                 say("Someone is waiting at the {} stop.", stops[passenger]))
        return [say("Your taxi is at row {}, column {}.", row, column, after="\n"), where,
                say("The trip goes to the {} stop.", stops[destination])]

    texts = []
    for episode in range(episodes):
        state, _ = env.reset(seed=seed * 1000 + episode)
        texts.append(tell(state))
        for _ in range(40):
            action = chance.randrange(7)
            if action == 6:
                word = chance.choice(("fly", "honk", "wait for them", "go home", "park"))
                texts.append([say("The word \"{}\" means nothing to a taxi driver.", word)])
                continue
            before = state
            state, reward, ended, _, _ = env.step(action)
            said: Text = []
            if reward == -10:
                said.append(say("Nobody can get in here.") if action == 4 else say("The passenger refuses to get out."))
            elif action < 4 and state == before:
                said.append(say("A wall blocks the way {}.", moves[action]))
            elif action == 4:
                said.append(say("The passenger gets in."))
            elif action == 5:
                said.append(say("The passenger pays and says goodbye." if ended else "The passenger gets out early."))
            texts.append([*said, *([] if ended else tell(state)), say("Points: {}", reward, after="\n")])
            if ended:
                break
    return texts


def blackjack(episodes: int = 400, seed: int = 0) -> list[Text]:
    """Gymnasium's Blackjack-v1 in words, with suits and bets."""
    env, chance = gym.make("Blackjack-v1").unwrapped, random.Random(seed)
    hands: Any = env

    def card(value: int) -> tuple[str, str]:
        rank = {1: "Ace", 10: chance.choice(("10", "Jack", "Queen", "King"))}.get(value, str(value))
        return rank, chance.choice(("Hearts", "Spades", "Clubs", "Diamonds"))

    def total() -> Piece:
        (points, _, ace) = hands._get_obs()
        return say("That makes a soft total of {}." if ace else "That makes a total of {}.", int(points), after="\n")

    texts = []
    for episode in range(episodes):
        env.reset(seed=seed * 1000 + episode)
        bet = chance.randrange(5, 100, 5)
        texts.append([say("Your bet: ${}", bet, after="\n"),
                      say("Your cards are the {} of {} and the {} of {}.",
                          *card(hands.player[0]), *card(hands.player[1])),
                      total(), say("The dealer shows the {} of {}.", *card(hands.dealer[0]), after="\n"),
                      say("Hit or stand?")])
        ended = False
        while not ended:
            action = chance.choice((0, 1, 1))
            _, reward, ended, _, _ = env.step(action)
            if action and not ended:
                texts.append([say("You draw the {} of {}.", *card(hands.player[-1])), total(), say("Hit or stand?")])
            elif action:
                texts.append([say("You draw the {} of {}.", *card(hands.player[-1])),
                              say("Bust, with {}!", sum(hands.player)), say("You lose {} chips.", bet)])
            else:
                said = [say("The dealer ends with {} after {} cards.", sum(hands.dealer), len(hands.dealer))]
                won, lost = say("You win {} chips.", bet), say("You lose {} chips.", bet)
                draw = say("It is a draw, and your bet is returned.")
                texts.append([*said, won if reward > 0 else lost if reward < 0 else draw])
    return texts


HOUSE = (  # grammar "basic" of room descriptions, and Inform 7's replies as TextWorld phrases them
    "-= {} =-", "You are in the {}.", "You are carrying nothing.", "You are carrying: {}.",
    "There is an exit to the {}.", "There is an open {} leading {}.", "There is a closed {} leading {}.",
    "There is an open {} here.", "There is a closed {} here.", "There is a {} here.", "There is an {} here.",
    "There is {} on the floor.", "There are {} on the floor.", "The {} contains {}.", "The {} holds {}.",
    "You pick up the {} from the ground.", "You drop the {} on the ground.", "You take the {} from the {}.",
    "You put the {} on the {}.", "You put the {} into the {}.", "You open the {}, revealing {}.", "You open {}.",
    "You close {}.", "You eat the {}.", "You unlock {}.", "You lock {}.", "It's a container.", "It's a supporter.",
    "It's an object.", "It's food.", "It's a key.", "It's a door.", "It is open.", "It is closed.", "It is locked.",
    "On the {} is {}.", "On the {} are {}.", "In the {} is {}.", "In the {} are {}.", "The {} is empty.",
    "First, go {}.", "Next, go {}.", "First, take the {} in {}.", "Next, take the {} in {}.",
    "First, take the {} from the {}.", "Next, take the {} from the {}.", "Next, insert {} into {}.", "Next, eat {}.",
    "First, eat {}.", "Next, drop {} in {}.", "Next, put {} on {}.", "First, open {}.", "Next, open {}.",
    "First, unlock {} with {}.", "Next, close {}.", "Next, unlock {} with {}.", "Next, lock {} with {}.",
    "The objective is to {}.", "Your score has just gone up by {} point.",
    "Your score has just gone up by {} points.", "*** The End ***", "You can't see any such thing.",
    "You can't go that way.", "That's not a verb I recognise.", "You can only {}.", "That's already open.",
    "That's already closed.", "That's plainly inedible.", "It seems to be locked.", "You already have that.",
    "You lack a key that fits {}.", "That doesn't seem to fit the lock.", "Not bad.", "({})",
    "That's fixed in place.", "You have to {} first.", "I didn't understand that sentence.",
)


def textworld(games: Iterable[int] = range(7, 17), steps: int = 250) -> list[Text]:
    """Games that TextWorld generates (rooms and things of a house, short prose), played at random."""
    import textworld as tw
    from textworld.generator import compile_game, make_game
    from textworld.generator.text_grammar import Grammar

    texts = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in games:
            options = tw.GameOptions()
            options.seeds, options.nb_rooms, options.nb_objects, options.quest_length = seed, 6, 14, 5
            options.path = f"{folder}/{seed}.z8"
            game = make_game(options)
            for info in game.infos.values():
                info.desc = None
            options.grammar.theme = "basic"
            game.change_grammar(Grammar(options.grammar, rng=options.rngs["grammar"]))
            compile_game(game, options)
            env = tw.start(options.path, tw.EnvInfos(admissible_commands=True))
            chance, state, ended = random.Random(seed), env.reset(), False
            for _ in range(steps):
                prose = re.sub(r">\s+-= .* =-\d+/\d+\s*$", "", state.feedback).partition("*** The End ***")
                lines = [line for line in (prose[0] + "\n" + prose[1]).splitlines()
                         if not re.fullmatch(r"[\s$|\\/_>]*", line)]
                texts.append(recognise("\n".join(lines), HOUSE))
                if ended:
                    state, ended = env.reset(), False
                    continue
                odd = chance.choice(("go north", "dance", "take foo", "inventory", "eat stove", "open safe"))
                state, _, ended = env.step(chance.choice([*state.admissible_commands, odd]))
            env.close()
    return texts


ERRORS = (  # of the recorded tools
    "Transfer successful", "Error: flight {} not available on date {}", "Error: not enough seats on flight {}",
    "Error: payment amount does not add up, total price is {}, but paid {}", "Error: gift card balance is not enough",
    "Error: certificate cannot be used to update reservation", "Error: payment method not found",
    "Error: payment method {} not found", "Error: not enough balance in payment method {}",
    "Certificate {} added to user {} with amount {}.",
)


def airline(file: Path = AIRLINE) -> list[Text]:
    """Recorded tool calls of an airline's agent, and what the tools returned."""
    calls: dict[str, set[str]] = {}
    found: list[tuple[str, str]] = []  # name of template, raw text
    for line in file.read_text().splitlines():
        for message in json.loads(line)["messages"]:
            for call in message.get("tool_calls") or ():
                name, arguments = call["function"]["name"], call["function"]["arguments"]
                calls.setdefault(name, set()).update(json.loads(arguments))
                found.append((f"call {name}", f"{name} {arguments}"))
            if message["role"] == "tool" and message["content"]:
                found.append(("result", message["content"]))
    records = {"user_id": "reservation", "email": "user", "SFO": "airports", "scheduled_arrival_time_est": "flight"}
    keys: dict[str, set[str]] = {f"call {name}": names for name, names in calls.items()}
    texts: list[tuple[str, str]] = []
    sentences: list[Text] = []
    for template, raw in found:
        value = None
        if template == "result":
            try:
                value = json.loads(raw)
            except ValueError:
                sentences.append(recognise(raw, ERRORS))
                continue
            depth = 0
            while isinstance(value, list) and value:
                value, depth = value[0], depth + 1
            if not isinstance(value, dict):
                sentences.append([say("[]")] if value == [] else [say("{}", raw)])
                continue
            template = "lists of " * depth + next(name for key, name in records.items() if key in value)
            keys.setdefault(template, set()).update("[]" * depth + "." * bool(depth) + key for key in value)
        texts.append((template, raw))
    return sentences + [[Piece(template, raw=raw, keys=frozenset(keys[template]))] for template, raw in texts]


def cliff(episodes: int = 60, seed: int = 0) -> list[Text]:
    """Gymnasium's CliffWalking-v1, told by a terse display and a dramatic narrator."""
    env, chance = gym.make("CliffWalking-v1").unwrapped, random.Random(seed)
    winds = ("A cold wind howls.", "Pebbles rattle down the slope.", "Gulls circle above the bay.")
    texts = []
    for episode in range(episodes):
        state, _ = env.reset(seed=episode)
        texts.append([say("Expedition #{} sets out from base camp.", episode + 1, after="\n"),
                      say("[pos {}:{} | falls {} | steps {}]", *divmod(int(state), 12), 0, 0)])
        falls = 0
        for step in range(1, 40):
            action = chance.choice((0, 0, 1, 1, 1, 2, 3))
            before = state
            state, reward, ended, _, _ = env.step(action)
            said: Text = []
            if reward == -100:
                falls += 1
                said += [say("The edge crumbles beneath your boots, and down you go!"), say("Rescuers carry you back.")]
            elif state == before:
                said.append(say("Sheer rock stops you from going {}.", ("up", "right", "down", "left")[action]))
            else:
                said.append(say("One pace {}.", ("up", "right", "down", "left")[action]))
            if chance.random() < 0.2:
                said.append(say(chance.choice(winds)))
            said[-1] = said[-1]._replace(after="\n")
            texts.append([*said, say("[pos {}:{} | falls {} | steps {}]", *divmod(int(state), 12), falls, step)])
            if ended:
                texts.append([say("You stand at the far end, alive."),
                              say("Final tally: {} falls in {} steps.", falls, step)])
                break
    return texts


def orders(customers: int = 150, seed: int = 0) -> list[Text]:
    """A shop's order system that logs what it does, some of it as JSON."""
    chance = random.Random(seed)
    names = ("Ada Byrne", "Noor Haddad", "Liu Wei", "Sam O'Neill", "Eva Marie Lindgren", "Tomas Ruiz", "Priya Nair")
    wares = ("espresso machine", "desk lamp", "yoga mat", "kettle", "noise-cancelling headphones", "backpack", "novel")
    cities = ("Lisbon", "New York", "Oslo", "Kuala Lumpur", "Graz")
    carriers = ("DHL", "UPS", "Postal Express")
    texts: list[Text] = []
    for _ in range(customers):
        name, ware, number = chance.choice(names), chance.choice(wares), f"ORD-{chance.randrange(10_000, 99_999)}"
        pieces, price = chance.randrange(1, 6), chance.randrange(500, 30_000) / 100
        texts.append([say("Order {} received from {}: {} x {}.", number, name, pieces, ware, after="\n"),
                      say("Total due: {} EUR", f"{price:.2f}")])
        if chance.random() < 0.15:
            until = f"2025-{chance.randrange(1, 13):02}-15"
            texts.append([say("{} is out of stock until {}.", ware.capitalize(), until),
                          say("We wrote to {} about the delay.", name)])
            continue
        if chance.random() < 0.2:
            texts.append([say("Payment for order {} failed: {}.", number, chance.choice(
                ("card expired", "insufficient funds", "bank did not answer")))])
            if chance.random() < 0.5:
                texts.append([say("Order {} cancelled.", number)])
                continue
        texts.append([say("Payment accepted."), say("Thank you, {}!", name)])
        place = {"city": chance.choice(cities), "zip": str(chance.randrange(10_000, 99_999))}
        item = {"order": number, "ship_to": place,
                "items": [{"sku": f"S{chance.randrange(100, 999)}", "qty": pieces}]}
        keys = frozenset(("order", "ship_to", "items"))
        texts.append([Piece("call create_shipment", raw=f"create_shipment {json.dumps(item)}", keys=keys)])
        parcel = {"tracking": f"{chance.randrange(10**9):x}", "carrier": chance.choice(carriers), "eta_days": pieces}
        texts.append([Piece("parcel", raw=json.dumps(parcel), keys=frozenset(parcel))])
        texts.append([say("{} picked up the parcel in {}.", parcel["carrier"], chance.choice(cities), after="\n"),
                      say("Expected delivery: {} at {}.", f"2025-03-{chance.randrange(10, 29)}",
                          f"{chance.randrange(1, 12)}:{chance.randrange(10, 59)} PM")])
        if chance.random() < 0.1:
            texts.append([say("{} reports damage: {}.", name, chance.choice(
                ("box crushed", "screen cracked", "missing manual", "water stains")), after="\n"),
                say("Refund of {} EUR issued.", f"{price:.2f}")])
    return texts


ARENA = ("You attempted an invalid move.", "Please resubmit a valid move and remember to follow the game rules "
         "to avoid penalties.")
PEGS = (
    "You are playing Mastermind.", "You need to find the code that is {} digits long, each digit from 1 to {}, with no "
    "duplicates.", "In your response, you can submit your guess in the following format: '[2 1 4 5]'.",
    "After each guess, you will receive feedback in the form of black and white pegs.", "A black peg indicates a "
    "correct digit in the correct position, while a white peg indicates a correct digit in the wrong position.",
    "You have {} turns to guess the code.", "Submitted [{}].", "Feedback: {} black peg(s), {} white peg(s).",
    "You have cracked the code, solving {} out of {} pegs correctly", "Turn limit reached.",
    "You guessed {} percent of the numbers correctly.", "Reason: You have already guessed {}.",
    "Please try a different guess.", "Reason: The guess should contain exactly {} numbers.",
    "Reason: All numbers must be between 1 and {}.", "Reason: Duplicate numbers are not allowed.",
    "Reason: You did not respond with a space-separated list of numbers wrapped in square brackets.", *ARENA,
)
TOWERS = (
    "You are playing Tower of Hanoi with {} disks.", "You have to move the disks from tower A to tower C.",
    "To move a disk, type the source tower and the target tower (e.g., '[A C]').", "Note that you can only move the "
    "top disk of a tower, and that a bigger disk cannot be placed on a smaller disk.", "At each turn, submit one move.",
    "Current Board:", "You moved disk {} from {} to {}.", "Congratulations!", "You solved the Tower of Hanoi puzzle.",
    "The turn limit has been reached.", "You correctly placed {}% of the disks on Tower C.",
    "Reason: You did not respond with valid '[source] [target]'.",
    "Reason: You tried to move a disk from an empty tower.",
    "Reason: You tried to place a larger disk on a smaller disk.", *ARENA, "{}: {}", ".",
)


def arena(name: str, templates: tuple[str, ...], moves: Callable[[random.Random], str], episodes: int) -> list[Text]:
    """A game of TextArena (0.7.4), played at random; what the game says, less the player's own words."""
    import importlib

    game = getattr(importlib.import_module(f"textarena.envs.{name}.env"), f"{name}Env")
    texts = []
    for episode in range(episodes):
        random.seed(episode)
        chance, env = random.Random(episode), (game(num_disks=3 + episode % 4) if name == "TowerOfHanoi" else
                                               game(code_length=4, num_numbers=6 + episode % 3))
        env.reset(num_players=1, seed=episode)
        ended = False
        for _ in range(40):
            _, seen = env.state.current_player_id, env.state.get_current_player_observation()
            said = [message for speaker, message, kind in seen if speaker == -1 and kind.name != "PLAYER_ACTION"]
            texts += [recognise(message, templates) for message in said]
            if ended:
                break
            ended, _ = env.step(moves(chance))
    return texts


def mastermind() -> list[Text]:
    def guess(chance: random.Random) -> str:
        digits = chance.sample(range(1, 7), 4)
        if chance.random() < 0.2:
            digits = chance.choices(range(1, 9), k=chance.choice((3, 4)))
        return "[" + " ".join(map(str, digits)) + "]" if chance.random() < 0.9 else "hm"

    return arena("Mastermind", PEGS, guess, 60)


def hanoi() -> list[Text]:
    moves = ("[A B]", "[A C]", "[B C]", "[B A]", "[C A]", "[C B]", "?")
    return arena("TowerOfHanoi", TOWERS, lambda chance: chance.choice(moves), 60)


WORLDS: dict[str, Callable[[], list[Text]]] = {
    "frozen_lake": frozen_lake, "taxi": taxi, "blackjack": blackjack, "textworld": textworld, "airline": airline,
    "cliff": cliff, "orders": orders, "mastermind": mastermind, "hanoi": hanoi,
}
