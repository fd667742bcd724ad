"""Which sessions show that a source is not the truth, told by exact likelihoods.

Five things are looked at, each on its own:

- `start`: the first texts, under a drawn start.
- `step`: text, reward and end of every step, given all that was shown before.
- `actions`: the legal actions that the log lists with them.
- `entry`: whether each logged text that can be begun from allows the logged step that follows, where the truth's own
  entry does. Only what is impossible counts: forgetting how one came there makes the truth itself a poor forecaster.
  To refuse a text claims nothing, unless it is a first one.
- `again`: whether what is drawn at a start, hidden things included, is still the same after the longest session.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log
from typing import Literal

from rollout.trajectory import Trajectory, Turn
from tests.worlds.enumeration import EndlessError, Program
from tests.worlds.likelihood import Explained, Predicted, agrees, explain, nats, predicted, same

MARGIN = log(1 / 0.05)  # nats by which all sessions together must be less likely than under the truth

Label = Literal["revealed", "undetectable", "equivalent", "crashes"]


@dataclass(frozen=True)
class Verdict:
    """What some sessions say of a mutant.

    Attributes:
        label: `revealed` where the sessions are less likely than under the truth by more than the margin, or
            impossible; `equivalent` where both predict the same in every logged situation; `crashes` where the mutant
            may fail in one, or its chance has no end; `undetectable` else.
        by: what reveals it, of `start`, `step`, `actions`, `entry` and `again`.
        nats: by part, how much less likely the sessions are than under the truth; negative where they are likelier.
    """

    label: Label
    by: tuple[str, ...]
    nats: dict[str, float]


class Oracle:
    """Knows the truth and some sessions.

    Args:
        truth: source of the world that the sessions come from.
        sessions: logged, with rewards and ends.
    """

    def __init__(self, truth: str, sessions: Sequence[Trajectory]):
        self.sessions = sessions
        followed = [(text, turn) for session in sessions for text, turn in zip(
            (session.observation.text, *(turn.answer or "" for turn in session.turns)), session.turns, strict=False)]
        self.followed = list({(text, turn.model_dump_json()): (text, turn) for text, turn in followed}.values())
        program = Program(truth)
        self.truth = [explain(program, session) for session in sessions]
        self.entries = self._entries(program)

    def judge(self, mutant: str) -> Verdict:
        """A source against the truth."""
        try:
            program = Program(mutant)
            explained = [explain(program, session) for session in self.sessions]
            entries = self._entries(program)
            longest = max(explained, key=lambda each: len(each.steps))
            forgets = all(same(program.again(state), program.start()) for state in list(longest.end)[:1])
        except EndlessError:
            return Verdict("crashes", (), {})
        worse = {
            "start": _worse([[each.start_nats] for each in explained], [[each.start_nats] for each in self.truth]),
            "step": _worse([each.nats for each in explained], [each.nats for each in self.truth]),
            "actions": _worse([each.action_nats for each in explained], [each.action_nats for each in self.truth]),
            "entry": inf if any(
                key in self.entries and _chance(self.entries[key], key[1]) > 0 and _chance(told, key[1]) == 0
                for key, told in entries.items()
            ) else 0.0,
            "again": 0.0 if forgets else inf,
        }
        by = tuple(part for part, excess in worse.items() if excess > MARGIN)
        if any(answer.fault for each in explained for told in (each.start, *each.steps) for answer in told):
            return Verdict("crashes", by, worse)
        if by:
            return Verdict("revealed", by, worse)
        alike = all(map(_alike, explained, self.truth)) and entries.keys() == self.entries.keys() and all(
            same(told, self.entries[key]) for key, told in entries.items())
        return Verdict("equivalent" if alike else "undetectable", (), worse)

    def _entries(self, program: Program) -> dict[tuple[str, Turn], Predicted]:
        """What each logged text and action lead to where the text is told; where a first text is refused, to that."""
        first, found = {session.observation.text for session in self.sessions}, {}
        for text, turn in self.followed:
            told = program.start(text)
            shown = {state: p for (answer, state), p in told.items() if answer.text == text}
            if shown or text in first:
                found[text, turn] = predicted(program.believe(shown, turn.action.text)) if shown else predicted(told)
        return found


def revealed(truth: str, mutant: str, sessions: Sequence[Trajectory]) -> Verdict:
    """Whether sessions reveal a mutant. For many mutants of one world, keep an `Oracle`."""
    return Oracle(truth, sessions).judge(mutant)


def _worse(mutant: Sequence[Sequence[float]], truth: Sequence[Sequence[float]]) -> float:
    pairs = [pair for mine, true in zip(mutant, truth, strict=True) for pair in zip(mine, true, strict=True)]
    return inf if any(mine == inf for mine, _ in pairs) else sum(mine - true for mine, true in pairs)


def _chance(told: Predicted, turn: Turn) -> float:
    chance = sum(p for answer, p in told.items() if agrees(answer, turn))
    return 0.0 if nats(chance) == inf else chance


def _alike(mutant: Explained, truth: Explained) -> bool:
    return same(mutant.start, truth.start) and all(map(same, mutant.steps, truth.steps))
