"""The embedded author: passive automata learning, written out as Gymnasium code.

Sessions are folded into a tree of what was seen and done, and states are merged by ALERGIA (Carrasco and Oncina
1994; for MDPs Mao et al. 2016) as AALpy implements it: a state is labelled by what it shows, the reward for getting
there and whether the world ends, and two states with one label are merged unless their futures differ: by
Hoeffding's bound where the sessions show chance, by the first disagreement where they do not.

What a text tells of the state is found before that (`envgen.memory`): remarks leave the state as it is, and texts
that hide it are labelled with what was shown before. Whether sessions with different tasks share states at all is a
choice (squares of one map do, rooms of different games only look alike), so several candidates are written, and the
sessions kept for selection choose. What no session shows is not guessed.
"""

import sys
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aalpy.automata import Mdp
from aalpy.learning_algs.stochastic_passive.Alergia import Alergia
from aalpy.learning_algs.stochastic_passive.CompatibilityChecker import CompatibilityChecker, HoeffdingCompatibility

from envgen.author import Environment
from envgen.memory import Memory, remember
from envgen.steps import shows_chance, steps
from rollout.trajectory import Trajectory
from templates import render

RESET = "<reset>"
EPSILONS = (0.005, 0.5)  # of Hoeffding's bound: smaller merges more


@dataclass(frozen=True)
class Answer:
    """What the world answers."""

    text: str
    reward: float = 0.0
    end: bool = False


@dataclass(frozen=True)
class Label:
    """What tells states apart before their futures do."""

    answer: Answer
    task: str  # which sessions share this state; empty where all do
    before: str  # what was shown last that did not hide; empty where the answer itself does not


class FirstDisagreement(CompatibilityChecker):
    """Two states differ when one action was ever seen to lead to different labels."""

    def are_states_different(self, a: Any, b: Any, **_: Any) -> bool:
        led: dict[str, set[Hashable]] = defaultdict(set)
        for action, label in [*a.original_children, *b.original_children]:
            led[action].add(label)
        return any(len(labels) > 1 for labels in led.values())


class QuickAlergia(Alergia):
    """AALpy's algorithm with its red states in a set as well: looking them up in a list was most of its time."""

    def run(self) -> Mdp:
        red, known = [self.fpta], {id(self.fpta)}
        while blue := [node for state in red for node in state.successors() if id(node) not in known]:
            node = min(blue)
            for state in red:
                if self.compatibility_test(state, node):
                    self.merge(state, node)
                    break
            else:
                insort(red, node)
                known.add(id(node))
        self.normalize(red)
        for number, state in enumerate(red):
            state.state_id = f"q{number}"
        return self.to_automaton(red)


class Automaton:
    """The author that needs no model."""

    def drafts(self, sessions: Sequence[Trajectory]) -> Iterator[Environment]:
        written = set()
        checkers: list[tuple[str, CompatibilityChecker]] = [("first disagreement", FirstDisagreement())]
        if shows_chance(sessions):
            checkers = [(f"Hoeffding {epsilon}", HoeffdingCompatibility(epsilon)) for epsilon in EPSILONS]
        for apart in (False, True):
            tasks = [(session.task or session.observation.text) if apart else "" for session in sessions]
            if apart and len(set(tasks)) == 1:
                return  # all have one task, so there is nothing to keep apart
            notes = _Notes(remember(sessions, tasks))
            traces = [notes.trace(session, task) for session, task in zip(sessions, tasks, strict=True)]
            for name, checker in checkers:
                # AALpy descends a call or two a turn of the longest session.
                sys.setrecursionlimit(max(sys.getrecursionlimit(), 4 * max(map(len, traces)) + 1000))
                machine = QuickAlergia(traces, "mdp", compatibility_checker=checker).run()
                author = f"automaton, {name}{', tasks apart' if apart else ''}"
                environment = _write(machine, traces, notes, author)
                if environment.digest not in written:
                    written.add(environment.digest)
                    yield environment


class _Notes:
    """Sessions as AALpy wants them, with labels as numbers, and the remarks that it does not see."""

    def __init__(self, memory: Memory):
        self.memory = memory
        self.labels: dict[Label, int] = {}
        self.remarks: dict[int, list[tuple[int, str, str]]] = defaultdict(list)  # trace: (turns so far, action, text)
        self.traces = 0

    def trace(self, session: Trajectory, task: str) -> list[Any]:
        """The root's label, then (action, label) pairs."""
        told = session.observation.text
        trace: list[Any] = [-1, (RESET, self._number(Label(Answer(told), task, "")))]
        for _, turn, text in steps(session):
            answer = Answer(text, turn.reward or 0.0, bool(turn.terminated))
            if answer == Answer(text) and text in self.memory.remarks:
                self.remarks[self.traces].append((len(trace), turn.action.text, text))
                continue
            hides = text in self.memory.hiding and not answer.end
            trace.append((turn.action.text, self._number(Label(answer, task, told if hides else ""))))
            if not hides:
                told = text
        self.traces += 1
        return trace

    def _number(self, label: Label) -> int:
        return self.labels.setdefault(label, len(self.labels))


def _write(machine: Mdp, traces: Sequence[Sequence[Any]], notes: _Notes, author: str) -> Environment:
    """Walk the sessions through the automaton, count, and render what was counted."""
    labels = [label.answer for label in notes.labels]
    states: dict[str, int] = {}
    answers: dict[Answer, int] = {}
    starts: Counter[tuple[int, int]] = Counter()
    moves: dict[int, dict[str, Counter[tuple[int, int]]]] = defaultdict(lambda: defaultdict(Counter))
    showing: dict[str, Counter[int]] = defaultdict(Counter)

    def answered(answer: Answer, state: int) -> tuple[int, int]:
        if not answer.end:
            showing[answer.text][state] += 1
        return answers.setdefault(answer, len(answers)), state

    for number, trace in enumerate(traces):
        state, here = machine.initial_state, -1
        said = {turn: [(action, text) for at, action, text in notes.remarks[number] if at == turn]
                for turn, _, _ in notes.remarks[number]}
        for turn, (action, label) in enumerate(trace[1:], start=2):
            state = next(target for target, _ in state.transitions[action] if target.output == label)
            before, here = here, states.setdefault(state.state_id, len(states))
            if before < 0:
                starts[answered(labels[label], here)] += 1
            else:
                moves[before][action][answered(labels[label], here)] += 1
            for remarked, text in said.get(turn, []):
                moves[here][remarked][answered(Answer(text), here)] += 1
    table = [
        (state, [(action, dict(sorted(led.items()))) for action, led in sorted(moves[state].items())])
        for state in range(len(states)) if moves[state]
    ]
    source = render(
        "environment/automaton.py.jinja", name="World", sessions=len(traces), states=len(states), answers=list(answers),
        moves=table, known=sum(len(actions) for _, actions in table), starts=dict(sorted(starts.items())),
        showing=[(text, dict(sorted(seen.items()))) for text, seen in sorted(showing.items())],
        longest=max(1, *(len(answer.text) for answer in answers)),
        longest_action=max(len(action) for _, actions in table for action, _ in actions),
    )
    return Environment(source=source, author=author, states=len(states))
