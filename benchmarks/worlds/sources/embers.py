"""A kiln's floor, wholly shown: the clapper is to be brought to the bell.

The floor goes round from left to right but has a rim above and below; on glass one slides on; an ember goes out when
stepped on and costs a sole; the four words for the ways are no language's.
"""

import re
import string

import gymnasium as gym

ROWS, COLUMNS, SOLES = 5, 6, 2
WAYS = {"mor": (0, -1), "tash": (1, 0), "ilk": (-1, 0), "vey": (0, 1)}
SHOWN = {":": "@", "%": "&", "=": "$"}  # the treader on ash, bell and glass
UNDER = {"@": ":", "&": "%", "$": "="}
FORM = re.compile(r"(?:.*\n)?Soles (\d)\. Clapper (held|lying)\.\n([:*=%t@&$\n]+)")


class Embers(gym.Env):
    observation_space = action_space = gym.spaces.Text(400, min_length=0, charset=string.printable)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        text = (options or {}).get("observation")
        if text is None:
            self.soles, self.held = SOLES, False
            self.lay()
            while not self.reaches("t") or not self.reaches("%"):
                self.lay()
            return self.tell(), {}
        found = FORM.fullmatch(text)
        board = found[3].split("\n") if found else []
        if len(board) != ROWS or any(len(row) != COLUMNS for row in board):
            raise ValueError("no kiln looks like that")
        self.soles, self.held, self.floor, self.at = int(found[1]), found[2] == "held", [], None
        for number, row in enumerate(board):
            for column, sign in enumerate(row):
                if sign in UNDER:
                    self.at = (number, column)
            self.floor.append([UNDER.get(sign, sign) for sign in row])
        if self.at is None or self.soles == 0:
            raise ValueError("nobody can tread there")
        return text, {}

    def lay(self):
        """A random floor: five embers, four panes of glass, bell, clapper and treader."""
        places = [(row, column) for row in range(ROWS) for column in range(COLUMNS)]
        self.np_random.shuffle(places)
        self.floor = [[":"] * COLUMNS for _ in range(ROWS)]
        for sign, (row, column) in zip("*****====%t", places, strict=False):
            self.floor[row][column] = sign
        self.at = places[11]

    def reaches(self, sign):
        """Whether a square can be come to without an ember."""
        seen, open_ = {self.at}, [self.at]
        while open_:
            place = open_.pop()
            for way in WAYS.values():
                after = self.slide(place, way)[-1]
                if after not in seen and self.floor[after[0]][after[1]] != "*":
                    seen.add(after)
                    open_.append(after)
        return any(self.floor[row][column] == sign for row, column in seen)

    def slide(self, place, way):
        """The squares trodden, the first where one was."""
        trodden = [place]
        while True:
            row, column = place[0] + way[0], (place[1] + way[1]) % COLUMNS
            if not 0 <= row < ROWS or (row, column) in trodden:
                return trodden
            place = (row, column)
            trodden.append(place)
            if self.floor[row][column] != "=":
                return trodden

    def tell(self, said=""):
        board = "\n".join(
            "".join(SHOWN[sign] if (row, column) == self.at else sign for column, sign in enumerate(signs))
            for row, signs in enumerate(self.floor)
        )
        return f"{said}Soles {self.soles}. Clapper {'held' if self.held else 'lying'}.\n{board}"

    def step(self, action):
        if action not in WAYS:
            return f"The kiln knows {', '.join(WAYS)}.", 0.0, False, False, {}
        trodden = self.slide(self.at, WAYS[action])
        if len(trodden) == 1:
            return self.tell("The rim stops you.\n"), 0.0, False, False, {}
        self.at = row, column = trodden[-1]
        sign = self.floor[row][column]
        if sign == "*":
            self.soles -= 1
            self.floor[row][column] = ":"
            if self.soles == 0:
                return "Hiss. You stand on bare feet and flee.", -1.0, True, False, {}
            return self.tell("Hiss. A sole is gone.\n"), -0.2, False, False, {}
        if sign == "t":
            self.held = True
            self.floor[row][column] = ":"
            return self.tell("You lift the clapper.\n"), 0.3, False, False, {}
        if sign == "%":
            if self.held:
                return "The bell rings over the kiln.", 1.0, True, False, {}
            return self.tell("The bell is dumb.\n"), 0.0, False, False, {}
        return self.tell("You slide.\n" if len(trodden) > 2 else ""), 0.0, False, False, {}
