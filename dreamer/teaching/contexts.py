"""What a teacher is told that its student is not.

The context stands in the teacher's system prompt. It is another session on such a task, or a won rehearsal of it;
never what follows in the episode at hand.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Protocol

from dreamer.teaching.transcript import transcript
from rollout.errors import UserError
from rollout.trajectory import Trajectory
from templates import render


class TeachingError(UserError):
    """There is nothing that the teacher could be told; the message says why and what to do."""


class Contexts(Protocol):
    """What the teacher can be told."""

    def draw(self, observation: str, session: Trajectory | None = None) -> str:
        """What it is told of one episode; drawn anew each time.

        Args:
            observation: the first text of the episode.
            session: the session that the episode is, where it is one: it must not be told of itself.
        """


class Examples:
    """Sessions or rehearsals to show to the teacher, one at a time; those that succeeded, where there are any.

    An example is of the same task; where the task is not known, it begins with the same text; where there is none such,
    it is any.

    Args:
        sessions: to show.
        succeeded: whether an outcome is a success.
        fits: whether a text can be told; others are left out.
        seed: of what is drawn.

    Raises:
        TeachingError: there is nothing to show.
    """

    def __init__(self, sessions: Sequence[Trajectory], succeeded: Callable[[float], bool],
                 fits: Callable[[str], bool], seed: int):
        if not sessions:
            raise TeachingError("there is no session or won rehearsal to tell the teacher of; approve sessions, or set "
                                "distillation.context otherwise")
        self.told = [(session, text) for session in sessions if fits(text := transcript(session))]
        if not self.told:
            raise TeachingError("no session is short enough to be told to the teacher in half of policy.max_length; "
                                "raise it")
        self.random = random.Random(seed)
        self.won = {number for number, (session, _) in enumerate(self.told) if succeeded(session.outcome or 0.0)}
        self.alike: dict[tuple[str, str], list[int]] = defaultdict(list)  # examples by task, and by first text
        for number, (session, _) in enumerate(self.told):
            self.alike["text", session.observation.text].append(number)
            if session.task is not None:
                self.alike["task", session.task].append(number)

    def draw(self, observation: str, session: Trajectory | None = None) -> str:
        begun_alike = self.alike.get(("text", observation), [])
        tasks = {self.told[number][0].task for number in begun_alike} if session is None else {session.task}
        same_task = [number for task in sorted(filter(None, tasks)) for number in self.alike.get(("task", task), [])]
        for numbers in (same_task, begun_alike, range(len(self.told))):
            others = [number for number in numbers if session is None or self.told[number][0].id != session.id]
            if others:
                return self.told[self.random.choice([each for each in others if each in self.won] or others)][1]
        raise TeachingError("there is but one session to tell the teacher of, and it is the one to be learnt from; "
                            "approve more")


def privileged(system: str | None, context: str) -> str:
    """The system prompt of a teacher: what everyone is told, and the context, which may be wrong.

    Args:
        system: the student's, if it has one.
        context: what only the teacher knows.
    """
    return render("privileged.md.jinja", system=system, context=context)
