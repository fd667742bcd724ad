"""Detectors besides the patterns: listed words, a user's own, presidio-analyzer."""

import json
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from rollout.privacy import Privacy, PrivacyError
from rollout.privacy.detector import Span
from rollout.privacy.keyfile import TOKEN
from rollout.privacy.presidio import Presidio


def test_listed_words_are_hidden_however_capitalised(tmp_path: Path) -> None:
    with Privacy(tmp_path / "key", words=["Acme GmbH", "Bob", "#42", "王小明"], patterns=[r"K-\d{4}", ""]) as privacy:
        hidden = privacy.hide("ACME GmbH and bob (not Bobby) asked 王小明们 about K-1234 and #42.")
        assert [match[1] for match in TOKEN.finditer(hidden)] == ["word"] * 5
        assert "(not Bobby)" in hidden
        assert privacy.hidden == {"word": 5}


@pytest.mark.parametrize("word", ['Jim "Ace" Fox', "back\\slash", "über", "Acme"])
def test_a_listed_word_is_found_as_json_and_addresses_escape_it(tmp_path: Path, word: str) -> None:
    with Privacy(tmp_path / "key", words=[word]) as privacy:
        for text in (word, f"line\n{word}", json.dumps([f"line\n{word} "]), json.dumps(json.dumps([f"\t{word}"])),
                     json.dumps([f"é{word}"[1:] + "\n"], ensure_ascii=False), f"?q=to%20{quote(word, safe='')}&x"):
            hidden = privacy.hide(text)
            assert [match[1] for match in TOKEN.finditer(hidden)] == ["word"], text
            assert privacy.reveal(hidden) == text


@pytest.mark.parametrize("wrong", [{"words": [" "]}, {"patterns": ["ok", "(secretname"]}])
def test_a_wrong_word_is_refused_without_being_told(tmp_path: Path, wrong: dict[str, list[str]]) -> None:
    with pytest.raises(PrivacyError) as refused:
        Privacy(tmp_path / "key", **wrong)  # type: ignore[arg-type]
    assert "secretname" not in str(refused.value)


class Names:
    """A detector of a user's own."""

    def __init__(self, kind: str):
        self.kind = kind

    def find(self, text: str) -> list[Span]:
        at = text.find("Ann Lee")
        return [Span(at, at + 7, self.kind)] if at >= 0 else []


@pytest.mark.parametrize(("kind", "shown"), [
    ("PERSON-Name 1", "personname"), ("NAME_JSON", "name"), ("_json_json_json", "json"), ("__", "other"),
    ("a" * 30, "a" * 20),
])
def test_another_detector_may_look_too(tmp_path: Path, kind: str, shown: str) -> None:
    with Privacy(tmp_path / "key", detector=Names(kind)) as privacy:
        hidden = privacy.hide("Ann Lee, joe@example.com")
        assert [match[1] for match in TOKEN.finditer(hidden)] == [shown, "email"]
        assert privacy.reveal(hidden) == "Ann Lee, joe@example.com"


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    with pytest.raises(PrivacyError, match=r"pip install 'dreaming-simulator\[privacy\]'"):
        Presidio()


def test_presidio_finds_what_patterns_leave(tmp_path: Path) -> None:
    pytest.importorskip("presidio_analyzer")
    with Privacy(tmp_path / "key", detector=Presidio()) as privacy:
        hidden = privacy.hide("My number is 536-90-4399, my reservation OI5L9G, paid with credit_card_4421486.")
        assert privacy.hidden == {"us_ssn": 1}
        assert "536" not in hidden
        assert privacy.hide(hidden) == hidden
    with pytest.raises(PrivacyError, match="spacy download"):
        Presidio(model="no_such_model")
