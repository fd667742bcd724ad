"""Where an environment and the sessions part, in kinds: by the form of the action and by what differs.

One error shows in many steps; an author is better told once, with a count and a few examples.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from envgen.comparison import differing
from envgen.forms import Forms
from envgen.miner import mine
from envgen.scored import Outcome, Scored
from rollout.trajectory import Record

EXAMPLES = 3  # of one kind
WAITING = 4096  # different mismatches that are sorted into kinds together


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


class Missed(NamedTuple):
    """What went wrong, whoever it happened to and wherever.

    Attributes:
        action, answer, reward, end: what was logged.
        possible: the environment gave it some probability.
        expected: what it gave most, if anything.
    """

    action: str
    answer: str
    reward: float | None
    end: bool | None
    possible: bool
    expected: Outcome | None

    @property
    def texts(self) -> tuple[str, ...]:
        """The answers, logged and expected."""
        return (self.answer,) if self.expected is None else (self.answer, self.expected.observation)


@dataclass(slots=True)
class Seen:
    """How often something went wrong, and the first few times, each with how many mismatches came before it."""

    count: int = 0
    examples: list[tuple[int, Mismatch]] = field(default_factory=list)

    def merge(self, other: "Seen") -> None:
        self.count += other.count
        self.examples = sorted([*self.examples, *other.examples], key=lambda example: example[0])[:EXAMPLES]


class Mismatches:
    """Gathers steps that went wrong, in kinds; memory follows what went wrong, and not how often.

    Args:
        named: the form of an action, by its text.
    """

    def __init__(self, named: Callable[[str], str]):
        self.named = named
        self.count = 0
        self.waiting: dict[Missed, Seen] = {}
        self.answers: Forms | None = None  # of the first that waited
        self.kinds: defaultdict[tuple[str, tuple[str, ...]], Seen] = defaultdict(Seen)

    def add(self, session: str, turn: int, step: Scored) -> None:
        """One step that the environment gave little or no probability, with where it stands."""
        expected = max(step.outcomes, key=lambda outcome: outcome.probability, default=None)
        if expected is not None:
            expected = expected._replace(probability=0.0, actions=None)
        missed = Missed(step.turn.action.text, step.turn.answer or "", step.turn.reward, step.turn.terminated,
                        step.probability > 0, expected)
        seen = self.waiting.get(missed)
        if seen is None:
            if len(self.waiting) >= WAITING:
                self._sort()
            seen = self.waiting[missed] = Seen()
        seen.count += 1
        if len(seen.examples) < EXAMPLES:
            seen.examples.append((self.count, _mismatch(session, turn, step, missed)))
        self.count += 1

    def counterexamples(self) -> tuple[Counterexamples, ...]:
        """All that went wrong in kinds, the commonest first."""
        self._sort()
        found = [Counterexamples(action=action, differs=differs, count=seen.count,
                                 examples=tuple(example for _, example in seen.examples))
                 for (action, differs), seen in sorted(self.kinds.items(), key=lambda kind: kind[1].examples[0][0])]
        return tuple(sorted(found, key=lambda each: -each.count))

    def _sort(self) -> None:
        """What waits, into kinds."""
        if self.answers is None:
            self.answers = mine((text, None) for missed, seen in self.waiting.items() for _ in range(seen.count)
                                for text in missed.texts)
        for missed, seen in self.waiting.items():
            self.kinds[self.named(missed.action), _differs(missed, self.answers)].merge(seen)
        self.waiting = {}


def template(forms: Forms, text: str) -> str:
    """What a text is made of, with names in place of its fields."""
    return " ".join(str(part) if part.form is None else forms.forms[part.form].template for part in forms.parse(text))


def _differs(missed: Missed, answers: Forms) -> tuple[str, ...]:
    expected = missed.expected
    if expected is None:
        return ("no state",)
    if missed.possible:
        return ("improbable",)
    if expected.imagined:
        return ("fault" if expected.fault else "unknown",)
    found = []
    if missed.answer != expected.observation:
        fields = differing([missed.answer, expected.observation], answers)
        found += ["words"] if fields is None else [f"<{name}> in {answers.forms[number].template!r}"
                                                   for number, name in sorted(fields)]
    if missed.reward not in (None, expected.reward):
        found.append("reward")
    if missed.end not in (None, expected.end):
        found.append("end")
    return tuple(found)


def _mismatch(session: str, turn: int, step: Scored, missed: Missed) -> Mismatch:
    expected = "no state to act in"
    if (outcome := missed.expected) is not None:
        expected = f"{outcome.observation} (reward {outcome.reward:g}, end {outcome.end})"
        if outcome.imagined:
            expected = outcome.observation if outcome.fault else "unknown"
    return Mismatch(
        session=session, turn=turn, before=step.before, action=missed.action,
        logged=f"{step.turn.answer} (reward {missed.reward}, end {missed.end})", expected=expected,
        probability=step.probability,
    )
