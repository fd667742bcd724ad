"""How often reality exercised the code: which branches and table entries of an environment tell the shown sessions.

What none of them exercises is not vouched for, and a step of a rehearsal that runs it is imagined. State drawn by
`reset` is no table, so a rule that was vouched for on one map is vouched for on all.
"""

from collections.abc import Sequence

from envgen.belief import Belief
from envgen.comparison import Comparer
from rollout.trajectory import Record, Trajectory
from sandbox import Element, Worker


class Support(Record):
    """Each branch and table entry of an environment's code, and how many of the shown sessions exercise it.

    Columns, for tables are long: what is at place n of each is of element n.

    Attributes:
        branches: elements before this number are branches of the code; from it on, entries of its tables.
        lines: where each stands in the source, from 1.
        labels: what each is, such as ``if`` or ``TABLE['door']``.
        sessions: how many sessions exercise it, wherever the environment answers as they say.
        shown: how many sessions there are.
    """

    branches: int
    lines: tuple[int, ...]
    labels: tuple[str, ...]
    sessions: tuple[int, ...]
    shown: int

    @property
    def elements(self) -> list[Element]:
        """The same, an object each; `count` is that of the sessions."""
        return [Element(number, "branch" if number < self.branches else "table", line, label, count)
                for number, (line, label, count) in enumerate(zip(self.lines, self.labels, self.sessions, strict=True))]

    @property
    def vouched(self) -> tuple[int, ...]:
        """The numbers of those that any session exercises."""
        return tuple(number for number, count in enumerate(self.sessions) if count)


def support(worker: Worker, shown: Sequence[Trajectory], comparer: Comparer | None = None) -> Support:
    """What of its code the environment runs wherever it answers as the sessions say.

    Args:
        worker: the environment, loaded with `counting`.
        comparer: which answers count as the logged ones; exact where not given.
    """
    belief = Belief(worker, comparer or Comparer())
    for _ in belief.replays(shown):
        pass
    elements = worker.elements
    return Support(
        branches=sum(element.kind == "branch" for element in elements),  # they are numbered before any table is
        lines=tuple(element.line for element in elements), labels=tuple(element.label for element in elements),
        sessions=tuple(belief.exercised[element.number] for element in elements), shown=len(shown),
    )
