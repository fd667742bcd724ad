"""Secrets and personal data in sessions are replaced by tokens, before anything is stored or shown to a model.

    with Privacy(Path("~/.keys/shop.key").expanduser(), words=["Acme"]) as privacy:
        for session in read(files):
            privacy.learn(session)
        for session in read(files):
            store(privacy.hide_session(session))

A token, such as `<email-3f2a9c41>`, says of what kind a value was, and keeps equal values equal: the same value has the
same token in every session, process and night that uses the same key file. Its digits are a keyed digest (HMAC-SHA256,
RFC 2104), so that nobody without the key file can reverse it or try a guess. The key file holds the key and the values;
it lies outside the run folder and is the one thing to guard.

What is found is said in `patterns`. A value that was found once, and is long and odd enough to be no word, is
then searched everywhere, as a part of longer words too, as it stands and as JSON or an address would escape it; the
first pass, `learn`, finds it where its name is told, the second where it stands bare. A number in JSON that is to be
hidden becomes a string, since a token is none. Two laws hold: `reveal(hide(text)) == text` for every text without a
token of this key file, and `hide(hide(text)) == hide(text)`. Text that only looks like a token is hidden itself, so
that no log can forge one.

Not hidden are what kind of thing a record is (its roles and formats), and a secret that is cut in two by the end of a
message part. Memory and key file grow with the number of different values, some 500 bytes each.
"""

import contextlib
import fcntl
import hmac
import json
import os
import re
import secrets
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote, unquote

import numpy as np
from pydantic import BaseModel

from rollout.privacy.patterns import (
    Detector,
    Patterns,
    PrivacyError,
    Span,
    Words,
    behind_escape,
    is_json,
    lexemes,
    named_secret,
)
from rollout.trajectory import Call, Trajectory

T = TypeVar("T")

VERSION = 1
DIGITS = 8
TOKEN = re.compile(r"<([a-z][a-z_]{0,30})-[0-9a-f]{8,64}>")
# Of a kind with this ending, the value stood bare in JSON, and the token brought the quotes around it.
BARE = "_json"
QUOTED = re.compile(r"(\\*\")?(<([a-z][a-z_]{0,30})-[0-9a-f]{8,64}>)(?:\\*\")?")
KEPT = {"type", "source", "version", "role", "format"}  # fields of records that say what they are
ROUNDS = 8  # hiding one value can show that a neighbour is another; two rounds are usual
ISSUED = ""  # no kind: a token already
ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|.)", re.DOTALL)
CACHED, LONGEST_CACHED = 2**13, 2**14  # texts, characters


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
        for spelling in _spellings(value):
            data = _bytes(spelling)
            if len(data) >= self.WINDOW:
                start = data[:self.WINDOW]
                self.table[self._hashes(start)] = True
                same = {**self.values.get(start, {}), data: kind}
                self.values[start] = dict(sorted(same.items(), key=lambda item: -len(item[0])))

    def find(self, text: str) -> Iterator[Span]:
        data = _bytes(text)
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


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _length(data: bytes) -> int:
    """How many characters."""
    return len(data) if data.isascii() else len(data.decode("utf-8", "surrogatepass"))


def _odd(value: str) -> bool:
    """Whether a value can be told from words and numbers wherever it stands."""
    letters, digits = any(each.isalpha() for each in value), any(each.isdigit() for each in value)
    word = value.isalpha() and (value.islower() or value.isupper() or value.istitle())
    return (len(value) >= 8 and letters and digits) or (len(value) >= 16 and not word)


def _spellings(value: str) -> set[str]:
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


