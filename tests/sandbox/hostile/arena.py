"""Where hostile programs are let loose: things to steal, break and reach, and ways to see whether they were.

`python -m tests.sandbox.hostile.arena POLICY` runs the whole corpus as whoever calls it and prints JSON: for each
probe, None or what went wrong. The suite uses it to run as an ordinary user too.
"""

import builtins
import ctypes
import json
import os
import pickle
import resource
import secrets
import select
import signal
import socket
import sys
import tempfile
import time
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sandbox import EnvironmentFault, Limits, Reset, Sandbox, SandboxError, Script, Worker
from sandbox.confinement import CHANNEL
from tests.sandbox.hostile.corpus import Probe, probes

LIMITS = Limits(message_seconds=0.4, load_seconds=2.0, memory_bytes=64 * 2**20)
OVERSHOOT = 0.25
CLEAN = """
import gymnasium as gym
class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return str(self.np_random.integers(1000)), {}
    def step(self, action):
        return action + str(self.np_random.integers(1000)), 1.0, action == "c", False, {}
"""
SHOWN = repr(builtins.__build_class__)  # in the built-ins under every policy, and no permitted code can name it
WAYS_BACK = ("observation", "reward", "terminated", "info", "key", "whole", "raise")


class Arena:
    """Bait. One arena serves many probes, one after another."""

    def __init__(self) -> None:
        self.token = secrets.token_hex(8)
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        folder.chmod(0o755)
        self.secret, self.spare, self.target = folder / "secret", folder / "spare", folder / "target"
        self.secret.write_text(self.token + " " * 64)
        self.kept = ctypes.create_string_buffer(self.token.encode())
        os.environ["SANDBOX_TOKEN"] = self.token
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.unix, self.abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        self.unix.bind(str(folder / "unix"))
        self.abstract.bind("\0" + self.token)
        for listener in (self.unix, self.abstract):
            listener.listen()
        self._victim = 0
        self.prepare()

    def prepare(self) -> None:
        """Puts everything back as it was."""
        self.spare.write_text("spare")
        if self.target.is_dir() and not self.target.is_symlink():
            self.target.rmdir()
        else:
            self.target.unlink(missing_ok=True)
        if not self._victim or os.waitpid(self._victim, os.WNOHANG)[0]:
            self._victim = os.fork()
            if self._victim == 0:
                while True:
                    signal.pause()
        for listener in (self.tcp, self.unix, self.abstract):
            self._accepted(listener)
        self._received()

    def close(self) -> None:
        os.kill(self._victim, signal.SIGKILL)
        os.waitpid(self._victim, 0)
        for listener in (self.tcp, self.udp, self.unix, self.abstract):
            listener.close()
        self._folder.cleanup()

    def names(self) -> dict[str, object]:
        return {
            "SECRET": self.secret, "SPARE": self.spare, "TARGET": self.target, "PID": os.getpid(),
            "ADDRESS": ctypes.addressof(self.kept), "VICTIM": self._victim, "CHANNEL": CHANNEL,
            "PORT": self.tcp.getsockname()[1], "UDP": self.udp.getsockname()[1], "UNIX": self.unix.getsockname(),
            "ABSTRACT": self.token, "CAP": LIMITS.memory_bytes,
        }  # fmt: skip

    def achieved(self, probe: Probe, evidence: str) -> bool:
        """Whether the probe had its effect, by looking for it."""
        match probe.effect:
            case "secret":
                return self.token in evidence
            case "shows":
                return SHOWN in evidence
            case "touch":
                return os.path.lexists(self.target)
            case "says" | "memory":
                return "ACHIEVED" in evidence
            case "victim":
                for _ in range(40):  # a killed process takes a moment to be gone
                    if os.waitpid(self._victim, os.WNOHANG)[0]:
                        self._victim = 0
                        return True
                    time.sleep(0.005)
                return False
            case "connect" | "unix" | "abstract":
                return self._accepted({"connect": self.tcp, "unix": self.unix, "abstract": self.abstract}[probe.effect])
            case "datagram":
                return self._received()
        return False

    def _accepted(self, listener: socket.socket) -> bool:
        if select.select([listener], [], [], 0)[0]:
            listener.accept()[0].close()
            return True
        return False

    def _received(self) -> bool:
        return bool(select.select([self.udp], [], [], 0)[0] and self.udp.recv(10))


