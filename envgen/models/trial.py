"""What becomes of a written file: whether it runs, and how it does on the shown sessions and on those kept to select.

Differences are told of shown sessions only, for whoever wrote the file is told of them. A file that is given the shown
sessions (`logged.py`) is tried without some of them, and these are what it is judged on: that it looks others up shows
nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from envgen.author import Environment
from envgen.belief import Belief
from envgen.comparison import Comparer
from envgen.counterexamples import Counterexamples, Mismatch
from envgen.fidelity import FidelityReport, judge
from envgen.gate import MOST, Gate
from envgen.models.logged import given, left_out
from envgen.patterns import usual_reward
from rollout.trajectory import Record, Trajectory
from sandbox import EnvironmentFault, Reset, Sandbox, SandboxError, Worker

REPLAYED = 100  # shown sessions that a file is judged on, evenly picked
EVERY = 3  # of the shown sessions, one that a file is not given while it is tried
KINDS = 12  # of differences that are told
TOLD = 2  # examples of each
LINES = 12  # of an example
TEXT = 300  # characters of a text in a complaint
FRESH = 0.5  # share of starts that are new, from which on drawn starts should be new, too


class Example(Record):
    """A logged step that a world gave little or no probability.

    Attributes:
        session, turn: which, from 0.
        expected: what the world answers, the likeliest first, each with its probability; none where it has no state.
        lines: of the file, that the likeliest answer ran.
    """

    session: str
    turn: int
    expected: tuple[tuple[float, str, float, bool], ...]
    lines: tuple[int, ...]


class Difference(Record):
    """Steps that differ in one way (`envgen.counterexamples`)."""

    action: str
    differs: tuple[str, ...]
    count: int
    examples: tuple[Example, ...]


class Trial(Record):
    """How a file did.

    Attributes:
        problem: why it cannot be used; None where it can, and then there are reports.
        shown, selection: how it does on these sessions.
        refusals: what the gate says on the selection sessions.
        complaints: what speaks against it on the shown sessions beside single differences; none where it passes.
        differences: on shown sessions.
    """

    problem: str | None = None
    shown: FidelityReport | None = None
    selection: FidelityReport | None = None
    refusals: tuple[str, ...] = ()
    complaints: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the gate lets it pass, or nothing speaks against it but that there are few sessions."""
        if self.shown is None or self.selection is None or self.complaints:
            return False
        return not self.refusals or not (
            self.shown.counterexamples or self.selection.counterexamples or self.selection.frequencies)

    @property
    def telling(self) -> bool:
        """Whether there is anything to tell its author."""
        return bool(self.differences or self.complaints)

    @property
    def wrong(self) -> int:
        """Steps of shown sessions that it does not answer as logged; none are known where it cannot be used."""
        return sum(kind.count for kind in self.shown.counterexamples) if self.shown else 0

    @property
    def nats(self) -> float:
        """Nats a step over all sessions it was judged on; lower is better."""
        figures = [report.figures["nats_per_step"] for report in (self.shown, self.selection) if report]
        weights = [figure.n for figure in figures]
        if not sum(weights):
            return float("inf")
        return sum((figure.value or 0.0) * figure.n for figure in figures) / sum(weights)


