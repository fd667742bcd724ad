"""Sessions step by step: what the agent saw, did and was answered."""

from collections.abc import Sequence

from rollout.trajectory import Pointer, Record, Trajectory, Turn


class Place(Record):
    """Where something was seen.

    Attributes:
        session: its id.
        turn: which of its turns, from 0; None for what came before the first.
        pointer: the line of the log.
    """

    session: str
    turn: int | None = None
    pointer: Pointer | None = None

    def __str__(self) -> str:
        turn = "start" if self.turn is None else f"turn {self.turn + 1}"
        return f"{self.session}, {turn}" + (f" ({self.pointer})" if self.pointer else "")


def place(session: Trajectory, turn: int | None = None) -> Place:
    """The place of a turn, or of what came before the first."""
    pointer = session.pointer
    line = None if turn is None else session.turns[turn].line
    if pointer is not None and line is not None:
        pointer = Pointer(file=pointer.file, line=line)
    return Place(session=session.id, turn=turn, pointer=pointer)


def texts(session: Trajectory) -> list[str]:
    """All observations of a session, the first included."""
    answers = (turn.observation for turn in session.turns)
    return [session.observation.text, *(answer.text for answer in answers if answer is not None)]


def steps(session: Trajectory) -> list[tuple[str, Turn, str]]:
    """Each turn whose answer was logged: the observation it acted on, the turn, and the answer."""
    shown = texts(session)
    return list(zip(shown, session.turns, shown[1:], strict=False))


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
