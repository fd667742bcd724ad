"""What the sessions show, with counts, and where in the logs each claim can be checked.

Authors read it instead of the sessions; people read it in the terminal (`dream patterns`). It is made from the
sessions that authors may see, and from no others.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from envgen.absences import Absence, absences
from envgen.comparison import Comparer, Comparison, comparisons
from envgen.forms import Forms
from envgen.miner import mine
from envgen.steps import Place, place, shows_chance, steps, texts
from envgen.tasks import By, Task, cluster
from envgen.transitions import Transition, transitions
from rollout.trajectory import Pointer, Record, Trajectory

EXAMPLES = 3


class Count(Record):
    """How often a value was seen, and where first."""

    value: str
    count: int
    examples: tuple[Place, ...]


class Patterns(Record):
    """What was found in sessions.

    Attributes:
        sessions, turns, calls: how many.
        success: outcomes from which on a session counted as a success; above zero where None.
        longest: turns of the longest session.
        tasks: what was asked for, commonest first, with failure rates.
        tasks_by: what tells tasks apart.
        actions, observations: the forms of texts; calls and results of tools are among them.
        openings: the commonest initial observations.
        distinct_actions, distinct_observations, distinct_openings: how many different texts.
        outcomes, rewards, ends: values with counts; an end is "terminated", "truncated" or "unknown".
        ends_inferred: sessions whose log does not say whether the world ended, so that it had to be inferred.
        forks: share of (observation, action) pairs, among those seen twice or more, that were answered differently.
        chance: whether the same words said from the same start on were ever answered differently.
        comparisons: how answers are to be compared.
        transitions: kinds of steps, rare ones first.
        never_observed: what no session shows.
    """

    sessions: int
    turns: int
    calls: int
    success: float | None = None
    longest: int
    tasks: tuple[Task, ...]
    tasks_by: By
    actions: Forms
    observations: Forms
    openings: tuple[Count, ...]
    distinct_actions: int
    distinct_observations: int
    distinct_openings: int
    outcomes: tuple[Count, ...]
    rewards: tuple[Count, ...]
    ends: tuple[Count, ...]
    ends_inferred: int
    forks: float
    chance: bool
    comparisons: tuple[Comparison, ...]
    transitions: tuple[Transition, ...]
    never_observed: tuple[Absence, ...]

    @property
    def comparer(self) -> Comparer:
        """Which answers count as the logged ones."""
        return Comparer(self.comparisons, self.observations)


def observe(
    sessions: Sequence[Trajectory], ends_inferred: int = 0, success: float | None = None, listed: int = 50
) -> Patterns:
    """Find the patterns of sessions.

    Args:
        sessions: at least one.
        ends_inferred: how many ends their logs do not state.
        success: outcomes from which on a session is a success; above zero where not given.
        listed: how many openings, outcomes and rewards to list.
    """
    actions = mine(
        (turn.action.text, _line(session, number)) for session in sessions for number, turn in enumerate(session.turns)
    )
    observations = mine(_observed(sessions))
    openings = mine((session.observation.text, _line(session)) for session in sessions)
    by, kinds = cluster(sessions, openings, success)
    first = _count((session.observation.text, place(session)) for session in sessions)
    turns = [(session, number) for session in sessions for number in range(len(session.turns))]
    return Patterns(
        sessions=len(sessions), turns=len(turns), longest=max(len(session.turns) for session in sessions),
        calls=sum(len(turn.action.calls) for session in sessions for turn in session.turns),
        tasks=kinds, tasks_by=by, actions=actions, observations=observations, openings=first[:listed],
        distinct_actions=len({turn.action.text for session in sessions for turn in session.turns}),
        distinct_observations=len({text for session in sessions for text in texts(session)}),
        distinct_openings=len(first),
        outcomes=_count((_number(session.outcome), place(session)) for session in sessions)[:listed],
        rewards=_count((_number(session.turns[turn].reward), place(session, turn)) for session, turn in turns)[:listed],
        ends=_count((_end(session), place(session, len(session.turns) - 1)) for session in sessions),
        success=success, ends_inferred=ends_inferred, forks=_forks(sessions), chance=shows_chance(sessions),
        comparisons=comparisons(sessions, observations),
        transitions=transitions(sessions, actions, observations),
        never_observed=absences(sessions, actions, observations, success, ends_inferred),
    )


def usual_reward(sessions: Sequence[Trajectory]) -> float:
    """The commonest reward of a turn; other rewards are events."""
    return Counter(turn.reward or 0.0 for session in sessions for turn in session.turns).most_common(1)[0][0]


def _observed(sessions: Sequence[Trajectory]) -> Iterator[tuple[str, Pointer | None]]:
    for session in sessions:
        yield session.observation.text, _line(session)
        for number, turn in enumerate(session.turns):
            if turn.answer is not None:
                yield turn.answer, _line(session, number)


def _line(session: Trajectory, turn: int | None = None) -> Pointer | None:
    return place(session, turn).pointer


def _count(seen: Iterator[tuple[str, Place]]) -> tuple[Count, ...]:
    """Values, commonest first."""
    places: defaultdict[str, list[Place]] = defaultdict(list)
    counts: Counter[str] = Counter()
    for value, where in seen:
        counts[value] += 1
        if len(places[value]) < EXAMPLES:
            places[value].append(where)
    return tuple(Count(value=value, count=count, examples=tuple(places[value]))
                 for value, count in counts.most_common())


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:g}"


def _end(session: Trajectory) -> str:
    last = session.turns[-1]
    return "terminated" if last.terminated else "truncated" if last.truncated else "unknown"


def _forks(sessions: Sequence[Trajectory]) -> float:
    answers: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for session in sessions:
        for before, turn, text in steps(session):
            answers[before, turn.action.text][text] += 1
    repeated = [counts for counts in answers.values() if counts.total() > 1]
    return sum(len(counts) > 1 for counts in repeated) / len(repeated) if repeated else 0.0
