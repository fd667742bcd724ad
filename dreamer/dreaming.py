"""How the rounds of a night are rehearsed in its authored environments."""

from dataclasses import replace

from dreamer.acting import SEEDS, Policy
from dreamer.curriculum import Curriculum
from dreamer.records import Logs
from dreamer.run import Run
from envgen.ensemble import Disagreement
from rollout.episode import Episode
from rollout.rehearsal import Rehearsal
from rollout.world import Start, World


def in_dream(run: Run, logs: Logs, policy: Policy, world: World) -> Rehearsal:
    """Episodes in the authored environments; what is imagined counts as the configuration states."""
    settings = run.config.learning
    return replace(
        run.rehearsal(policy, world, max_turns(run, logs), system=logs.system),
        imagined_discount=settings.discount, imagined_return=settings.stated_return(logs.worst_outcome),
    )


def max_turns(run: Run, logs: Logs) -> int:
    """When an episode is cut: the configuration's limit, or the longest session's."""
    return run.config.learning.max_turns or logs.longest


def tonights(run: Run) -> Curriculum:
    """What tonight's shown sessions need rehearsed."""
    return Curriculum(run.store.load_sessions("shown"), run.succeeded, run.config.seed, run.config.learning.drawn)


def drawn(run: Run, curriculum: Curriculum, number: int, groups: int) -> list[Start]:
    """The starts of so many groups of a round, each as often as its group has episodes."""
    first = run.config.seed * SEEDS + number * run.config.learning.groups
    return [start for start in curriculum.draw(groups, first) for _ in range(run.config.learning.episodes)]


def round_name(number: int) -> str:
    """What the ids of a round's episodes begin with."""
    return f"round-{number:03d}"


def with_disagreement(episodes: list[Episode], disagreement: Disagreement, most: int | None = None) -> list[Episode]:
    """The same episodes, with the other members' disagreement on their steps; on no more than `most` of them."""
    told = disagreement.told([episode.trajectory for episode in episodes], most)
    return [replace(episode, trajectory=trajectory) for episode, trajectory in zip(episodes, told, strict=True)]
