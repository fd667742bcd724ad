"""What the sandbox costs, side by side with what a user would do instead.

    python -m benchmarks.sandbox --json

Every ratio is of medians measured alternately in one run, so that a busy machine slows both sides. The reference is the
same source in plain Python in this process, over Gymnasium and NumPy themselves. The world is a small grid with one
draw a step; `bare` figures are for a counter without chance or text to speak of, near the worst case.

`--soak STEPS` plays that many steps over 64 concurrent environments while workers are killed at random.
"""

import argparse
import json
import os
import random
import signal
import statistics
import sys
import time
import types
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from gymnasium.vector import AsyncVectorEnv

from sandbox import Limits, Pool, Reset, Sandbox, SandboxedEnv, Script, Worker, WorkerDied
from sandbox.records import Answer

WORLD = """
import gymnasium as gym
from gymnasium import spaces

MAP = ["SFFF", "FHFH", "FFFH", "HFFG"]
MOVES = {"left": (0, -1), "down": (1, 0), "right": (0, 1), "up": (-1, 0)}
ORDER = ["left", "down", "right", "up"]


class World(gym.Env):
    def __init__(self):
        self.observation_space = spaces.Text(200, charset="SFHG\\n[]abcdefghijklmnopqrstuvwxyz .()")
        self.action_space = spaces.Text(10)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._row, self._column = 0, 0
        self._steps = 0
        return self._text("start"), {}

    def _text(self, move):
        row = MAP[self._row]
        return f"({move})\\n" + row[: self._column] + "[" + row[self._column] + "]" + row[self._column + 1 :]

    def step(self, action):
        if action not in MOVES:
            return "what?", 0.0, False, False, {}
        turn = (ORDER.index(action) + self.np_random.integers(-1, 2)) % 4
        down, right = MOVES[ORDER[turn]]
        self._row = min(max(self._row + down, 0), 3)
        self._column = min(max(self._column + right, 0), 3)
        self._steps += 1
        here = MAP[self._row][self._column]
        return self._text(action), float(here == "G"), here in "HG", self._steps >= 100, {}
"""
BARE = """
import gymnasium as gym


class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._count = 0
        return "0", {}

    def step(self, action):
        self._count += 1
        return str(self._count), 0.0, self._count >= 100, False, {}
"""
COPIES = 64
ACTIONS = ("right", "down", "left", "up", "right", "down")
Figures = dict[str, dict[str, Any]]


def plain_class(source: str) -> Any:
    """The source's environment in this process, over the real Gymnasium."""
    module = types.ModuleType("plain_world")
    sys.modules["plain_world"] = module
    exec(compile(source, "plain_world", "exec"), module.__dict__)
    return module.World


def steps_plain(world: Any, count: int, copies: int = COPIES) -> int:
    """Steps `copies` environments in turn, `count` rounds; the number of steps taken."""
    envs = [world() for _ in range(copies)]
    for i, env in enumerate(envs):
        env.reset(seed=i)
    for turn in range(count):
        action = ACTIONS[turn % len(ACTIONS)]
        for env in envs:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset(seed=turn)
    return count * copies


def steps_batched(worker: Worker, count: int, copies: int = COPIES) -> int:
    """The same, one message a round."""
    ids = worker.make(copies)
    worker.reset_batch([Reset(id, seed=i) for i, id in enumerate(ids)])
    for turn in range(count):
        action = ACTIONS[turn % len(ACTIONS)]
        answers = worker.step_batch([(id, action) for id in ids])
        over = [
            Reset(id, seed=turn)
            for id, answer in zip(ids, answers, strict=True)
            if isinstance(answer, Answer) and (answer.terminated or answer.truncated)
        ]
        if over:
            worker.reset_batch(over)
    worker.drop(ids)
    return count * copies


def episodes_plain(world: Any, count: int) -> int:
    steps = 0
    for seed in range(count):
        env = world()
        env.reset(seed=seed)
        for turn in range(100):
            _, _, terminated, truncated, _ = env.step(ACTIONS[turn % len(ACTIONS)])
            steps += 1
            if terminated or truncated:
                break
    return steps


def episodes_confined(worker: Worker, count: int) -> int:
    actions = [ACTIONS[turn % len(ACTIONS)] for turn in range(100)]
    return sum(len(e.answers) - 1 for e in worker.episodes([Script(actions, seed=seed) for seed in range(count)]))


def seconds(run: Callable[[], int]) -> float:
    """Seconds a step."""
    began = time.perf_counter()
    steps = run()
    return (time.perf_counter() - began) / steps


def compare(reference: Callable[[], int], subject: Callable[[], int], rounds: int) -> list[float]:
    """Ratios subject / reference, measured in turn."""
    reference(), subject()
    return [seconds(subject) / seconds(reference) for _ in range(rounds)]


def figure(values: list[float], target: float | None, unit: str, at_least: bool = False) -> dict[str, Any]:
    """Median, with the lower and upper quartile."""
    low, value, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    holds = None if target is None else (value >= target if at_least else value <= target)
    return {"value": value, "target": target, "holds": holds, "n": len(values), "low": low, "high": high, "unit": unit}


