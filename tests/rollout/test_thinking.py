"""Where a thought ends, however the tokens lie."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout.thinking import CLOSE, OPEN, differ_in_thought, opens, spoken, without_marks

PIECES = st.lists(st.sampled_from([OPEN, CLOSE, CLOSE + OPEN, "<", "think", ">", "/", "go", " ", "\n", ""]), max_size=9)


@given(pieces=PIECES, opened=st.booleans())
@settings(max_examples=300)
def test_what_is_said_holds_no_mark_and_follows_the_last_end_of_a_thought(pieces: list[str], opened: bool) -> None:
    letters = list("".join(pieces))
    for tokens in (pieces, letters):
        start, end = spoken(tokens, opened)
        words = "".join(tokens[start:end])
        assert 0 <= start <= end <= len(tokens)
        assert OPEN not in words
        assert CLOSE not in words
    _, closed, rest = "".join(pieces).rpartition(CLOSE)
    assert words == ("" if opened and not closed else rest.partition(OPEN)[0])


@pytest.mark.parametrize(("tokens", "words"), [
    (["<th", "ink>Hm", "</", "think", ">\n\n", "go"], ["go"]),
    (["<think>", "Hm", "</think", ">go ", "on"], ["on"]),
    (["go ", "on<", "think", ">", "Hm"], ["go "]),
    ([CLOSE + OPEN, "Hm"], []),
])
def test_a_token_that_a_mark_shares_with_words_goes_with_the_mark(tokens: list[str], words: list[str]) -> None:
    start, end = spoken(tokens, opened=False)
    assert tokens[start:end] == words


@pytest.mark.parametrize("marked", ["Hm", "<think>\nHm\n</think>", "Hm</think>", " <think>Hm", "<think>Hm</think>!"])
def test_the_marks_around_a_thought_are_no_part_of_it(marked: str) -> None:
    assert without_marks(marked) == "Hm"


def test_a_prompt_opens_a_thought_that_it_does_not_close() -> None:
    assert opens("<|agent|><think>\n")
    assert opens("<think></think><think>")
    assert not opens("<|agent|><think>\n\n</think>\n\n")
    assert not opens("<|agent|>")


@pytest.mark.parametrize(("one", "other", "answer"), [
    ("agent\n<think>\n", "agent\n", True),
    ("agent", "agent\n<think></think>\n", True),
    ("agent\n<think>\n", "agent\n<think>\n\n</think>\n\n", True),
    ("agent\n", "agent", False),
    ("agent<think>", "world", False),
])
def test_beginnings_that_differ_in_more_than_thought_are_told_apart(one: str, other: str, answer: bool) -> None:
    assert differ_in_thought(one, other) is answer
