"""A parser adventure with synonyms, adjectives and a grumpy troll."""
import re
from itertools import chain

import gymnasium as gym
from gymnasium import spaces

SYNONYMS = {
    "take": ["get", "grab", "pick", "fetch", "steal"],
    "drop": ["discard", "leave"],
    "examine": ["x", "inspect", "read", "search"],
    "go": ["walk", "run", "head", "travel"],
    "give": ["offer", "hand", "feed"],
    "open": ["unlock", "pry"],
    "look": ["l", "where"],
    "inventory": ["i", "inv", "items"],
    "bread": ["loaf", "food"], "coin": ["gold", "money", "penny"],
    "troll": ["monster", "guard", "him"], "chest": ["box", "trunk"],
    "north": ["n"], "south": ["s"], "east": ["e"], "west": ["w"],
}  # fmt: skip
CANON = dict(chain.from_iterable([(alt, word) for alt in alts] for word, alts in SYNONYMS.items()))
FILLER = frozenset("the a an to at up my please with some old rusty shiny stale in on".split())
DIRECTIONS = ("north", "south", "east", "west")


class Thing:
    def __init__(self, name, where, text, portable=True):
        self.name, self.where, self.text, self.portable = name, where, text, portable


class ParserAdventureEnv(gym.Env):
    metadata = {"render_modes": []}
    MAP = {
        "clearing": {"north": "bridge", "east": "hut"},
        "hut": {"west": "clearing"},
        "bridge": {"south": "clearing", "north": "tower"},
        "tower": {"south": "bridge"},
    }
    TEXT = {
        "clearing": "A sunny clearing. A path leads north, and a hut stands to the east.",
        "hut": "A cramped hut that smells of soup. The way out is west.",
        "bridge": "A stone bridge. The tower is north, the clearing south.",
        "tower": "The top of the tower. Stairs lead south.",
    }

    def __init__(self):
        self.action_space = spaces.Text(100)
        self.observation_space = spaces.Text(1000)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.bribe = ("bread", "coin")[self.np_random.integers(2)]
        places = self.np_random.permutation(["clearing", "hut"])
        self.things = {
            "bread": Thing("bread", str(places[0]), "A stale loaf."),
            "coin": Thing("coin", str(places[1]), "A shiny gold coin."),
            "note": Thing("note", "hut", f"It says: 'Trolls will do anything for {self.bribe}.'"),
            "troll": Thing("troll", "bridge", "He is large, green and bored.", portable=False),
            "chest": Thing("chest", "tower", "An iron-bound chest. It is not locked.", portable=False),
        }
        self.room, self.score, self.turns = "clearing", 0, 0
        return self.do_look(), {"score": 0}

    def parse(self, line):
        words = re.findall(r"[a-z]+", line.lower())
        return [CANON.get(w, w) for w in words if w not in FILLER]

    def visible(self, name):
        thing = self.things.get(name)
        return thing if thing is not None and thing.where in (self.room, "player") else None

    def do_look(self):
        here = [t.name for t in self.things.values() if t.where == self.room]
        return self.TEXT[self.room] + (f" Here: {', '.join(here)}." if here else "")

    def do_inventory(self):
        return "You have " + (" and ".join(t.name for t in self.things.values() if t.where == "player") or "nothing") + "."

    def do_go(self, direction=None):
        if direction not in self.MAP[self.room]:
            return "You can't go there."
        if self.room == "bridge" and direction == "north" and self.things["troll"].where == "bridge":
            return "The troll blocks the way. 'Bring me something nice!'"
        self.room = self.MAP[self.room][direction]
        return self.do_look()

    def step(self, action):
        self.turns += 1
        old, words = self.score, self.parse(action)
        if words and words[0] in DIRECTIONS:
            words.insert(0, "go")
        verb, noun = (words + [None, None])[:2]
        thing = self.visible(noun)
        if verb in ("look", "inventory"):
            text = self.do_look() if verb == "look" else self.do_inventory()
        elif verb == "go":
            text = self.do_go(noun)
        elif verb not in ("take", "drop", "examine", "give", "open"):
            text = "I don't know how to do that."
        elif thing is None:
            text = f"You see no {noun} here." if noun else f"{verb.capitalize()} what?"
        elif verb == "examine":
            text = thing.text
        elif verb == "take" and thing.portable:
            text = "You already have it." if thing.where == "player" else "Taken."
            thing.where = "player"
        elif verb == "drop" and thing.where == "player":
            thing.where, text = self.room, "Dropped."
        elif verb == "give" and thing.where == "player" and self.visible("troll"):
            text = "'Not that!' growls the troll."
            if noun == self.bribe:
                thing.where = self.things["troll"].where = "gone"
                self.score += 1
                text = f"The troll hugs the {noun} and wanders off."
        elif verb == "open" and noun == "chest":
            self.score += 2
            return "The chest is full of rubies. You win!", 2.0, True, False, {"score": self.score}
        else:
            text = f"You can't {verb} the {noun}."
        return text, float(self.score - old), False, self.turns >= 60, {"score": self.score}
