"""Values of one place in texts: counted, with their kind and range."""

import math
import re
from collections import Counter
from typing import Literal

from rollout.trajectory import Record

Kind = Literal["integer", "number", "time", "identifier", "choice", "text", "true or false", "nothing"]
NUMBER = re.compile(r"[-+]?\d[\d,]*(\.\d+)?([eE][-+]?\d+)?")
TIME = re.compile(r"\d{4}-\d\d-\d\d.*|\d{1,2}:\d\d.*")
KEPT = 1000  # different values a field remembers
CHOICES = 20  # a field with more values than this is no choice
INTEGERS = 50  # different integers that are all listed


class Field(Record):
    """A place in a form where texts differ.

    Attributes:
        name: a number in a sentence, a key path in JSON.
        kind: what its values have in common; a choice is one of few values that recur.
        count: how many values were read.
        low, high: the range, where all values are numbers.
        values: a choice's values and up to `INTEGERS` integers, or else the commonest values, with counts.
        distinct: how many different values; a lower bound where there are more than `KEPT`.
    """

    name: str
    kind: Kind
    count: int
    low: float | None = None
    high: float | None = None
    values: dict[str, int]
    distinct: int


class Values:
    """Counts of what stood in one place, bounded."""

    def __init__(self) -> None:
        self.count = 0
        self.kinds: Counter[Kind] = Counter()
        self.seen: Counter[str] = Counter()
        self.low, self.high = math.inf, -math.inf

    def add(self, value: str, count: int = 1) -> None:
        self.count += count
        if value not in self.seen:
            kind = kind_of(value)
            self.kinds[kind] += 1
            if kind in ("integer", "number") and len(value) < 300:
                number = float(value.replace(",", ""))
                self.low, self.high = min(self.low, number), max(self.high, number)
            if len(self.seen) >= KEPT:
                return
        self.seen[value] += count

    def merge(self, other: "Values") -> None:
        self.count += other.count
        self.kinds += other.kinds
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        for value, count in sorted(other.seen.items()):
            if value in self.seen or len(self.seen) < KEPT:
                self.seen[value] += count

    def field(self, name: str, listed: int = 10) -> Field:
        """What was counted, as a record."""
        kinds = set(self.kinds)
        kind: Kind = "text"
        if len(kinds) == 1:
            kind = next(iter(kinds))
        elif kinds == {"integer", "number"}:
            kind = "number"
        elif kinds == {"time", "identifier"}:
            kind = "identifier"
        if kind in ("text", "identifier") and len(self.seen) <= min(CHOICES, self.count / 2):
            kind = "choice"
        most = CHOICES if kind == "choice" else listed
        if kind == "integer" and len(self.seen) <= INTEGERS:
            most = INTEGERS
        numeric = kind in ("integer", "number") and self.low <= self.high
        commonest = sorted(self.seen.items(), key=lambda item: (-item[1], item[0]))
        return Field(name=name, kind=kind, count=self.count, distinct=len(self.seen),
                     low=self.low if numeric else None, high=self.high if numeric else None,
                     values={value[:200]: n for value, n in commonest[:most]})


def kind_of(value: str) -> Kind:
    """The kind of a single value."""
    if NUMBER.fullmatch(value):
        return "number" if any(sign in value for sign in ".eE") else "integer"
    if TIME.fullmatch(value):
        return "time"
    if value in ("true", "false"):
        return "true or false"
    if value == "null":
        return "nothing"
    return "identifier" if " " not in value and any(map(str.isdecimal, value)) else "text"