def unconfined(probe: Probe, arena: Arena) -> bool:
    """The positive control: whether the program has its effect in a plain Python process."""
    arena.prepare()
    source = probe.source(arena.names())
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        evidence = ""
        try:
            if probe.effect == "frames":
                os.dup2(theirs, CHANNEL)
            elif probe.effect == "time":
                os.dup2(os.pipe()[0], CHANNEL)
            gymnasium = types.ModuleType("gymnasium")
            gymnasium.Env = type("Env", (), {"reset": lambda self, **options: None})  # type: ignore[attr-defined]
            sys.modules["gymnasium"] = gymnasium
            names: dict[str, Any] = {"__name__": "__main__"}
            sys.modules["__main__"].__dict__.update(names)
            exec(compile(source, "<probe>", "exec"), sys.modules["__main__"].__dict__)
            main: Any = sys.modules["__main__"]
            evidence = str(main.attempt()) if probe.returns != "object" else _handle(main.attempt())
        except BaseException as error:
            evidence = repr(error)
        finally:
            if probe.effect != "frames":
                os.write(theirs, evidence.encode()[:60000])
            os._exit(0)
    os.close(theirs)
    evidence = ""
    limit = LIMITS.message_seconds + OVERSHOOT if probe.effect == "time" else 20.0
    late = not select.select([ours], [], [], limit)[0]
    if not late:
        evidence = os.read(ours, 65536).decode(errors="replace")
    if late or probe.effect == "frames":
        os.kill(child, signal.SIGKILL)
    os.close(ours)
    os.waitpid(child, 0)
    if probe.effect == "time":
        return late
    if probe.effect == "frames":
        return bool(evidence)
    return arena.achieved(probe, evidence)


def _handle(thing: Any) -> str:
    """What a careless parent might do with an object from a worker."""
    for act in (
        lambda: pickle.loads(pickle.dumps(thing)), lambda: repr(thing), lambda: str(thing), lambda: thing == 1,
        lambda: len(thing), lambda: float(thing), lambda: hash(thing), lambda: {thing: 1}, lambda: bool(thing),
    ):  # fmt: skip
        try:
            act()
        except Exception:
            continue
    return ""


def contained(probe: Probe, arena: Arena, sandbox: Sandbox, clean: Worker) -> str | None:
    """Lets one program loose in a worker; None, or what it achieved."""
    arena.prepare()
    source = probe.source(arena.names())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    evidence: list[str] = []
    began = time.monotonic()
    began_load = began
    try:
        with sandbox.load(source) as worker:
            began = time.monotonic()
            (one,) = worker.make(1)
            for answer in worker.reset_batch([Reset(one, seed=1)]):
                evidence.append(repr(answer))
            if probe.effect == "frames":
                for again in worker.reset_batch([Reset(one, seed=1)]):
                    if "forged" in repr(again):
                        return "an old reply was taken for a new one"
            if probe.returns == "object":
                for way in WAYS_BACK:
                    answers = worker.step_batch([(one, way)])
                    evidence.append(repr(answers) + str(answers[0] == 1) + str(hash(type(answers[0]))))
                    worker.reset_batch([Reset(one, seed=1)])
    except SandboxError as error:
        evidence.append(f"{type(error).__name__} {error}")
    spent = time.monotonic() - began
    allowed = LIMITS.load_seconds if began == began_load else 2 * LIMITS.message_seconds
    if spent > allowed + OVERSHOOT:
        return f"kept the parent waiting for {spent:.2f} s"
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory > 96 * 1024:
        return "made the parent grow by more than 96 MiB"
    if arena.achieved(probe, " ".join(evidence)):
        return f"achieved its effect: {evidence}"
    return _clean_episode(clean)


def _clean_episode(clean: Worker) -> str | None:
    episode = clean.episodes([Script(["a", "b", "c"], seed=3)])[0]
    if isinstance(episode.fault, EnvironmentFault) or len(episode.answers) != 4 or not episode.answers[-1].terminated:
        return f"a clean episode afterwards failed: {episode}"
    return None


def run(
    policy: str, chosen: Sequence[Probe], kind: type[Sandbox] = Sandbox, unsafe: bool = False
) -> dict[str, str | None]:
    """Every chosen probe under one policy; with the language layer off, only what the process layer must prevent."""
    if policy == "off":
        chosen = [probe for probe in chosen if probe.process]
    arena = Arena()
    try:
        with kind(LIMITS, policy, unsafe) as sandbox, sandbox.load(CLEAN) as clean:  # type: ignore[arg-type]
            return {probe.name: contained(probe, arena, sandbox, clean) for probe in chosen}
    finally:
        arena.close()


if __name__ == "__main__":
    print(json.dumps({"user": os.getuid(), "results": run(sys.argv[1], probes())}))
