"""What reality exercised is vouched for; every other branch and table element says so when it runs."""

from collections.abc import Iterator

import pytest

from sandbox import Answer, Pool, Reset, Sandbox, SandboxedEnv, SandboxedVectorEnv, Script, Target, Worker
from sandbox.tables import Tables

GRID = """
import gymnasium as gym

MAP = ["S.#", ".~G"]
MOVES = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}
SAID = {"S": "start", ".": "floor", "#": "wall", "~": "water", "G": "goal"}


class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.row = self.column = 0
        return SAID["S"], {}

    def step(self, action):
        move = MOVES.get(action)
        if move is None:
            return "what?", 0.0, False, False, {}
        row, column = self.row + move[0], self.column + move[1]
        if not (0 <= row < 2 and 0 <= column < 3):
            return "edge", 0.0, False, False, {}
        here = MAP[row][column]
        if here == "#":
            return SAID[here], 0.0, False, False, {}
        self.row, self.column = row, column
        return SAID[here], float(here == "G"), here == "G", False, {}
"""
ACTIONS = ("left", "right", "up", "down", "dance")


def truth(row: int, column: int, action: str) -> tuple[set[str], int, int]:
    """The elements a step of the grid rests on, worked out without the sandbox, and where it leads."""
    grid = ["S.#", ".~G"]
    moves = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}
    if action not in moves:
        return {"unknown"}, row, column
    down, right = moves[action]
    to_row, to_column = row + down, column + right
    used = {"known", f"MOVES['{action}']", f"MOVES['{action}'][0]", f"MOVES['{action}'][1]"}
    if not 0 <= to_row < 2:
        return used | {"row edge"}, row, column
    if not 0 <= to_column < 3:
        return used | {"column edge"}, row, column
    here = grid[to_row][to_column]
    used |= {"inside", f"MAP[{to_row}]", f"MAP[{to_row}][{to_column}]", f"SAID['{here}']"}
    return (used | {"wall"}, row, column) if here == "#" else (used | {"open"}, to_row, to_column)


def walked(path: list[str]) -> tuple[list[set[str]], tuple[int, int]]:
    row = column = 0
    out = []
    for action in path:
        used, row, column = truth(row, column, action)
        out.append(used)
    return out, (row, column)


@pytest.mark.parametrize(
    "shown", [["right"], ["right", "down", "left"], ["down", "up", "up", "dance"], ["right", "right"]]
)
def test_a_grid_is_vouched_for_exactly(shown: list[str]) -> None:
    """Every step of every path of three: it is imagined where, and only where, it rests on something never shown."""
    known = set().union(*walked(shown)[0]) | {"SAID['S']"}
    with Sandbox() as sandbox, sandbox.load(GRID, counting=True) as worker:
        assert worker.vouched is None
        (episode,) = worker.episodes([Script(shown)])
        assert not any(answer.unvouched for answer in episode.answers)
        assert worker.vouch() == frozenset(worker.support())
        paths = [[a, b, c] for a in ACTIONS for b in ACTIONS for c in ACTIONS]
        right = wrong = 0
        for path, found in zip(paths, worker.episodes([Script(path) for path in paths]), strict=True):
            assert found.answers[0].unvouched == ()
            for used, answer in zip(walked(path)[0], found.answers[1:], strict=False):
                right += bool(used - known) == bool(answer.unvouched)
                wrong += bool(used - known) != bool(answer.unvouched)
                named = {worker.elements[n].label for n in answer.unvouched if worker.elements[n].kind == "table"}
                assert named == {label for label in used - known if "[" in label}
        assert wrong == 0
        assert right > 250


DRAWN = """
import gymnasium as gym
RULES = {"wall": "bump", "door": "open", "key": "take"}
class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.map = [self.np_random.choice(["wall", "door"]) for _ in range(6)]
        if options and options.get("observation") == "keys":
            self.map = ["key"] * 6
        self.at = 0
        return "map " + str(self.np_random.integers(10**6)), {}
    def step(self, action):
        thing = self.map[self.at]
        self.at = (self.at + 1) % 6
        return RULES[thing], 0.0, False, False, {}
"""


