"""The file in a reply: whole, or as changes to the one that was asked about."""

import pytest

from envgen.models.model import Reply
from envgen.models.reply import NoCode, code, words

FILE = "import gymnasium\n\n\nclass World(gymnasium.Env):\n    a = 1\n    b = 1\n"


def reply(text: str, cut: bool = False) -> Reply:
    return Reply(text=text, prompt_tokens=1, reply_tokens=1, seconds=0.0, cut=cut)


def change(old: str, new: str) -> str:
    return f"<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n"


def test_changes_are_made_one_after_another() -> None:
    said = "It is two.\n\n" + change("    a = 1\n", "    a = 2\n    c = 0\n") + "And\n" + change("    c = 0\n", "")
    assert code(reply(said), FILE) == FILE.replace("a = 1", "a = 2")
    assert words(reply(said)).split() == ["It", "is", "two.", "And"]


def test_changes_may_stand_in_a_block() -> None:
    said = "```python\n" + change("    b = 1\n", "    b = 3\n") + "```\n"
    assert code(reply(said), FILE) == FILE.replace("b = 1", "b = 3")


def test_a_last_line_without_an_end_can_be_changed() -> None:
    assert code(reply(change("    b = 1\n", "    b = 3\n")), FILE.rstrip("\n")) == FILE.replace("b = 1", "b = 3")


@pytest.mark.parametrize(("text", "says"), [
    (change("    z = 1\n", "    z = 2\n"), "Change 1 fits no places"),
    (change("    a = 1\n", "    a = 2\n") + change("    a = 1\n", "    a = 3\n"), "Change 2 fits no places"),
    (change("\n", "# new\n"), "Change 1 fits no places"),
    ("<<<<<<< SEARCH\n    a = 1\n=======\n    a = 2\n", "not closed"),
])
def test_changes_that_cannot_be_made_are_told(text: str, says: str) -> None:
    with pytest.raises(NoCode, match=says):
        code(reply(text), FILE)


def test_old_lines_must_be_told_apart() -> None:
    twice = FILE + "\n\nclass Other:\n    a = 1\n"
    with pytest.raises(NoCode, match="fits 2 places"):
        code(reply(change("    a = 1\n", "    a = 2\n")), twice)


def test_a_part_of_a_line_that_stands_there_once_can_be_changed() -> None:
    assert code(reply(change("a = 1\n", "a = 2\n")), FILE) == FILE.replace("a = 1", "a = 2")
    with pytest.raises(NoCode, match="fits 2 places"):
        code(reply(change("= 1\n", "= 2\n")), FILE)


def test_a_first_draft_has_nothing_to_change() -> None:
    with pytest.raises(NoCode, match="no Python block"):
        code(reply(change("    a = 1\n", "    a = 2\n")))
