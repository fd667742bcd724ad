"""How soon a reader sees the trajectories of a large night, in a real browser.

    python -m benchmarks.viewer --json [--trajectories 100000]

A night is made up: real sessions and rounds of episodes, about 130 MB; and two sessions that are huge, one by a text of
50 MB and one by 100,000 turns. `dream view` serves it as a process of its own, Chromium opens it, and times are the
browser's own: first paint from the beginning of the navigation, a filter from the change of its field to the next frame
that shows what matches. Cold is a viewer that was just started, without an index. The floor is to read the same lines
and parse each with orjson, keeping nothing.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING
from urllib.request import urlopen

import orjson

from benchmarks import show
from dreamer.config import Config
from dreamer.sections import Sessions
from dreamer.store import Store
from rollout.figure import Figure
from rollout.trajectory import Trajectory

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

EPISODES = 1000  # a round
HUGE = 50_000_000  # characters
TURNS = 100_000
REPEATS = 5
PAINT, FILTER = 1.0, 0.5  # seconds, at most
FILTERS = {
    "result": ("outcome", "won"), "task": ("task", "task 7"), "length": ("turns_from", "20"),
    "part": ("part", "round-005"), "policy": ("policy", "policy-9"), "words": ("q", "-000123"),
    "imagined share": ("imagined_from", "0.5"),
}
CHANGE = """async ([name, value]) => {
    const field = document.querySelector(`[name="${name}"]`), old = document.getElementById("results");
    const began = performance.now();
    field.value = value;
    field.dispatchEvent(new Event("input", {bubbles: true}));
    while (document.getElementById("results") === old) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return (performance.now() - began) / 1000;
}"""
PAINTED = """async () => {
    for (;;) {
        const paint = performance.getEntriesByName("first-contentful-paint")[0];
        if (paint) return paint.startTime / 1000;
        await new Promise(requestAnimationFrame);
    }
}"""


def line(random: Random, number: int, source: str) -> bytes:
    """A session of a text game, of about 1.3 kB."""
    dreamed, length = source == "dreamed", random.randrange(4, 30)
    turns = [{
        "action": random.choice(("left", "right", "up", "down")),
        "observation": f"Row {random.randrange(9)}, column 1.",
        "reward": 0.0, "terminated": turn == length - 1, "truncated": False,
        **({"imagined": True} if dreamed and random.random() < 0.2 else {}),
    } for turn in range(length)]
    round = number // EPISODES
    return orjson.dumps({
        "version": 2, "id": f"round-{round:03d}-{number % EPISODES:06d}" if dreamed else f"session-{number:06d}",
        "source": source, "task": f"task {random.randrange(40)}", "observation": f"Row {number % 7}, column 1.",
        "turns": turns, "outcome": float(random.random() < 0.6), "stop": random.choice(("terminated", "truncated")),
        "policy": f"policy-{round}" if dreamed else "agent", **({"round": round} if dreamed else {}),
    }) + b"\n"


def make(root: Path, count: int) -> Store:
    """A run folder with so many trajectories."""
    random = Random(0)
    store = Store.open(root, Config(name="large", folder=root, sessions=Sessions(files=("x",))), resume=False)
    store.sessions("shown").parent.mkdir()
    store.sessions("shown").write_bytes(b"".join(line(random, number, "real") for number in range(EPISODES)))
    for round in range(count // EPISODES - 1):
        path = store.episodes(f"round-{round:03d}")
        path.parent.mkdir()
        path.write_bytes(b"".join(line(random, round * EPISODES + number, "dreamed") for number in range(EPISODES)))
    Trajectory.model_validate_json(path.read_bytes().splitlines()[-1])
    return store


def huge(root: Path) -> Store:
    """A run folder with a session of one long text, and one of many turns."""
    store = Store.open(root, Config(name="huge", folder=root, sessions=Sessions(files=("x",))), resume=False)
    text = {"version": 2, "id": "long", "source": "real", "observation": "Begin.",
            "turns": [{"action": "go", "observation": "<b>on and on</b> " * (HUGE // 17)}]}
    many = {"version": 2, "id": "many", "source": "real", "observation": "Begin.",
            "turns": [{"action": f"go {turn}", "observation": f"Room {turn}.", "reward": 0.0} for turn in range(TURNS)]}
    store.sessions("shown").parent.mkdir()
    store.sessions("shown").write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in (text, many)))
    return store


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of `dream view`, without its token."""
    command = [sys.executable, "-m", "dreamer.cli", "view", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            home = process.stdout.readline().partition("#")[0]
            urlopen(f"{home}static/icon.svg").close()  # it is up
            yield home
        finally:
            process.kill()


def painted(browser: "Browser", address: str, rows: str) -> tuple[float, "Page"]:
    """Seconds until a page first shows something, which must hold some rows."""
    page = browser.new_page()
    page.goto(address, wait_until="load")
    seconds = float(page.evaluate(PAINTED))
    assert page.locator(rows).count() > 0, address
    return seconds, page


def floor(store: Store) -> float:
    """Seconds to parse every line, keeping nothing."""
    began = time.perf_counter()
    for path in store.parts().values():
        with open(path, "rb") as stream:
            for each in stream:
                orjson.loads(each)
    return time.perf_counter() - began


def lists(browser: "Browser", store: Store, count: int) -> dict[str, Figure]:
    """The list of a large night, while its index is made and afterwards."""
    def timed(values: list[float], most: float | None = None) -> Figure:
        """The slowest of some times."""
        value = max(values)
        return Figure(value=value, n=len(values), unit="s", target=f"<= {most:g}" if most else None,
                      holds=value <= most if most else None)

    figures: dict[str, Figure] = {}
    cold, whole = [], []
    for _ in range(REPEATS):
        for path in store.folder.glob("index.sqlite*"):
            path.unlink()
        with served(store.root) as home:
            began = time.perf_counter()
            seconds, page = painted(browser, f"{home}{store.root.name}/night-001/trajectories", "tbody tr")
            cold.append(seconds)
            assert page.locator("#results[data-building]").count() == 1
            page.locator("#results:not([data-building])").wait_for(timeout=120_000)
            whole.append(time.perf_counter() - began)
            assert f"{count:,}" in page.locator("#results").inner_text()
            page.close()
    with served(store.root) as home:
        warm: list[float] = []
        filters: dict[str, list[float]] = {name: [] for name in FILTERS}
        sorts: list[float] = []
        address = f"{home}{store.root.name}/night-001/trajectories"
        painted(browser, address, "tbody tr")[1].close()  # the server's first page of all
        for _ in range(REPEATS):
            seconds, page = painted(browser, address, "tbody tr")
            warm.append(seconds)
            for name, (field, value) in FILTERS.items():
                filters[name].append(float(page.evaluate(CHANGE, [field, value])))
                page.evaluate(CHANGE, [field, ""])
            page.close()
            for query in ("sort=-turns", "sort=id&page=700"):
                seconds, page = painted(browser, f"{address}?{query}", "tbody tr")
                sorts.append(seconds)
                page.close()
    figures["list: first paint while the index is made"] = timed(cold, PAINT)
    figures["list: first paint"] = timed(warm, PAINT)
    figures |= {f"filter: {name}": timed(values, FILTER) for name, values in filters.items()}
    figures["list: another order"] = timed(sorts, PAINT)
    figures["list: all is there"] = timed(whole)
    figures["floor: orjson alone"] = timed([floor(store) for _ in range(REPEATS)])
    return figures


def pages(browser: "Browser", store: Store) -> dict[str, Figure]:
    """Pages of sessions that are huge."""
    figures: dict[str, Figure] = {}
    with served(store.root) as home:
        address = f"{home}{store.root.name}/night-001/trajectories/shown"
        painted(browser, address.removesuffix("/shown"), "form")[1].close()
        places = {"50 MB in one text": "0", "100,000 turns": "1", "100,000 turns, the last": "1?from=100000"}
        for name, place in places.items():
            seconds = []
            for _ in range(REPEATS):
                taken, page = painted(browser, f"{address}/{place}", ".turn")
                seconds.append(taken)
                page.close()
            figures[f"trajectory: first paint, {name}"] = Figure(
                value=max(seconds), n=REPEATS, unit="s", target=f"<= {PAINT:g}", holds=max(seconds) <= PAINT)
    figures["floor: orjson alone, both huge sessions"] = Figure(value=floor(store), n=1, unit="s")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.viewer", description=__doc__.split("\n\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--trajectories", type=int, default=100_000, help="of the large night")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        count = options.trajectories // EPISODES * EPISODES
        figures = lists(browser, make(Path(folder) / "large", count), count)
        figures |= pages(browser, huge(Path(folder) / "huge"))
        browser.close()
    show(figures, options.json)


if __name__ == "__main__":
    main()