def test_a_new_map_is_vouched_for_a_new_thing_is_not() -> None:
    with Sandbox() as sandbox, sandbox.load(DRAWN, counting=True) as worker:
        worker.episodes([Script(["go"] * 6, seed=1)])
        worker.vouch()
        episodes = worker.episodes([Script(["go"] * 6, seed=seed) for seed in range(2, 40)])
        assert len({tuple(a.observation for a in episode.answers) for episode in episodes}) > 30
        assert not any(answer.unvouched for episode in episodes for answer in episode.answers)
        (strange,) = worker.episodes([Script(["go"], observation="keys")])
        labels = [[worker.elements[n].label for n in answer.unvouched] for answer in strange.answers]
        assert labels == [["if", "and"], ["RULES['key']"]] or labels == [["and", "if"], ["RULES['key']"]]


def test_told_by_number_and_carried_everywhere() -> None:
    with Sandbox() as sandbox, sandbox.load(GRID, counting=True) as first, sandbox.load(GRID, counting=True) as second:
        first.episodes([Script(["right"])])
        known = first.vouch()
        assert second.vouch(known) == known
        (one,) = second.make(1)
        (begun,) = second.reset_batch([Reset(one, seed=1)])
        assert isinstance(begun, Answer)
        assert begun.unvouched == ()
        for worker in (first, second):
            (other,) = worker.make(1)
            worker.reset_batch([Reset(other, seed=1)])
            (expanded,) = worker.expand(other, "down") or []
            (searched,) = worker.search(other, "down", Target("floor")).outcomes
            (sampled,) = worker.sample(other, "down", 5).outcomes
            (stepped,) = worker.step_batch([(other, "down")])
            (played,) = worker.episodes([Script(["down"])])
            answers = [expanded.answer, searched.answer, sampled.answer, stepped, played.answers[1]]
            for answer in answers:
                assert isinstance(answer, Answer)
                assert [worker.elements[n].label for n in answer.unvouched if "][" not in worker.elements[n].label] == [
                    "MAP[1]", "MOVES['down']"
                ]  # fmt: skip
        # What is tried out is not exercised; what was stepped is, once vouched for.
        assert known < second.vouch()
        (again,) = second.episodes([Script(["down"])])
        assert not any(answer.unvouched for answer in again.answers)
        with pytest.raises(ValueError, match="elements, numbered from 0"):
            second.vouch([len(second.elements)])
        with pytest.raises(ValueError, match="numbered from 0"):
            second.vouch([-1])
        env = SandboxedEnv(first)
        assert env.reset(seed=1)[1] == {"unvouched": 0}
        assert env.step("left")[4]["unvouched"] > 0
        assert env.step("right")[4] == {"unvouched": 0}
        vector = SandboxedVectorEnv(first, 2)
        vector.reset(seed=1)
        *_, infos = vector.step(["right", "left"])
        assert infos["unvouched"][0] == 0
        assert infos["unvouched"][1] > 0
    with Sandbox() as sandbox, sandbox.load(GRID) as plain:
        assert plain.vouch() == frozenset()
        (one,) = plain.make(1)
        assert plain.reset_batch([Reset(one)])[0].unvouched == ()  # type: ignore[union-attr]


def test_a_pool_tells_successors() -> None:
    with Sandbox() as sandbox, sandbox.load(GRID, counting=True) as worker:
        worker.episodes([Script(["right"])])
        known = worker.vouch()
        with Pool(sandbox, GRID, workers=2, counting=True) as pool:
            pool.vouch(known)
            pool.workers[0].close()
            ids = pool.make(4)
            pool.reset_batch([Reset(id, seed=1) for id in ids])
            pool.reset_batch([Reset(id, seed=1) for id in ids])
            answers = pool.step_batch([(id, "down") for id in ids])
            assert all(isinstance(answer, Answer) and answer.unvouched for answer in answers)


