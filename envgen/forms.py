"""The forms of texts: which templates, with which fields, they are made of.

A text is cut into segments: JSON, boards drawn in characters, and sentences. Segments of one form share a template;
`envgen.fields` finds those of sentences, by description length. Calls of one tool (`name {"key": value}`) are one
form, other JSON is grouped by its keys, and every key path is a field. Segments that are equal, or differ in numbers
alone, are kept once, so memory follows what is different, not how much there is.

    forms = mine((text, None) for text in texts)
    forms.parse("Row 1, column 2.")  # parts: form, values of its fields, and the literal text around them

What it leaves out: segments of more than `LONGEST` characters or with control characters (one form, unread), and
which texts follow which.
"""

import json
import re
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import groupby
from typing import Literal, NamedTuple

from pydantic import Field as Setting

from envgen.fields import MASK, SLOT, Field, Matcher, Templates, Tokens, Values, mask, specificity, tokenise
from rollout.trajectory import Pointer, Record

LONGEST = 2000  # characters of a segment that is read
EXAMPLES = 3  # pointers kept
SHAPE = 64  # forms of a text's beginning that are kept as its shape
RARE = 300  # sentences without fields that were seen once, of which each is a form of its own
ROWS = 200  # different sets of numbers kept of one masked sentence
CELLS = 100  # different signs of boards kept
ALIKE = 0.5  # overlap of keys from which on two records are one form
PLAIN = re.compile(r"0|[1-9]\d*(\.\d+)?|0\.\d+")
BUFFER = 20_000  # different texts that wait to be counted together

LINE = re.compile(r"[^\r\n]*[^\s][^\r\n]*")
STOP = re.compile(r"""(?:[.!?]+["'”’)\]]*(?P<space>\s+)(?=["'“‘(\[]?[A-Z0-9À-Þ])|[。！？]+(?P<none>))""")
ABBREVIATIONS = frozenset(("Mr", "Mrs", "Ms", "Dr", "Prof", "St", "No", "vs", "Nr", "approx", "e.g", "i.e", "etc"))
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
STARTS = re.compile(r"(?:(?m:^)[ \t]*(?:(?P<name>[A-Za-z_][\w.:-]*) +)?|(?<=[:=] ))(?=[{\[])")
JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
IDS = re.compile(r"\d.*\d.*\d.*\d|^\d+$|^(?=.*\d)(?=.*[A-Z])[A-Z\d]{4,}$", re.DOTALL)  # keys that name things
JSON = json.JSONDecoder()

OPEN: Tokens = (SLOT,)

Kind = Literal["text", "call", "record", "board", "unread", "empty"]
Key = tuple[str, ...]  # a masked sentence, or what tells structured segments apart
Named = tuple[tuple[str, str], ...]  # (name of field, value), as they stand in the text


Leaf = tuple[str, int, int]  # name of a field, and where in the text its value is


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
    """Objects, and lists that are more than a few numbers."""
    if isinstance(value, list):
        return any(isinstance(item, list | dict | str) for item in value) or len(value) > 4
    return isinstance(value, dict)


def scan(text: str, start: int, end: int) -> tuple[tuple[Leaf, ...], tuple[tuple[str, tuple[str, ...]], ...]]:
    """The leaves of valid JSON, by key path, and the keys of its objects, by path. Keys that are ids become "*".

    Signs of which paths are made are written "_" in keys.
    """
    leaves: list[Leaf] = []
    objects: list[tuple[str, list[str]]] = []
    stack: list[tuple[str, list[str] | None]] = []  # path, and keys if it is an object
    waiting = False  # for a key
    for found in JSON_TOKEN.finditer(text, start, end):
        token = found[0]
        if token in "}]":
            stack.pop()
        elif token == ",":
            waiting = bool(stack) and stack[-1][1] is not None
        elif waiting and token[0] == '"':
            keys = stack[-1][1]
            assert keys is not None
            key = json.loads(token)
            keys.append("*" if IDS.search(key) else re.sub(r"[.\[\]]", "_", key) or "_")
            waiting = False
        elif token != ":":
            path = _below(stack)
            empty = re.compile(r"[{\[]\s*[}\]]").match(text, found.start())
            if empty and path:
                leaves.append((path, found.start(), empty.end()))
            elif token not in "{[":
                quotes = token[0] == '"'
                leaves.append((path, found.start() + quotes, found.end() - quotes))
            if token == "{":
                objects.append((path, []))
                stack.append((path, objects[-1][1]))
                waiting = not empty
            elif token == "[":
                stack.append((path + "[]", None))
    return tuple(leaves), tuple((path, tuple(keys)) for path, keys in objects)


