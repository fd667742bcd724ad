"""A real session and the dream given the same actions, step by step."""

import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Timer
from typing import Literal

from dreamer.viewer.authored.excerpt import Line, excerpt, ran
from dreamer.viewer.played import real
from dreamer.viewer.site import Site, environment_of
from envgen.belief import Belief
from envgen.comparison import Comparer
from envgen.scored import FLOOR, Outcome, Scored, agrees
from envgen.steps import texts
from rollout.trajectory import Trajectory, Turn
from sandbox import Element, SandboxError, Worker, WorkerDied

SECONDS = 15.0  # that a page may wait for authored code
KEPT = 8  # sessions beside their dreams

_BROKE = re.compile(r"fault: line (\d+):")

Status = Literal["alike", "possible", "differs", "improbable", "unknown", "fault", "lost", "not met", "not compared",
                 "unanswered", "not replayed"]
WRONG: set[Status] = {"differs", "improbable", "unknown", "fault", "lost", "not met"}


@dataclass(frozen=True)
class Told:
    """An answer that the dream thinks possible.

    Attributes:
        logged: it counts as the one that the world gave.
    """

    probability: float
    outcome: Outcome
    logged: bool


@dataclass(frozen=True)
class Step:
    """One turn in both.

    Attributes:
        number: of the turn, from 1.
        before: the text it was taken on.
        scored: None where the dream was not asked.
        told: what the dream thinks possible, the likeliest first; simulated where a search did not meet the log.
        dream: of these the one to set beside the log: the logged one, or the likeliest where that is hardly possible.
        differs: what of the two does: "words", "reward", "end".
        ran: what of the code led to it.
    """

    number: int
    before: str
    turn: Turn
    status: Status
    scored: Scored | None = None
    told: tuple[Told, ...] = ()
    dream: Outcome | None = None
    differs: tuple[str, ...] = ()
    ran: tuple[Element, ...] = ()

    @property
    def wrong(self) -> bool:
        """Whether the dream gave the logged answer little or no probability."""
        return self.status in WRONG

    @property
    def undetermined(self) -> bool:
        """Whether the logged answer may be likelier than was seen: it was not met, or only a lower bound is known, and
        that is near 0."""
        return self.scored is not None and (
            self.scored.undetermined or (self.scored.regime == "search" and self.scored.probability < FLOOR))


@dataclass(frozen=True)
class Dreamt:
    """A session beside its dream.

    Attributes:
        source: the environment's code.
        steps: of the turns that were replayed.
        trouble: why the dream could not be asked, if so.
    """

    session: Trajectory
    source: str
    steps: tuple[Step, ...]
    trouble: str | None = None

    @property
    def first(self) -> int | None:
        """The number of the first step that the dream got wrong."""
        return next((step.number for step in self.steps if step.wrong), None)

    @property
    def begun(self) -> bool:
        """Whether the dream had a state to begin in, as far as it was asked."""
        first = next((step for step in self.steps if step.scored), None)
        return first is None or bool(first.told) or first.status not in ("lost", "not compared")

    @property
    def found(self) -> int | None:
        """The number of the first step that it had a state for."""
        return next((step.number for step in self.steps if step.told), None)

    def excerpt(self, step: Step) -> list[Line]:
        """The lines of code that a step ran."""
        return excerpt(self.source, step.ran)

    def lines(self, step: Step) -> list[int]:
        """Their numbers."""
        return list(ran(self.source, step.ran))


_Key = tuple[Path, int, str, str, int, int, int]
_kept: OrderedDict[_Key, Dreamt] = OrderedDict()
_keeping = Lock()


@contextmanager
def limited(worker: Worker) -> Iterator[None]:
    """A worker that is stopped when it keeps a page waiting.

    Raises:
        SandboxError: it was.
    """
    timer = Timer(SECONDS, worker.stop)
    timer.start()
    try:
        yield
    except WorkerDied as died:
        if timer.is_alive():
            raise
        raise SandboxError(f"it took longer than {SECONDS:g} seconds and was stopped", "deadline") from died
    finally:
        timer.cancel()


