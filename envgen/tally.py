"""What the steps of sessions add up to, session by session: all that figures are made of.

Most steps under a good environment are plain hits: it expected the logged answer and no other. What such a step adds,
and what any step adds to the sums of the references, follows from what was shown, done and answered, and is worked out
once for every different one. So a plain hit costs a look-up, and memory follows sessions, not steps.
"""

from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from envgen.comparison import Comparer
from envgen.references import Reference
from envgen.scored import Outcome, Scored, agrees
from rollout.trajectory import Turn

KNOWN = 8192  # different steps whose sums are kept
OF_FORM = ("steps", "probability", "expecting", "beyond")  # sums by the form of the action

Key = tuple[str, str, str | None, float | None, bool | None, str]  # before, action, answer, reward, end, kind of answer


class Told(NamedTuple):
    """Sums of a step under one model.

    Attributes:
        probability: of what was logged.
        changed, novel: the same, where the text changed; where no shown session did this on this text.
        nats: of surprise.
        reward_hits, end_hits: twice the probability of logged events.
        reward_told, end_told: that of all events, and one for a logged one.
        reward_events, end_events: one where any was logged or told.
    """

    probability: float
    changed: float
    novel: float
    nats: float
    reward_hits: float
    reward_told: float
    reward_events: float
    end_hits: float
    end_told: float
    end_events: float


class Known(NamedTuple):
    """Sums of a step under the environment alone.

    Attributes:
        expecting: whether it is known what surprise to expect; `beyond`, how far the surprise is beyond it.
        imagined, faults: probability of answers that the environment guesses; of breaking.
        listed: probability of answers that came true and list legal actions, as the log does; `alike`, the same ones.
        variance: of the probability, where it was sampled.
    """

    expecting: float
    beyond: float
    imagined: float
    faults: float
    contradicted: float
    contradicted_event: float
    undetermined: float
    approximate: float
    listed: float
    alike: float
    variance: float
    enumerate: float
    search: float
    guided: float
    sample: float


