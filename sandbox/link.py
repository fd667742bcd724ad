"""One worker process as its parent sees it: a request, a reply, and its death.

Left out: what the requests are (`worker.py`), starting the process (`forkserver.py`) and replacing it (`pool.py`).
"""

import contextlib
import itertools
import os
import signal
import threading
from typing import Any, Self

import orjson

from sandbox.errors import EnvironmentFault, SourceRefused, WorkerDied
from sandbox.limits import Limits
from sandbox.wire import Broken, Channel

ENDINGS = {
    "deadline": "took longer than allowed and was killed",
    "exit": "died",
    "oversized": "sent more than allowed and was killed",
    "protocol": "broke the protocol and was killed",
}


class Link:
    """A process that is asked one thing at a time, also by several threads, and killed when it breaks the rules."""

    def __init__(self, channel: Channel, process: int, pid: int, limits: Limits) -> None:
        self._channel = channel
        self._process = process
        self.pid = pid
        self._limits = limits
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._ended: str | None = None
        self._reason = "closed"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *arguments: object) -> None:
        self.close()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()

    @property
    def alive(self) -> bool:
        return self._ended is None

    def close(self) -> None:
        """Kills the process. Safe to call again."""
        self._end("closed", "the worker is closed")

    def stop(self) -> None:
        """Kills the process from another thread: whoever waits for its answer is told that it died."""
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(self._process, signal.SIGKILL)

    def _request(self, operation: str, payload: Any, seconds: float | None = None) -> Any:
        with self._lock:
            if self._ended is not None:
                raise WorkerDied(self._ended, self._reason)
            number = next(self._numbers)
            try:
                frame = orjson.dumps([number, operation, payload])
            except TypeError as error:
                if operation == "load":
                    raise SourceRefused(f"not text: {error}", "unicode") from None
                raise ValueError(f"{operation}: {error}") from None
            if len(frame) > self._limits.request_bytes:
                raise ValueError(
                    f"{operation}: a request of {len(frame)} bytes, of {self._limits.request_bytes} allowed"
                )
            try:
                reply = self._channel.ask(frame, seconds or self._limits.message_seconds)
            except Broken as broken:
                how = ENDINGS[broken.reason]
                raise self._end(broken.reason, f"the worker {how} while asked to {operation}: {broken}") from None
            except BaseException:
                # Interrupted between request and reply: the two can no longer be told apart.
                self._end("interrupted", f"interrupted while the worker was asked to {operation}")
                raise
            if type(reply) is not list or len(reply) != 3 or type(reply[0]) is not int or reply[0] != number:
                raise self._violation("a reply to another request")
            _, status, value = reply
            if status == "ok":
                return value
            if status == "memory":
                line = value if type(value) is int else None
                where = f" at line {line}" if line is not None else ""
                message = f"the worker ran out of its {self._limits.memory_bytes >> 20} MiB of memory{where}"
                died = self._end("memory", message)
                died.line = line
                raise died
            if status == "refused" and operation == "load" and type(value) is dict:
                raise self._refusal(value)
            raise self._violation("a reply of unknown kind")

    def _violation(self, what: str) -> WorkerDied:
        return self._end("protocol", f"the worker broke the protocol with {what}, and was killed")

    def _end(self, reason: str, message: str) -> WorkerDied:
        if self._ended is None:
            self._ended, self._reason = message, reason
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._process, signal.SIGKILL)
            os.close(self._process)
            self._channel.close()
        return WorkerDied(message, reason)

    def _fault(self, item: Any) -> EnvironmentFault:
        if type(item) is not dict:
            raise self._violation("a malformed answer")
        message, reason, line = item.get("fault"), item.get("reason"), item.get("line")
        if type(message) is not str or type(reason) is not str or not (line is None or type(line) is int):
            raise self._violation("a malformed fault")
        where = f"line {line}: " if line is not None else ""
        return EnvironmentFault(f"{where}{message[:2000]}", reason[:40], line)

    def _refusal(self, value: dict[str, Any]) -> SourceRefused | WorkerDied:
        message, reason, line, remedy = (value.get(name) for name in ("message", "reason", "line", "remedy"))
        if not (type(message) is type(reason) is type(remedy) is str):
            return self._violation("a malformed refusal")
        refusal = SourceRefused("", reason[:40], line if type(line) is int else None, remedy[:2000])
        refusal.args = (message[:8000],)
        return refusal
