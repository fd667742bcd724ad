"""What a text tells of the state of the world.

Most texts show where one stands. Two kinds do not, and are found by how well what followed is told (in nats, with the
Bayesian information criterion's price for a table, Schwarz 1978):

- a *remark* ('You cannot go that way.') leaves the world as it was: what follows it is told better by what followed
  the text before than by a table of its own;
- a *hiding* text ('Taken.') does change the world, but what follows it is told better with the text before than
  without.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import log

from envgen.patterns import texts
from rollout.trajectory import Trajectory

DOUBT = 0.01  # probability kept for answers that the text before never brought
EVIDENCE = 5  # a remark must have been followed this often by something that the text before knows


@dataclass(frozen=True)
class Memory:
    """The texts that do not show the state."""

    remarks: frozenset[str]
    hiding: frozenset[str]


Answer = tuple[str, float, bool]  # text, reward, end
Direct = dict[tuple[str, str, str], Counter[Answer]]  # by task, text and action


@dataclass(frozen=True)
class _Followed:
    """A text, the last telling one before it, and what was done and answered next."""

    task: str
    before: str
    action: str
    answer: Answer


def remember(sessions: Sequence[Trajectory], tasks: Sequence[str]) -> Memory:
    """Find remarks and hiding texts.

    Args:
        sessions: the shown ones.
        tasks: of each session; texts tell nothing across different tasks.
    """
    remarks = frozenset(_remarks(*_followed(sessions, tasks, frozenset())))
    followed, _ = _followed(sessions, tasks, remarks)
    hiding = frozenset(
        text for text, seen in followed.items()
        if _description(((each.task, each.action, each.before), each.answer) for each in seen)
        < _description(((each.task, each.action), each.answer) for each in seen)
    )
    return Memory(remarks, hiding - remarks)


def _followed(sessions: Sequence[Trajectory], tasks: Sequence[str], remarks: frozenset[str]
              ) -> tuple[dict[str, list[_Followed]], Direct]:
    """What followed each text, and the answers that followed (task, text, action) directly."""
    followed: dict[str, list[_Followed]] = defaultdict(list)
    direct: Direct = defaultdict(Counter)
    for session, task in zip(sessions, tasks, strict=True):
        shown = texts(session)
        told = [shown[0]]  # at each turn, the last text that was no remark
        for text in shown[1:]:
            told.append(told[-1] if text in remarks else text)
        for number, turn in enumerate(session.turns):
            answer = (turn.observation, turn.reward or 0.0, bool(turn.terminated))
            direct[task, shown[number], turn.action][answer] += 1
            if number:
                followed[shown[number]].append(_Followed(task, told[number - 1], turn.action, answer))
    return followed, direct


def _remarks(followed: dict[str, list[_Followed]], direct: Direct) -> Iterable[str]:
    for text, seen in followed.items():
        known = [each for each in seen if each.before != text and direct.get((each.task, each.before, each.action))]
        if len(known) < EVIDENCE:
            continue
        as_before = 0.0
        for each in known:
            answers = direct[each.task, each.before, each.action]
            as_before -= log((1 - DOUBT) * answers[each.answer] / answers.total() + DOUBT / 100)
        if as_before < _description(((each.task, each.action, each.before), each.answer) for each in known):
            yield text


def _description(seen: Iterable[tuple[Hashable, Answer]]) -> float:
    """Nats of the answers given their contexts, and of the table that holds both."""
    counts: dict[Hashable, Counter[Answer]] = defaultdict(Counter)
    for context, answer in seen:
        counts[context][answer] += 1
    total = sum(answers.total() for answers in counts.values())
    nats = -sum(n * log(n / answers.total()) for answers in counts.values() for n in answers.values())
    return nats + 0.5 * log(total) * sum(map(len, counts.values()))
