"""How two answers should be compared, as far as the sessions tell.

The same words said after the same history were either always answered alike, or not. Where answers differ in fields
that never repeat (times, ids), these are filler; where they differ in decimals by little, numbers need a tolerance;
where people speak, words cannot be predicted at all. Everything else that differs is chance, and chance is compared
exactly, by its probability.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

from envgen.forms import Forms
from envgen.steps import steps
from rollout.trajectory import Record, Trajectory, Turn

NEAR = 0.05  # relative difference up to which decimals are the same number, read twice
LEAST = 3  # situations that must differ in one way before it is taken for a rule
FILLER = ("identifier", "time")  # kinds of fields


PEOPLE = "people's words"

Mode = Literal["exact", "tolerance", "template", "free"]


class Comparison(Record):
    """How some answers are to be compared.

    Attributes:
        of: which answers: those to calls of a tool, the words of people, or all others.
        mode: word for word; with a tolerance for numbers; all but the named fields; or by stated fields only.
        fields: of `Patterns.observations`, as (form, field): those with a tolerance, or those that are filler.
        repeated: situations that came up again.
        differing: of these, answered in more than one way.
    """

    of: str
    mode: Mode
    fields: tuple[tuple[int, str], ...] = ()
    repeated: int
    differing: int

def comparisons(sessions: Sequence[Trajectory], observations: Forms) -> tuple[Comparison, ...]:
    """One for each kind of answer."""
    answers: defaultdict[str, defaultdict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    people = any(turn.action.calls for session in sessions for turn in session.turns)
    for session in sessions:
        history = hash((session.task, session.observation.text))
        for _, turn, text in steps(session):
            history = hash((history, turn.action.text))
            answers[kind(turn, people)][history].append(text)
            history = hash((history, text))
    return tuple(_judge(of, list(situations.values()), observations) for of, situations in sorted(answers.items()))


def _judge(of: str, situations: list[list[str]], observations: Forms) -> Comparison:
    repeated = [texts for texts in situations if len(texts) > 1]
    various = [texts for texts in repeated if len(set(texts)) > 1]
    mode: Mode = "free" if of == PEOPLE else "exact"
    named: list[tuple[int, str]] = []
    fields = [differing(texts, observations) for texts in various]
    if mode == "exact" and len(various) >= LEAST and all(fields):
        named = sorted(set().union(*(set(found or {}) for found in fields)))
        kinds = {(form, field.name): field.kind for form in {form for form, _ in named}
                 for field in observations.forms[form].fields}
        pairs = [pair for found in fields for values in (found or {}).values() for pair in values]
        if all(kinds[each] == "number" for each in named) and all(_near(one, other) for one, other in pairs):
            mode = "tolerance"
        elif all(kinds[each] in FILLER for each in named):
            mode = "template"
    return Comparison(of=of, mode=mode, fields=tuple(named) if mode in ("tolerance", "template") else (),
                      repeated=len(repeated), differing=len(various))


def differing(texts: list[str], forms: Forms) -> dict[tuple[int, str], list[tuple[str, str]]] | None:
    """The fields in which texts of one shape differ, and pairs of their values; None where the shapes differ."""
    first, *others = [forms.parse(text) for text in dict.fromkeys(texts)]
    found: defaultdict[tuple[int, str], list[tuple[str, str]]] = defaultdict(list)
    for other in others:
        if [(part.form, part.literals) for part in first] != [(part.form, part.literals) for part in other]:
            return None
        for one, two in zip(first, other, strict=True):
            for (name, value), (_, second) in zip(one.values, two.values, strict=True):
                if one.form is not None and value != second:
                    found[one.form, name].append((value, second))
    return dict(found)


def _near(one: str, other: str) -> bool:
    try:
        a, b = float(one), float(other)
    except ValueError:
        return False
    return abs(a - b) <= NEAR * max(abs(a), abs(b)) and ("." in one or "." in other)


class Comparer:
    """Whether an answer that an environment gave counts as the logged one.

    Args:
        rules: one for each kind of answer; exact where there is none.
        forms: of the observations that the rules' fields belong to.
    """

    def __init__(self, rules: Sequence[Comparison] = (), forms: Forms | None = None):
        self.rules = {rule.of: rule for rule in rules}
        self.forms = forms

    def compared(self, turn: Turn) -> bool:
        """Whether the answer to a turn is compared at all; people's words are not."""
        rule = self._rule(turn)
        return rule is None or rule.mode != "free"

    def kind(self, turn: Turn) -> str:
        """What sort of answer a turn has."""
        return kind(turn, PEOPLE in self.rules)

    def exact(self, turn: Turn) -> bool:
        """Whether the answer to a turn is compared word for word."""
        rule = self._rule(turn)
        return rule is None or rule.mode == "exact"

    def same(self, turn: Turn, text: str) -> bool:
        """Whether a text counts as the logged answer to a turn."""
        rule = self._rule(turn)
        if text == turn.answer or rule is None or rule.mode == "exact" or self.forms is None:
            return text == turn.answer
        if rule.mode == "free":
            return True
        fields = differing([turn.answer or "", text], self.forms)
        if fields is None or not fields.keys() <= set(rule.fields):
            return False
        return rule.mode == "template" or all(_near(*pair) for pairs in fields.values() for pair in pairs)

    def described(self) -> tuple[str, ...]:
        """What is not compared word for word, a sentence for each kind of answer."""
        return tuple(f"{rule.of}: {self._described(rule)}" for rule in self.rules.values() if rule.mode != "exact")

    def _described(self, rule: Comparison) -> str:
        if rule.mode == "free" or self.forms is None:
            return "not compared"
        fields = ", ".join(f"<{field}> of {self.forms.forms[form].template!r}" for form, field in rule.fields)
        return f"not compared in {fields}" if rule.mode == "template" else f"within {NEAR:.0%} in {fields}"

    def _rule(self, turn: Turn) -> Comparison | None:
        return self.rules.get(self.kind(turn)) if self.rules else None


def kind(turn: Turn, people: bool) -> str:
    """What sort of answer a turn has."""
    calls = {call.name for call in turn.action.calls}
    return f"calls of {', '.join(sorted(calls))}" if calls else PEOPLE if people else "all answers"
