"""An index of lines: which of them a template fits."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from envgen.tokens import JOINT, LONGEST_VALUE, SLOT, Rows, Tokens


class Index:
    """Lines by their tokens, and written with two signs a token (white space, token) for regular expressions."""

    def __init__(self, lines: Sequence[Tokens]):
        self.lines = lines
        self.size = len(lines)
        self.where: defaultdict[str, set[int]] = defaultdict(set)
        for number, line in enumerate(lines):
            for token in line:
                self.where[token].add(number)
        self.sets: dict[str, int] = {}  # of frequent tokens: sets of lines as the bits of a number
        self.signs: dict[str, str] = {}
        for token in sorted(token for token, numbers in self.where.items() if len(numbers) > 1):
            space = token[: len(token) - len(token.lstrip())]
            self.signs[token] = self.signs.setdefault(f"{space}{SLOT}", self._sign()) + self._sign()
        self.written = ["".join(self.signs.get(token) or self._rare(token) for token in line) for line in lines]

    def _sign(self) -> str:
        place = 256 + 2 * len(self.signs)
        return chr(min(place + 0x800 * (place >= 0xD800), 0x10FFFF))

    def _rare(self, token: str) -> str:
        return self.signs.get(f"{token[: len(token) - len(token.lstrip())]}{SLOT}", "\x01") + "\x02"

    def fits(self, template: Tokens, numbers: Iterable[int]) -> Rows:
        """The values of a template's slots in those lines that it fits, each as short as can be."""
        slots = [token[:-1] for token in template if token[-1:] == SLOT]
        pattern = "".join(self.signs.get(token, "\x00") + (f"(.(?:..){{0,{LONGEST_VALUE - 1}}}?)"
                                                           if token[-1:] == SLOT else "") for token in template)
        match = re.compile(pattern, re.DOTALL).fullmatch
        rows: Rows = {}
        for number in numbers:
            if found := match(self.written[number]):
                line = self.lines[number]
                spans = (found.span(group + 1) for group in range(len(slots)))
                rows[number] = tuple(JOINT.join(line[start // 2 : (end + 1) // 2])[len(space) :]
                                     for space, (start, end) in zip(slots, spans, strict=True))
        return rows

    def having(self, tokens: Iterable[str]) -> list[int]:
        """The lines that have all the tokens, sorted."""
        ordered = sorted(set(tokens), key=lambda token: (len(self.where.get(token, ())), token))
        if not ordered or ordered[0] not in self.where:
            return []
        if len(self.where[ordered[0]]) <= max(200, self.size // 50):
            return sorted(self.where[ordered[0]].intersection(*(self.where[token] for token in ordered[1:])))
        common = -1
        for token in ordered:
            common &= self._set(token)
        digits = bin(common)[:1:-1]
        found, place = [], digits.find("1")
        while place >= 0:
            found.append(place)
            place = digits.find("1", place + 1)
        return found

    def _set(self, token: str) -> int:
        if token not in self.sets:
            row = bytearray(self.size // 8 + 1)
            for number in self.where[token]:
                row[number >> 3] |= 1 << (number & 7)
            self.sets[token] = int.from_bytes(row, "little")
        return self.sets[token]
