"""Authored code as lines: what real sessions vouch for, and where two files differ."""

import pytest

from dreamer.viewer.authored import changes
from dreamer.viewer.authored.changes import hunks
from dreamer.viewer.authored.source import Line, lines, told
from envgen.support import Support, support
from rollout.trajectory import Trajectory
from sandbox import Sandbox
from tests.dreamer.doors import record as record_doors
from tests.dreamer.sources import KNOCKING, TABLE


def counted(sandbox: Sandbox, source: str) -> list[Line]:
    """The lines of an environment of the doors, with what forty sessions vouch for."""
    with sandbox.load(source, counting=True) as worker:
        return lines(source, support(worker, record_doors(40)))


def line(found: list[Line], source: str, words: str) -> Line:
    """The only line that holds some words."""
    (number,) = (place for place, text in enumerate(source.split("\n")) if words in text)
    return found[number]


def test_entries_of_tables_are_told_where_they_are_written(sandbox: Sandbox) -> None:
    sessions = record_doors(40)
    found = counted(sandbox, TABLE)
    won = sum(session.outcome == 1.0 for session in sessions)
    assert 0 < won < 40
    assert line(found, TABLE, '("Room 3.", "left")').said == str(won)
    assert line(found, TABLE, "TRAP = (").said == str(40 - won)
    assert line(found, TABLE, "LEADS = {").status is None
    assert line(found, TABLE, 'raise ValueError').status == "imagined"
    reached = sum("Room 2." in [turn.answer for turn in session.turns] for session in sessions)
    one_line = TABLE.replace('(\n    ("Room', '(("Room').replace('),\n    ("Room', '), ("Room')
    assert line(counted(sandbox, one_line), one_line, '("Room 3.", "left")').said == f"{won} to {reached}"


def test_lines_inside_a_branch_are_told_as_the_branch_is(sandbox: Sandbox) -> None:
    found = counted(sandbox, KNOCKING)
    asked = line(found, KNOCKING, 'if action not in ("left", "right")')
    assert (asked.status, asked.said, asked.sign, asked.first) == ("mixed", "if 0, else 40", "◐", True)
    knocked = line(found, KNOCKING, "Nobody answers.")
    assert (knocked.status, knocked.said, knocked.first) == ("imagined", "", False)
    assert line(found, KNOCKING, "super().reset").status == "real"
    assert line(found, KNOCKING, "import gymnasium").status is None


UNRUN = '''
import gymnasium as gym

_ROOMS = {
    "Room 1.": 1,
    "Room 9.": 9,
}
MANY = [number for number in range(20000)]
class Purse:
    def __init__(self, full):
        if full:
            self.gold = 7
        else:
            self.gold = 1000  # unrun
class World(gym.Env):
    def __init__(self):
        self.made = True if _ROOMS else False
    def reset(self, *, seed=None, options=None):
        self.__set(1)
        return "Room 1.", {}
    def step(self, action):
        if action in ("left", "right"):
            return self.__go(action)
        self.room = 4  # unrun
        return "A dragon.", 1000.0, True, False, {}  # unrun
    def __set(self, room):
        self.room = _ROOMS.get(f"Room {room}.", 0)  # run
        Purse(room < 5)
    def __go(self, action):
        for each in "abc":
            if each == "a":
                continue
            try:
                number = int(each)
                number += 1  # untold
            except ValueError:
                break
            number += 2  # unrun
        else:
            return "Nowhere.", 0.0, True, False, {}  # unrun
        words = "The sea." if self.room == 9 and (
            number > 7  # unrun
        ) else (
            "Room "
            f"{self.room}."  # run
        )
        while True:
            if self.room:
                break
            number = 7  # unrun
        match action:
            case "left" | "right":
                return words, 0.0, True, False, {}  # run
        return "Nowhere.", 0.0, True, False, {}  # unrun
'''


