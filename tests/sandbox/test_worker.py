"""Workers, pools and the command line: determinism, deadlines, deaths, leaks."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import orjson
import pytest

from benchmarks.sandbox import WORLD, soak
from sandbox import (
    EnvironmentFault,
    Limits,
    Pool,
    Reset,
    Sandbox,
    SandboxedEnv,
    SandboxedVectorEnv,
    SandboxError,
    Script,
    WorkerDied,
    seccomp,
)  # fmt: skip
from sandbox.wire import Broken, Channel

HASHING = """
import gymnasium as gym
class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return " ".join({"alpha", "beta", "gamma", "delta"}) + str(hash("x")), {}
    def step(self, action):
        words = set(action.split()) | {str(self.np_random.integers(100)) for _ in range(5)}
        return " ".join(words) + f"{self.np_random.random()}", 0.0, False, False, {"set": words}
"""
ENDLESS = WORLD.replace(
    "        if action not in MOVES:",
    "        while action == 'hang':\n            pass\n        if action not in MOVES:",
)
PRINT = """
import sys
from sandbox import Sandbox, Script
with Sandbox() as sandbox:
    for source in sys.argv[1:]:
        with sandbox.load(source) as worker:
            for seed in (0, 5):
                print(repr(worker.episodes([Script(["left a b c", "right", "down"] * 9, seed=seed)])))