@dataclass
class Tribunal:
    """Tries files.

    Args:
        sandbox: where they run.
        shown: the sessions that their author sees.
        selection: those kept to choose.
        gate: what must hold.
        comparer: how answers are compared.
        gives: whether files that ask for the shown sessions are given them.
    """

    sandbox: Sandbox
    shown: Sequence[Trajectory]
    selection: Sequence[Trajectory]
    gate: Gate
    comparer: Comparer
    gives: bool = True
    usual: float = field(init=False)

    def __post_init__(self) -> None:
        self.usual = usual_reward(self.shown)

    def finished(self, source: str) -> str:
        """A file as it is used: with all shown sessions in it, where it asks for them."""
        return given(source, self.shown) if self.gives else source

    def run(self, source: str) -> Trial:
        """Load a file, check it, and judge it."""
        whole, tried, replayed = self.finished(source), source, self.shown
        if whole != source:
            told, replayed = left_out(self.shown, EVERY)
            tried = given(source, told)
        replayed = replayed[:: -(-len(replayed) // REPLAYED)]
        digest = Environment(source=whole, author="").digest
        try:
            with self.sandbox.load(tried) as worker:
                if problems := worker.check():
                    return Trial(problem="\n".join(problems))
                shown = self.judge(worker, digest, replayed)
                refused = _refused(worker, replayed)
            with self.sandbox.load(whole) as worker:
                selection = self.judge(worker, digest, self.selection)
            with self.sandbox.load(tried, counting=True) as worker:
                belief = Belief(worker, self.comparer)
                found = [self._difference(belief, kind, replayed) for kind in _telling(shown.counterexamples)]
        except SandboxError as error:
            return Trial(problem=str(error))
        return Trial(shown=shown, selection=selection, refusals=self.gate.refusals(selection),
                     complaints=tuple(self._complaints(shown, refused)), differences=_with_telling_lines(found))

    def judge(self, worker: Worker, digest: str, sessions: Sequence[Trajectory]) -> FidelityReport:
        """How a loaded file does on sessions."""
        return judge(worker, digest, self.shown, sessions, self.usual, comparer=self.comparer)

    def _difference(self, belief: Belief, kind: Counterexamples, replayed: Sequence[Trajectory]) -> Difference:
        examples = [self._example(belief, each, replayed) for each in kind.examples[:TOLD]]
        return Difference(action=kind.action, differs=kind.differs, count=kind.count, examples=tuple(examples))

    def _example(self, belief: Belief, mismatch: Mismatch, replayed: Sequence[Trajectory]) -> Example:
        """The step once more, with the lines that it ran."""
        session = next(each for each in replayed if each.id == mismatch.session)
        turn = mismatch.turn - 1
        cut = session.model_copy(update={"turns": session.turns[: turn + 1]})
        outcomes = belief.replay(cut)[-1].outcomes
        told: defaultdict[tuple[str, float, bool], float] = defaultdict(float)
        ran: dict[tuple[str, float, bool], tuple[int, ...]] = {}
        for each in outcomes:
            answer = each.observation, each.reward, each.end
            told[answer] += each.probability
            ran.setdefault(answer, each.support)
        likeliest = sorted(told, key=lambda answer: -told[answer])[:TOLD]
        lines = {belief.worker.elements[number].line for answer in likeliest[:1] for number in ran[answer]}
        return Example(session=session.id, turn=turn, lines=tuple(sorted(lines)),
                       expected=tuple((told[answer], *answer) for answer in likeliest))

    def _complaints(self, shown: FidelityReport, refused: str) -> list[str]:
        """What differences do not say: chance, starts, what is remembered."""
        figures, said = shown.figures, list[str]()
        said += [f"Too often or too seldom: {each}" for each in shown.frequencies]
        alike, novel = figures["reset_match"], figures["reset_novelty"].value or 0.0
        if alike.value is not None and alike.value < self.gate.reset_match:
            said.append(f"Drawn starts are not like the logged ones: a field, or a pair of fields, has other values, "
                        f"or has them otherwise often (total variation {figures['reset_distance'].value or 0.0:.2f}, p "
                        f"{alike.value:.4f}). They differ in {shown.starts_differ}.")
        known = {session.observation.text for session in self.shown}
        fresh = sum(session.observation.text not in known for session in self.selection) / max(1, len(self.selection))
        if fresh >= FRESH and novel < fresh / 2:
            said.append(f"{novel:.0%} of the drawn starts are new, but of this world's other sessions {fresh:.0%} are: "
                        "draw starts by a rule, do not list them.")
        for name, least, words in (
            ("forgets", 1.0, "Played before, it does otherwise than a new one from the same seed: something is kept."),
            ("starts_taken", self.gate.starts_taken, f"Told the first text of a session, reset refuses it: {refused}."),
        ):
            if (value := figures[name].value) is not None and value < least:
                said.append(f"{words} ({1 - value:.0%} of the sessions)")
        if (off := figures["drawn_off"].value or 0.0) > self.gate.drawn_off:
            said.append(f"From drawn starts it goes otherwise than when it is told their first texts, in {off:.0%} of "
                        "the steps: what a text hides is to be drawn alike in both.")
        for name, words in MOST.items():
            wrong = figures[name]
            if wrong.value is not None and wrong.value > getattr(self.gate, name):
                said.append(f"In {wrong.value:.1%} of {wrong.n:,} steps {words}.")
        surprise = figures["calibration"]
        if shown.chance and surprise.low is not None and surprise.low > self.gate.calibration:
            forms = "; ".join(f"{form!r}: {figure.value:.2f}" for form, figure in shown.calibration.items()
                              if figure.value is not None and figure.value > self.gate.calibration)
            said.append(f"It is surer than it should be: {surprise.value:.2f} nats a step more surprised than it "
                        f"expects to be ({forms}).")
        listed = figures["actions_match"].value
        if listed is not None and listed < self.gate.actions_match:
            said.append(f"info['actions'] differs from the logged legal actions in {1 - listed:.0%} of the answers.")
        return said


def _refused(worker: Worker, sessions: Sequence[Trajectory]) -> str:
    """The first of the sessions' first texts that a file refuses to begin from, and what it raises."""
    (copy,) = worker.make(1)
    texts = [session.observation.text for session in sessions]
    answers = worker.reset_batch([Reset(copy, 0, text) for text in texts])
    worker.drop([copy])
    return next((f"{text[:TEXT]!r} raises {answer}" for text, answer in zip(texts, answers, strict=True)
                 if isinstance(answer, EnvironmentFault)), "")


def _with_telling_lines(differences: Sequence[Difference]) -> tuple[Difference, ...]:
    """The same, each example with a few of its lines: those that the fewest others ran."""
    ran = Counter(line for difference in differences for each in difference.examples for line in each.lines)
    return tuple(difference.model_copy(update={"examples": tuple(
        each.model_copy(update={"lines": tuple(sorted(sorted(each.lines, key=lambda line: ran[line])[:LINES]))})
        for each in difference.examples)}) for difference in differences)


def _telling(kinds: Sequence[Counterexamples]) -> list[Counterexamples]:
    """Those that matter most: reward, end and faults first, then the commonest."""
    first = {"reward", "end", "fault"}
    return sorted(kinds, key=lambda kind: (not first & set(kind.differs), -kind.count))[:KINDS]
