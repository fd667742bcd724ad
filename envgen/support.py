"""What reality has vouched for: the branches and table entries of an environment that tell the shown sessions.

A step of a rehearsal that runs anything else is imagined. State drawn by `reset` is no table, so a rule that was
vouched for on one map is vouched for on all.
"""

from collections.abc import Sequence

from envgen.belief import Belief
from envgen.comparison import Comparer
from rollout.trajectory import Trajectory
from sandbox import Worker


def vouched(worker: Worker, shown: Sequence[Trajectory], comparer: Comparer | None = None) -> tuple[int, ...]:
    """The elements that were run wherever the environment answered as the sessions say.

    Args:
        worker: the environment, loaded with `counting`.
        comparer: which answers count as the logged ones; exact where not given.
    """
    belief = Belief(worker, comparer or Comparer())
    for _ in belief.replays(shown):
        pass
    return tuple(sorted(belief.exercised))
