"""Where an environment and the sessions part, in kinds: by the form of the action and by what differs.

One error shows in many steps; an author is better told once, with a count and a few examples.
"""

from collections import defaultdict
from collections.abc import Sequence

from envgen.comparison import differing
from envgen.forms import Forms
from envgen.miner import mine
from envgen.scored import FLOOR, Outcome, Scored
from rollout.trajectory import Record, Trajectory

EXAMPLES = 3  # of one kind


class Mismatch(Record):
    """A step that the environment gave little or no probability."""

    session: str
    turn: int
    before: str
    action: str
    logged: str
    expected: str
    probability: float


class Counterexamples(Record):
    """Mismatches of one kind.

    Attributes:
        action: the form of the action.
        differs: what of the answer does: "words", a field of the text, "reward", "end"; or "unknown" where the
            environment says that it does not know, "fault" where it broke, "no state" where the replay was lost,
            "improbable" where it is right but hardly ever so.
        count: how many.
        examples: the first few.
    """

    action: str
    differs: tuple[str, ...]
    count: int
    examples: tuple[Mismatch, ...]

    def __str__(self) -> str:
        return f"{self.count:,} × {self.action!r}: {', '.join(self.differs)}"


def counterexamples(sessions: Sequence[Trajectory], scored: Sequence[Sequence[Scored]], actions: Forms
                    ) -> tuple[Counterexamples, ...]:
    """Mismatches in kinds, the commonest first.

    Args:
        sessions: logged.
        scored: of each its steps, as far as they are compared.
        actions: forms of the actions.
    """
    missed = [(session.id, number, step) for session, replayed in zip(sessions, scored, strict=True)
              for number, step in enumerate(replayed, start=1) if step.probability < FLOOR]
    answers = mine((text, None) for *_, step in missed for text in (
        step.turn.answer or "", *(outcome.observation for outcome in _likeliest(step))))
    kinds: defaultdict[tuple[str, tuple[str, ...]], list[tuple[str, int, Scored]]] = defaultdict(list)
    for each in missed:
        kinds[template(actions, each[2].turn.action.text), _differs(each[2], answers)].append(each)
    found = [Counterexamples(action=action, differs=differs, count=len(seen),
                             examples=tuple(_mismatch(*each) for each in seen[:EXAMPLES]))
             for (action, differs), seen in kinds.items()]
    return tuple(sorted(found, key=lambda each: -each.count))


def template(forms: Forms, text: str) -> str:
    """What a text is made of, with names in place of its fields."""
    return " ".join(str(part) if part.form is None else forms.forms[part.form].template for part in forms.parse(text))


def _likeliest(step: Scored) -> list[Outcome]:
    """What was expected most, if anything was."""
    return sorted(step.outcomes, key=lambda outcome: -outcome.probability)[:1]


def _differs(step: Scored, answers: Forms) -> tuple[str, ...]:
    if not step.outcomes:
        return ("no state",)
    if step.probability > 0:
        return ("improbable",)
    (expected,) = _likeliest(step)
    if expected.imagined:
        return ("fault" if expected.fault else "unknown",)
    found = []
    if step.turn.answer != expected.observation:
        fields = differing([step.turn.answer or "", expected.observation], answers)
        found += ["words"] if fields is None else [f"<{name}> in {answers.forms[number].template!r}"
                                                   for number, name in sorted(fields)]
    if step.turn.reward not in (None, expected.reward):
        found.append("reward")
    if step.turn.terminated not in (None, expected.end):
        found.append("end")
    return tuple(found)


def _mismatch(session: str, turn: int, step: Scored) -> Mismatch:
    expected = "no state to act in"
    for outcome in _likeliest(step):
        expected = f"{outcome.observation} (reward {outcome.reward:g}, end {outcome.end})"
        if outcome.imagined:
            expected = outcome.observation if outcome.fault else "unknown"
    return Mismatch(
        session=session, turn=turn, before=step.before, action=step.turn.action.text,
        logged=f"{step.turn.answer} (reward {step.turn.reward}, end {step.turn.terminated})", expected=expected,
        probability=step.probability,
    )
