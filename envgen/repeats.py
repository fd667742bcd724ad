"""Whether an environment begins anew at reset, tried with what the agent really said.

The sandbox's own check knows no world's words, so it seldom comes far enough to leave anything behind.
"""

from collections.abc import Sequence

from rollout.trajectory import Trajectory
from sandbox import Answer, Reset, Worker

TRIED = 16  # sessions


def leaks(worker: Worker, sessions: Sequence[Trajectory]) -> list[str]:
    """Sentences about sessions that went otherwise when their actions were said again after a reset; none is well."""
    for seed, session in enumerate(sessions[:TRIED]):
        (copy,) = worker.make(1)
        first, again = [_episode(worker, copy, seed, session) for _ in range(2)]
        worker.drop([copy])
        if first != again:
            return [f"after a second reset with the same seed the actions of session {session.id} led elsewhere: "
                    "state leaks across reset"]
    return []


def _episode(worker: Worker, copy: int, seed: int, session: Trajectory) -> list[Answer | str]:
    """What the actions of a session led to; a fault, told in words, or an end is the last of it."""
    (answer,) = worker.reset_batch([Reset(copy, seed)])
    heard: list[Answer | str] = [answer if isinstance(answer, Answer) else str(answer)]
    for turn in session.turns:
        if not isinstance(answer, Answer) or answer.terminated or answer.truncated:
            break
        (answer,) = worker.step_batch([(copy, turn.action.text)])
        heard.append(answer if isinstance(answer, Answer) else str(answer))
    return heard