def policy_figures(rounds: int) -> Figures:
    """The language layer alone, in this process: authored classes stepped directly."""
    from sandbox.program import Program

    out: Figures = {}
    for name, source in (("", WORLD), ("_bare", BARE)):
        modules = dict(sys.modules)
        unrestricted = Program(source, "off").environment
        sys.modules.update(modules)  # without its language layer the program put its stand-ins there
        for policy, target in (("fast", 1.3 if not name else None), ("stock", None)):
            guarded = Program(source, policy).environment
            ratios = compare(lambda w=unrestricted: steps_plain(w, 60), lambda w=guarded: steps_plain(w, 60), rounds)
            out[f"{policy}_policy{name}_vs_plain"] = figure(ratios, target, "ratio")
    whole = compare(
        lambda: steps_plain(plain_class(WORLD), 60), lambda: steps_plain(Program(WORLD).environment, 60), rounds
    )
    out["fast_policy_vs_gymnasium"] = figure(whole, 1.3, "ratio")
    return out


def message_figures(sandbox: Sandbox, rounds: int) -> Figures:
    """Batches, single messages and whole episodes, against plain Python."""
    out: Figures = {}
    for name, source in (("", WORLD), ("_bare", BARE)):
        world = plain_class(source)
        with sandbox.load(source) as worker, sandbox.load(source, counting=True) as counting:
            ratios = compare(lambda w=world: steps_plain(w, 60), lambda k=worker: steps_batched(k, 60), rounds)
            out[f"batch64{name}_vs_plain"] = figure(ratios, None if name else 2.0, "ratio")
            ratios = compare(lambda w=world: episodes_plain(w, 200), lambda k=worker: episodes_confined(k, 200), rounds)
            out[f"episode{name}_vs_plain"] = figure(ratios, None if name else 1.5, "ratio")
            ratios = compare(lambda k=worker: steps_batched(k, 60), lambda k=counting: steps_batched(k, 60), rounds)
            out[f"counting{name}_vs_not"] = figure(ratios, None, "ratio")
            rate = [1 / seconds(lambda k=worker: steps_batched(k, 60)) for _ in range(rounds)]
            out[f"batch64{name}"] = figure(rate, None, "steps/s")
            rate = [1 / seconds(lambda k=worker: steps_batched(k, 600, 1)) for _ in range(rounds)]
            out[f"single{name}"] = figure(rate, None, "steps/s")
    return out


def alternative_figures(sandbox: Sandbox, rounds: int) -> Figures:
    """Against Gymnasium's AsyncVectorEnv, which confines nothing, and smolagents' interpreter, if installed."""
    world = plain_class(WORLD)
    vector = AsyncVectorEnv([world] * 8)
    vector.reset(seed=1)

    def asynchronous() -> int:
        for turn in range(40):
            vector.step([ACTIONS[turn % len(ACTIONS)]] * 8)
        return 320

    out: Figures = {}
    with sandbox.load(WORLD) as worker:
        ratios = compare(asynchronous, lambda: steps_batched(worker, 40, 8), rounds)
        out["batch8_vs_async_vector_env"] = figure(ratios, 1.0, "ratio")
        vector.close()
        if find_spec("smolagents"):
            from smolagents.local_python_executor import LocalPythonExecutor

            executor = LocalPythonExecutor([])
            executor.send_tools({})
            # It cannot derive from Gymnasium's class or call super(): base class and draw are written out.
            executor(_for_interpreter())

            def interpreted() -> int:
                executor("for i in range(40):\n    out = world.step(['right', 'down', 'left', 'up'][i % 4])\n")
                return 40

            ratios = compare(interpreted, lambda: steps_batched(worker, 40), rounds)
            out["batch64_vs_smolagents"] = figure(ratios, 1.0, "ratio")
    return out


def _for_interpreter() -> str:
    body = WORLD[WORLD.index("MAP =") :].replace("(gym.Env)", "").replace("        super().reset(seed=seed)\n", "")
    start, end = body.index("    def __init__"), body.index("    def reset")
    body = body[:start] + body[end:]
    return (
        body.replace("self.np_random.integers(-1, 2)", "(self._steps * 7 % 3 - 1)")
        + "\nworld = World()\nworld.reset()\n"
    )


