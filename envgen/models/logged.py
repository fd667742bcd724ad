"""The logged sessions within a written file: what only is data, no model needs to copy.

A file that has a line `LOGGED = []` is given the sessions on that very line, so that the numbers of all others stay.
What it reads from them, such as maps, descriptions and records, costs no words of a reply and holds no slips. It stays
a file of plain Python that runs anywhere.
"""

import json
import re
from collections.abc import Iterable, Sequence

from rollout.trajectory import Trajectory

MOST = 4 << 20  # characters of sessions in a file
EMPTY = "LOGGED = []"
ASKED = re.compile(r"^LOGGED(?:\s*:[^=\n]+)? *= *\[ *\][ \t]*(?:#.*)?$", re.MULTILINE)
GIVEN = re.compile(r"^import json; LOGGED = .*$", re.MULTILINE)


def wants(source: str) -> bool:
    """Whether a file asks for the sessions."""
    return ASKED.search(source) is not None


def given(source: str, sessions: Sequence[Trajectory]) -> str:
    """A file with the sessions in it, where it asks for them: all, or evenly picked as many as there is room for."""
    every, told = 1, [_told(session) for session in sessions]
    while sum(map(len, told[::every])) > MOST:
        every += 1
    lines = "".join(f"{line!r}, " for line in told[::every])
    return ASKED.sub(lambda _: f"import json; LOGGED = [json.loads(line) for line in ({lines})]", source, count=1)


def without(source: str) -> str:
    """A file as it was before it was given the sessions."""
    return GIVEN.sub(EMPTY, source, count=1)


def left_out(sessions: Iterable[Trajectory], every: int) -> tuple[list[Trajectory], list[Trajectory]]:
    """Sessions to be given, and every so many-th, which is not."""
    numbered = list(enumerate(sessions))
    return ([session for number, session in numbered if number % every],
            [session for number, session in numbered if not number % every])


def _told(session: Trajectory) -> str:
    """One session as JSON, in ASCII."""
    turns = [[turn.action.text, turn.answer, turn.reward, turn.terminated] for turn in session.turns]
    return json.dumps({"task": session.task, "observation": session.observation.text, "turns": turns})