class KeyFile:
    """The key and, by their tokens, the values: JSON lines, appended to under a lock.

    Whoever gives a value its token first reads what others have appended, so that processes agree. A line that a
    killed process left half written is cut off by the next to append: its token was never used.

    Attributes:
        originals: values by their tokens.
        known: what to search for.

    Raises:
        PrivacyError: others may read it, it is damaged, or it is of another version.
    """

    def __init__(self, path: Path):
        self.path = path
        self.originals: dict[str, str] = {}
        self.tokens: dict[tuple[str, bool], str] = {}
        self.known = Known()
        self.offset = self.lines = 0
        self.secret = b""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise PrivacyError(f"{path}: the key file cannot be opened ({error.strerror})") from None
        try:
            with self._locked():
                self._check_rights()
                if os.fstat(self.descriptor).st_size == 0:
                    self._create()
                self._catch_up()
        except BaseException:
            self.close()
            raise

    def token(self, value: str, kind: str, bare: bool = False) -> str:
        """The token of a value; its kind is the one it was first found as."""
        if (value, bare) not in self.tokens:
            with self._locked():
                self._catch_up()
                if (value, bare) not in self.tokens:
                    self._append(value, kind + BARE * bare)
        return self.tokens[value, bare]

    def refresh(self) -> None:
        """Read what other processes have appended."""
        with self._locked():
            self._catch_up()

    def close(self) -> None:
        """Give the file back, with all that was appended on the disk."""
        if self.descriptor >= 0:
            os.fsync(self.descriptor)
            os.close(self.descriptor)
            self.descriptor = -1

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self.descriptor, fcntl.LOCK_UN)

    def _check_rights(self) -> None:
        status = os.fstat(self.descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PrivacyError(f"{self.path}: the key file is no plain file")
        if status.st_mode & 0o077:
            raise PrivacyError(
                f"{self.path}: others may read the key file (mode {stat.S_IMODE(status.st_mode):04o}); "
                f"run: chmod 600 '{self.path}'"
            )

    def _create(self) -> None:
        secret = secrets.token_bytes(32)
        self._write({"version": VERSION, "secret": secret.hex(), "check": _check(secret)})
        os.fsync(self.descriptor)

    def _append(self, value: str, kind: str) -> None:
        digest = self._digest(value)
        length = DIGITS
        # Another value's token, or text that was found to look like one, is not given out.
        while (token := f"<{kind}-{digest[:length]}>") in self.originals or (token, False) in self.tokens:
            length += 4
        self._write({"token": token, "value": value})
        self._catch_up()

    def _write(self, record: dict[str, Any]) -> None:
        line = json.dumps(record).encode() + b"\n"
        if os.write(self.descriptor, line) < len(line):
            raise PrivacyError(f"{self.path}: the key file cannot be written to its end; is the disk full?")

    def _catch_up(self) -> None:
        """Read on, under the lock; cut off what a killed process left."""
        size = os.fstat(self.descriptor).st_size
        data = b""
        while len(data) < size - self.offset:
            data += os.pread(self.descriptor, size - self.offset - len(data), self.offset + len(data))
        whole = data.rfind(b"\n") + 1
        if whole == 0 and not self.secret:
            raise self._damaged(1)
        for line in data[:whole].splitlines():
            self.lines += 1
            self._read(line)
        self.offset += whole
        if whole < len(data):
            os.ftruncate(self.descriptor, self.offset)

    def _read(self, line: bytes) -> None:
        try:
            record = json.loads(line)
            if not self.secret:
                if record["version"] != VERSION:
                    raise PrivacyError(
                        f"{self.path}: the key file is of version {record['version']!r}, expected {VERSION}; "
                        "use the version of the program that made it"
                    )
                secret = bytes.fromhex(record["secret"])
                if len(secret) != 32 or record["check"] != _check(secret):
                    raise self._damaged(1)
                self.secret = secret
                return
            token, value = record["token"], record["value"]
            match = TOKEN.fullmatch(token)
            if not match or not self._digest(value).startswith(token[match.end(1) + 1:-1]):
                raise self._damaged(self.lines)
        except PrivacyError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError):
            raise self._damaged(self.lines) from None
        self.originals[token] = value
        kind = match[1].removesuffix(BARE)
        self.tokens.setdefault((value, kind != match[1]), token)
        self.known.add(value, kind)

    def _digest(self, value: str) -> str:
        return hmac.digest(self.secret, _bytes(value), "sha256").hex()

    def _damaged(self, line: int) -> PrivacyError:
        return PrivacyError(
            f"{self.path}, line {line}: the key file is damaged; restore it from a copy, or move it away and hide "
            "everything anew with another"
        )


def _check(secret: bytes) -> str:
    return hmac.digest(secret, b"key file of the dreaming simulator", "sha256").hex()


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
        self.detectors: list[Detector] = [Patterns(), *listed, *([detector] if detector else [])]
        self.keys = KeyFile(key_file)
        self.hidden: Counter[str] = Counter()
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
        return _walk(session, self._hide_leaf)

    def reveal(self, text: str) -> str:
        """The text as it was."""
        if any(match[0] not in self.keys.originals for match in TOKEN.finditer(text)):
            self.keys.refresh()
        return QUOTED.sub(self._revealed, text)

    def reveal_session(self, session: Trajectory) -> Trajectory:
        """The session as it was."""
        return _walk(session, self._reveal_leaf)

    def _hide(self, text: str, scalars: bool = False, named: Span | None = None) -> str:
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
            named = None
            pieces, end = [], 0
            for start, stop, kind, mark in _within_json(text, spans, scalars):
                if text[start:stop] in self.keys.originals:
                    continue
                token = self.keys.token(self.reveal(text[start:stop]), kind, bare=bool(mark))
                self.hidden[kind] += 1
                pieces += [text[end:start], mark, token, mark]
                end = stop
            if not pieces:
                break
            text = "".join(pieces) + text[end:]
        if len(text) <= LONGEST_CACHED and self._known == len(self.keys.originals):
            self._clean.add(text)
        return text

    def _hide_leaf(self, value: str | int, name: str | None, scalars: bool) -> str | int:
        named = named_secret(name, str(value)) if name else None
        if isinstance(value, str):
            return self._hide(value, scalars, named)
        spans = [named] if named else self._spans(str(value))
        return self._bare(str(value), spans[0].kind) if spans else value

    def _bare(self, text: str, kind: str) -> str:
        self.hidden[kind] += 1
        return self.keys.token(text, kind, bare=True)

    def _revealed(self, match: re.Match[str]) -> str:
        whole, mark, token, kind = match[0], match[1] or "", match[2], match[3]
        value = self.keys.originals.get(token)
        if value is None:
            return whole
        if kind.endswith(BARE) and mark and whole.endswith(mark):
            return value
        return mark + value + whole[len(mark) + len(token):]

    def _reveal_leaf(self, value: str | int, name: str | None, scalars: bool) -> str | int:
        if isinstance(value, int):
            return value
        match = TOKEN.fullmatch(value)
        text = self.reveal(value)
        if name is not None and match and match[1].endswith(BARE) and text != value:  # it was a number
            return int(text)
        return text

    def _spans(self, text: str, named: Span | None = None) -> list[Span]:
        """What is to be hidden: in order, apart, and whole tokens in or out."""
        found = [*self._found(text), *self.keys.known.find(text)]
        if named:
            found.append(named)
        if not found and "<" not in text:
            return []
        tokens = list(TOKEN.finditer(text))
        if any(match[0] not in self.keys.originals for match in tokens):
            self.keys.refresh()
        issued = {match.span() for match in tokens if match[0] in self.keys.originals}
        spans = [
            *(Span(behind_escape(text, each.start), each.end, each.kind) for each in found),
            *(Span(*match.span(), ISSUED if match.span() in issued else "token") for match in tokens),
        ]
        return [span for span in _apart(spans) if (span.start, span.end) not in issued]

    def _found(self, text: str) -> list[Span]:
        return [
            Span(each.start, each.end, re.sub("[^a-z_]", "", each.kind.lower())[:20].strip("_") or "other")
            for detector in self.detectors for each in detector.find(text)
        ]


