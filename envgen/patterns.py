"""What the sessions show, with counts: which ends are ends, how they split, what is usual."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rollout.trajectory import Observation, Record, Trajectory, Turn


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


@dataclass(frozen=True)
class Split:
    """The sessions, divided: authors see `shown`, candidates are chosen on `selection`, judged on `held_out`."""

    shown: list[Trajectory]
    selection: list[Trajectory]
    held_out: list[Trajectory]


def split(sessions: Sequence[Trajectory], selection: float, held_out: float) -> Split:
    """Divide sessions by a hash of their ids, so that the same session always falls on the same side.

    Raises:
        ValueError: there are too few sessions for three non-empty parts.
    """
    def place(session: Trajectory) -> float:  # in [0, 1)
        return int.from_bytes(hashlib.sha256(session.id.encode()).digest()[:8]) / 2**64

    ordered = sorted(sessions, key=place)
    judged = max(1, sum(place(session) < held_out for session in ordered))
    chosen = max(1, sum(held_out <= place(session) < held_out + selection for session in ordered))
    if len(ordered) - judged - chosen < 1:
        raise ValueError(f"{len(ordered)} sessions are too few to show some, choose on some and judge on the rest")
    return Split(ordered[judged + chosen :], ordered[judged : judged + chosen], ordered[:judged])
