"""What a source answers, exactly: every way its draws can fall, in this process and by no part of the sandbox.

A run follows a path of decisions; the next run takes the next path, depth first, until all were taken. A belief over
hidden state is filtered by what was logged. Left out: continuous draws other than comparisons of `random()`, and
chance without end.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from functools import cache
from typing import Any, NamedTuple

from tests.worlds.source import load

DEEPEST = 40  # draws in one reset or step; the longest of the true worlds takes fewer than 20

Path = list[list[int]]  # of decisions: which way, and of how many


class EndlessError(Exception):
    """A reset or step that draws without end."""


class Chance:
    """Stands in for NumPy's generator and follows a path, taking the first way where the path ends."""

    def __init__(self, path: Path):
        self.path, self.at, self.probability = path, 0, 1.0

    def decide(self, weights: Sequence[float]) -> int:
        """Which of some ways, by their probabilities, this run takes."""
        if self.at == DEEPEST:
            raise EndlessError
        if self.at == len(self.path):
            self.path.append([0, len(weights)])
        way = self.path[self.at][0]
        self.at += 1
        self.probability *= weights[way]
        return way

    def random(self) -> "Unit":
        return Unit(self)

    def integers(self, low: int, high: int | None = None) -> int:
        low, high = (0, low) if high is None else (low, high)
        if high <= low:
            raise ValueError("low >= high")
        return low + self.decide([1 / (high - low)] * (high - low))

    def choice(self, options: Sequence[Any]) -> Any:
        """Equal options are one way."""
        values, weights = _distinct(tuple(options))
        return values[self.decide(weights)]


@cache
def _distinct(options: tuple[Any, ...]) -> tuple[list[Any], list[float]]:
    if not options:
        raise ValueError("a cannot be empty")
    counts = Counter(options)
    return list(counts), [count / len(options) for count in counts.values()]


class Unit:
    """A uniform number of [0, 1) of which only comparisons are ever known."""

    def __init__(self, chance: Chance):
        self.chance, self.low, self.high = chance, 0.0, 1.0

    def __lt__(self, edge: float) -> bool:
        if not self.low < edge < self.high:
            return edge >= self.high
        share = (edge - self.low) / (self.high - self.low)
        below = self.chance.decide((share, 1 - share)) == 0
        self.low, self.high = (self.low, edge) if below else (edge, self.high)
        return below

    def __ge__(self, edge: float) -> bool:
        return not self < edge

    __le__, __gt__ = __lt__, __ge__  # a single point has no probability


def every(run: Callable[[Chance], Any]) -> Iterator[tuple[float, Any]]:
    """Every result that a run can have, with its probability; equal results may come more than once."""
    path: Path = []
    while True:
        chance = Chance(path)
        result = run(chance)
        yield chance.probability, result
        del path[chance.at:]
        while path and path[-1][0] + 1 == path[-1][1]:
            path.pop()
        if not path:
            return
        path[-1][0] += 1


class Answer(NamedTuple):
    """What a world said; `late` is Gymnasium's truncation. A fault has no text and says its kind."""

    text: str | None
    reward: float = 0.0
    end: bool = False
    late: bool = False
    actions: tuple[str, ...] | None = None
    fault: str | None = None


Belief = dict[str, float]  # state: probability
Told = dict[tuple[Answer, str], float]  # answer and the state after it: probability


class Program:
    """A source that can be asked for everything it may answer. States are named by what they hold.

    Raises:
        EndlessError: from `start` and `step`, where chance has no end.
    """

    def __init__(self, source: str):
        self.world = load(source)
        self.states: dict[str, dict[str, Any]] = {}
        self.starts: dict[str | None, Told] = {}
        self.steps: dict[tuple[str, str], Told] = {}

    def start(self, text: str | None = None) -> Told:
        """All ways to begin: drawn, or where a text is shown."""
        if text not in self.starts:
            self.starts[text] = self._begin({}, None if text is None else {"observation": text})
        return self.starts[text]

    def again(self, state: str) -> Told:
        """All ways to begin anew after an episode that ended in a state."""
        return self._begin(self.states[state], None)

    def step(self, state: str, action: str) -> Told:
        """All ways that an action can fall."""
        if (state, action) not in self.steps:

            def run(env: Any) -> Answer:
                return _answer(*env.step(action))

            self.steps[state, action] = self._told(self.states[state], run)
        return self.steps[state, action]

    def believe(self, belief: Belief, action: str) -> Told:
        """All ways that an action can fall, where the state is not known."""
        told: Told = defaultdict(float)
        for state, weight in belief.items():
            for after, probability in self.step(state, action).items():
                told[after] += weight * probability
        return told

    def _begin(self, state: dict[str, Any], options: dict[str, str] | None) -> Told:
        def run(env: Any) -> Answer:
            observation, info = env.reset(options=options)
            return _answer(observation, 0.0, False, False, info)

        return self._told(state, run)

    def _told(self, state: dict[str, Any], ask: Callable[[Any], Answer]) -> Told:
        told: Told = defaultdict(float)
        plain = all(isinstance(value, str | int | None) for value in state.values())

        def run(chance: Chance) -> tuple[Answer, str]:
            env = self.world()
            vars(env).update(state if plain else deepcopy(state))
            env._np_random = chance  # type: ignore[assignment]
            try:
                answer = ask(env)
            except EndlessError:
                raise
            except Exception as fault:  # authored code may raise anything
                return Answer(None, fault=type(fault).__name__), ""
            held = {name: value for name, value in vars(env).items() if name != "_np_random"}
            key = repr(sorted(held.items()))
            self.states.setdefault(key, held)
            return answer, key

        for probability, after in every(run):
            told[after] += probability
        return told


def _answer(observation: Any, reward: Any, terminated: Any, truncated: Any, info: Any) -> Answer:
    if not isinstance(observation, str):
        raise TypeError(f"an observation of type {type(observation)}")
    actions = info.get("actions")
    listed = None if actions is None else tuple(actions)
    return Answer(observation, float(reward), bool(terminated), bool(truncated), listed)
