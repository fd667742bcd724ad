"""What the agent was asked for: kinds of tasks, how often they occur and how often they fail."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

from envgen.forms import Forms
from envgen.steps import Place, place
from rollout.figure import Figure, mean, proportion
from rollout.trajectory import Record, Trajectory

EXAMPLES = 3
FEW = 0.5  # distinct openings a session, from which on openings no longer say what kind of task it is

By = Literal["task", "opening", "tools"]


class Task(Record):
    """Sessions that asked for the same kind of thing.

    Attributes:
        name: the log's name of the task; else the opening that the sessions share, or the tools they called.
        sessions: how many.
        share: of all sessions.
        failed: share of the sessions with a known outcome that did not succeed.
        turns: mean length.
        examples: some of them.
    """

    name: str
    sessions: int
    share: float
    failed: Figure
    turns: Figure
    examples: tuple[Place, ...]


def succeeds(outcome: float, success: float | None) -> bool:
    """Whether an outcome is a success: at least `success`, or above zero where none is stated."""
    return outcome > 0 if success is None else outcome >= success


def cluster(
    sessions: Sequence[Trajectory], openings: Forms, success: float | None
) -> tuple[By, tuple[Task, ...]]:
    """Kinds of tasks, commonest first, and what tells them apart.

    The log's own names are taken where every session has one; else the forms of the openings; and where these are as
    many as the sessions, as with requests in people's own words, the sets of tools that were called.
    """
    by: By = "task"
    if any(session.task is None for session in sessions):
        by = "opening"
        shapes = {_opening(session, openings) for session in sessions}
        if len(shapes) > FEW * len(sessions) and any(_tools(session) for session in sessions):
            by = "tools"
    groups: defaultdict[str, list[Trajectory]] = defaultdict(list)
    for session in sessions:
        groups[_name(session, by, openings)].append(session)
    tasks = [_task(name, members, len(sessions), success) for name, members in groups.items()]
    return by, tuple(sorted(tasks, key=lambda task: (-task.sessions, task.name)))


def _task(name: str, members: list[Trajectory], total: int, success: float | None) -> Task:
    outcomes = [session.outcome for session in members if session.outcome is not None]
    failures = sum(not succeeds(outcome, success) for outcome in outcomes)
    return Task(
        name=name, sessions=len(members), share=len(members) / total,
        failed=proportion(failures, len(outcomes), unit="share of sessions with an outcome"),
        turns=mean([len(session.turns) for session in members], unit="turns"),
        examples=tuple(place(session) for session in members[:EXAMPLES]),
    )


def _name(session: Trajectory, by: By, openings: Forms) -> str:
    match by:
        case "task":
            return session.task or ""
        case "opening":
            return _opening(session, openings)
        case "tools":
            return ", ".join(_tools(session)) or "no tool called"


def _opening(session: Trajectory, openings: Forms) -> str:
    known = openings.parse(session.observation.text)
    return " ".join(openings.forms[part.form].template for part in known if part.form is not None)


def _tools(session: Trajectory) -> list[str]:
    return sorted({call.name for turn in session.turns for call in turn.action.calls})
