"""Tasks of earlier nights, rehearsed again beside tonight's, lest they be forgotten.

A task is recalled where an earlier night's sessions began as none of tonight's does. It is rehearsed in the
environments that the gate let pass then, with that night's system prompt, limits and idea of success. The newest night
that knows a task is the one that recalls it.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial

from dreamer.acting import Policy
from dreamer.curriculum import Curriculum
from dreamer.dreaming import drawn, in_dream, round_name
from dreamer.records import Logs, Validated
from dreamer.run import Run
from dreamer.store import Store
from envgen.tasks import succeeds
from rollout.episode import Episode
from rollout.rehearsal import Rehearsal
from rollout.trajectory import Trajectory


@dataclass(frozen=True)
class Memory:
    """What an earlier night knows that tonight's sessions do not show.

    Attributes:
        validated: with its environments, at least one.
        sessions: those shown then that begin as none of tonight's does, nor of a later night's.
    """

    night: Store
    logs: Logs
    validated: Validated
    sessions: list[Trajectory]


def memories(run: Run) -> list[Memory]:
    """What earlier nights have to recall, the newest night first."""
    known = {session.observation.text for session in run.store.load_sessions("shown")}
    found = []
    for night in reversed(run.store.earlier):
        logs, validated = night.load("read", Logs), night.load("validate", Validated)
        if logs is None or validated is None or not validated.members:
            continue
        sessions = [session for session in night.load_sessions("shown") if session.observation.text not in known]
        known |= {session.observation.text for session in sessions}
        if sessions:
            found.append(Memory(night, logs, validated, sessions))
    return found


class Replay:
    """Plays an earlier night's groups in every round.

    Args:
        recalled: each memory with the curriculum that draws from it and the rehearsal that plays it.

    Attributes:
        groups: how many of each round are of earlier nights.
    """

    def __init__(self, run: Run, recalled: list[tuple[Memory, Curriculum, Rehearsal]]):
        self.run, self.recalled = run, recalled
        learning = run.config.learning
        # At least one is tonight's.
        self.groups = min(round(run.config.nights.replay * learning.groups), learning.groups - 1) if recalled else 0

    @property
    def approved(self) -> list[Trajectory]:
        """Of the sessions recalled, those that may train."""
        return [session for memory, _, _ in self.recalled for session in memory.sessions if session.approval]

    def play(self, number: int) -> list[Episode]:
        """The groups of a round; memories take turns over them."""
        first = number * self.groups
        episodes = []
        for place, (memory, curriculum, rehearsal) in enumerate(self.recalled):
            groups = sum(turn % len(self.recalled) == place for turn in range(first, first + self.groups))
            labels = {**rehearsal.labels, "round": number, "recalls": memory.night.night}
            played = replace(rehearsal, labels=labels).play(
                drawn(self.run, curriculum, number, groups), name=f"{round_name(number)}-{memory.night.folder.name}")
            curriculum.tell(played)
            episodes += played
        return episodes


@contextmanager
def replay(run: Run, policy: Policy) -> Iterator[Replay]:
    """What the configuration wants recalled of earlier nights, in their environments."""
    with ExitStack() as stack:
        recalled = []
        for memory in memories(run) if run.config.nights.replay else []:
            succeeded = partial(succeeds, success=memory.night.configuration.sessions.success)
            curriculum = Curriculum(memory.sessions, succeeded, run.config.seed, run.config.learning.drawn)
            world, _ = stack.enter_context(run.dream(memory.validated.worlds, listening=False))
            recalled.append((memory, curriculum, in_dream(run, memory.logs, policy, world)))
        yield Replay(run, recalled)
