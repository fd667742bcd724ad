"""Where the members of an ensemble disagree, by what was done and on what, from the newest rehearsed episodes."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from heapq import nlargest

from pydantic import ValidationError

from dreamer.store import Store
from envgen.counterexamples import template
from envgen.patterns import Patterns
from envgen.steps import steps as steps_of
from rollout.figure import Figure, Ratio, ratios
from rollout.trajectory import Trajectory

EPISODES, STEPS = 2000, 5000  # most that are read, and most measured steps that are sorted into forms
BYTES = 1 << 25
LISTED = 12  # of each kind


@dataclass(frozen=True)
class Step:
    """A step on which members disagree.

    Attributes:
        part, number, turn: where it is: the episodes kept under a name, the line from 0, and the turn from 0.
        before: the text that it acted on.
        nats: of surprise at the answer, the mean over the members that did not dream it.
    """

    part: str
    number: int
    turn: int
    before: str
    action: str
    answer: str
    nats: float


@dataclass(frozen=True)
class Disagreement:
    """How far members disagree.

    Attributes:
        episodes, steps: how many were read, and on how many steps it was measured.
        more: whether there are episodes that were not read.
        mean: nats a step.
        actions, observations: the same by the form of the action, and by that of the text it acted on; the most first.
        worst: the steps on which they disagree most.
    """

    episodes: int
    steps: int
    more: bool
    mean: Figure
    actions: list[tuple[str, Figure]]
    observations: list[tuple[str, Figure]]
    worst: list[Step]


def disagreement(store: Store, patterns: Patterns) -> Disagreement | None:
    """How far the members disagree about what was rehearsed; None where that was measured nowhere.

    Args:
        patterns: of the sessions, whose forms texts are sorted into.
    """
    action_form = lru_cache(None)(partial(template, patterns.actions))
    text_form = lru_cache(None)(partial(template, patterns.observations))
    total, actions, observations = Sums(), Sums(), Sums()
    steps: list[Step] = []
    read, left, more = 0, BYTES, False
    for part, number, line in _newest(store):
        left -= len(line)
        if read == EPISODES or len(steps) >= STEPS or left < 0:
            more = True
            break
        try:
            episode = Trajectory.model_validate_json(line)
        except ValidationError:  # passed over
            continue
        for step in _measured(part, number, episode):
            steps.append(step)
            total.add("", read, step.nats)
            actions.add(action_form(step.action), read, step.nats)
            observations.add(text_form(step.before), read, step.nats)
        read += 1
    if not steps:
        return None
    return Disagreement(
        read, len(steps), more, total.figures(read)[0][1], actions.figures(read), observations.figures(read),
        [step for step in nlargest(LISTED, steps, key=lambda step: step.nats) if step.nats > 0])


class Sums:
    """Nats and steps, by form and episode."""

    def __init__(self) -> None:
        self.nats: defaultdict[str, defaultdict[int, float]] = defaultdict(lambda: defaultdict(float))
        self.steps: defaultdict[str, Counter[int]] = defaultdict(Counter)

    def add(self, form: str, episode: int, nats: float) -> None:
        """A step; episodes are counted from 0."""
        self.nats[form][episode] += nats
        self.steps[form][episode] += 1

    def figures(self, episodes: int) -> list[tuple[str, Figure]]:
        """Nats a step of the forms with most of them, the highest first."""
        most = nlargest(LISTED, self.nats, key=lambda form: sum(self.nats[form].values()))
        places = range(episodes)
        found = ratios({form: Ratio([self.nats[form][each] for each in places],
                                    [self.steps[form][each] for each in places], unit="nats") for form in most})
        return sorted(found.items(), key=lambda item: -(item[1].value or 0.0))


def _measured(part: str, number: int, episode: Trajectory) -> Iterator[Step]:
    for place, (before, turn, answer) in enumerate(steps_of(episode)):
        if turn.disagreement is not None:
            yield Step(part, number, place, before, turn.action.text, answer, turn.disagreement)


def _newest(store: Store) -> Iterator[tuple[str, int, bytes]]:
    """The lines of rehearsed episodes, those of the last round first."""
    parts = store.parts()
    rehearsed = [part for part in parts if part == "rehearsal" or part.startswith("round-")]
    for part in sorted(rehearsed, reverse=True):  # the rehearsal comes last
        with open(parts[part], "rb") as stream:
            for number, line in enumerate(stream):
                yield part, number, line
