"""What a text tells of the state of the world.

Most texts show where one stands. Two kinds do not, and are found by how well what followed is predicted, each time
from all the other times (leave one out), so that a table that only remembers predicts nothing:

- a *remark* ('You cannot go that way.') leaves the world as it was: what follows it is predicted better by what
  followed the text before than by what followed the remark;
- a *hiding* text ('Taken.') does change the world, but what follows it is predicted better with the text before than
  without.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import log

from envgen.steps import steps, texts
from rollout.trajectory import Trajectory

DOUBT = 0.01  # weight of what was predicted with less context, and probability of what was never answered
EVIDENCE = 5  # a remark must have been followed this often by something that the text before knows
SURE = 0.1  # nats an answer: the text before as good as says what follows, so no other table is needed
MARGIN = 3.0  # nats that must be saved, or else chance alone would find such texts where there are none


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
    hiding = set()
    for text, seen in followed.items():
        without, given_before = _nats(seen)
        if given_before + MARGIN < without:
            hiding.add(text)
    return Memory(remarks, frozenset(hiding - remarks))


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
        for number, (before, turn, text) in enumerate(steps(session)):
            answer = (text, turn.reward or 0.0, bool(turn.terminated))
            direct[task, before, turn.action.text][answer] += 1
            if number:
                followed[before].append(_Followed(task, told[number - 1], turn.action.text, answer))
    return followed, direct


def _remarks(followed: dict[str, list[_Followed]], direct: Direct) -> Iterable[str]:
    for text, seen in followed.items():
        known = [each for each in seen if each.before != text and direct.get((each.task, each.before, each.action))]
        if len(known) < EVIDENCE:
            continue
        as_before = 0.0
        for each in known:
            answers = direct[each.task, each.before, each.action]
            as_before -= log((answers[each.answer] + DOUBT * DOUBT) / (answers.total() + DOUBT))
        own = min(_nats(known))
        if as_before < own - MARGIN or as_before < min(own + MARGIN, SURE * len(known)):
            yield text


def _nats(seen: Sequence[_Followed]) -> tuple[float, float]:
    """Nats of all answers, each predicted from the others: by the action alone, and by the text before as well."""
    coarse: dict[Hashable, Counter[Answer]] = defaultdict(Counter)
    fine: dict[Hashable, Counter[Answer]] = defaultdict(Counter)
    for each in seen:
        coarse[each.task, each.action][each.answer] += 1
        fine[each.task, each.action, each.before][each.answer] += 1
    without = given_before = 0.0
    for each in seen:
        plain = _without_one(coarse[each.task, each.action], each.answer, DOUBT)
        without -= log(plain)
        given_before -= log(_without_one(fine[each.task, each.action, each.before], each.answer, plain))
    return without, given_before


def _without_one(answers: Counter[Answer], answer: Answer, otherwise: float) -> float:
    """Probability of one of the answers, by the others and a little of what would be said otherwise."""
    return (answers[answer] - 1 + DOUBT * otherwise) / (answers.total() - 1 + DOUBT)
