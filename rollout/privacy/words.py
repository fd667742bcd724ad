"""What a user lists to be hidden: names of customers, projects, places, and regular expressions."""

import re
from collections.abc import Iterator, Sequence

from rollout.privacy.detector import Span, occurrences
from rollout.privacy.errors import PrivacyError
from rollout.privacy.known import spellings

RUN = re.compile(r"[^\W_]+")  # of letters and digits
BEHIND_ESCAPE = re.compile(r"(?:\\(?:[bfnrt]|u[0-9A-Fa-f]{4})|%[0-9A-Fa-f]{2})([^\W_]+)")


class Words:
    """What a user lists: words or phrases, however they are capitalised, and regular expressions.

    A word is found by its first run of letters and digits, so that ten thousand cost no more than ten; as JSON and
    addresses escape it, too. It must not go on in letters or digits, except in scripts that are written without spaces.

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
            for spelling in sorted(spellings(word)):
                run = RUN.search(spelling)
                if run is None or any(ord(each) >= 0x0E00 for each in word):
                    self.anywhere.append(spelling)
                else:
                    self.words.setdefault(run[0].lower(), []).append((run.start(), spelling.lower()))
        for number, pattern in enumerate(patterns, start=1):
            try:
                self.patterns.append(re.compile(pattern))
            except re.error as error:
                raise PrivacyError(f"pattern {number} to hide is no regular expression: {error.msg}") from None

    def find(self, text: str) -> Iterator[Span]:
        for pattern, group in ((RUN, 0), (BEHIND_ESCAPE, 1)) if self.words else ():
            if group and "\\" not in text and "%" not in text:
                continue
            if self.words.keys().isdisjoint(pattern.findall(text.lower())):
                continue
            for run in pattern.finditer(text):
                for offset, word in self.words.get(run[group].lower(), ()):
                    start, end = run.start(group) - offset, run.start(group) - offset + len(word)
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