def _apart(spans: list[Span]) -> list[Span]:
    """Spans that overlap become one, of the longest's kind."""
    apart: list[Span] = []
    longest = 0
    for span in sorted(spans, key=lambda each: (each.start, -each.end)):
        length = 0 if span.kind == ISSUED else span.end - span.start
        if span.end <= span.start:
            continue
        if apart and span.start < apart[-1].end:
            last = apart[-1]
            apart[-1] = Span(last.start, max(last.end, span.end), span.kind if length > longest else last.kind)
            longest = max(longest, length)
        else:
            apart.append(span)
            longest = length
    return apart


def _within_json(text: str, spans: list[Span], scalars: bool) -> Iterator[tuple[int, int, str, str]]:
    """The spans, each with no quotes to bring; of JSON, what of them lies in strings, and whole bare values."""
    if not is_json(text, scalars=scalars):
        yield from ((*span, "") for span in spans)
        return
    waiting = iter(spans)
    span = next(waiting, None)
    for start, end, mark in lexemes(text):
        while span and span.end <= start:
            span = next(waiting, None)
        if span and mark is not None and span.start < end:
            yield start, end, span.kind, mark
        while span and mark is None and span.start < end:
            first, last = _whole_escapes(text, start, max(span.start, start), min(span.end, end))
            if first < last:
                yield first, last, span.kind, ""
            if span.end > end:
                break
            span = next(waiting, None)


def _whole_escapes(text: str, string: int, start: int, end: int) -> tuple[int, int]:
    """A span in a string that begins at `string`: behind an escape that it begins in, with one that it ends in."""
    inside = text.rfind("\\", max(string, start - 5), start)
    inside = start if inside < 0 else inside
    while inside > string and text[inside - 1] == "\\":
        inside -= 1
    for escape in ESCAPE.finditer(text, inside, end):
        if escape.start() < start < escape.end():
            start = escape.end()
        if escape.start() < end < escape.end():
            end = escape.end()
    return start, end


def _walk(value: T, leaf: Callable[[str | int, str | None, bool], str | int], name: str | None = None) -> T:
    """A record with its texts changed, and the integers in its structures; itself where nothing is.

    Args:
        leaf: is given a text or integer, the name it has in a structure ("" for none, None in a record), and whether
            it is JSON by itself.
    """
    changed: Any = value
    match value:
        case str():
            changed = leaf(value, name, False)
        case int() if name is not None and not isinstance(value, bool):
            changed = leaf(value, name, False)
        case BaseModel():
            update: dict[str, Any] = {}
            for field in type(value).model_fields:
                if field in KEPT:
                    continue
                old = getattr(value, field)
                json_text = isinstance(value, Call) and field == "arguments"
                new = leaf(old, None, True) if json_text else _walk(old, leaf)
                if new is not old:
                    update[field] = new
            changed = value.model_copy(update=update) if update else value
        case dict():
            items = {_walk(key, leaf): _walk(each, leaf, key) for key, each in value.items()}
            same = items.keys() == value.keys() and all(items[key] is each for key, each in value.items())
            changed = value if same else items
        case list() | tuple():
            each_changed = [_walk(each, leaf, name or "") for each in value]
            same = all(new is old for new, old in zip(each_changed, value, strict=True))
            changed = value if same else type(value)(each_changed)
    return changed  # type: ignore[no-any-return]
