"""Counts of what was read of one kind of segment, bounded."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from envgen.records import renamed
from envgen.segments import Segment
from envgen.tokens import mask
from envgen.values import Values
from rollout.trajectory import Pointer

EXAMPLES = 3  # pointers kept
ROWS = 200  # different sets of numbers kept of one masked sentence


class Seen:
    """What was read of one kind of segment."""

    def __init__(self) -> None:
        self.count = 0
        self.examples: list[Pointer] = []
        self.values: dict[str, Values] = defaultdict(Values)
        self.rows: Counter[tuple[str, ...]] = Counter()  # the masked tokens, as they stood together
        self.quoted: Counter[str] = Counter()  # leaves of JSON that were strings
        self.objects: Counter[str] = Counter()
        self.keys: dict[str, Counter[str]] = defaultdict(Counter)

    def add(
        self, segment: Segment, tokens: Sequence[str], text: str, count: int, pointers: Sequence[Pointer]
    ) -> None:
        """Count a segment of a text, with the tokens of a sentence, and where it was said."""
        self.count += count
        self.examples = sorted({*self.examples, *pointers}, key=located)[:EXAMPLES]
        row = [token.strip() for token in tokens if mask(token) != token]
        for place, value in enumerate(row):
            self.values[str(place)].add(value, count)
        if tuple(row) in self.rows or len(self.rows) < ROWS:
            self.rows[tuple(row)] += count
        if segment.kind == "board":
            lines = segment.text.splitlines()
            self.values["rows"].add(str(len(lines)), count)
            self.values["columns"].add(str(len(lines[0])), count)
            for cell, times in Counter(sign for sign in segment.text if not sign.isspace()).items():
                self.values["cells"].add(cell, times * count)
        elif segment.kind != "unread":
            for name, start, end in segment.leaves:
                self.values[name].add(text[start:end], count)
                self.quoted[name] += count * (text[start - 1] == '"')
            for path, keys in segment.objects:
                self.objects[path] += count
                self.keys[path].update(dict.fromkeys(keys, count))

    def merge(self, other: "Seen") -> None:
        self.count += other.count
        self.examples = sorted([*self.examples, *other.examples], key=located)[:EXAMPLES]
        for name, values in other.values.items():
            self.values[name].merge(values)
        self.quoted += other.quoted
        self.objects += other.objects
        for path, keys in other.keys.items():
            self.keys[path] += keys


def located(pointer: Pointer) -> tuple[str, int]:
    return pointer.file, pointer.line


def paths(seen: Seen) -> tuple[dict[str, str], set[str]]:
    """Key paths with "*" for the keys of objects that are maps, and which keys are not always there."""
    maps = {path for path, keys in seen.keys.items()
            if len(keys) >= 8 and keys.total() < 0.5 * len(keys) * seen.objects[path]}
    names = {name: renamed(name, lambda path, *_: path in maps) for name in seen.values}
    optional = {renamed(f"{path}.{key}" if path else key, lambda path, *_: path in maps)
                for path, keys in seen.keys.items() for key, count in keys.items() if count < seen.objects[path]}
    return names, {name for name in optional if name.rpartition(".")[2] != "*"}