def process_figures(rounds: int) -> Figures:
    """Starting, forking, and how late a deadline is noticed; milliseconds."""
    cold, forked, loaded, late = [], [], [], []
    for _ in range(max(5, rounds)):
        began = time.perf_counter()
        with Sandbox():
            cold.append(1e3 * (time.perf_counter() - began))
    endless = WORLD.replace(
        "        if action not in MOVES:", "        while True:\n            pass\n        if action not in MOVES:"
    )
    with Sandbox(Limits(message_seconds=0.3)) as sandbox:
        for _ in range(40 * max(1, rounds // 5)):
            began = time.perf_counter()
            worker = sandbox._fork()
            forked.append(1e3 * (time.perf_counter() - began))
            worker.close()
            began = time.perf_counter()
            sandbox.load(WORLD).close()
            loaded.append(1e3 * (time.perf_counter() - began))
        for _ in range(5):
            with sandbox.load(endless) as worker:
                env = SandboxedEnv(worker)
                env.reset(seed=1)
                began = time.perf_counter()
                try:
                    env.step("left")
                except WorkerDied:
                    late.append(1e3 * (time.perf_counter() - began - 0.3))
    p95 = statistics.quantiles(loaded, n=20)[-1]
    return {
        "cold_start": figure(cold, 150.0, "ms"),
        "fork": figure(forked, None, "ms"),
        "worker_ready_p95": {**figure(loaded, None, "ms"), "value": p95, "target": 15.0, "holds": p95 <= 15.0},
        "deadline_overshoot": {
            **figure(late, None, "ms"),
            "value": max(late),
            "target": 250.0,
            "holds": max(late) <= 250,
        },
    }


def hostile_figures() -> Figures:
    """The hostile corpus of the tests, through the full stack and with the language layer off.

    With that layer off, probes that only it can contain are left out.
    """
    from tests.sandbox.hostile.arena import run
    from tests.sandbox.hostile.corpus import probes

    chosen = probes()
    out: Figures = {}
    for policy in ("fast", "off"):
        results = run(policy, chosen)
        kept, n = sum(failure is None for failure in results.values()), len(results)
        share = {"value": kept / n, "target": 1.0, "holds": kept == n, "n": n}
        out[f"hostile_contained_{policy}"] = {**share, "low": None, "high": None, "unit": "share"}
    return out


def soak(steps: int, seed: int = 1, kill_every: int = 4000) -> dict[str, Any]:
    """Plays over 64 concurrent environments in two workers, one of which is killed now and then.

    Returns:
        Counts: steps, episodes begun, ended and lost to a killed worker, deaths; and what this process and its
        children hold at the start and at the end.
    """
    chance = random.Random(seed)
    counts = {"steps": 0, "begun": 0, "ended": 0, "lost": 0, "faults": 0}
    with Sandbox() as sandbox, Pool(sandbox, WORLD, workers=2) as pool:
        ids = pool.make(COPIES)
        live: set[int] = set()
        before: dict[str, int] | None = None
        following = kill_every
        while counts["steps"] < steps:
            idle = [id for id in ids if id not in live]
            if idle:
                counts["begun"] += len(idle)
                results = pool.reset_batch([Reset(id, seed=chance.randrange(2**31)) for id in idle])
                for id, result in zip(idle, results, strict=True):
                    if isinstance(result, Answer):
                        live.add(id)
                    else:
                        counts["lost" if isinstance(result, WorkerDied) else "faults"] += 1
            going = sorted(live)
            results = pool.step_batch([(id, chance.choice(ACTIONS)) for id in going])
            for id, result in zip(going, results, strict=True):
                if isinstance(result, Answer):
                    counts["steps"] += 1
                    if not (result.terminated or result.truncated):
                        continue
                    counts["ended"] += 1
                else:
                    counts["lost" if isinstance(result, WorkerDied) else "faults"] += 1
                live.discard(id)
            if counts["steps"] >= following:
                following += chance.randrange(1, 2 * kill_every)
                os.kill(chance.choice(pool.workers).pid, signal.SIGKILL)
            if before is None and counts["steps"] > min(steps // 4, 100_000):
                before = held(sandbox)
        after = held(sandbox)
        return {**counts, "running": len(live), "deaths": len(pool.deaths), "before": before, "after": after}


def held(sandbox: Sandbox) -> dict[str, int]:
    """What a leak would make grow: memory in KiB, descriptors, children of the fork server."""
    server = sandbox._server.pid

    def resident(pid: int) -> int:
        with open(f"/proc/{pid}/statm", "rb") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024

    with open(f"/proc/{server}/task/{server}/children") as children:
        count = len(children.read().split())
    return {
        "memory": resident(os.getpid()),
        "server_memory": resident(server),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "server_descriptors": len(os.listdir(f"/proc/{server}/fd")),
        "processes": count,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sandbox", description=__doc__.split("\n\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=9, help="measurements of each ratio")
    parser.add_argument("--soak", type=int, default=0, metavar="STEPS", help="play so many steps, killing workers")
    options = parser.parse_args()
    if options.soak:
        print(json.dumps(soak(options.soak)))
        return
    figures = policy_figures(options.rounds) | process_figures(options.rounds)
    with Sandbox() as sandbox:
        figures |= message_figures(sandbox, options.rounds) | alternative_figures(sandbox, options.rounds)
    figures |= hostile_figures()
    if options.json:
        print(json.dumps({"figures": figures}))
        return
    for name, row in figures.items():
        target = "" if row["target"] is None else f"target {row['target']:g} {'ok' if row['holds'] else 'MISSED'}"
        print(f"{name:32} {row['value']:10.3f} {row['unit']:8} n={row['n']:<4} {target}")


if __name__ == "__main__":
    main()
