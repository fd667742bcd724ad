"""Values that were found once, to be searched for wherever they stand.

A password is named in one place and stands bare in a hundred others. Values that could be words or numbers are left,
which would be hidden all over the place.
"""

import contextlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote

import numpy as np

from rollout.privacy.detector import Span


class Known:
    """Values to search for in every text, however many they are.

    Every window of 8 bytes is looked up by a hash of 20 bits, and what is found there is compared.
    """

    WINDOW = 8
    BITS = 20
    BLOCK = 2**14  # bytes at a time, which stay in the processor's cache
    FACTOR = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio

    def __init__(self) -> None:
        self.table = np.zeros(2**self.BITS, dtype=bool)
        self.values: dict[bytes, dict[bytes, str]] = {}

    def add(self, value: str, kind: str) -> None:
        """Search for a value from now on, if it cannot be taken for a word or a number."""
        if not _odd(value):
            return
        for spelling in spellings(value):
            data = utf8(spelling)
            if len(data) >= self.WINDOW:
                start = data[:self.WINDOW]
                self.table[self._hashes(start)] = True
                same = {**self.values.get(start, {}), data: kind}
                self.values[start] = dict(sorted(same.items(), key=lambda item: -len(item[0])))

    def find(self, text: str) -> Iterator[Span]:
        data = utf8(text)
        if not self.values or len(data) < self.WINDOW:
            return
        bytes_before = characters = 0
        for place in self._places(data):
            for value, kind in self.values.get(data[place:place + self.WINDOW], {}).items():
                if data.startswith(value, place):
                    characters += _length(data[bytes_before:place])
                    bytes_before = place
                    yield Span(characters, characters + _length(value), kind)
                    break

    def _places(self, data: bytes) -> Iterator[int]:
        """Where values may begin."""
        for start in range(0, len(data) - self.WINDOW + 1, self.BLOCK):
            block = data[start:start + self.BLOCK + self.WINDOW - 1]
            for place in self.table[self._hashes(block)].nonzero()[0].tolist():
                yield start + place

    def _hashes(self, data: bytes) -> Any:
        windows = np.ndarray((len(data) - self.WINDOW + 1,), dtype="<u8", buffer=data, strides=(1,))
        return (windows * self.FACTOR) >> np.uint64(64 - self.BITS)


def utf8(text: str) -> bytes:
    """The bytes of a text, of half a character (a lone surrogate) too."""
    return text.encode("utf-8", "surrogatepass")


def _length(data: bytes) -> int:
    """How many characters."""
    return len(data) if data.isascii() else len(data.decode("utf-8", "surrogatepass"))


def _odd(value: str) -> bool:
    """Whether a value can be told from words and numbers wherever it stands."""
    letters, digits = any(each.isalpha() for each in value), any(each.isdigit() for each in value)
    word = value.isalpha() and (value.islower() or value.isupper() or value.istitle())
    return (len(value) >= 8 and letters and digits) or (len(value) >= 16 and not word)


def spellings(value: str) -> set[str]:
    """A value as it stands, without its escapes, and with those of addresses and of JSON within JSON."""
    plain = {value, unquote(value)}
    if "\\" in value:
        with contextlib.suppress(ValueError):
            plain.add(json.loads(f'"{value}"'))
    found = set()
    for each in plain:
        with contextlib.suppress(UnicodeEncodeError):  # half a character
            found.add(quote(each, safe=""))
        for ascii in (True, False):
            escaped = each
            for _ in range(4):
                found.add(escaped)
                escaped = json.dumps(escaped, ensure_ascii=ascii)[1:-1]
    return found
