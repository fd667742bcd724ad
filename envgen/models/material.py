"""What a prompt shows of the sessions of a world."""

from collections.abc import Iterator
from typing import NamedTuple

from envgen.models.facts import Family
from templates.quoting import Written, literal, quoted

LONGEST = 4000  # characters of one text that are shown


class Step(NamedTuple):
    """A logged step.

    Attributes:
        earlier: the action before it; None where it is the first.
        before: the text that it acted on; None where the answer to a call does not depend on it.
        answer: None where it is the text before once more.
        note: what does not go without saying: reward, end.
        times: how many steps it stands for.
    """

    earlier: str | None
    before: str | None
    action: str
    answer: str | None
    note: Written
    times: int = 1


class Session(NamedTuple):
    """A session from its begin on, of which `left` turns are not shown."""

    title: Written
    opening: str
    steps: list[Step]
    left: int


class Situation(NamedTuple):
    """What each action led to on a text: for each action its answers, as steps with counts."""

    before: str
    led: list[tuple[str, list[Step]]]


class Shown(NamedTuple):
    """A form: its template, how often it came, its fields with what is known of them."""

    template: str
    times: int
    fields: list[tuple[str, Written]]


class Material(NamedTuple):
    """What a prompt shows.

    Attributes:
        left_out: of each part, how many items there was no room for.
        names: of long texts that come again and again, which are told once.
    """

    family: Family
    facts: list[Written]
    introduction: str
    characters: str
    longest: int
    tools: list[str]
    system: str
    openings: list[tuple[str, int]]
    opening_forms: list[Shown]
    actions: list[Shown]
    observations: list[Shown]
    sessions: list[Session]
    situations: list[Situation]
    steps: list[Step]
    absences: list[str]
    left_out: dict[str, int]
    names: dict[str, Written]

    def told(self, text: str, indent: int = 0) -> Written:
        """A logged text by its name, or else spelt out."""
        return self.names.get(text) or self.spelt(text, indent)

    def spelt(self, text: str, indent: int = 0) -> Written:
        """A logged text as literals: what all sessions begin with by its name, a very long one cut."""
        start = ""
        if self.introduction and text.startswith(self.introduction):
            text, start = text[len(self.introduction):], "INTRODUCTION"
            if not text:
                return Written(start)
            start += "\n" + " " * indent
        more = f" (and {len(text) - LONGEST:,} more characters)" if len(text) > LONGEST else ""
        return Written(f"{start}{quoted(text[:LONGEST], indent)}{more}")

    def answer(self, step: Step, indent: int) -> Written:
        """What a step was answered."""
        return Written("(the same text)") if step.answer is None else self.told(step.answer, indent)

    def all_told(self) -> Iterator[str]:
        """Every text that is told, as often as it is."""
        for session in self.sessions:
            yield session.opening
            yield from (step.answer for step in session.steps if step.answer is not None)
        for situation in self.situations:
            yield situation.before
            yield from (step.answer for _, led in situation.led for step in led if step.answer is not None)
        for step in self.steps:
            yield from (text for text in (step.before, step.answer) if text is not None)
        yield from (text for text, _ in self.openings)

    def place(self, step: Step) -> Written:
        """How often a step came, and where."""
        if step.before is None:
            return Written(f"× {step.times:,}")
        where = "at the opening" if step.earlier is None else f"after {literal(step.earlier)}, on"
        return Written(f"× {step.times:,}, {where}\n    {self.told(step.before, 4)}")
