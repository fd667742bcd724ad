"""What the sessions show, with counts."""

from collections import Counter
from collections.abc import Sequence

from rollout.trajectory import Record, Trajectory, Turn


class Patterns(Record):
    """What was counted in the sessions.

    Attributes:
        sessions, turns: how many.
        actions: the commonest actions and how often they were said.
        distinct_actions, distinct_observations: how many different ones.
        tasks: how many sessions each task has.
        outcomes: how many sessions ended with which outcome, commonest first.
        usual_reward: the commonest reward of a turn; other rewards are events.
        longest: turns of the longest session.
        ends_inferred: sessions whose log does not say whether the world ended, so that it had to be inferred.
        forks: share of (observation, action) pairs, among those seen twice or more, that were answered differently.
        chance: whether the same words said from the same start on were ever answered differently.
    """

    sessions: int
    turns: int
    actions: dict[str, int]
    distinct_actions: int
    distinct_observations: int
    tasks: dict[str, int]
    outcomes: dict[str, int]
    usual_reward: float
    longest: int
    ends_inferred: int
    forks: float
    chance: bool


def observe(sessions: Sequence[Trajectory], ends_inferred: int = 0, listed: int = 50) -> Patterns:
    """Count what the sessions show; the longest lists are cut to `listed` entries."""
    actions = Counter(turn.action.text for session in sessions for turn in session.turns)
    observations = {text for session in sessions for text in texts(session)}
    answers: dict[tuple[str, str], Counter[str]] = {}
    for session in sessions:
        for before, turn, text in steps(session):
            answers.setdefault((before, turn.action.text), Counter())[text] += 1
    repeated = [counts for counts in answers.values() if counts.total() > 1]
    outcomes = Counter("unknown" if session.outcome is None else f"{session.outcome:g}" for session in sessions)
    rewards = Counter(turn.reward or 0.0 for session in sessions for turn in session.turns)
    return Patterns(
        sessions=len(sessions), turns=actions.total(), actions=dict(actions.most_common(listed)),
        distinct_actions=len(actions), distinct_observations=len(observations),
        tasks=dict(Counter(session.task or "" for session in sessions).most_common(listed)),
        outcomes=dict(outcomes.most_common(listed)), usual_reward=rewards.most_common(1)[0][0],
        longest=max(len(session.turns) for session in sessions), ends_inferred=ends_inferred,
        forks=sum(len(counts) > 1 for counts in repeated) / len(repeated) if repeated else 0.0,
        chance=shows_chance(sessions),
    )


def shows_chance(sessions: Sequence[Trajectory]) -> bool:
    """Whether the same words said from the same start on were ever answered differently."""
    answered: dict[int, tuple[str, float | None, bool | None]] = {}
    for session in sessions:
        so_far = hash((session.task, session.observation.text))
        for _, turn, text in steps(session):
            so_far = hash((so_far, turn.action.text))
            answer = (text, turn.reward, turn.terminated)
            if answered.setdefault(so_far, answer) != answer:
                return True
            so_far = hash((so_far, text))
    return False


def texts(session: Trajectory) -> list[str]:
    """All observations of a session, the first included."""
    return [session.observation.text, *(turn.answer for turn in session.turns if turn.answer is not None)]


def steps(session: Trajectory) -> list[tuple[str, Turn, str]]:
    """Each turn whose answer was logged: the observation it acted on, the turn, and the answer."""
    shown = texts(session)
    return list(zip(shown, session.turns, shown[1:], strict=False))