def _below(stack: list[tuple[str, list[str] | None]]) -> str:
    if not stack:
        return ""
    path, keys = stack[-1]
    return path if keys is None else f"{path}.{keys[-1]}" if path else keys[-1]


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


class Part(NamedTuple):
    """A segment of a text: its form (None: unknown), its values by field, and the literals before, between and after.

    Literals include the white space around the segment, so that all parts in a row are the text.
    """

    form: int | None
    values: Named
    literals: tuple[str, ...]

    def __str__(self) -> str:
        return self.literals[0] + "".join(value + after for (_, value), after in
                                          zip(self.values, self.literals[1:], strict=True))


class Form(Record):
    """What segments have in common.

    Attributes:
        id: its place in `Forms.forms`.
        kind: a sentence ("text"), a call of a tool, a JSON record, a board, what was not read, or an empty text.
        template: literal text with `<name>` for fields; optional keys of records end in "?".
        count: segments of this form.
        fields: in their order in the text; records have key paths, in which "[]" is any element, "*" any key.
        examples: where some of them stand.
        tokens: the template of a sentence as `envgen.fields` writes it; keys of a record.
    """

    id: int
    kind: Kind
    template: str
    count: int
    fields: tuple[Field, ...]
    examples: tuple[Pointer, ...]
    tokens: Tokens = Setting(repr=False)


class Shape(Record):
    """A sequence of forms that whole texts have; True marks one that may stand there several times in a row."""

    forms: tuple[tuple[int, bool], ...]
    count: int

    def __str__(self) -> str:
        return " ".join(f"<form {form}>{'*' if repeated else ''}" for form, repeated in self.forms)


