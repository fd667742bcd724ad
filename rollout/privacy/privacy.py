"""Hiding and revealing texts and sessions; the package says how and why."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType

import orjson

from rollout.privacy.beside import beside_name
from rollout.privacy.detector import Detector, Span, merged
from rollout.privacy.errors import PrivacyError
from rollout.privacy.keyfile import BARE, TOKEN, KeyFile
from rollout.privacy.known import utf8
from rollout.privacy.leaves import map_leaves
from rollout.privacy.named import named_secret
from rollout.privacy.patterns import Patterns
from rollout.privacy.quoting import behind_escape, is_json, replaceable
from rollout.privacy.words import Words
from rollout.trajectory import Trajectory

LITERAL = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"(\s*+:)?')  # a string of JSON, and whether it is a name
QUOTED = re.compile(rf'(\\*")?({TOKEN.pattern})(?:\\*")?')
ROUNDS = 8  # hiding one value can show that a neighbour is another; two rounds are usual
ISSUED = ""  # no kind: a token already
CACHED, LONGEST_CACHED = 2**13, 2**14  # texts, characters


class Privacy:
    """Hides and reveals with one key file. For one thread.

    Args:
        key_file: made if it is not there.
        words: literal words and phrases to hide besides, such as customers' names, however capitalised.
        patterns: regular expressions to hide besides.
        detector: looks besides the patterns that are always searched for.
        outside: the run folder, in which the key file must not be.

    Attributes:
        hidden: how many values were hidden, by kind.
        unknown: tokens met in revealing lines that the key file does not know.

    Raises:
        PrivacyError: the key file or an argument cannot be used.
    """

    def __init__(
        self, key_file: Path, words: Sequence[str] = (), patterns: Sequence[str] = (),
        detector: Detector | None = None, outside: Path | None = None,
    ):
        if outside is not None and key_file.resolve().is_relative_to(outside.resolve()):
            raise PrivacyError(f"{key_file}: the key file must not be in the run folder {outside}; put it elsewhere")
        listed: list[Detector] = [Words(words, patterns)] if words or patterns else []
        self.keys = KeyFile(key_file)
        self.detectors = [Patterns(), *listed, *([detector] if detector else []), self.keys.known]
        self.hidden: Counter[str] = Counter()
        self.unknown: set[str] = set()
        self._clean: set[str] = set()  # texts that hold nothing, as far as is known
        self._known = 0  # how many values that was

    def __enter__(self) -> "Privacy":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.keys.close()

    def learn(self, session: Trajectory) -> None:
        """Find what a session tells of the values to hide in all of them."""
        counted, self.hidden = self.hidden, Counter()
        self.hide_session(session)
        self.hidden = counted

    def hide(self, text: str) -> str:
        """The text with tokens for what is to be hidden. What is JSON stays JSON."""
        return self._hide(text)

    def hide_session(self, session: Trajectory) -> Trajectory:
        """The session with tokens in every string, dictionaries' keys included."""
        return map_leaves(session, self._hide_leaf)

    def reveal(self, text: str) -> str:
        """The text as it was."""
        if any(match[0] not in self.keys.originals for match in TOKEN.finditer(text)):
            self.keys.refresh()
        return QUOTED.sub(self._revealed, text)

    def reveal_session(self, session: Trajectory) -> Trajectory:
        """The session as it was."""
        return map_leaves(session, self._reveal_leaf)

    def reveal_lines(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """A file as it was before its texts were hidden.

        In a line that is JSON, or a file that is, values are put into strings as JSON escapes them and numbers stand
        bare again; nothing else changes. Other lines are taken as text. Bytes that are no UTF-8 stay, and tokens that
        the key file does not know, which are added to `unknown`.
        """
        for line in _pieces(iter(lines)):
            text = line.decode("utf-8", "surrogateescape")
            tokens = {match[0] for match in TOKEN.finditer(text)}
            if tokens - self.keys.originals.keys() - self.unknown:
                self.keys.refresh()
            self.unknown |= tokens - self.keys.originals.keys()
            if tokens and is_json(text.removeprefix("\ufeff")):
                text = LITERAL.sub(self._revealed_literal, text)
            elif tokens:
                text = QUOTED.sub(lambda match: self._revealed(match, _as_bytes), text)
            yield text.encode("utf-8", "surrogateescape")

    def _hide(self, text: str, scalars: bool = False, named: Sequence[Span] = ()) -> str:
        """Hide until nothing more is found.

        Args:
            scalars: a number alone is JSON too.
            named: what is known to be hidden in it.
        """
        if self._known != len(self.keys.originals) or len(self._clean) > CACHED:
            self._clean.clear()
            self._known = len(self.keys.originals)
        if not named and text in self._clean:
            return text
        for _ in range(ROUNDS):
            spans = self._spans(text, named)
            if not spans:
                break
            named = ()
            pieces, end = [], 0
            for start, stop, kind, mark in replaceable(text, spans, scalars):
                if text[start:stop] in self.keys.originals:
                    continue
                token = self._token(self.reveal(text[start:stop]), kind, bare=bool(mark))
                pieces += [text[end:start], mark, token, mark]
                end = stop
            if not pieces:
                break
            text = "".join(pieces) + text[end:]
        if len(text) <= LONGEST_CACHED and self._known == len(self.keys.originals):
            self._clean.add(text)
        return text

    def _hide_leaf(self, value: str | int, name: str | None, scalars: bool) -> str | int:
        secret = named_secret(name, str(value)) if name else None
        named = [secret] if secret else beside_name(name, str(value)) if name else []
        if isinstance(value, str):
            return self._hide(value, scalars, named)
        spans = named or self._spans(str(value))
        return self._token(str(value), spans[0].kind, bare=True) if spans else value

    def _token(self, value: str, kind: str, bare: bool) -> str:
        self.hidden[kind] += 1
        return self.keys.token(value, kind, bare)

    def _revealed_literal(self, match: re.Match[str]) -> str:
        inside, colon = match[1], match[2] or ""
        token = TOKEN.fullmatch(inside)
        if token and token[1].endswith(BARE) and not colon and inside in self.keys.originals:
            return self.keys.originals[inside]
        return '"' + QUOTED.sub(lambda each: self._revealed(each, _escaped), inside) + '"' + colon

    def _revealed(self, match: re.Match[str], spelt: Callable[[str], str] = str) -> str:
        whole, mark, token, kind = match[0], match[1] or "", match[2], match[3]
        value = self.keys.originals.get(token)
        if value is None:
            return whole
        if kind.endswith(BARE) and mark and whole.endswith(mark):
            return value
        return mark + spelt(value) + whole[len(mark) + len(token):]

    def _reveal_leaf(self, value: str | int, name: str | None, scalars: bool) -> str | int:
        if isinstance(value, int):
            return value
        match = TOKEN.fullmatch(value)
        text = self.reveal(value)
        if name is not None and match and match[1].endswith(BARE) and text != value:  # it was a number
            return int(text)
        return text

    def _spans(self, text: str, named: Sequence[Span] = ()) -> list[Span]:
        """What is to be hidden: in order, apart, and whole tokens in or out."""
        found = [each for detector in self.detectors for each in detector.find(text)] + [*named]
        if not found and "<" not in text:
            return []
        tokens = list(TOKEN.finditer(text))
        if any(match[0] not in self.keys.originals for match in tokens):
            self.keys.refresh()
        issued = {match.span() for match in tokens if match[0] in self.keys.originals}
        spans = [
            *(Span(behind_escape(text, each.start), each.end, _kind(each.kind)) for each in found),
            *(Span(*match.span(), ISSUED if match.span() in issued else "token") for match in tokens),
        ]
        return [span for span in merged(spans) if (span.start, span.end) not in issued]


def _pieces(lines: Iterator[bytes]) -> Iterator[bytes]:
    """A file's lines; all as one piece if together they are one value of JSON."""
    first = next(lines, b"")
    if first.strip() in (b"{", b"["):
        whole = first + b"".join(lines)
        if is_json(whole.decode("utf-8", "surrogateescape")):
            yield whole
            return
        first, lines = b"", iter(whole.splitlines(keepends=True))
    yield first
    yield from lines


def _escaped(value: str) -> str:
    """As it stands in a string of JSON."""
    try:
        return orjson.dumps(value).decode()[1:-1]
    except TypeError:  # half a character
        return json.dumps(value)[1:-1]


def _as_bytes(value: str) -> str:
    """A text that `surrogateescape` can write, though half a character be in it."""
    return utf8(value).decode("utf-8", "surrogateescape")


@cache
def _kind(name: str) -> str:
    """What a detector calls a kind, as a token can."""
    kind = re.sub("[^a-z_]", "", name.lower())[:20]
    return re.sub(rf"^_+|(?:{BARE}|_)+$", "", kind) or "other"
