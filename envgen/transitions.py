"""Which kinds of change followed which kinds of action: the steps worth showing to an author, rare ones first."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

from envgen.forms import Forms
from envgen.steps import Place, place, steps
from rollout.trajectory import Record, Trajectory

EXAMPLES = 3


class Change(Record):
    """How an answer differs from the observation before it.

    Attributes:
        form: of which form of observations (`Patterns.observations`); None for text of no form.
        field: which of its fields changed its value; None where the form itself did something.
        what: a field changed; a form appeared, vanished, or stands there another number of times.
    """

    form: int | None = None
    field: str | None = None
    what: Literal["changed", "appeared", "vanished", "counted"]


class Transition(Record):
    """Steps with the same form of action and the same kinds of change.

    Attributes:
        action: forms of the action (`Patterns.actions`).
        changes: none where the answer says what stood there before.
        reward: as logged.
        end: whether the world ended there.
        count: how many steps.
        examples: some of them.
    """

    action: tuple[int | None, ...]
    changes: tuple[Change, ...]
    reward: float | None = None
    end: bool
    count: int
    examples: tuple[Place, ...]


def transitions(sessions: Sequence[Trajectory], actions: Forms, observations: Forms) -> tuple[Transition, ...]:
    """All kinds of steps, rare ones first."""
    known: dict[tuple[str, str], tuple[Change, ...]] = {}
    acted: dict[str, tuple[int | None, ...]] = {}
    found: defaultdict[tuple[tuple[int | None, ...], tuple[Change, ...], float | None, bool], list[Place]]
    found = defaultdict(list)
    counts: defaultdict[object, int] = defaultdict(int)
    for session in sessions:
        for number, (before, turn, after) in enumerate(steps(session)):
            if (before, after) not in known:
                known[before, after] = compare(observations, before, after)
            said = turn.action.text
            if said not in acted:
                acted[said] = shape(actions, said)
            key = acted[said], known[before, after], turn.reward, bool(turn.terminated)
            counts[key] += 1
            if len(found[key]) < EXAMPLES:
                found[key].append(place(session, number))
    kinds = [
        Transition(action=action, changes=changes, reward=reward, end=end, count=counts[action, changes, reward, end],
                   examples=tuple(places))
        for (action, changes, reward, end), places in found.items()
    ]
    return tuple(sorted(kinds, key=lambda kind: kind.count))


def shape(forms: Forms, text: str) -> tuple[int | None, ...]:
    """The forms of a text in order; one that follows itself stands once."""
    found: list[int | None] = []
    for part in forms.parse(text):
        if not found or found[-1] != part.form:
            found.append(part.form)
    return tuple(found)


def compare(forms: Forms, before: str, after: str) -> tuple[Change, ...]:
    """How one text differs from another, in forms and fields."""
    if before == after:
        return ()
    old, new = _values(forms, before), _values(forms, after)
    changes: list[Change] = []
    for form in sorted(old.keys() | new.keys(), key=lambda form: (form is None, form or 0)):
        was, now = old.get(form, []), new.get(form, [])
        if not was or not now:
            changes.append(Change(form=form, what="appeared" if now else "vanished"))
        elif len(was) != len(now):
            changes.append(Change(form=form, what="counted"))
        else:
            fields = {name for one, other in zip(was, now, strict=True) for name in _differing(one, other)}
            changes += [Change(form=form, field=field, what="changed") for field in sorted(fields)]
    return tuple(changes)


Values = list[tuple[tuple[str, str], ...]]


def _values(forms: Forms, text: str) -> dict[int | None, Values]:
    found: defaultdict[int | None, Values] = defaultdict(list)
    for part in forms.parse(text):
        # A part of no form is known by its words alone.
        values = part.values if part.form is not None else (("text", str(part)),)
        found[part.form].append(values)
    return found


def _differing(one: tuple[tuple[str, str], ...], other: tuple[tuple[str, str], ...]) -> set[str]:
    """Fields whose values differ; lists in records have one value an element."""
    old, new = _by_name(one), _by_name(other)
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


def _by_name(values: tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in values:
        found[name].append(value)
    return found
