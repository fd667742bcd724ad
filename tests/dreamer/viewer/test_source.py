"""Authored code as lines: what real sessions vouch for, and where two files differ."""

from dreamer.viewer.authored.changes import hunks
from dreamer.viewer.authored.source import Line, lines, told
from envgen.support import Support, support
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


def test_some_entries_of_a_line_and_what_runs_before_any_session() -> None:
    source = "T = {'a': 1, 'b': [2, 3]}\nclass World:\n    S = {'x', 'y'}\n    def __init__(self):\n        pass\n"
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