class Forms(Record):
    """All forms of some texts, commonest first.

    Attributes:
        texts: how many were read.
        shapes: what whole texts consist of, commonest first.
        left_out: segments not counted because more than `limit` different ones were kept already.
        rare: different sentences, each seen once, that are together in the form "<1>" as there are more than `RARE`;
            with such a form, it is the form of every sentence that no other fits.
    """

    forms: tuple[Form, ...]
    shapes: tuple[Shape, ...]
    texts: int
    left_out: int
    rare: int = 0

    def parse(self, text: str) -> tuple[Part, ...]:
        """Cut any text into parts; a part whose form is None was never seen. Joined as strings they are the text."""
        parts, done = [], 0
        found = list(segments(text))
        for place, segment in enumerate(found):
            form, leaves = self._recognise(segment)
            end = found[place + 1].start if place + 1 < len(found) else len(text)
            literals = []
            for _, start, stop in leaves:
                literals.append(text[done:start])
                done = stop
            # white space after the last segment belongs to it, other white space to the segment that follows
            after = segment.end if place + 1 < len(found) else end
            literals.append(text[done:after])
            done = after
            parts.append(Part(form, tuple((name, text[start:stop]) for name, start, stop in leaves), tuple(literals)))
        return tuple(parts) if parts else (Part(None, (), (text,)),)

    def _recognise(self, segment: "Segment") -> tuple[int | None, list["Leaf"]]:
        if segment.kind != "text":
            form = self._structured(segment)
            if form is None:
                return None, []
            named = {field.name for field in self.forms[form].fields}
            paths = {".".join(name.split(".")[: depth + 1]) for name in named for depth in range(name.count(".") + 1)}
            leaves = [(_rename(name, lambda _, path, star: path not in paths and star in paths), start, end)
                      for name, start, end in segment.leaves]
            return form, leaves
        found = self._matcher.find(tokenise(segment.text))
        if found is None:
            return self._open, [("1", segment.start, segment.end)] if self._open is not None else []
        number, spans = found
        form = self._sentences[number]
        names = [field.name for field in self.forms[form].fields]
        return form, [(name, segment.start + start, segment.start + end)
                      for name, (start, end) in zip(names, spans, strict=True)]

    def _structured(self, segment: "Segment") -> int | None:
        alike = [(overlap(segment.key, form.tokens), -form.id) for form in self.forms if form.kind == segment.kind]
        best, number = max(alike, default=(0.0, 0))
        return -number if best >= ALIKE else None

    @cached_property
    def _open(self) -> int | None:
        return next((form.id for form in self.forms if form.tokens == OPEN), None)

    @cached_property
    def _sentences(self) -> list[int]:
        return [form.id for form in sorted((form for form in self.forms if form.kind == "text" and form.tokens != OPEN),
                                           key=lambda form: specificity(form.tokens))]

    @cached_property
    def _matcher(self) -> "Matcher":
        return Matcher([self.forms[form].tokens for form in self._sentences])




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

    def merge(self, other: "Seen") -> None:
        self.count += other.count
        self.examples = sorted([*self.examples, *other.examples], key=_place)[:EXAMPLES]
        for name, values in other.values.items():
            self.values[name].merge(values)
        self.quoted += other.quoted
        self.objects += other.objects
        for path, keys in other.keys.items():
            self.keys[path] += keys


def _place(pointer: Pointer) -> tuple[str, int]:
    return pointer.file, pointer.line