def dreamt(site: Site, run: str, night: int, digest: str, part: str, number: int, turns: int) -> Dreamt:
    """A real session beside its dream; the last few are kept.

    Args:
        turns: how many of the session's turns are replayed.

    Raises:
        NotThere: there is no such session or environment.
        StoreError: a record cannot be read.
    """
    store = site.store(run, night)
    session, source = real.session(store, part, number), environment_of(store, digest).source
    key = (store.root, night, digest, part, number, turns, store.sessions(part).stat().st_mtime_ns)
    with _keeping:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    found = _dreamt(site, session, turns, source, store.comparer)
    if found.trouble is not None:  # it may go better the next time
        return found
    with _keeping:
        _kept[key] = found
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return found


def _dreamt(site: Site, session: Trajectory, turns: int, source: str, comparer: Comparer) -> Dreamt:
    replayed = session.model_copy(update={"turns": session.turns[:turns]})
    scored: list[Scored] = []
    simulated: list[Scored] = []
    elements: list[Element] = []
    trouble = None
    try:
        with site.sandbox() as sandbox, sandbox.load(source, counting=True) as worker, limited(worker):
            elements = worker.elements
            scored = Belief(worker, comparer, follow=False).replay(replayed)
            if any(_unmet(each, comparer) for each in scored):  # what does it say instead?
                simulated = Belief(worker, comparer, follow=False, runs=0).replay(replayed)
    except SandboxError as error:
        trouble = f"{error}."
    except ValueError as error:  # what is too long to be sent
        trouble = f"the session is too long ({error})."
    shown = texts(replayed)
    steps = []
    for number, turn in enumerate(replayed.turns, start=1):
        before = shown[number - 1]
        if turn.observation is None:
            steps.append(Step(number, before, turn, "unanswered"))
        elif trouble is not None:
            steps.append(Step(number, before, turn, "not replayed"))
        else:
            steps.append(_step(number, scored[number - 1], simulated, comparer, elements))
    return Dreamt(session, source, tuple(steps), trouble)


def _step(number: int, scored: Scored, simulated: Sequence[Scored], comparer: Comparer, elements: Sequence[Element]
          ) -> Step:
    turn = scored.turn
    told = _told(simulated[number - 1] if _unmet(scored, comparer) else scored, comparer)
    status = _status(scored, told, comparer)
    logged = next((each for each in told if each.logged), None)
    beside = logged if logged and status not in ("improbable", "not met") else told[0] if told else None
    if beside is None:
        return Step(number, scored.before, turn, status, scored, told)
    dream = beside.outcome
    broke = _BROKE.match(dream.observation) if dream.fault else None
    ran = (Element(-1, "branch", int(broke[1]), "broke here"),) if broke else tuple(
        elements[number] for number in dream.support)
    return Step(number, scored.before, turn, status, scored, told, dream, _differing(turn, dream, comparer), ran)


def _unmet(scored: Scored, comparer: Comparer) -> bool:
    """Whether a search for the logged answer found nothing."""
    return not scored.outcomes and scored.regime != "enumerate" and comparer.compared(scored.turn)


def _status(scored: Scored, told: Sequence[Told], comparer: Comparer) -> Status:
    if not comparer.compared(scored.turn):
        return "not compared"
    if scored.probability >= FLOOR:
        return "alike" if scored.probability > 1 - 1e-9 else "possible"
    if scored.probability > 0:
        return "improbable"
    if not scored.outcomes:
        return "lost" if scored.regime == "enumerate" else "not met"
    if told[0].outcome.imagined:
        return "fault" if told[0].outcome.fault else "unknown"
    return "differs"


def _told(scored: Scored, comparer: Comparer) -> tuple[Told, ...]:
    """What the dream thinks possible: answers that look alike are one, though they lead to different states."""
    alike: dict[Outcome, list[Outcome]] = {}
    for outcome in scored.outcomes:
        shown = outcome._replace(probability=0.0, actions=None, support=())
        alike.setdefault(shown, []).append(outcome)
    told = []
    for shown, same in alike.items():
        probability = sum(each.probability for each in same)
        ran = frozenset(number for each in same for number in each.support)
        outcome = shown._replace(probability=probability, support=tuple(sorted(ran)))
        told.append(Told(probability, outcome, agrees(outcome, scored.turn, comparer)))
    return tuple(sorted(told, key=lambda each: -each.probability))


def _differing(turn: Turn, dream: Outcome, comparer: Comparer) -> tuple[str, ...]:
    found = []
    if not comparer.same(turn, dream.observation):
        found.append("words")
    if turn.reward not in (None, dream.reward):
        found.append("reward")
    if turn.terminated not in (None, dream.end) or (dream.truncated and turn.truncated is False):
        found.append("end")
    return tuple(found)
