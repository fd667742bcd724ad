"""The fork server: a small trusted process, started with an empty environment, that forks one worker per
source.

It preloads everything a worker may need, for a confined worker can open nothing, and warms it up on a small
environment. It is single-threaded, so that forking is safe, and ends when the parent's end of the pipe
closes; its workers die with it.

Left out: talking to workers. The parent does, over a socket that passes through here once.
"""

import enum
import gc
import json
import os
import signal
import socket
import sys
from typing import Any

from sandbox import confinement, host, program
from sandbox.wire import write_frame

WARM_UP = """
import gymnasium as gym
from dataclasses import dataclass
TABLE = {"a": (1, 2.0)}
@dataclass
class Part:
    size: int = 1
class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._part = Part()
        self.n = 0
        return f"{self._part} {self.np_random.random():.3f}", {}
    def step(self, action):
        self.n += 1
        return "{}".format(self.n), 1.0, False, False, {}
"""


def _refuse_functional_enums() -> None:
    """`Enum("Name", {...})` would make a class with any attributes at all; nothing else here needs it once loaded."""

    def refuse(cls: Any, *arguments: Any, **named: Any) -> None:
        raise TypeError("an enum is written as a class statement in the sandbox")

    enum.EnumType._create_ = refuse  # type: ignore[attr-defined]


def _warm_up() -> None:
    for policy in ("fast", "stock"):
        ready = host.Host(program.Program(WARM_UP, policy), {"text_characters": 1000, "copies": 10})
        ready.episodes([(1, None, ["x"])])
        ready.make(1)
        ready.reset([(1, 1, None)])
        ready.operations["expand"](([([1], "x", None)], 10, 10))
        ready.operations["follow"]([(1, ["x"], ["2"], [1.0], [None], True)])
        ready.operations["search"](([1], [1.0], "x", ("2", None, None), 20, 4, 4, 4, 0))
        ready.operations["sample"]((1, "x", 2, 0, 4))


def _confine(settings: dict[str, Any], server: int) -> str | None:
    return confinement.confine(settings["measures"], settings["memory_bytes"], settings["unsafe"], server)


def _worker(connection: int, settings: dict[str, Any], server: int) -> None:
    """The child's life, from fork to exit."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        if connection != confinement.CHANNEL:
            os.dup2(connection, confinement.CHANNEL)
        sys.stdin = sys.stdout = sys.stderr = None
        if _confine(settings, server) is not None:
            return
        host.serve(confinement.CHANNEL)
        status = 0
    finally:
        os._exit(status)


def _trial(settings: dict[str, Any]) -> str | None:
    """Confines a child that is told nothing, to find out whether this kernel can enforce it all."""
    ours, theirs = os.pipe()
    server = os.getpid()
    child = os.fork()
    if child == 0:
        message = "the trial process failed"
        try:
            os.dup2(theirs, confinement.CHANNEL)
            message = _confine(settings, server) or "held"
            os.write(confinement.CHANNEL, message.encode())
        finally:
            os._exit(0)
    os.close(theirs)
    said = os.read(ours, 4096).decode()
    os.close(ours)
    os.waitpid(child, 0)
    return None if said == "held" else said or "a measure killed the trial process"


def _reap(*_: Any) -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _fork(connection: int, settings: dict[str, Any], control: socket.socket) -> None:
    """Forks one worker and sends a descriptor of the process, by which the parent can kill it without mistaking it."""
    server = os.getpid()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        _worker(connection, settings, server)
    os.close(connection)
    process = os.pidfd_open(child)
    socket.send_fds(control, [child.to_bytes(8, "little")], [process])
    os.close(process)


def main() -> None:
    """Serves fork requests on descriptor 3, each one byte and the worker's end of a pipe.

    ``sys.argv[1]`` holds the settings as JSON: measures, memory_bytes, unsafe.
    """
    settings = json.loads(sys.argv[1])
    control = socket.socket(fileno=3)
    _refuse_functional_enums()
    _warm_up()
    failure = _trial(settings)
    write_frame(3, json.dumps({"failure": failure}).encode())
    if failure is not None:
        return
    signal.signal(signal.SIGCHLD, _reap)
    gc.collect()
    gc.freeze()
    while True:
        word, connections, _, _ = socket.recv_fds(control, 1, 1)
        if not word:
            return
        # The child is not reaped before its descriptor is open.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        _fork(connections[0], settings, control)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


if __name__ == "__main__":
    main()