class Miner:
    """Reads texts one by one; keeps what is different in them."""

    def __init__(self, limit: int):
        self.limit = limit
        self.texts = self.left_out = self.waiting_size = 0
        self.waiting: dict[str, tuple[list[int], list[Pointer]]] = {}
        self.seen: dict[tuple[Kind, Key], Seen] = {}
        self.numbers: dict[tuple[Kind, Key], int] = {}
        self.shapes: Counter[tuple[int, ...]] = Counter()

    def add(self, text: str, pointer: Pointer | None) -> None:
        self.texts += 1
        entry = self.waiting.get(text)
        if entry is None:
            if len(self.waiting) >= BUFFER or self.waiting_size > 10_000_000:
                self._flush()
            entry = self.waiting[text] = ([0], [])
            self.waiting_size += len(text)
        entry[0][0] += 1
        if pointer is not None and (len(entry[1]) < EXAMPLES or _place(pointer) < _place(entry[1][-1])):
            insort(entry[1], pointer, key=_place)
            del entry[1][EXAMPLES:]

    def _flush(self) -> None:
        for text, ([count], pointers) in self.waiting.items():
            shape: list[int] = []
            for segment in segments(text):
                number = self._count(segment, text, count, pointers)
                if len(shape) < SHAPE and number is not None:
                    shape.append(number)
            if tuple(shape) in self.shapes or len(self.shapes) < self.limit:
                self.shapes[tuple(shape)] += count
        self.waiting, self.waiting_size = {}, 0

    def _count(self, segment: Segment, text: str, count: int, pointers: list[Pointer]) -> int | None:
        """Count a segment; the number of its key, None if it was left out."""
        tokens = tokenise(segment.text) if segment.kind == "text" else []
        key = (segment.kind, tuple(map(mask, tokens)) if tokens else segment.key)
        seen = self.seen.get(key)
        if seen is None:
            if len(self.seen) >= self.limit:
                self.left_out += count
                return None
            seen = self.seen[key] = Seen()
            self.numbers[key] = len(self.numbers)
        seen.count += count
        seen.examples = sorted({*seen.examples, *pointers}, key=_place)[:EXAMPLES]
        row = [token.strip() for token, masked in zip(tokens, key[1], strict=False) if MASK in masked]
        for place, value in enumerate(row):
            seen.values[str(place)].add(value, count)
        if tuple(row) in seen.rows or len(seen.rows) < ROWS:
            seen.rows[tuple(row)] += count
        if segment.kind == "board":
            lines = segment.text.splitlines()
            seen.values["rows"].add(str(len(lines)), count)
            seen.values["columns"].add(str(len(lines[0])), count)
            for cell, times in Counter(sign for sign in segment.text if not sign.isspace()).items():
                seen.values["cells"].add(cell, times * count)
        elif segment.kind != "unread":
            for name, start, end in segment.leaves:
                seen.values[name].add(text[start:end], count)
                seen.quoted[name] += count * (text[start - 1] == '"')
            for path, keys in segment.objects:
                seen.objects[path] += count
                seen.keys[path].update(dict.fromkeys(keys, count))
        return self.numbers[key]

    def forms(self) -> Forms:
        """The forms of everything read so far."""
        self._flush()
        sentences, rare = _gathered(self._sentences())
        drafts = sorted(sentences + self._structures(),
                        key=lambda draft: (-draft.seen.count, draft.kind, draft.tokens))
        place = {key: number for number, draft in enumerate(drafts) for key in draft.members}
        by_number = {number: place[key] for key, number in self.numbers.items()}
        shapes: Counter[tuple[tuple[int, bool], ...]] = Counter()
        for numbers, count in self.shapes.items():
            shapes[_collapsed([by_number[number] for number in numbers])] += count
        return Forms(
            forms=tuple(Form(id=number, kind=kind, template=template, count=seen.count, fields=tuple(fields),
                             examples=tuple(seen.examples), tokens=tokens)
                        for number, (kind, tokens, template, seen, fields, _) in enumerate(drafts)),
            shapes=tuple(Shape(forms=forms, count=count)
                         for forms, count in sorted(shapes.items(), key=lambda item: (-item[1], item[0]))),
            texts=self.texts, left_out=self.left_out, rare=rare,
        )

    def _sentences(self) -> list["Draft"]:
        """Templates for the masked sentences, and their fields from what the masks hid."""
        keys = sorted(key for kind, key in self.seen if kind == "text")
        templates = Templates(keys).found
        matcher = Matcher(templates)
        grouped: dict[int, list[tuple[Key, list[tuple[int, int]]]]] = defaultdict(list)
        for key in keys:
            found = matcher.find(key)
            assert found is not None
            grouped[found[0]].append((key, found[1]))
        drafts = []
        for number, members in sorted(grouped.items()):
            whole = Seen()
            columns: list[Values] = [Values() for _ in members[0][1]]
            for key, spans in members:
                seen = self.seen["text", key]
                whole.merge(seen)
                line = "".join(key)
                for column, (start, end) in zip(columns, spans, strict=True):
                    _read(line, start, end, seen, column)
            tokens, columns = _settled(templates[number], columns)
            fields = [column.field(str(place + 1)) for place, column in enumerate(columns)]
            drafts.append(Draft("text", tokens, _written(tokens), whole, fields, [("text", key) for key, _ in members]))
        return drafts

    def _structures(self) -> list["Draft"]:
        """Calls by tool, records by their keys, boards and unread segments each in one form."""
        groups: list[tuple[Kind, set[str], Seen, list[tuple[Kind, Key]]]] = []
        for (kind, key), seen in sorted(self.seen.items(), key=lambda item: (-item[1].count, item[0])):
            if kind == "text":
                continue
            alike = [(overlap(key, group[1]), -number) for number, group in enumerate(groups) if group[0] == kind]
            best, number = max(alike, default=(0.0, 0))
            if best < ALIKE:
                number = -len(groups)
                groups.append((kind, set(), Seen(), []))
            _, keys, whole, members = groups[-number]
            keys.update(key)
            whole.merge(seen)
            members.append((kind, key))
        drafts = []
        for kind, keys, whole, members in groups:
            names, optional = _paths(whole)
            columns: dict[str, Values] = defaultdict(Values)
            quoted: Counter[str] = Counter()
            for name, values in whole.values.items():
                if not any(other.startswith((f"{name}.", f"{name}[")) for other in whole.values):
                    columns[names[name]].merge(values)
                    quoted[names[name]] += whole.quoted[name]
            fields = [values.field(name, CELLS if kind == "board" else 10) for name, values in columns.items()]
            template = {"board": "<board>", "unread": "<text>", "empty": "<nothing>"}.get(kind) or schema(
                list(columns), optional, {name for name, values in columns.items() if quoted[name] == values.count})
            if kind == "call":
                template = f"{members[0][1][0]} {template}"
            drafts.append(Draft(kind, tuple(sorted(keys)), template, whole, fields, members))
        return drafts


