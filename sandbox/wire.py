"""Frames: a four-byte length and that many bytes of JSON, each way, one reply to one request.

The parent's end trusts nothing that comes back: length and number of values are capped before they cost memory, the
whole message has one deadline however slowly it drips, and bytes beyond the frame are a violation, for the worker
speaks only when asked.

Left out: what the frames mean (`worker.py` on one side, `host.py` on the other).
"""

import itertools
import os
import re
import socket
import time
from typing import Any

import orjson

HEADER = 4
CHUNK = 1 << 16
TOKENS = 1_000_000  # in one reply: strings and the marks between values, for every value costs the parent memory
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[{,:]', re.DOTALL)


class Broken(Exception):
    """The peer is gone or does not keep to the protocol; `reason` is a short word."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Channel:
    """The parent's end of a worker's pipe."""

    def __init__(self, connection: socket.socket, reply_bytes: int) -> None:
        self._connection = connection
        self._reply_bytes = reply_bytes
        self._buffer = bytearray(CHUNK)

    def close(self) -> None:
        self._connection.close()

    def ask(self, request: bytes, seconds: float) -> Any:
        """Sends one frame and reads one.

        Args:
            request: the JSON, without its length.
            seconds: wall-clock time for both together.

        Returns:
            The reply's JSON value, of any type and content.

        Raises:
            Broken: deadline, end of file, too long, too many values, trailing bytes, not JSON.
        """
        deadline = time.monotonic() + seconds
        try:
            self._connection.settimeout(seconds)
            self._connection.sendall(len(request).to_bytes(HEADER, "little") + request)
        except TimeoutError:
            raise Broken("deadline", f"the request was not read within {seconds:g} seconds") from None
        except OSError as error:
            raise Broken("exit", f"the connection is gone: {error}") from None
        return self.listen(seconds, deadline)

    def listen(self, seconds: float, deadline: float | None = None) -> Any:
        """Reads one frame, by `deadline` or within `seconds`. Raises as `ask` does."""
        connection = self._connection
        deadline = deadline or time.monotonic() + seconds
        try:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            connection.settimeout(left)
            view = memoryview(self._buffer)
            filled = connection.recv_into(view)
            while 0 < filled < HEADER:
                filled = self._more(view, filled, deadline)
            if not filled:
                raise Broken("exit", "the worker closed its end")
            length = int.from_bytes(view[:HEADER], "little")
            if length > self._reply_bytes:
                raise Broken("oversized", f"a reply of {length} bytes, of {self._reply_bytes} allowed")
            if filled < HEADER + length:
                if len(view) < HEADER + length:
                    whole = bytearray(HEADER + length)
                    whole[:filled] = view[:filled]
                    view = memoryview(whole)
                while filled < HEADER + length:
                    filled = self._more(view, filled, deadline)
            if filled > HEADER + length:
                raise Broken("protocol", "bytes after the reply")
            if filled > TOKENS and _crowded(view.obj, filled):  # type: ignore[arg-type]
                raise Broken("oversized", f"a reply of more than {TOKENS} values and marks")
            return orjson.loads(view[HEADER:filled])
        except TimeoutError:
            raise Broken("deadline", f"no reply within {seconds:g} seconds") from None
        except orjson.JSONDecodeError as error:
            raise Broken("protocol", f"the reply is not JSON: {error}") from None
        except OSError as error:
            raise Broken("exit", f"the connection is gone: {error}") from None

    def _more(self, view: memoryview, filled: int, deadline: float) -> int:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        got = self._connection.recv_into(view[filled:])
        if not got:
            raise Broken("exit", "the worker closed its end in the middle of a reply")
        return filled + got


def _crowded(data: bytearray, end: int) -> bool:
    """Whether a frame holds more than `TOKENS` tokens. The quick count takes those inside strings for real ones."""
    if sum(data.count(mark, HEADER, end) for mark in (b"[", b"{", b",", b":")) <= TOKENS // 2:
        return False
    return next(itertools.islice(_TOKEN.finditer(data, HEADER, end), TOKENS, None), None) is not None


def read_frame(descriptor: int) -> bytes:
    """The worker's end: one request, or b"" at the end of file."""
    data = os.read(descriptor, CHUNK)
    while 0 < len(data) < HEADER:
        data += os.read(descriptor, HEADER - len(data))
    if not data:
        return b""
    length = int.from_bytes(data[:HEADER], "little")
    if len(data) == HEADER + length:
        return data[HEADER:]
    parts, missing = [data[HEADER:]], length + HEADER - len(data)
    while missing > 0:
        part = os.read(descriptor, min(missing, 1 << 20))
        if not part:
            return b""
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def write_frame(descriptor: int, payload: bytes) -> None:
    """The worker's end: one reply."""
    data = len(payload).to_bytes(HEADER, "little") + payload
    sent = os.write(descriptor, data)
    while sent < len(data):
        sent += os.write(descriptor, data[sent : sent + (1 << 20)])
