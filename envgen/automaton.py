"""The embedded author: passive automata learning, written out as Gymnasium code.

Sessions are folded into a tree of what was seen and done, and states are merged by ALERGIA (Carrasco and Oncina
1994; for MDPs Mao et al. 2016) as AALpy implements it: a state is labelled by what it shows, the reward for getting
there and whether the world ends, and two states with one label are merged unless their futures differ. When they
'differ' is the one choice to make, so several candidates are written, and the sessions kept for selection choose:

- by Hoeffding's bound, for worlds with chance;
- by the first disagreement, for worlds without, where the text may hide what matters.

What no session shows is not guessed.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aalpy.automata import Mdp
from aalpy.learning_algs import run_Alergia
from aalpy.learning_algs.stochastic_passive.CompatibilityChecker import CompatibilityChecker

from envgen.author import Environment
from rollout.trajectory import Trajectory
from templates import render

RESET = "<reset>"
EPSILONS = (0.005, 0.05, 0.5)  # of Hoeffding's bound: smaller merges more


@dataclass(frozen=True)
class Shown:
    """What a state shows: a label that merged states share."""

    text: str
    reward: float
    end: bool


class FirstDisagreement(CompatibilityChecker):
    """Two states differ when one action was ever seen to lead to different labels."""

    def are_states_different(self, a: Any, b: Any, **_: Any) -> bool:
        led: dict[str, set[Hashable]] = defaultdict(set)
        for action, label in [*a.original_children, *b.original_children]:
            led[action].add(label)
        return any(len(labels) > 1 for labels in led.values())


class Automaton:
    """The author that needs no model."""

    def drafts(self, sessions: Sequence[Trajectory]) -> Iterator[Environment]:
        labels: dict[Shown, int] = {}
        traces = [_trace(session, labels) for session in sessions]
        written = set()
        for name, options in _settings(chance=_has_chance(traces)):
            machine = run_Alergia(traces, automaton_type="mdp", **options)
            environment = _write(machine, traces, list(labels), f"automaton, {name}")
            if environment.digest not in written:
                written.add(environment.digest)
                yield environment


def _has_chance(traces: Iterable[Sequence[Any]]) -> bool:
    """Whether the same words said from the start on were ever answered differently."""
    led: dict[tuple[Any, ...], Hashable] = {}
    return any(
        led.setdefault((*trace[:number], action), label) != label
        for trace in traces
        for number, (action, label) in enumerate(trace[1:], start=1)
        if action != RESET
    )


def _settings(chance: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    if not chance:
        yield "first disagreement", {"compatibility_checker": FirstDisagreement()}
    for epsilon in EPSILONS:
        yield f"Hoeffding {epsilon}", {"eps": epsilon}


def _trace(session: Trajectory, labels: dict[Shown, int]) -> list[Any]:
    """A session as AALpy wants it: the root's label, then (action, label) pairs; labels as numbers."""

    def number(shown: Shown) -> int:
        return labels.setdefault(shown, len(labels))

    trace: list[Any] = [-1, (RESET, number(Shown(session.observation, 0.0, False)))]
    for turn in session.turns:
        trace.append((turn.action, number(Shown(turn.observation, turn.reward or 0.0, bool(turn.terminated)))))
    return trace


def _write(machine: Mdp, traces: Sequence[Sequence[Any]], labels: Sequence[Shown], author: str) -> Environment:
    """Walk the sessions through the automaton, count, and render what was counted."""
    numbers = {machine.initial_state.state_id: -1}
    shown: list[Shown] = []
    starts: Counter[int] = Counter()
    moves: dict[int, dict[str, Counter[int]]] = defaultdict(lambda: defaultdict(Counter))
    showing: dict[str, Counter[int]] = defaultdict(Counter)
    for trace in traces:
        state = machine.initial_state
        for action, label in trace[1:]:
            before = numbers[state.state_id]
            state = next(target for target, _ in state.transitions[action] if target.output == label)
            if state.state_id not in numbers:
                numbers[state.state_id] = len(shown)
                shown.append(labels[label])
            after = numbers[state.state_id]
            if before < 0:
                starts[after] += 1
            else:
                moves[before][action][after] += 1
            if not labels[label].end:
                showing[labels[label].text][after] += 1
    moves_by_state = [
        [(action, dict(sorted(targets.items()))) for action, targets in sorted(moves[state].items())]
        for state in range(len(shown))
    ]
    source = render(
        "environment/automaton.py.jinja", name="World", sessions=len(traces), states=shown,
        moves=sum(map(len, moves_by_state)), moves_by_state=moves_by_state, starts=dict(sorted(starts.items())),
        showing=[(text, dict(sorted(seen.items()))) for text, seen in sorted(showing.items())],
        longest=max(1, *(len(state.text) for state in shown)),
        longest_action=max(len(action) for by_action in moves.values() for action in by_action),
    )
    return Environment(source=source, author=author, states=len(shown))