class Draft(NamedTuple):
    """A form before it has a number."""

    kind: Kind
    tokens: Tokens
    template: str
    seen: Seen
    fields: list[Field]
    members: list[tuple[Kind, Key]]


def _gathered(drafts: list[Draft]) -> tuple[list[Draft], int]:
    """Sentences that were seen once, beyond the first `RARE`, as one open form; and how many these are."""
    def place(draft: Draft) -> tuple[tuple[str, int], Tokens]:
        return min(map(_place, draft.seen.examples), default=("", 0)), draft.tokens

    rare = sorted((draft for draft in drafts if draft.seen.count == 1 and not draft.fields), key=place)[RARE:]
    if not rare:
        return drafts, 0
    whole, values = Seen(), Values()
    for draft in rare:
        whole.merge(draft.seen)
        values.add("".join(draft.tokens))
    gathered = {draft.tokens for draft in rare}
    opened = Draft("text", OPEN, _written(OPEN), whole, [values.field("1")],
                   [member for draft in rare for member in draft.members])
    return [*(draft for draft in drafts if draft.tokens not in gathered), opened], len(rare)


def _read(line: str, start: int, end: int, seen: Seen, column: Values) -> None:
    """Add to a column what stood between two places of a masked line."""
    value, before = line[start:end], line.count(MASK, 0, start)
    if value == MASK:
        column.merge(seen.values[str(before)])
    elif MASK not in value:
        column.add(value, seen.count)
    else:
        literals = value.split(MASK)
        for row, count in sorted(seen.rows.items()):
            shown = zip(literals[1:], row[before : before + len(literals) - 1], strict=True)
            column.add(literals[0] + "".join(number + literal for literal, number in shown), count)


def _settled(template: Tokens, columns: list[Values]) -> tuple[Tokens, list[Values]]:
    """What never varied, though it was seen more than once, becomes literal, in whole or at the ends of numbers."""
    tokens: list[str] = []
    kept: list[Values] = []
    rest = iter(columns)
    for token in template:
        if token[-1:] not in (SLOT, MASK):
            tokens.append(token)
            continue
        column = next(rest)
        space, values = token[:-1], list(column.seen)
        if len(values) == 1 and column.count > 1:
            tokens += tokenise(space + values[0])
            continue
        if token[-1] == MASK and len(values) > 1:
            before = re.match(r"\D*", _shared(values))
            after = re.match(r"\D*", _shared([value[::-1] for value in values]))
            assert before is not None
            assert after is not None
            head, tail = before[0], after[0][::-1]
            bare = [value[len(head) : len(value) - len(tail)] for value in values]
            if (head or tail) and head not in ("+", "-") and all(PLAIN.fullmatch(value) for value in bare):
                trimmed = Values()
                for value, count in zip(bare, column.seen.values(), strict=True):
                    trimmed.add(value, count)
                token, column = space + head + MASK + tail, trimmed
        tokens.append(token)
        kept.append(column)
    return tuple(tokens), kept


