"""Forms of texts: which templates, with which fields, they are made of.

`envgen.miner` finds them; here they are a record that recognises them in any text.

    forms = mine((text, None) for text in texts)
    forms.parse("Row 1, column 2.")  # parts: form, values of its fields, and the literal text around them
"""

from functools import cached_property
from typing import NamedTuple

from pydantic import Field as Setting

from envgen.matcher import Matcher
from envgen.records import Leaf, overlap, renamed
from envgen.segments import Kind, Segment, segments
from envgen.tokens import SLOT, Tokens, specificity, tokenise
from envgen.values import Field
from rollout.trajectory import Pointer, Record

ALIKE = 0.5  # overlap of keys from which on two records are one form
OPEN: Tokens = (SLOT,)  # the form of sentences that no other fits

Named = tuple[tuple[str, str], ...]  # (name of field, value), as they stand in the text


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
        tokens: the template of a sentence as `envgen.templates` writes it; keys of a record.
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
            leaves = [(renamed(name, lambda _, path, star: path not in paths and star in paths), start, end)
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
