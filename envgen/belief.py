"""What an environment thinks happened in a session: weighted copies of it, filtered by what was logged.

Where it is sure of its state and draws nothing, the sandbox follows the log by itself, many sessions in one message.
Everywhere else each logged action is taken in every copy, and the copies that answered otherwise than the log are
dropped; equal ones are merged, and the rest carry the belief on. How a step's chance was found is its regime:
enumerated where its draws are few (exact); searched under guidance of the logged answer where they are many (a lower
bound), and what the search missed estimated where it lies (without bias, with its standard error); sampled where no
script decides them (a frequency, with its standard error). After a mismatch the replay re-enters where the text allows
it, so that one early error is not counted as a hundred; where it does not, the replay goes on from what the environment
did instead, for a wrong word need not mean a wrong state; where that is unknown or over, the rest counts as unmatched.

What sampling gets wrong: a step's frequency has no bias given the belief that it starts from. That belief is itself
estimated after the first sampled step, and so a later step's probability, a ratio of two estimates, is biased by the
order of 1/samples. The product over a session is its likelihood without bias, as long as no copies are cut.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import TypeVar

import numpy as np

from envgen.comparison import Comparer
from envgen.replay import Replay
from envgen.scored import REGIMES, Outcome, Regime, Scored, agrees
from envgen.steps import steps
from rollout.trajectory import Trajectory
from sandbox import Answer, Chances, EnvironmentFault, Log, Move, Target, Worker
from sandbox import Outcome as Fork

KEPT = 4096  # copies of the environment; what is cut is reported as lost mass
FORKS = 4096  # scripts of draws up to which a step is enumerated
PATIENCE = 16  # times as many, where those that were run promise an end
RUNS = 20_000  # of one step in all its copies, when it is searched
SAMPLES = 400  # of one step in one copy, when it is sampled
GUIDED = 2400  # of one step in all its copies, for what their search has not met
VAIN = 3  # sessions in a row whose begin was searched for in vain, until it is no longer searched for
WHOLE = 8  # copies that may have all these; more of them share what so many have

TOGETHER = 128  # sessions replayed at a time
CHUNK = 2048  # steps of them, if no single session is longer
SHORTEST = 16  # steps that are tried to be followed; and steps by all ways that earn another try
CHARACTERS = 1 << 22  # of answers in one message
ROOM = 1024  # copies that nobody needs any longer, until they are dropped

T = TypeVar("T")


@dataclass(frozen=True)
class Start:
    """What is believed where a text was shown; the same for every session that shows it."""

    copies: dict[int, float]
    lost: float
    regime: Regime
    approximate: bool
    exercised: frozenset[int]


@dataclass
class Belief:
    """Replays sessions in an environment.

    Args:
        worker: the environment, in its sandbox.
        comparer: which answers count as the same.
        forks: scripts of draws up to which a step is enumerated; with 0 none is.
        patience: times as many, where the probability of those that were run promises an end.
        runs: most of one step in all its copies, when it is searched; with 0 it is sampled instead.
        samples: of one step in one copy, when it is sampled.
        guided: of one step in all its copies, for what the search has not met; with 0 its lower bound is kept.
        seed: of the samples.
        drawn: sessions begin with a drawn start that shows their first text; else they always begin by being told it.
        follow: what comes true is followed many steps in a message; else every step's outcomes say what they ran.

    Attributes:
        lost_mass: belief that was cut because there were too many copies, summed over steps.
        exercised: with a counting worker, how many sessions each branch and table entry tells, by its number; those
            that tell none are absent.
    """

    worker: Worker
    comparer: Comparer = field(default_factory=Comparer)
    forks: int = FORKS
    patience: int = PATIENCE
    runs: int = RUNS
    samples: int = SAMPLES
    guided: int = GUIDED
    seed: int = 0
    drawn: bool = True
    follow: bool = True
    lost_mass: float = 0.0
    exercised: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._replays: list[Replay] = []
        self._replayed = 0  # sessions
        self._owned: set[int] = set()  # copies in the worker
        self._allowed = ROOM  # of these
        self._starts: dict[tuple[str, bool], Start] = {}
        self._drawn: dict[str, list[Fork]] | None = None  # every way that a drawn start can fall, by its text
        self._untried = self.forks > 0  # whether these are few enough
        self._vain = 0  # begins in a row that were searched for in vain
        self._sure: dict[tuple[str, float, bool], tuple[Outcome]] = {}
        # Tries at following, earned by steps that were followed.
        self._credit: float = CHUNK if self.forks and self.follow else -inf
        self._stretch = CHUNK

    def replay(self, session: Trajectory) -> list[Scored]:
        """All steps of one session, scored."""
        (scored,) = self.replays([session])
        return scored

    def replays(self, sessions: Iterable[Trajectory]) -> Iterator[list[Scored]]:
        """All steps of each session, scored; a few sessions are held at a time."""
        for group in _groups(sessions):
            for replay in self._side_by_side(group, self._replayed):
                self.lost_mass += replay.lost
                self.exercised.update(replay.exercised)  # each once, as they are a set
                self._replayed += 1
                yield replay.scored
            self._replays = []
            self._sweep()

    def _side_by_side(self, sessions: Sequence[Trajectory], first: int) -> list[Replay]:
        """Each session replayed; again and fewer at a time where the worker has no room for all their copies."""
        self._replays = [Replay(number, steps(session)) for number, session in enumerate(sessions, first)]
        try:
            for replay, session in zip(self._replays, sessions, strict=True):
                self._begin(replay, session.observation.text)
            while going := [replay for replay in self._replays if len(replay.scored) < len(replay.steps)]:
                self._follow([replay for replay in going if not replay.stuck])
                self._step([replay for replay in going if replay.stuck])
            return self._replays
        except EnvironmentFault as fault:
            if fault.reason != "copies" or len(sessions) == 1:
                raise
            half = len(sessions) // 2
            return self._side_by_side(sessions[:half], first) + self._side_by_side(sessions[half:], first + half)

    def _follow(self, replays: Sequence[Replay]) -> None:
        """Each as far as it answers as logged without drawing; where that seldom led anywhere, all are stuck at once.
        """
        asked: list[tuple[Replay, Log]] = []
        for replay in replays:
            log = replay.log(self.comparer, self._stretch, CHARACTERS // len(replays)) if self._credit >= 1 else None
            replay.stuck = log is None
            asked += [(replay, log)] if log is not None else []
        before = sum(len(replay.scored) for replay, _ in asked)
        try:
            found = self.worker.follow([log for _, log in asked]) if asked else []
        except (EnvironmentFault, ValueError):  # no room for so many copies, or texts too long: one by one, then
            found = []
            for replay, _ in asked:
                replay.stuck = True
        for (replay, log), followed in zip(asked, found, strict=False):
            whole = followed.steps == len(log.actions)
            ended = followed.over or (whole and not log.goes_on)
            replay.stuck = not whole and not followed.over
            if followed.id is None and followed.steps and not ended:
                replay.stuck = True  # the state it leads to has no copy
                continue
            self._hit(replay, followed.steps, followed.events)
            replay.exercised.update(followed.support)
            if followed.id is not None:
                self._owned.add(followed.id)
                replay.copies = {followed.id: 1.0}
            elif ended:
                self._go_on(replay, {})
        if asked:
            done = sum(len(replay.scored) for replay, _ in asked) - before
            self._credit = min(self._credit + done - len(asked), CHUNK)
            self._stretch = min(max(4 * done // len(asked), SHORTEST), CHUNK)

    def _hit(self, replay: Replay, count: int, events: Sequence[tuple[float, bool]]) -> None:
        """Notes steps that were followed."""
        done = len(replay.scored)
        lacking = iter(events)
        sure, note, approximate = self._sure, replay.scored.append, replay.approximate
        if len(sure) > CHUNK:
            sure.clear()
        for before, turn, text in replay.steps[done : done + count]:
            reward, end = turn.reward, turn.terminated
            if reward is None or end is None:
                reward, end = next(lacking)
            outcomes = sure.get((text, reward, end))
            if outcomes is None:
                outcomes = sure[text, reward, end] = (Outcome(1.0, text, reward, end),)
            note(Scored(before, turn, outcomes, 1.0, "enumerate", approximate))

    def _step(self, replays: Sequence[Replay]) -> None:
        """One step of each by all ways that it can fall."""
        by_share = defaultdict(list)
        for replay in replays:
            by_share[max(1, len(replay.copies) // WHOLE)].append(replay)
        for share, alike in by_share.items():
            self._step_alike(alike, share)

    def _step_alike(self, replays: Sequence[Replay], share: int) -> None:
        """One step of replays whose many copies get but a share each of the runs that a copy may have."""
        moves = []
        for replay in replays:
            _, turn, _ = replay.steps[len(replay.scored)]
            # What is compared otherwise than word for word cannot be searched for.
            exact = self.runs and self.comparer.exact(turn)
            target = Target(turn.answer or "", turn.reward, turn.terminated) if exact else None
            moves.append(Move(list(replay.copies), list(replay.copies.values()), turn.action.text, target,
                              self._seed(replay, 0)))
        found = self._asked(lambda: self.worker.chances_each(
            moves, forks=-(-self.forks // share), patience=self.patience, budget=max(self.runs, 1),
            samples=-(-self.samples // share), guided=self.guided))
        for replay, ways in zip(replays, found, strict=True):
            self._fall(replay, ways)
            replay.stuck = False
            self._credit = min(self._credit + 1 / SHORTEST, CHUNK)

    def _fall(self, replay: Replay, ways: Sequence[tuple[float, Chances]]) -> None:
        """Scores one step, by the ways that it can fall and the weight of the copies that have them, and believes what
        agrees.
        """
        self._own(found for _, found in ways)  # not before, or room is made of what other replays have yet to look at
        before, turn, _ = replay.steps[len(replay.scored)]
        regime: Regime = max((found.regime for _, found in ways), key=REGIMES.index, default=replay.began)
        forks: list[tuple[float, Fork]] = []
        told: list[Outcome] = []
        hits = variance = 0.0
        for weight, found in ways:
            met = 0.0
            for fork in found.outcomes:
                outcome = _outcome(weight * fork.probability, fork.answer)
                told.append(outcome)
                if agrees(outcome, turn, self.comparer):
                    forks.append((weight * fork.probability, fork))
                    met += fork.probability
                    replay.exercised.update(outcome.support)
            hits += weight * met
            if found.regime == "sample":
                variance += weight**2 * _variance(met, found.runs)
            variance += (weight * found.error) ** 2
        replay.scored.append(Scored(before, turn, told, hits, regime, replay.approximate, float(np.sqrt(variance))))
        replay.approximate |= not all(found.exhaustive for _, found in ways)
        parents = replay.copies
        copies, lost = self._settled(forks)
        replay.lost += lost
        replay.approximate |= lost > 0
        self._go_on(replay, copies)
        if parents and not replay.copies and not self._over(replay):
            self._persist(replay, parents, turn.action.text)

    def _go_on(self, replay: Replay, copies: dict[int, float]) -> None:
        """Believe in these copies from here on, or else in what begins with the text that was shown."""
        if copies or self._over(replay):
            replay.copies = copies
        else:  # meanwhile the copies that were believed in are still needed
            _, _, text = replay.steps[len(replay.scored) - 1]
            self._enter(replay, text)
            replay.scored[-1].regained = "anew" if replay.copies else "lost"

    @staticmethod
    def _over(replay: Replay) -> bool:
        """Whether nothing follows the step that was scored last."""
        return bool(replay.steps[len(replay.scored) - 1][1].terminated) or len(replay.scored) == len(replay.steps)

    def _persist(self, replay: Replay, parents: dict[int, float], action: str) -> None:
        """Believe in whatever these copies do by themselves, where all of that is known."""
        replay.copies = parents  # they are needed until they have acted
        move = Move(list(parents), list(parents.values()), action, None, self._seed(replay, 2))
        (ways,) = self._asked(lambda: self.worker.chances_each(
            [move], forks=self.forks, patience=1, budget=1, samples=1))
        self._own(found for _, found in ways)
        replay.copies, lost = self._settled([
            (weight * fork.probability, fork) for weight, found in ways
            if found.regime == "enumerate" for fork in found.outcomes
        ])
        replay.lost += lost
        replay.approximate |= lost > 0
        if replay.copies:
            replay.scored[-1].regained = "as it did"

    def _begin(self, replay: Replay, text: str) -> None:
        """Believe in a start that shows a text: a drawn one where all of them are known, else one that was told it,
        for to search among the drawn ones is long; that is left for where the environment cannot be told, and given up
        where it never leads anywhere.
        """
        if self.drawn and self.knows_starts():
            self._enter(replay, text, drawn=True)
        if not replay.copies:
            self._enter(replay, text)
        if not replay.copies and self.drawn and (self.knows_starts() or self._vain < VAIN):
            self._enter(replay, text, drawn=True)
            self._vain = 0 if replay.copies else self._vain + 1

    def _enter(self, replay: Replay, text: str, drawn: bool = False) -> None:
        """Begin where the environment shows a text, drawn or by being told it, if it can."""
        start = self._starts.get((text, drawn))
        if start is None:
            regime, exhaustive, outcomes = self._start(text, drawn, self._seed(replay, 1))
            shown = [(fork, fork.answer.support) for fork in outcomes
                     if isinstance(fork.answer, Answer) and fork.answer.observation == text]
            copies, lost = self._settled([(fork.probability, fork) for fork, _ in shown])
            exercised = frozenset(number for _, support in shown for number in support)
            start = Start(copies, lost, regime, not exhaustive or lost > 0, exercised)
            if regime != "sample":
                self._starts[text, drawn] = start
        replay.copies = dict(start.copies)
        replay.exercised |= start.exercised
        replay.began = start.regime
        replay.approximate = start.approximate
        replay.lost += start.lost

    def _start(self, text: str, drawn: bool, seed: int) -> tuple[Regime, bool, Sequence[Fork]]:
        """How a start that shows a text can fall, and whether that is all."""
        if drawn and self._drawn is not None:
            return "enumerate", True, self._drawn.get(text, [])
        found: Chances = self._asked(lambda: self.worker.chances(
            None, None if drawn else text, Target(text) if self.runs else None,
            forks=0 if drawn else self.forks, patience=self.patience, budget=max(self.runs, 1),
            samples=self.samples, guided=self.guided, seed=seed))
        self._own([found])
        return found.regime, found.exhaustive, found.outcomes

    def knows_starts(self) -> bool:
        """Whether every way that a drawn start can fall is known; tried once."""
        if self._drawn is None and self._untried:
            self._untried = False
            found = self._asked(lambda: self.worker.chances(
                None, None, None, forks=self.forks, patience=self.patience, samples=1))
            self._own([found])
            if found.regime == "enumerate":
                self._drawn = defaultdict(list)
                for fork in found.outcomes:
                    if isinstance(fork.answer, Answer):
                        self._drawn[fork.answer.observation].append(fork)
        return self._drawn is not None

    def _settled(self, forks: Iterable[tuple[float, Fork]]) -> tuple[dict[int, float], float]:
        """The forks that go on, equal states as one, no more than `KEPT`, normalised; and what is lost."""
        weights: dict[str, float] = {}
        copies: dict[str, int] = {}
        for weight, fork in forks:
            over = not isinstance(fork.answer, Answer) or fork.answer.terminated or fork.answer.truncated
            if fork.id is not None and not over:
                copies.setdefault(fork.digest, fork.id)
                weights[fork.digest] = weights.get(fork.digest, 0.0) + weight
        likeliest = sorted(weights, key=lambda digest: -weights[digest])
        total = sum(weights.values())
        cut = sum(weights[digest] for digest in likeliest[KEPT:])
        kept = {copies[digest]: weights[digest] / (total - cut) for digest in likeliest[:KEPT]}
        return kept, cut / total if cut else 0.0

    def _own(self, found: Iterable[Chances]) -> None:
        """Notes the copies that a question made."""
        self._owned.update(fork.id for each in found for fork in each.outcomes if fork.id is not None)

    def _seed(self, replay: Replay, what: int) -> int:
        """One of its own for every sampling, whatever else is sampled before."""
        return hash((self.seed, replay.number, len(replay.scored), what)) % 2**62

    def _asked(self, question: Callable[[], T]) -> T:
        """The worker's reply, after making room in it if need be."""
        if len(self._owned) > self._allowed:
            self._sweep()
        try:
            return question()
        except EnvironmentFault as fault:
            if fault.reason != "copies":
                raise
            self._sweep()
            return question()

    def _sweep(self) -> None:
        """Drops every copy that nobody needs any longer."""
        needed = {copy for replay in self._replays for copy in replay.copies}
        needed.update(fork.id for forks in (self._drawn or {}).values() for fork in forks if fork.id is not None)
        self.worker.drop(sorted(self._owned - needed))
        self._starts = {key: start for key, start in self._starts.items() if start.copies.keys() <= needed}
        self._owned = needed
        self._allowed = len(needed) + ROOM


def _groups(sessions: Iterable[Trajectory]) -> Iterator[list[Trajectory]]:
    """A few sessions at a time."""
    group: list[Trajectory] = []
    length = 0
    for session in sessions:
        if group and (len(group) == TOGETHER or length + len(session.turns) > CHUNK):
            yield group
            group, length = [], 0
        group.append(session)
        length += len(session.turns)
    if group:
        yield group


def _variance(share: float, count: int) -> float:
    """Of a frequency; two hits and misses more keep it from being 0 where all runs fell alike (Agresti & Coull 1998).
    """
    middle = (share * count + 2) / (count + 4)
    return middle * (1 - middle) / (count + 4)


def _outcome(probability: float, answer: Answer | EnvironmentFault) -> Outcome:
    if isinstance(answer, EnvironmentFault):
        return Outcome(probability, f"fault: {answer}", 0.0, False, imagined=True, fault=True)
    listed = answer.info.get("actions")
    return Outcome(
        probability, answer.observation, answer.reward, answer.terminated, bool(answer.info.get("imagined")),
        truncated=answer.truncated, actions=frozenset(map(str, listed)) if isinstance(listed, list) else None,
        support=answer.support,
    )