def _shared(values: list[str]) -> str:
    """The beginning that all values have."""
    one, other = min(values), max(values)
    length = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[:length]


def _written(tokens: Tokens) -> str:
    """A template as text; a literal that looks like a field is marked by a backslash."""
    text, number = "", 0
    for piece in re.split(f"([{SLOT}{MASK}])", "".join(tokens)):
        if piece in (SLOT, MASK) and piece:
            number += 1
            text += f"<{number}>"
        else:
            text += re.sub(r"<(?=\d+>)", r"\\<", piece)
    return text


def overlap(keys: Collection[str], others: Collection[str]) -> float:
    """Jaccard's index of two sets of keys."""
    one, other = set(keys), set(others)
    return len(one & other) / len(one | other) if one | other else 1.0


def _paths(seen: Seen) -> tuple[dict[str, str], set[str]]:
    """Key paths with "*" for the keys of objects that are maps, and which keys are not always there."""
    maps = {path for path, keys in seen.keys.items()
            if len(keys) >= 8 and keys.total() < 0.5 * len(keys) * seen.objects[path]}
    names = {name: _rename(name, lambda path, *_: path in maps) for name in seen.values}
    optional = {_rename(f"{path}.{key}" if path else key, lambda path, *_: path in maps)
                for path, keys in seen.keys.items() for key, count in keys.items() if count < seen.objects[path]}
    return names, {name for name in optional if name.rpartition(".")[2] != "*"}


def _rename(name: str, is_map: Callable[[str, str, str], bool]) -> str:
    """A key path with "*" for the keys of maps; `is_map` sees the object's path, and the new one with key and "*"."""
    path: list[str] = []
    renamed: list[str] = []
    for piece in name.split("."):
        bare = piece.partition("[")[0]
        star = "*" + piece[len(bare) :]
        starred = bool(bare) and is_map(".".join(path), ".".join([*renamed, piece]), ".".join([*renamed, star]))
        renamed.append(star if starred else piece)
        path.append(piece)
    return ".".join(renamed)


def schema(names: Sequence[str], optional: set[str], quoted: set[str]) -> str:
    """JSON with fields at its leaves, in quotes where they are always strings."""
    def write(path: str, below: list[str]) -> str:
        if below == [""]:
            return f'"<{path}>"' if path in quoted else f"<{path}>"
        lists = [name for name in below if name.startswith("[]")]
        if lists:
            return f"[{write(path + '[]', [name[2:].removeprefix('.') for name in lists])}, ...]"
        keys: dict[str, list[str]] = {}
        for name in below:
            key = re.match(r"[^.\[]*", name)
            assert key is not None
            keys.setdefault(key[0], []).append(name[len(key[0]) :].removeprefix("."))
        inner = []
        for key_, rest in keys.items():
            full = f"{path}.{key_}" if path else key_
            inner.append(f'"{key_}{"?" if full in optional else ""}": {write(full, rest)}')
        return "{" + ", ".join(inner) + "}"

    return write("", list(names)) if names else "{}"


def _collapsed(forms: Iterable[int]) -> tuple[tuple[int, bool], ...]:
    """A sequence in which a form that follows itself stands once, and says so."""
    return tuple((form, len(list(run)) > 1) for form, run in groupby(forms))


def mine(texts: Iterable[tuple[str, Pointer | None]], limit: int = 100_000) -> Forms:
    """Read texts once, and find their forms.

    Args:
        texts: each with where it stands, if known. The order does not matter, short of `limit`.
        limit: different segments kept; later ones are counted as left out.
    """
    miner = Miner(limit)
    for text, pointer in texts:
        miner.add(text, pointer)
    return miner.forms()
