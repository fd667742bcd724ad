"""Where the members of an ensemble disagree, by what was done and on what, from the newest rehearsed episodes."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from heapq import nlargest

from pydantic import ValidationError

from dreamer.store import Store
from envgen.counterexamples import template
from envgen.patterns import Patterns
from rollout.figure import Figure, Ratio, ratios
from rollout.trajectory import Trajectory

EPISODES, STEPS = 2000, 5000  # most that are read, and most measured steps that are sorted into forms
BYTES = 1 << 25
LISTED = 12  # of each kind

Sums = dict[int, list[float]]  # by episode: nats and steps


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
    actions: defaultdict[str, Sums] = defaultdict(lambda: defaultdict(lambda: [0.0, 0.0]))
    observations: defaultdict[str, Sums] = defaultdict(lambda: defaultdict(lambda: [0.0, 0.0]))
    steps: list[Step] = []
    read, more = 0, False
    for part, number, episode in _newest(store):
        if read == EPISODES or len(steps) >= STEPS:
            more = True
            break
        read += 1
        for step in _measured(part, number, episode):
            steps.append(step)
            for sums in (actions[action_form(step.action)][read], observations[text_form(step.before)][read]):
                sums[0] += step.nats
                sums[1] += 1
    if not steps:
        return None
    total: Sums = defaultdict(lambda: [0.0, 0.0])
    for by_episode in actions.values():
        for place, (nats, count) in by_episode.items():
            total[place][0] += nats
            total[place][1] += count
    return Disagreement(read, len(steps), more, _figures({"": total})[0][1], _figures(actions), _figures(observations),
                        [step for step in nlargest(LISTED, steps, key=lambda step: step.nats) if step.nats > 0])


def _measured(part: str, number: int, episode: Trajectory) -> Iterator[Step]:
    before = episode.observation.text
    for place, turn in enumerate(episode.turns):
        if turn.disagreement is not None:
            yield Step(part, number, place, before, turn.action.text, turn.answer or "", turn.disagreement)
        before = turn.answer or ""


def _figures(sums: dict[str, Sums]) -> list[tuple[str, Figure]]:
    most = nlargest(LISTED, sums.items(), key=lambda item: sum(nats for nats, _ in item[1].values()))
    figures = ratios({name: Ratio([nats for nats, _ in each.values()], [count for _, count in each.values()],
                                  unit="nats") for name, each in most})
    return sorted(figures.items(), key=lambda item: -(item[1].value or 0.0))


def _newest(store: Store) -> Iterator[tuple[str, int, Trajectory]]:
    """Rehearsed episodes, those of the last round first; lines that are none are passed over."""
    rounds = sorted((path.parent.name for path in store.folder.glob("round-*/episodes.jsonl")), reverse=True)
    left = BYTES
    for part in (*rounds, "rehearsal"):
        if not store.episodes(part).exists():
            continue
        with open(store.episodes(part), "rb") as stream:
            for number, line in enumerate(stream):
                left -= len(line)
                if left < 0:
                    return
                try:
                    yield part, number, Trajectory.model_validate_json(line)
                except ValidationError:
                    continue