class Tally:
    """Adds up steps.

    Args:
        references: by the prefix of their figures.
        shown: (text, action) where the shown sessions did this on that text.
        usual_reward: the reward that is not an event.
        comparer: which answers count as the logged ones.
        named: what sort of action a turn's is.
        forms: sorts that have sums of their own.

    Attributes:
        not_compared: steps left out because their answers are not compared, by kind of answer.
    """

    def __init__(self, references: Mapping[str, Reference], shown: Container[tuple[str, str]], usual_reward: float,
                 comparer: Comparer, named: Callable[[Turn], str], forms: Sequence[str]):
        self.references = references
        self.shown = shown
        self.usual_reward = usual_reward
        self.comparer = comparer
        self.named = named
        self.forms = {form: number for number, form in enumerate(forms)}
        self.not_compared: Counter[str] = Counter()
        columns = ["steps", "changed_steps", "novel_steps"]
        columns += [prefix + field for prefix in references for field in Told._fields]
        self._own = len(columns)  # from here on the environment's
        columns += [*Told._fields, *Known._fields]
        columns += [f"{field} {number}" for number in range(len(forms)) for field in OF_FORM]
        self._columns = columns
        self._places: dict[Key, int] = {}
        self._rows = np.zeros((KNOWN, len(columns)))
        self._sessions: list[np.ndarray] = []
        self._whole: list[float] = []  # probability of each session

    def add(self, session: Sequence[Scored]) -> list[tuple[int, Scored]]:
        """Add a session's steps; what comes back are those that are no plain hits, with the numbers of their turns."""
        comparer = self.comparer
        answers: list[str | None] = [step.before for step in session[1:]]
        answers += [step.turn.answer for step in session[-1:]]
        places: list[int] = []
        total = np.zeros(len(self._columns))
        odd, whole = [], 1.0
        for number, (step, answer) in enumerate(zip(session, answers, strict=True), start=1):
            turn, kind = step.turn, ""
            if comparer.rules:
                kind = comparer.kind(turn)
                if not comparer.compared(turn):
                    self.not_compared[kind] += 1
                    continue
            key = (step.before, turn.action.text, answer, turn.reward, turn.terminated, kind)
            place = self._places.get(key)
            if place is None:
                if len(self._places) == KNOWN:
                    total += self._sum(places)
                    self._places, places = {}, []
                place = self._places[key] = len(self._places)
                self._rows[place] = self._plain(step)
            if (step.probability == 1.0 and len(step.outcomes) == 1 and step.regime == "enumerate"
                    and not step.approximate and turn.actions is None):
                places.append(place)
            else:
                odd.append((number, step))
                total += self._other(step, self._rows[place])
                whole *= step.probability
        self._sessions.append(total + self._sum(places))
        self._whole.append(whole)
        return odd

    def _sum(self, places: Sequence[int]) -> np.ndarray:
        return np.asarray(self._rows[places].sum(axis=0))

    def _plain(self, step: Scored) -> list[float]:
        """What a step adds, if it is a plain hit."""
        turn, before = step.turn, step.before
        changed, novel = turn.answer != before, (before, turn.action.text) not in self.shown
        row = [1.0, float(changed), float(novel)]
        for reference in self.references.values():
            outcomes = reference.outcomes(before, turn.action.text)
            hits = sum(each.probability for each in outcomes if agrees(each, turn, self.comparer))
            row += self._told(Scored(before, turn, outcomes, hits), changed, novel)
        hit = Outcome(1.0, turn.answer or "", turn.reward or 0.0, bool(turn.terminated))
        certain = Scored(before, turn, [hit], 1.0)
        known = _known(certain)
        return [*row, *self._told(certain, changed, novel), *known, *self._by_form(certain, known)]

    def _other(self, step: Scored, plain: np.ndarray) -> np.ndarray:
        """What a step adds that is no plain hit; under the references it is what it would add if it were."""
        known = _known(step)
        told = self._told(step, bool(plain[1]), bool(plain[2]))
        return np.concatenate([plain[: self._own], told, known, self._by_form(step, known)])

    def _told(self, step: Scored, changed: bool, novel: bool) -> Told:
        turn, usual = step.turn, self.usual_reward
        reward_hits = reward_told = end_hits = end_told = 0.0
        for outcome in step.outcomes:
            if outcome.imagined:  # an environment that says it does not know predicts nothing
                continue
            if outcome.reward != usual:
                reward_told += outcome.probability
                reward_hits += outcome.probability if outcome.reward == turn.reward else 0.0
            if outcome.end:
                end_told += outcome.probability
                end_hits += outcome.probability if turn.terminated else 0.0
        reward = (0.0, 0.0) if turn.reward is None else (2 * reward_hits, reward_told + (turn.reward != usual))
        end = (0.0, 0.0) if turn.terminated is None else (2 * end_hits, end_told + turn.terminated)
        return Told(step.probability, step.probability if changed else 0.0, step.probability if novel else 0.0,
                    step.nats, *reward, float(reward[1] > 0), *end, float(end[1] > 0))

    def _by_form(self, step: Scored, known: Known) -> list[float]:
        size = len(OF_FORM)
        sums = [0.0] * (size * len(self.forms))
        place = self.forms.get(self.named(step.turn))
        if place is not None:
            sums[size * place : size * (place + 1)] = 1.0, step.probability, known.expecting, known.beyond
        return sums

    def sums(self) -> dict[str, np.ndarray]:
        """One number a session, by name: the fields of `Told` under the environment and, prefixed, the references;
        those of `Known`; "steps", "changed_steps" and "novel_steps"; those of `OF_FORM`, as "steps 0", by form; and
        "whole", the probability of the session.
        """
        columns = np.array(self._sessions).reshape(-1, len(self._columns)).T
        return {**dict(zip(self._columns, columns, strict=True)), "whole": np.array(self._whole)}


def _known(step: Scored) -> Known:
    imagined = faults = listed = alike = 0.0
    logged = None if step.turn.actions is None else frozenset(step.turn.actions)
    for outcome in step.outcomes:
        if outcome.imagined:
            imagined += outcome.probability
            faults += outcome.probability if outcome.fault else 0.0
        if logged is not None and outcome.actions is not None and outcome.observation == step.turn.answer:
            listed += outcome.probability
            alike += outcome.probability if outcome.actions == logged else 0.0
    entropy = step.entropy
    return Known(
        expecting=float(entropy is not None), beyond=0.0 if entropy is None else step.nats - entropy,
        imagined=imagined, faults=faults, contradicted=float(step.contradicted),
        contradicted_event=float(step.contradicted_event), undetermined=float(step.undetermined),
        approximate=float(step.approximate), listed=listed, alike=alike, variance=step.standard_error**2,
        enumerate=float(step.regime == "enumerate"), search=float(step.regime == "search"),
        guided=float(step.regime == "guided"), sample=float(step.regime == "sample"),
    )