PARTS = """
import gymnasium as gym

WORDS = ["zero", "one", "two", "three"]
PAIRS = {("a", 1): "a1", ("b", 2): "b2"}
NESTED = {"hall": {"north": "attic", "south": "cellar"}, "attic": {"down": "hall"}}
TYPED: dict[str, int] = {"x": 1, "y": 2}
HOLES = {(0, 1), (2, 3), (4, 5)}
FROZEN = frozenset(HOLES)
ROWS = ("p.q", "..r")
LETTERS = "abcdef"
BUILT = [list(row) for row in ROWS]
SPLIT = "p.q ..r".split()
SHARED = [[0, 1]] * 2
TEMPLATES = ["{} here", "{} there"[:7]]


def read(table, key):
    return table[key]


def found(numbers, wanted):
    for number in numbers:
        if number == wanted:
            return number
    return None


class World(gym.Env):
    ROWS = (("p", "q"), ("r", "s"))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.local = [list(row) for row in [[1, 2], [3, 4]]]
        return "", {}

    @classmethod
    def corner(cls, i):
        return cls.ROWS[i][-1]

    def step(self, action):
        name, _, rest = action.partition(" ")
        n = int(rest or 0)
        out = ""
        match name:
            case "comprehension":
                out = [x for x in [1, 2, 3] if x < n]
            case "and":
                out = n > 1 and n > 2
            case "or":
                if n == 1 or n == 2 and not n == 3:
                    out = "yes"
            case "value":
                out = n or "none"
            case "ternary":
                out = "one" if n == 1 else "many"
            case "early":
                if n:
                    return "early", 0.0, False, False, {}
                out = "late"
            case "while":
                while n > 0:
                    n -= 1
                    if n == 5:
                        break
                else:
                    out = "ended"
            case "try":
                try:
                    out = 1 // n
                except ZeroDivisionError:
                    out = "divided by zero"
                else:
                    out = "fine"
            case "lambda":
                out = sorted([3, 1, 2], key=lambda x: -x if n else x)
            case "guard" if n > 1:
                out = "guarded"
            case "generator":
                out = any(x == n for x in (1, 2) if x or n)
            case "get":
                out = PAIRS.get(("a", n), "nothing")
            case "in":
                out = (("b", n) in PAIRS, (n, n + 1) in HOLES)
            case "list_in":
                out = (WORDS[0] if rest in WORDS else "", "two" in WORDS)
            case "negative":
                out = WORDS[-n]
            case "slice":
                out = WORDS[n:]
            case "scan":
                out = found(WORDS, WORDS[n])
            case "items":
                out = [key for key, value in NESTED.items() if len(value) == n]
            case "nested":
                room = NESTED["hall"]
                out = room["north" if n else "south"]
            case "self":
                out = self.ROWS[n][0]
            case "cls":
                out = self.corner(n)
            case "passed":
                out = read(TYPED, "x" if n else "y")
            case "unpack":
                first, second = self.ROWS[n]
                out = second
            case "copied":
                words = WORDS.copy()
                words[0] = "written"
                out = words[n]
            case "assert":
                assert n, "none"
            case "frozen":
                out = (n, n + 1) in FROZEN
            case "letter":
                out = ROWS[0][n]
            case "word":
                out = LETTERS[n] + LETTERS.upper()[0]
            case "found":
                out = LETTERS.find("abc"[n])
            case "built":
                out = BUILT[0][n]
            case "split":
                out = SPLIT[1][n]
            case "shared":
                out = SHARED[0] is SHARED[1], SHARED[n][0]
            case "template":
                out = TEMPLATES[n].format("x")
        return str(out), 0.0, False, False, {}
"""


@pytest.fixture(scope="module", params=["fast", "stock"])
def parts(request: pytest.FixtureRequest) -> Iterator[Worker]:
    with Sandbox(policy=request.param) as sandbox, sandbox.load(PARTS, counting=True) as made:
        yield made


@pytest.mark.parametrize(
    ("shown", "same", "other"),
    [
        ("comprehension 0", "comprehension 1", "comprehension 4"),
        ("comprehension 4", "comprehension 5", "comprehension 2"),
        ("and 0", "and 1", "and 2"),
        ("and 2", "and 3", "and 1"),
        ("or 1", "or 1", "or 2"),
        ("or 2", "or 2", "or 3"),
        ("value 1", "value 2", "value 0"),
        ("value 0", "value 0", "value 1"),
        ("ternary 1", "ternary 1", "ternary 2"),
        ("early 1", "early 2", "early 0"),
        ("while 3", "while 2", "while 7"),
        ("while 7", "while 8", "while 3"),
        ("try 1", "try 2", "try 0"),
        ("try 0", "try 0", "try 1"),
        ("lambda 1", "lambda 1", "lambda 0"),
        ("guard 2", "guard 3", "guard 1"),
        ("nothing", "neither", "try 1"),
        ("get 1", "get 1", "and 1"),
        ("get 0", "get 3", "get 1"),
        ("in 0", "in 1", "in 2"),
        ("list_in 0", "list_in 1", "negative 3"),
        ("negative 1", "negative 1", "negative 2"),
        ("slice 2", "slice 3", "slice 1"),
        ("scan 1", "scan 0", "scan 2"),
        ("nested 0", "nested 0", "nested 1"),
        ("self 0", "self 0", "self 1"),
        ("cls 0", "cls 0", "cls 1"),
        ("passed 0", "passed 0", "passed 1"),
        ("unpack 0", "unpack 0", "unpack 1"),
        ("copied 1", "copied 1", "copied 2"),
        ("assert 1", "assert 2", "assert 0"),
        ("frozen 0", "frozen 1", "frozen 2"),
        ("letter 1", "letter 1", "letter 2"),
        ("word 1", "word 1", "word 2"),
        ("found 1", "found 1", "found 0"),
        ("built 1", "built 1", "built 2"),
        ("split 1", "split 1", "split 2"),
        ("template 1", "template 1", "template 0"),
    ],
)
def test_what_counts(parts: Worker, shown: str, same: str, other: str) -> None:
    known: set[int] = set()
    (episode,) = parts.episodes([Script([shown])])
    for answer in episode.answers:
        known |= set(answer.support)

    def new(action: str) -> set[int] | None:
        (played,) = parts.episodes([Script([action])])
        if played.fault is not None:
            return None
        return set(played.answers[1].support) - known

    assert new(same) == set(), [parts.elements[n] for n in new(same) or ()]
    assert new(other) != set()


