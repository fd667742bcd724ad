"""Items with which rehearsals do worse than without are dropped: experience can be wrong, or poisoned.

Every start is rehearsed twice, with a half of the items that is drawn anew for each start, and with the other half. So
each item meets each start once with and once without, whatever the other items are, and one batch of rehearsals tries
them all. Intervals are 95 %: of forty items that change nothing, one is dropped by chance.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from dreamer.teaching.contexts import privileged
from dreamer.teaching.experience import Experience, Item
from rollout.episode import Episode
from rollout.figure import mean
from rollout.rehearsal import Rehearsal
from rollout.world import Start

FEWEST = 10  # pairs of rehearsals that may drop an item


def sift(experiences: Sequence[Experience], rehearsal: Rehearsal, starts: Sequence[Start], name: str, seed: str
         ) -> tuple[list[Experience], list[Item], list[Episode]]:
    """Try every item.

    Args:
        experiences: each is tried on its share of the starts.
        name: what the ids of the rehearsals begin with.
        seed: of the halves.

    Returns:
        The experiences without the items that harm; these; and what was rehearsed. Items carry their gains.
    """
    halves = list(_halves(experiences, len(starts), random.Random(seed)))
    told = [replace(start, system=privileged(rehearsal.system, half.text) if half.items else None)
            for start, pair in zip(starts, halves, strict=True) for half in pair]
    episodes = rehearsal.play(told, name=name)
    changes: defaultdict[str, list[float]] = defaultdict(list)
    for pair, one, other in zip(halves, episodes[::2], episodes[1::2], strict=True):
        for half, change in zip(pair, (one.outcome - other.outcome, other.outcome - one.outcome), strict=True):
            for item in half.items:
                changes[item.text].append(change)
    gains = {text: mean(each, unit="reward") for text, each in changes.items() if len(each) >= FEWEST}
    tried = [[item.model_copy(update={"gain": gains.get(item.text)}) for item in experience.items]
             for experience in experiences]
    kept = [Experience(items=tuple(item for item in items if not item.harms)) for items in tried]
    return kept, [item for items in tried for item in items if item.harms], episodes


def _halves(experiences: Sequence[Experience], count: int, chance: random.Random
            ) -> Iterator[tuple[Experience, Experience]]:
    """For each start, the items of one of the experiences, dealt into two."""
    for number in range(count):
        experience = experiences[number % len(experiences)]
        chosen = {item.text for item in experience.items if chance.random() < 0.5}
        others = {item.text for item in experience.items} - chosen
        yield experience.without(others), experience.without(chosen)
