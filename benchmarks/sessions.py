"""How fast logs are read, side by side with `datasets.load_dataset` on the same files.

    python -m benchmarks.sessions --json [--gigabytes 1]

Two logs are made up: tool-calling chats with a long system prompt (`chat`), and text games in the project's own format
(`own`). Each reading is a process of its own, three a side and alternating, so that a busy machine slows both and its
peak memory is its own. `load_dataset` is given a fresh cache and then read through once, because reading a log means
having its sessions; the floor is to split the file into lines and parse each with orjson, keeping nothing.
"""

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson

from benchmarks import show
from rollout.figure import Figure
from rollout.trajectory import Trajectory, Turn

MEGABYTE = 10**6
WORDS = ("the", "a", "red", "old", "brass", "key", "door", "lamp", "opens", "north", "leads", "behind", "of", "you")
CITIES = ("JFK", "SEA", "LAX", "DFW", "CLT", "MCO", "DEN")
REPEATS = 3
RAISED = 1.15  # of the time a byte takes, from the small log to the large one
FLAT = 1.25  # of the peak memory, likewise
SMALL = 0.1  # of the large log


def chat(random: random.Random, number: int, policy: str) -> bytes:
    """A customer-service chat of about 15 kB: words, tool calls, JSON results."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": policy}]
    for turn in range(8):
        messages.append({"role": "user", "content": words(random, 20)})
        name, call = random.choice(("get_user", "get_reservation", "search")), f"call_{number}_{turn}"
        arguments = json.dumps({"id": f"u{random.randrange(10**6)}", "from": random.choice(CITIES)})
        messages.append({"role": "assistant", "content": None, "tool_calls": [
            {"id": call, "type": "function", "function": {"name": name, "arguments": arguments}}]})
        flights = [{"flight": f"HAT{random.randrange(300)}", "price": random.randrange(500)} for _ in range(6)]
        messages.append({"role": "tool", "tool_call_id": call, "name": name, "content": json.dumps(flights)})
        messages.append({"role": "assistant", "content": words(random, 40)})
    return orjson.dumps({"task_id": number % 50, "reward": float(random.random() < 0.4), "messages": messages}) + b"\n"


def own(random: random.Random, number: int, policy: str) -> bytes:
    """A text game of about 4 kB."""
    turns = tuple(
        Turn(action=words(random, 2), observation=words(random, 25), reward=0.0, terminated=turn == 19, truncated=False)
        for turn in range(20)
    )
    first = words(random, 25)
    session = Trajectory(id=f"s{number}", source="real", task=f"g{number % 60}", observation=first, turns=turns)
    return session.model_dump_json(exclude_none=True).encode() + b"\n"


def words(random: random.Random, count: int) -> str:
    return " ".join(random.choices(WORDS, k=count))


def make(path: Path, kind: str, size: int) -> int:
    """Write a log of a size in bytes; returns its sessions. One block is made up and repeated under new ids."""
    draw = random.Random(0)
    policy = words(draw, 1200)
    block = [(chat if kind == "chat" else own)(draw, number, policy) for number in range(500)]
    sessions = written = 0
    with open(path, "wb") as stream:
        while written < size:
            line = block[sessions % len(block)]
            if kind == "own":
                line = line.replace(b'"id":"s', f'"id":"r{sessions // len(block)}-'.encode(), 1)
            written += stream.write(line)
            sessions += 1
    return sessions


def ours(path: str) -> int:
    from rollout.sessions import read

    return sum(1 for _ in read([path]))


def theirs(path: str) -> int:
    import datasets

    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as cache:
        rows = datasets.load_dataset("json", data_files=path, cache_dir=cache)["train"]
        return sum(1 for _ in rows)


def loaded(path: str) -> int:
    import datasets

    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as cache:
        return len(datasets.load_dataset("json", data_files=path, cache_dir=cache)["train"])


def floor(path: str) -> int:
    with open(path, "rb") as stream:
        return sum(orjson.loads(line) is not None for line in stream)


READERS = {"ours": ours, "datasets": theirs, "datasets, loading only": loaded, "orjson": floor}


def measure(reader: str, path: Path) -> tuple[float, float, int]:
    """Seconds, peak memory in MB and sessions of one reading, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.sessions", "--reader", reader, str(path)]
    environment = os.environ | {"HF_DATASETS_OFFLINE": "1", "OMP_WAIT_POLICY": "passive"}
    found = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.split()
    return float(found[-3]), float(found[-2]), int(found[-1])


def compare(kind: str, small: int, large: int) -> dict[str, Figure]:
    """The figures of one kind of log."""
    figures: dict[str, Figure] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{kind}.jsonl"
        sessions = make(path, kind, small)
        taken: dict[str, list[float]] = {reader: [] for reader in READERS}
        memory: dict[str, float] = {}
        for _ in range(REPEATS):
            for reader in READERS:
                seconds, memory[reader], count = measure(reader, path)
                assert count == sessions, (reader, count, sessions)
                taken[reader].append(seconds)
                speed = small / MEGABYTE / seconds
                print(f"{kind}: {reader} {speed:.0f} MB/s, {memory[reader]:.0f} MB", file=sys.stderr)
        median = {reader: statistics.median(seconds) for reader, seconds in taken.items()}

        def faster(reader: str, target: float | None = None) -> Figure:
            each = sorted(other / mine for other, mine in zip(taken[reader], taken["ours"], strict=True))
            value = median[reader] / median["ours"]
            return figure(value, "times as fast", REPEATS, target, low=each[0], high=each[-1])

        figures[f"{kind}_speed"] = figure(small / MEGABYTE / median["ours"], "MB/s", REPEATS)
        figures[f"{kind}_sessions"] = figure(sessions / median["ours"], "sessions/s", REPEATS)
        figures[f"{kind}_against_datasets"] = faster("datasets", 1.0)
        figures[f"{kind}_against_datasets_loading_only"] = faster("datasets, loading only")
        figures[f"{kind}_against_orjson"] = faster("orjson")
        figures[f"{kind}_memory"] = figure(memory["ours"], "MB")
        figures[f"{kind}_memory_of_datasets"] = figure(memory["datasets"], "MB")
        make(path, kind, large)
        seconds, peak, _ = measure("ours", path)
        print(f"{kind}: {large / MEGABYTE:.0f} MB in {seconds:.1f} s, {peak:.0f} MB of memory", file=sys.stderr)
        raised = seconds / large / (median["ours"] / small)
        figures[f"{kind}_linear"] = figure(raised, "times the seconds a byte", 1, RAISED, atmost=True)
        figures[f"{kind}_flat"] = figure(peak / memory["ours"], "times the memory", 1, FLAT, atmost=True)
    return figures


def figure(value: float, unit: str, n: int = 1, target: float | None = None, atmost: bool = False,
           low: float | None = None, high: float | None = None) -> Figure:
    holds = None if target is None else value <= target if atmost else value >= target
    stated = None if target is None else f"{'<=' if atmost else '>='} {target:g}"
    return Figure(value=value, target=stated, holds=holds, n=n, low=low, high=high, unit=unit)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sessions", description=__doc__.split("\n\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--gigabytes", type=float, default=1.0, help="size of the large log")
    parser.add_argument("--reader", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reader:
        reader, path = options.reader
        began = time.perf_counter()
        count = READERS[reader](path)
        seconds = time.perf_counter() - began
        print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, count)
        return
    large = int(options.gigabytes * 1000 * MEGABYTE)
    figures = {name: row for kind in ("chat", "own") for name, row in compare(kind, int(SMALL * large), large).items()}
    show(figures, options.json)


if __name__ == "__main__":
    main()
