"""`Sandbox`: starts the fork server, asks it for workers, and ends it.

Left out: what the server does (`server.py`) and what workers answer (`worker.py`).
"""

import contextlib
import importlib.util
import json
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Literal

from sandbox.errors import SandboxError, SourceRefused
from sandbox.limits import Limits
from sandbox.wire import Broken, Channel
from sandbox.worker import Worker

START_SECONDS = 30.0
MEASURES = (
    "descriptors",
    "capabilities",
    "parent",
    "dumpable",
    "no_new_privs",
    "landlock",
    "limits",
    "seccomp",
)
DEFAULT_LIMITS = Limits()
PACKAGES = ("sandbox", "orjson", "RestrictedPython")


class Sandbox:
    """Runs environment sources that nobody trusts, each in a confined process.

    Args:
        limits: budgets of every worker.
        policy: ``fast``, or ``stock`` for all of RestrictedPython's run-time guards. ``off`` removes the
            language layer, which is for testing the process layer alone.
        unsafe: start even where the kernel cannot enforce every measure, with those that it can.

    Raises:
        SandboxError: `reason` is ``kernel`` where a measure cannot be enforced.
    """

    measures = MEASURES  # what a worker must submit to; tests take one away to show that it matters

    def __init__(
        self,
        limits: Limits = DEFAULT_LIMITS,
        policy: Literal["fast", "stock", "off"] = "fast",
        unsafe: bool = False,
    ) -> None:
        if policy not in ("fast", "stock", "off"):
            raise ValueError(f"policy must be fast or stock, not {policy!r}")
        self.limits = limits
        self.policy = policy
        self.unsafe = unsafe
        self._lock = threading.Lock()
        self._closed = False
        self._start()

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *arguments: object) -> None:
        self.close()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()

    def close(self) -> None:
        """Ends the fork server, and all workers with it. Safe to call again."""
        self._closed = True
        control, server = getattr(self, "_control", None), getattr(self, "_server", None)
        if control is not None and server is not None:
            control.close()
            try:
                server.wait(2.0)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()

    def load(self, source: str, counting: bool = False) -> Worker:
        """A new worker for one source.

        Args:
            source: a Python module that defines a subclass of `gymnasium.Env`; the last one is run.
            counting: note which branches and table elements run, in `Answer.support` and `Worker.support`.

        Raises:
            SourceRefused: with line, reason and remedy.
            WorkerDied: parsing or importing the source killed the worker.
        """
        try:
            size = len(source.encode())
        except UnicodeEncodeError as error:
            raise SourceRefused(f"not text: {error}", "unicode") from None
        if size > self.limits.source_bytes:
            raise SourceRefused(f"{size} bytes of source, of {self.limits.source_bytes} allowed.", "size")
        if "\0" in source:
            raise SourceRefused(
                "the source contains a null character.",
                "syntax",
                source[: source.index("\0")].count("\n") + 1,
            )
        worker = self._fork()
        try:
            worker.load(source, self.policy, counting)
        except BaseException:
            worker.close()
            raise
        return worker

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        settings = {
            "measures": self.measures,
            "memory_bytes": self.limits.memory_bytes,
            "unsafe": self.unsafe,
            "path": _import_path(),
        }
        # -I would ignore the hash seed; -S and -P keep the search path to what is named here.
        code = "import sys, json; sys.path += json.loads(sys.argv[1])['path']; from sandbox.server import main; main()"
        with theirs:
            self._server = subprocess.Popen(
                [
                    sys.executable,
                    "-S",
                    "-s",
                    "-P",
                    "-B",
                    "-c",
                    _ON_DESCRIPTOR % theirs.fileno() + code,
                    json.dumps(settings),
                ],
                env={"PYTHONHASHSEED": "0"},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._control = ours
        try:
            hello = Channel(ours, 1 << 16).listen(START_SECONDS)
        except Broken as broken:
            self.close()
            raise SandboxError(f"the fork server did not start: {broken}", "server") from None
        if hello["failure"] is not None:
            self.close()
            raise SandboxError(
                f"this kernel cannot enforce the sandbox: {hello['failure']}. Linux 5.13 or newer with Landlock and "
                "seccomp is needed; unsafe=True (--unsafe) runs without what is missing.",
                "kernel",
            )

    def _fork(self) -> Worker:
        with self._lock:
            if self._closed:
                raise SandboxError("the sandbox is closed", "closed")
            if self._server.poll() is not None:
                self._control.close()
                self._start()
            ours, theirs = socket.socketpair()
            with theirs:
                try:
                    self._control.settimeout(START_SECONDS)
                    socket.send_fds(self._control, [b"f"], [theirs.fileno()])
                    data, descriptors, _, _ = socket.recv_fds(self._control, 8, 1)
                except OSError as error:
                    ours.close()
                    raise SandboxError(f"the fork server is gone: {error}", "server") from None
            if len(data) != 8 or len(descriptors) != 1:
                ours.close()
                raise SandboxError("the fork server is gone", "server")
        return Worker(
            Channel(ours, self.limits.reply_bytes),
            descriptors[0],
            int.from_bytes(data, "little"),
            self.limits,
        )


# Moves the control pipe to descriptor 3, where the server expects it.
_ON_DESCRIPTOR = "import os; d = %d; d == 3 or (os.dup2(d, 3), os.close(d)); "


def _import_path() -> list[str]:
    """The folders that hold the packages the server needs, and no others."""
    folders: list[str] = []
    for package in PACKAGES:
        found = importlib.util.find_spec(package)
        if found is None or not found.submodule_search_locations:
            raise SandboxError(f"the package {package} is not installed", "install")
        folder = str(Path(next(iter(found.submodule_search_locations))).resolve().parent)
        if folder not in folders:
            folders.append(folder)
    return folders
