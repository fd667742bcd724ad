"""An urn is to be brought from one hall to another, by ways of which some go in one direction only.

A way takes one spark, and two with the urn; the well gives two, three or four, by chance, and the cart holds nine.
Out of sparks anywhere but at the well, the cart is lost.
"""

import re
import string

import gymnasium as gym

WAYS = {
    "Arn": ("Belk", "Esk"), "Belk": ("Corve",), "Corve": ("Arn", "Dimm"), "Dimm": ("Corve", "Fane"),
    "Esk": ("Arn", "Gorl"), "Fane": ("Gorl",), "Gorl": ("Esk", "Dimm"),
}
WELL, MOST, DRAUGHT = "Corve", 9, (2, 3, 4)
FORM = re.compile(r"(?:[A-Z][^.]*\. )?(\w+)\. Sparks (\d)\. Urn (at \w+|aboard), due at (\w+)\. Ways: [\w, ]+\.")


class Urns(gym.Env):
    observation_space = action_space = gym.spaces.Text(400, min_length=0, charset=string.printable)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        text = (options or {}).get("observation")
        if text is None:
            halls = list(WAYS)
            self.hall, self.urn = str(self.np_random.choice(halls)), str(self.np_random.choice(halls))
            self.due = str(self.np_random.choice([hall for hall in halls if hall != self.urn]))
            self.sparks = int(self.np_random.integers(4, MOST + 1))
            return self.tell(), {}
        found = FORM.fullmatch(text)
        if not found or found[1] not in WAYS or found[4] not in WAYS:
            raise ValueError("no cart stands like that")
        self.hall, self.sparks, self.due = found[1], int(found[2]), found[4]
        self.urn = None if found[3] == "aboard" else found[3].removeprefix("at ")
        if self.urn is not None and self.urn not in WAYS:
            raise ValueError("no urn stands there")
        return text, {}

    def tell(self, said=""):
        urn = "aboard" if self.urn is None else f"at {self.urn}"
        return f"{said}{self.hall}. Sparks {self.sparks}. Urn {urn}, due at {self.due}. " \
               f"Ways: {', '.join(WAYS[self.hall])}."

    def step(self, action):
        words = action.split()
        if len(words) == 2 and words[0] == "tro" and words[1] in WAYS:
            cost = 2 if self.urn is None else 1
            if words[1] not in WAYS[self.hall]:
                return self.tell("No way leads there. "), -1.0, False, False, {}
            if cost > self.sparks:
                return self.tell("The cart sulks. "), -1.0, False, False, {}
            self.hall, self.sparks = words[1], self.sparks - cost
            if self.sparks == 0 and self.hall != WELL:
                return f"The cart dies in {self.hall}.", -10.0, True, False, {}
            return self.tell(), -1.0, False, False, {}
        if action == "zill":
            if self.hall != WELL:
                return self.tell("There is no well. "), -2.0, False, False, {}
            self.sparks = min(MOST, self.sparks + int(self.np_random.choice(DRAUGHT)))
            return self.tell("The well hums. "), -1.0, False, False, {}
        if action == "gax":
            if self.urn != self.hall:
                return self.tell("Nothing to gax. "), -2.0, False, False, {}
            self.urn = None
            return self.tell(), -1.0, False, False, {}
        if action == "pudor":
            if self.urn is not None:
                return self.tell("Nothing to pudor. "), -2.0, False, False, {}
            if self.hall == self.due:
                return f"{self.hall} takes the urn with thanks.", 15.0, True, False, {}
            self.urn = self.hall
            return self.tell(), -2.0, False, False, {}
        return "Say tro and a hall, gax, pudor or zill.", 0.0, False, False, {}
