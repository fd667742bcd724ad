"""Drafts of forms: templates and fields, from what was counted of each kind of segment.

Calls of one tool (`name {"key": value}`) are one form, other JSON is grouped by its keys, and every
key path is a field.
"""

import re
from collections import Counter, defaultdict
from typing import NamedTuple

from envgen.counts import Seen, located, paths
from envgen.forms import ALIKE, OPEN
from envgen.matcher import Matcher
from envgen.records import overlap, schema
from envgen.segments import Key, Kind
from envgen.templates import Templates
from envgen.tokens import MASK, SLOT, Tokens, tokenise
from envgen.values import Field, Values

RARE = 300  # sentences without fields that were seen once, of which each is a form of its own
CELLS = 100  # different signs of boards kept
PLAIN = re.compile(r"0|[1-9]\d*(\.\d+)?|0\.\d+")


class Draft(NamedTuple):
    """A form before it has a number."""

    kind: Kind
    tokens: Tokens
    template: str
    seen: Seen
    fields: list[Field]
    members: list[tuple[Kind, Key]]


def sentences(read: dict[tuple[Kind, Key], Seen]) -> list[Draft]:
    """Templates for the masked sentences, and their fields from what the masks hid."""
    keys = sorted(key for kind, key in read if kind == "text")
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
            seen = read["text", key]
            whole.merge(seen)
            line = "".join(key)
            for column, (start, end) in zip(columns, spans, strict=True):
                _read(line, start, end, seen, column)
        tokens, columns = _settled(templates[number], columns)
        fields = [column.field(str(place + 1)) for place, column in enumerate(columns)]
        drafts.append(Draft("text", tokens, written(tokens), whole, fields, [("text", key) for key, _ in members]))
    return drafts


def gathered(drafts: list[Draft]) -> tuple[list[Draft], int]:
    """Sentences that were seen once, beyond the first `RARE`, as one open form; and how many these are."""
    def first(draft: Draft) -> tuple[tuple[str, int], Tokens]:
        return min(map(located, draft.seen.examples), default=("", 0)), draft.tokens

    rare = sorted((draft for draft in drafts if draft.seen.count == 1 and not draft.fields), key=first)[RARE:]
    if not rare:
        return drafts, 0
    whole, values = Seen(), Values()
    for draft in rare:
        whole.merge(draft.seen)
        values.add("".join(draft.tokens))
    gathered = {draft.tokens for draft in rare}
    opened = Draft("text", OPEN, written(OPEN), whole, [values.field("1")],
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


def written(tokens: Tokens) -> str:
    """A template as text; a literal that looks like a field is marked by a backslash."""
    text, number = "", 0
    for piece in re.split(f"([{SLOT}{MASK}])", "".join(tokens)):
        if piece in (SLOT, MASK) and piece:
            number += 1
            text += f"<{number}>"
        else:
            text += re.sub(r"<(?=\d+>)", r"\\<", piece)
    return text


def structures(read: dict[tuple[Kind, Key], Seen]) -> list[Draft]:
    """Calls by tool, records by their keys, boards and unread segments each in one form."""
    groups: list[tuple[Kind, set[str], Seen, list[tuple[Kind, Key]]]] = []
    for (kind, key), seen in sorted(read.items(), key=lambda item: (-item[1].count, item[0])):
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
        names, optional = paths(whole)
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
