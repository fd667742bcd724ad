"""What a user lists to be hidden: names of customers, projects, places, and regular expressions."""

import re
from collections.abc import Iterator, Sequence

from rollout.privacy.detector import Span, occurrences
from rollout.privacy.errors import PrivacyError

RUN = re.compile(r"[^\W_]+")  # of letters and digits


class Words:
    """What a user lists: words or phrases, however they are capitalised, and regular expressions.

    A word is found by its first run of letters and digits, so that ten thousand cost no more than ten. It must not go
    on in letters or digits, except in scripts that are written without spaces.

    Raises:
        PrivacyError: an entry is empty, or no regular expression.
    """

    def __init__(self, words: Sequence[str] = (), patterns: Sequence[str] = ()):
        self.words: dict[str, list[tuple[int, str]]] = {}
        self.anywhere: list[str] = []
        self.patterns: list[re.Pattern[str]] = []
        for number, word in enumerate(words, start=1):
            if not word.strip():
                raise PrivacyError(f"word {number} to hide is empty; remove it")
            run = RUN.search(word)
            if run is None or any(ord(each) >= 0x0E00 for each in word):
                self.anywhere.append(word)
            else:
                self.words.setdefault(run[0].lower(), []).append((run.start(), word.lower()))
        for number, pattern in enumerate(patterns, start=1):
            try:
                self.patterns.append(re.compile(pattern))
            except re.error as error:
                raise PrivacyError(f"pattern {number} to hide is no regular expression: {error.msg}") from None

    def find(self, text: str) -> Iterator[Span]:
        if self.words and not self.words.keys().isdisjoint(RUN.findall(text.lower())):
            for run in RUN.finditer(text):
                for offset, word in self.words.get(run[0].lower(), ()):
                    start, end = run.start() - offset, run.start() - offset + len(word)
                    whole = not (word[-1].isalnum() and text[end:end + 1].isalnum())
                    if start >= 0 and whole and text[start:end].lower() == word:
                        yield Span(start, end, "word")
        for word in self.anywhere:
            for at in occurrences(text, word):
                yield Span(at, at + len(word), "word")
        for pattern in self.patterns:
            for match in pattern.finditer(text):
                if match.end() > match.start():
                    yield Span(*match.span(), "word")
