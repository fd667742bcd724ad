"""Which last turns were ends of the world, where the log does not say."""

from collections import Counter
from collections.abc import Sequence

from envgen.steps import texts
from rollout.trajectory import Observation, Trajectory


def infer_ends(sessions: Sequence[Trajectory]) -> tuple[list[Trajectory], int]:
    """Say of each last turn whether the world ended there, where the log does not.

    A text after which some session went on is no end. A text that was always the last is one, unless it was seen
    once only, brought no reward, and closes a session as long as the longest, which looks like a limit. A session
    whose last answer was not logged ended there, without a word, if it brought a reward; otherwise nothing is known
    of what its last action did.

    Returns:
        The sessions, and how many of them had to be inferred.
    """
    went_on = {text for session in sessions for text in texts(session)[: len(session.turns)]}
    last = Counter(session.turns[-1].answer for session in sessions)
    longest = max(len(session.turns) for session in sessions)
    told, inferred = [], 0
    for session in sessions:
        went = [turn.model_copy(update={"terminated": False}) if turn.terminated is None else turn
                for turn in session.turns[:-1]]
        final = session.turns[-1]
        if final.terminated is None and not final.truncated:
            inferred += 1
            if final.observation is None and final.reward:
                final = final.model_copy(update={"observation": Observation(messages=())})
            cut = last[final.answer] == 1 and not final.reward and len(session.turns) == longest
            ended = final.answer is not None and final.answer not in went_on and not cut
            final = final.model_copy(update={"terminated": ended, "truncated": not ended})
        told.append(session.model_copy(update={"turns": (*went, final)}))
    return told, inferred
