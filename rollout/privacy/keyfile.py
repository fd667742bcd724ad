"""The file that turns tokens back into values: a key, and the values that have tokens.

It is not encrypted: whoever can read it can reveal everything, so it is kept from all but its owner.
"""

import contextlib
import fcntl
import hmac
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rollout.privacy.errors import PrivacyError
from rollout.privacy.known import Known, utf8

VERSION = 1
DIGITS = 8
TOKEN = re.compile(r"<([a-z][a-z_]{0,30})-[0-9a-f]{8,64}>")
# Of a kind with this ending, the value stood bare in JSON, and the token brought the quotes around it.
BARE = "_json"


def kind_of(token: str) -> str:
    """What a token says of its value."""
    return token[1:].rpartition("-")[0].removesuffix(BARE)


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
        return hmac.digest(self.secret, utf8(value), "sha256").hex()

    def _damaged(self, line: int) -> PrivacyError:
        return PrivacyError(
            f"{self.path}, line {line}: the key file is damaged; restore it from a copy, or move it away and hide "
            "everything anew with another"
        )


def _check(secret: bytes) -> str:
    return hmac.digest(secret, b"key file of the dreaming simulator", "sha256").hex()