def test_code_that_never_ran_is_not_told_as_run(sandbox: Sandbox) -> None:
    session = Trajectory.model_validate({"id": "1", "source": "real", "observation": "Room 1.", "turns": (
        {"action": "left", "observation": "Room 1.", "reward": 0.0, "terminated": True},)})
    source = UNRUN.replace("import gymnasium as gym", "import gymnasium as gym  # Two\r# lines.")
    with sandbox.load(source, counting=True) as worker:
        counts = support(worker, [session])
    found = lines(source, counts)
    for words, status in (("run", "real"), ("unrun", "imagined"), ("untold", None)):
        here = [each for each in found if each.code.endswith(f"# {words}</span>")]
        assert len(here) == UNRUN.count(f"# {words}\n")
        assert [(each.number, each.status) for each in here] == [(each.number, status) for each in here]
    assert line(found[1:], UNRUN, "def __go").said == "__go 1"
    assert line(found[1:], UNRUN, "Room 9.").said == "imagined"
    assert line(found[1:], UNRUN, "if full").said == "if 1, else 0"
    assert line(found[1:], UNRUN, "self.made").status is None
    assert line(found[1:], UNRUN, "MANY = ").said == "not counted"
    assert told(source, counts).uncounted == ["MANY"]
    assert told(source, counts).entries == (1, 2)


def test_some_entries_of_a_line_and_what_runs_before_any_session() -> None:
    source = "T = {'a': 1, 'b': [2, 3]}\nclass World(Env):\n    S = {'x', 'y'}\n    def __init__(self):\n        pass\n"
    labels = ("__init__", "T['a']", "T['b']", "T['b'][0]", "T['b'][1]", "S['x']", "S['y']", "T['made']")
    given = Support(branches=1, lines=(4, 1, 1, 1, 1, 3, 3, 1), labels=labels, sessions=(0, 3, 2, 0, 2, 0, 0, 1),
                    shown=3)
    found = lines(source, given)
    assert (found[0].status, found[0].said) == ("mixed", "4 of 5 entries")
    assert (found[2].status, found[2].said) == ("imagined", "imagined")
    assert found[3].status is found[4].status is None
    assert (told(source, given).branches, told(source, given).entries) == ((0, 0), (4, 7))


def test_code_is_shown_even_where_it_is_none() -> None:
    given = Support(branches=1, lines=(1,), labels=("if",), sessions=(0,), shown=3)
    assert [each.status for each in lines("def (:\n\0<b>\n", given)] == ["imagined", None]
    assert "<b>" not in "".join(each.code for each in lines("def (:\n\0<b>\n"))
    assert len(lines("")) == 1


def test_hunks_hold_every_line_that_differs() -> None:
    then = "".join(f"line {number}\n" for number in range(100))
    now = then.replace("line 50\n", "line fifty\nand more\n").replace("line 90\n", "")
    found, left = hunks(then, now)
    pairs = [pair for hunk in found for pair in hunk.pairs if not pair.same]
    assert [(pair.old, pair.new) for pair in pairs] == [(51, 51), (None, 52), (91, None)]
    assert "<ins>fifty</ins>" in pairs[0].after
    assert sum(hunk.passed + sum(pair.old is not None for pair in hunk.pairs) for hunk in found) + left == 100


def test_words_of_long_lines_and_lines_of_long_codes_are_compared_up_to_a_limit(
        monkeypatch: pytest.MonkeyPatch) -> None:
    then = [f"T{number} = '{' '.join(f'old{number} the{place}' for place in range(60))}'" for number in range(9)]
    monkeypatch.setattr(changes, "WORDS", 50_000_000)
    found, _ = hunks("\n".join([*then, "short = 1"]), "\n".join([*then, "short = 2"]).replace("old", "new"))
    marked = ["<ins>" in pair.after for hunk in found for pair in hunk.pairs]
    assert 1 < sum(marked) < 9
    assert marked[-1]
    old, new = ([f"{word} = {number}" if number % 2 else f"same = {number}" for number in range(40)]
                for word in ("old", "new"))
    monkeypatch.setattr(changes, "LINES", 1000)
    for added, same in (([], 22), (["added = 1"], 2)):  # what has moved is not looked for
        found, left = hunks("\n".join(["first", *old, "last"]), "\n".join(["first", *added, *new, "last"]))
        assert sum(pair.same for hunk in found for pair in hunk.pairs) + left + found[0].passed == same