def test_what_is_written_to_a_copy_is_state(parts: Worker) -> None:
    (played,) = parts.episodes([Script(["copied 0"])])
    assert "WORDS[0]" not in {parts.elements[n].label for n in played.answers[1].support}


def test_branches_do_not_change_what_code_does() -> None:
    actions = [f"{name} {n}" for name in PARTS.split("case \"")[1:] for n in range(4)
               for name in [name.partition('"')[0]] if name not in ("assert", "list_in")]  # fmt: skip
    with Sandbox() as sandbox, sandbox.load(PARTS, counting=True) as counting, sandbox.load(PARTS) as plain:
        for action in actions:
            (one,), (other,) = counting.episodes([Script([action])]), plain.episodes([Script([action])])
            assert [a.observation for a in one.answers] == [a.observation for a in other.answers]
            assert str(one.fault) == str(other.fault)


def test_tables_are_what_they_stand_for() -> None:
    """Whatever reads a counted table gets what the plain literal would give."""
    hits: dict[int, None] = {}
    plain = [{"a": 1, "b": (2, 3)}, [4, 5, 6], (7, 8), {9, 10}, frozenset({9, 11}), "abc", ["ab", "cd"]]
    reads = [
        list,
        sorted,
        str,
        len,
        bool,
        lambda t: 4 in t,
        lambda t: [*t],
        lambda t: set(t),
        lambda t: t[1],
        lambda t: t[-1],
        lambda t: t[:1],
        lambda t: t["a"],
        lambda t: t.get("b"),
        lambda t: t.get("z", 0),
        lambda t: list(t.items()),
        lambda t: list(t.keys()),
        lambda t: sorted(map(str, t.values())),
        lambda t: dict(t),
        lambda t: {**t},
        lambda t: t | t,
        lambda t: t & {9},
        lambda t: t + t,
        lambda t: t * 2,
        lambda t: t.index(5),
        lambda t: t.copy(),
        lambda t: list(reversed(t)),
        lambda t: ("a", 1) in t.items(),
        lambda t: t.keys() & {"a"},
        lambda t: t.pop(),
        lambda t: t.append(1) or list(t),
        lambda t: t.setdefault("a", 5),
        lambda t: t.keys() == {"a", "b"},
        lambda t: t.add(3) or sorted(t),
        lambda t: t.sort(reverse=True) or list(t),
        lambda t: len(t.items()),
        lambda t: max(t),
        lambda t: t.update({"c": 1}) or dict(t),
        lambda t: list(zip(t, t, strict=True)),
        lambda t: t.count(5),
        lambda t: t - {9},
        lambda t: "a" in t,
        lambda t: "ca" in t,
        lambda t: t.find("c"),
        lambda t: t.index("z"),
        lambda t: t[0][1],
        lambda t: "-".join(t),
        lambda t: t == "abc",
        lambda t: {t: 1}["abc"],
    ]

    def outcome(read: object, table: object) -> str:
        try:
            return str(read(table))  # type: ignore[operator]
        except (TypeError, KeyError, AttributeError, IndexError, ValueError) as error:
            return type(error).__name__

    for value in plain:
        for number, read in enumerate(reads):
            if number == 7:
                continue
            counted = Tables(hits, []).wrap(eval(repr(value)), "TABLE", 1)
            assert outcome(read, counted) == outcome(read, eval(repr(value))), (value, number)