"""


def test_same_bytes_across_processes_and_hash_seeds() -> None:
    said = set()
    for hash_seed in ("0", "1", "4711", "random"):
        command = [sys.executable, "-c", PRINT, HASHING, WORLD]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=Path(__file__).parents[2])
        assert done.returncode == 0, done.stderr
        said.add(done.stdout)
    assert len(said) == 1
    assert "alpha" in said.pop()


def test_same_alone_and_in_company() -> None:
    actions = ["left", "down", "right", "right", "up"] * 5
    with Sandbox() as sandbox, sandbox.load(WORLD) as worker:
        alone = worker.episodes([Script(actions, seed=3)])[0].answers
        ids = worker.make(20)
        worker.reset_batch([Reset(id, seed=id) for id in ids])
        together = worker.reset_batch([Reset(ids[7], seed=3)])
        for action in actions[: len(alone) - 1]:
            together.append(worker.step_batch([(id, action) for id in ids])[7])
        assert together == alone


def test_deadline_is_kept_and_costs_one_worker() -> None:
    with Sandbox(Limits(message_seconds=0.3)) as sandbox, sandbox.load(WORLD) as other:
        worker = sandbox.load(ENDLESS)
        env = SandboxedEnv(worker)
        env.reset(seed=1)
        began = time.monotonic()
        with pytest.raises(WorkerDied) as caught:
            env.step("hang")
        assert caught.value.reason == "deadline"
        assert time.monotonic() - began < 0.55
        with pytest.raises(WorkerDied):
            worker.make(1)
        assert other.episodes([Script(["left"], seed=1)])[0].fault is None


def test_one_deadline_for_request_and_reply() -> None:
    ours, theirs = socket.socketpair()
    request = b"x" * 4_000_000

    def read_late() -> None:
        time.sleep(0.3)
        left = len(request) + 4
        while left:
            left -= len(theirs.recv(1 << 20))

    thread = threading.Thread(target=read_late)
    thread.start()
    began = time.monotonic()
    with pytest.raises(Broken, match="no reply"):
        Channel(ours, 1 << 20).ask(request, 0.4)
    assert time.monotonic() - began < 0.65
    thread.join()
    ours.close()
    theirs.close()


@pytest.mark.parametrize("text", ["[" * 3_000_000, '\n,"' * 1_000_000])
def test_marks_inside_texts_are_not_values(text: str) -> None:
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=lambda: theirs.recv(100) and theirs.sendall(frame))
    body = orjson.dumps([text])
    frame = len(body).to_bytes(4, "little") + body
    thread.start()
    assert Channel(ours, 1 << 24).ask(b"x", 5.0) == [text]
    thread.join()
    ours.close()
    theirs.close()


def test_pool_goes_on_where_a_worker_died() -> None:
    with Sandbox(Limits(message_seconds=0.3)) as sandbox, Pool(sandbox, ENDLESS, workers=2) as pool:
        ids = pool.make(4)
        pool.reset_batch([Reset(id, seed=1) for id in ids])
        results = pool.step_batch([(ids[0], "hang"), *[(id, "left") for id in ids[1:]]])
        kinds = [type(result).__name__ for result in results]
        assert kinds.count("WorkerDied") == 2
        assert kinds.count("Answer") == 2
        lost = [id for id, result in zip(ids, results, strict=True) if isinstance(result, WorkerDied)]
        assert all(isinstance(result, WorkerDied) for result in pool.step_batch([(id, "left") for id in lost]))
        pool.reset_batch([Reset(id, seed=1) for id in lost])
        assert not any(isinstance(result, WorkerDied) for result in pool.step_batch([(id, "left") for id in ids]))
        assert [died.reason for died in pool.deaths] == ["deadline"]
        pool.drop(ids)


def test_a_pool_replaces_a_worker_whose_death_shows_when_copies_are_dropped() -> None:
    with Sandbox() as sandbox, Pool(sandbox, ENDLESS, workers=2) as pool:
        ids = pool.make(4)
        pool.reset_batch([Reset(id, seed=1) for id in ids])
        os.kill(pool.workers[0].pid, signal.SIGKILL)
        time.sleep(0.05)
        pool.drop(ids[:2])
        assert len(pool.deaths) == 1
        results = pool.step_batch([(id, "left") for id in ids[2:]])
        assert sorted(type(result).__name__ for result in results) == ["Answer", "WorkerDied"]
        others = pool.make(4)
        assert not any(isinstance(answer, WorkerDied)
                       for answer in pool.reset_batch([Reset(id, seed=1) for id in others]))
        pool.drop([*ids, *others])


def test_soak() -> None:
    """The short form of `python -m benchmarks.sandbox --soak 1000000`."""
    counts = soak(60_000, kill_every=3000)
    assert counts["begun"] == counts["ended"] + counts["lost"] + counts["faults"] + counts["running"]
    assert counts["deaths"] >= 5
    assert counts["faults"] == 0
    before, after = counts["before"], counts["after"]
    assert after["memory"] < before["memory"] + 16 * 1024
    assert after["server_memory"] < before["server_memory"] + 4 * 1024
    for kind in ("descriptors", "server_descriptors", "processes"):
        assert after[kind] <= before[kind]


def test_workers_die_with_the_server_and_the_server_is_replaced() -> None:
    with Sandbox() as sandbox:
        worker = sandbox.load(WORLD)
        os.kill(sandbox._server.pid, signal.SIGKILL)
        sandbox._server.wait()
        time.sleep(0.05)
        with pytest.raises(WorkerDied):
            worker.make(1)
        with sandbox.load(WORLD) as another:
            assert another.make(1)


def test_nothing_outlives_the_parent() -> None:
    code = (
        "import os, signal, sys\nfrom sandbox import Sandbox\nsandbox = Sandbox()\nworker = sandbox.load(sys.argv[1])\n"
        "print(sandbox._server.pid, worker.pid, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, WORLD], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    deadline = time.monotonic() + 3
    left = [int(pid) for pid in done.stdout.split()]
    assert len(left) == 2
    while left and time.monotonic() < deadline:
        left = [pid for pid in left if _running(pid)]
    assert not left


def _running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_threads_share_a_worker() -> None:
    with Sandbox() as sandbox, sandbox.load(WORLD) as worker:
        alone = [worker.episodes([Script(["left", "down"] * 5, seed=i)])[0] for i in range(20)]
        found: list[object] = [None] * 20

        def play(i: int) -> None:
            found[i] = worker.episodes([Script(["left", "down"] * 5, seed=i)])[0]

        threads = [threading.Thread(target=play, args=(i,)) for i in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == alone


def test_vector_environment() -> None:
    with Sandbox() as sandbox, sandbox.load(WORLD) as worker:
        env = SandboxedVectorEnv(worker, 5)
        observations, _ = env.reset(seed=1)
        assert len(observations) == 5
        for _ in range(60):
            observations, rewards, terminated, truncated, _ = env.step(["right", "down", "left", "up", "right"])
            assert rewards.shape == terminated.shape == truncated.shape == (5,)
        env.close()


def test_a_fault_in_a_vector_ends_one_episode() -> None:
    source = WORLD.replace('return "what?"', 'raise ValueError("what?")  #')
    with Sandbox() as sandbox, sandbox.load(source) as worker:
        env = SandboxedVectorEnv(worker, 2)
        env.reset(seed=1)
        _, _, terminated, truncated, infos = env.step(["left", "nonsense"])
        assert list(terminated | truncated) == [False, True]
        assert "what?" in infos["fault"][1]


def test_copies_are_independent() -> None:
    with Sandbox() as sandbox, sandbox.load(WORLD) as worker:
        (one,) = worker.make(1)
        worker.reset_batch([Reset(one, seed=4)])
        (two,) = worker.copy([one])
        assert isinstance(two, int)
        assert worker.step_batch([(one, "down")]) == worker.step_batch([(two, "down")])
        worker.drop([one])
        gone, _ = worker.step_batch([(one, "down"), (two, "down")])
        assert isinstance(gone, EnvironmentFault)


def test_enums_are_classes_only() -> None:
    """The functional form takes a dictionary of any names, `__getattribute__` among them."""
    source = "import enum\n" + WORLD + "\nE = enum.Enum('E', {'a': 1, '__getattribute__': len})\n"
    with Sandbox() as sandbox:
        with pytest.raises(SandboxError, match="class statement"):
            sandbox.load(source)
        with sandbox.load(source.replace("E = enum.Enum('E', {'a': 1, '__getattribute__': len})", "")) as worker:
            assert worker.make(1)


def test_filters_for_both_machines() -> None:
    """Every number that is allowed is named, and both programs end by killing."""
    for machine in seccomp.TABLES:
        code = seccomp.program(3, machine)
        assert len(code) % 8 == 0
        assert code[-4:] == seccomp.KILL_PROCESS.to_bytes(4, "little")
        named = seccomp.TABLES[machine][2]
        wanted = {*seccomp.ALLOWED, *seccomp.ALLOWED_ON_CHANNEL, *seccomp.ALLOWED_WITHOUT_EXEC}
        assert wanted <= named.keys()
    with pytest.raises(OSError, match="no system call table"):
        seccomp.program(3, "sparc")


def test_command_line(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text(HASHING)
    bad.write_text("import gymnasium as gym\nimport numpy as np\nX = np.zeros(3)\nclass W(gym.Env):\n    pass\n")

    def check(path: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sandbox", "check", str(path)]
        return subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])

    assert check(good).returncode == 0
    refused = check(bad)
    assert refused.returncode == 1
    assert "line 2" in refused.stdout
    assert "self.np_random" in refused.stdout
    assert check(tmp_path / "missing.py").returncode == 2


def test_closed_sandbox_says_so() -> None:
    sandbox = Sandbox()
    sandbox.close()
    with pytest.raises(SandboxError) as caught:
        sandbox.load(WORLD)
    assert caught.value.reason == "closed"
