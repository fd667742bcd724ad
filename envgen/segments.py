"""Segments of texts: JSON, boards drawn in characters, and sentences."""

import json
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from envgen.records import Leaf, scan

LONGEST = 2000  # characters of a segment that is read
LINE = re.compile(r"[^\r\n]*[^\s][^\r\n]*")
STOP = re.compile(r"""(?:[.!?]+["'”’)\]]*(?P<space>\s+)(?=["'“‘(\[]?[A-Z0-9À-Þ])|[。！？]+(?P<none>))""")
ABBREVIATIONS = frozenset(("Mr", "Mrs", "Ms", "Dr", "Prof", "St", "No", "vs", "Nr", "approx", "e.g", "i.e", "etc"))
LABELLED = re.compile(r"\s*\w+\s*[:=]\s*(?:\S+|\[.*\])\s*")  # "A: 3", "B: [2, 1]"
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
STARTS = re.compile(r"(?:(?m:^)[ \t]*(?:(?P<name>[A-Za-z_][\w.:-]*) +)?|(?<=[:=] ))(?=[{\[])")
JSON = json.JSONDecoder()

Kind = Literal["text", "call", "record", "board", "unread", "empty"]
Key = tuple[str, ...]  # a masked sentence, or what tells structured segments apart


class Segment(NamedTuple):
    """A piece of a text; structured ones come with their leaves and with the keys of each object in them."""

    kind: Kind
    start: int
    end: int
    text: str
    key: Key = ()
    leaves: tuple[Leaf, ...] = ()
    objects: tuple[tuple[str, tuple[str, ...]], ...] = ()


def segments(text: str) -> Iterator[Segment]:
    """Cut a text into JSON, boards and sentences, in their order; white space between them belongs to none.

    A text that says nothing is one empty segment.
    """
    if not text.strip():
        yield Segment("empty", 0, 0, "", ("empty",))
        return
    done = failures = 0
    for found in STARTS.finditer(text):
        if found.end() < done or failures > 20:
            continue
        try:
            value, end = JSON.raw_decode(text, found.end())
        except (ValueError, RecursionError):
            failures += 1
            continue
        if not re.compile(r"[ \t]*(?:\r?\n|$)").match(text, end) or not _is_record(value):
            continue
        name = found["name"] or ""
        start = found.start("name") if name else found.end()
        yield from _lines(text, done, start)
        leaves, objects = scan(text, found.end(), end)
        top = {path for path, keys in objects[:1] for path in keys} or {path.partition(".")[0] for path, _, _ in leaves}
        for path, keys in objects:
            if set(path) <= {"[", "]"}:
                top |= {f"{path}.{key}" for key in keys}
        key = (name,) if name else tuple(sorted(top))
        yield Segment("call" if name else "record", start, end, text[start:end], key, leaves, objects)
        done = end
    yield from _lines(text, done, len(text))


def _is_record(value: object) -> bool:
    """Objects, and lists of more than numbers."""
    if isinstance(value, list):
        return any(isinstance(item, list | dict | str) for item in value)
    return isinstance(value, dict)


def _lines(text: str, start: int, end: int) -> Iterator[Segment]:
    """Boards and sentences of a part of a text."""
    rows: list[tuple[int, int]] = []
    for found in LINE.finditer(text, start, end):
        rows.append(found.span())
    place = 0
    while place < len(rows):
        stop = place
        width = rows[place][1] - rows[place][0]
        while stop < len(rows) and rows[stop][1] - rows[stop][0] == width and stop - place < 1000 and 3 <= width <= 200:
            if not _is_row(text[slice(*rows[stop])]):
                break
            stop += 1
        if stop - place > 1 and _is_board([text[slice(*row)] for row in rows[place:stop]]):
            a, b = rows[place][0], rows[stop - 1][1]
            yield Segment("board", a, b, text[a:b], ("board",), (("cells", a, b),))
            place = stop
        else:
            yield from _sentences(text, *rows[place])
            place += 1


def _is_row(line: str) -> bool:
    if LABELLED.fullmatch(line):
        return False
    return not re.search(r"\w\w", line) if " " in line else len(line) >= 3


def _is_board(lines: list[str]) -> bool:
    """Cells of one character, apart or from a small alphabet; words are longer, or have more letters."""
    cells = [sign for line in lines for sign in line if not sign.isspace()]
    letters = [sign for sign in cells if sign.isalnum()]
    if not re.search(r"\w\w", "\n".join(lines)):
        return len(cells) >= 3 * len(lines)
    return len(set(cells)) <= len(cells) / (3 if any(map(str.islower, letters)) else 2)


def _sentences(text: str, start: int, end: int) -> Iterator[Segment]:
    for found in STOP.finditer(text, start, end):
        word = text[start : found.start()].rpartition(" ")[2].strip("\"'([")
        if word in ABBREVIATIONS or text[start : found.start()].strip().isdecimal():
            continue
        yield from _sentence(text, start, found.start("space"))
        start = found.end()
    yield from _sentence(text, start, end)


def _sentence(text: str, start: int, end: int) -> Iterator[Segment]:
    said = text[start:end].strip()
    if said:
        start = text.index(said, start)
        end = start + len(said)
        if len(said) > LONGEST or CONTROL.search(said):
            yield Segment("unread", start, end, said, ("unread",), (("text", start, end),))
        else:
            yield Segment("text", start, end, said)
