"""What it costs to judge an environment, beside plain replay of the same source in this process.

    python -m benchmarks.fidelity --json

Plain replay is the limit: the source run by Gymnasium without a sandbox, one reset a session, one step and one
comparison a logged step; it cannot say how likely an answer was. Both sides replay the same sessions, alternately, and
ratios are of medians over rounds, with the smallest and largest round's ratio as interval. Replaying is
`Belief.replays`: every step scored. Judging is `judge`, the whole report: the same and both references, all figures
with their intervals, drawn starts and beginning again, which cost the same for few sessions and for many.
"""

import argparse
import gc
import os
import statistics
import time
from collections.abc import Iterator, Sequence

from benchmarks import show
from envgen.belief import Belief
from envgen.fidelity import judge
from envgen.patterns import usual_reward
from rollout.figure import Figure
from rollout.trajectory import Trajectory
from sandbox import Sandbox, Worker
from tests.worlds import recorded
from tests.worlds.source import load, read

# A world whose chance no script decides: the draw itself is told.
WEATHER = """
import gymnasium as gym

class Weather(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return "Morning.", {}

    def step(self, action):
        degrees = 20.0 + float(self.np_random.normal())
        return "Warm." if degrees > 20.0 else "Cold.", 0.0, False, False, {}
"""
# Kind: world, sessions. Deterministic worlds are followed; of the others, each step's chance is found.
WORLDS = {
    "deterministic (cliff)": ("cliff", 300),
    "deterministic after the start (taxi)": ("taxi", 1000),
    "enumerated (lake_slippery)": ("lake_slippery", 100),
    "card game (blackjack)": ("blackjack", 20),
    "sampled (weather)": ("weather", 4),
}
SHORT, LONG = 10_000, 100_000  # steps


def source(world: str) -> str:
    return WEATHER if world == "weather" else read(world)


def sessions(world: str, count: int, seed: int = 3) -> Sequence[Trajectory]:
    if world != "weather":
        return recorded.sessions(world, count, seed)
    from tests.worlds.players import record, wanders

    return record(load(WEATHER)(), wanders(("wait",)), count, seed, 20, world)


def plainly(world: str, judged: Sequence[Trajectory]) -> int:
    """Steps that plain Gymnasium answers as logged; every session begins where its log does, if it can."""
    kind, same = load(source(world)), 0
    for session in judged:
        env = kind()
        env.reset(seed=0, options={"observation": session.observation.text})
        for turn in session.turns:
            text, reward, ended, _, _ = env.step(turn.action.text)
            same += text == turn.answer and reward == turn.reward and ended == turn.terminated
    return same


def seconds(run: object) -> float:
    begun = time.perf_counter()
    assert callable(run)
    run()
    return time.perf_counter() - begun


def resident(pid: int) -> float:
    """MiB that a process holds."""
    with open(f"/proc/{pid}/statm", "rb") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


def figure(value: float, low: float, high: float, n: int, unit: str, target: float | None = None,
           at_least: bool = True) -> Figure:
    if target is None:
        return Figure(value=value, n=n, low=low, high=high, unit=unit)
    holds = value >= target if at_least else value <= target
    return Figure(value=value, n=n, low=low, high=high, unit=unit, holds=holds,
                  target=f"{'>=' if at_least else '<='} {target:g}")


def compared(sandbox: Sandbox, kind: str, rounds: int) -> dict[str, Figure]:
    """Replaying and judging in one world, beside replaying it plainly."""
    world, count = WORLDS[kind]
    judged, shown = sessions(world, count), sessions(world, count, 4)
    steps = sum(len(session.turns) for session in judged)
    mine, plain, whole = [], [], []
    gc.collect()
    gc.freeze()  # the recorded sessions, which neither side should pay for
    with sandbox.load(source(world)) as worker:
        for _ in range(rounds):
            plain.append(seconds(lambda: plainly(world, judged)))
            mine.append(seconds(lambda: sum(map(len, Belief(worker).replays(judged)))))
            if not kind.startswith("card game"):
                whole.append(seconds(lambda: judge(worker, world, shown, judged, usual_reward(shown))))
    ratios = [one / other for one, other in zip(plain, mine, strict=True)]
    rate, share = steps / statistics.median(mine), statistics.median(ratios)
    rates = [steps / each for each in mine]
    figures = {
        f"{kind}: replayed": figure(rate, min(rates), max(rates), rounds, "steps/s"),
        f"{kind}: replayed, against plain replay": figure(share, min(ratios), max(ratios), rounds, "ratio of steps/s",
                                                0.5 if kind.startswith("deterministic") else None),
    }
    if whole:
        rates, ratios = [steps / each for each in whole], [one / other for one, other in zip(plain, whole, strict=True)]
        figures[f"{kind}: judged"] = figure(statistics.median(rates), min(rates), max(rates), rounds, "steps/s")
        figures[f"{kind}: judged, against plain replay"] = figure(
            statistics.median(ratios), min(ratios), max(ratios), rounds, "ratio of steps/s")
    if kind.startswith("card game"):
        costs = [each / steps for each in mine]
        figures[f"{kind}: a step"] = figure(statistics.median(costs), min(costs), max(costs), rounds, "s", 1.0, False)
    return figures


def repeated(some: Sequence[Trajectory], steps: int) -> Iterator[Trajectory]:
    """The same sessions again and again, until there are so many steps; nobody holds them."""
    while steps > 0:
        for session in some:
            yield session.model_copy(update={"id": f"{session.id}-{steps}"})
            steps -= len(session.turns)
            if steps <= 0:
                return


def scaled(sandbox: Sandbox, rounds: int) -> dict[str, Figure]:
    """Ten times as many steps: a tenth as fast, and no larger?"""
    some, shown = recorded.sessions("cliff", 100, 3), recorded.sessions("cliff", 100, 4)
    many = {steps: list(repeated(some, steps)) for steps in (SHORT, LONG)}
    usual = usual_reward(shown)
    gc.collect()
    gc.freeze()

    def measured(worker: Worker, steps: int, whole: bool) -> tuple[float, float, float]:
        """Steps a second, and MiB of both sides."""
        most = [0.0]

        def told(count: int) -> None:
            most.append(resident(os.getpid()) if len(most) % 200 == 0 else 0.0)

        begun = time.perf_counter()
        if whole:
            judge(worker, "cliff", shown, many[steps], usual, told)
        else:
            for _ in Belief(worker).replays(many[steps]):
                told(1)
        rate = steps / (time.perf_counter() - begun)
        return rate, max(*most, resident(os.getpid())), resident(worker.pid)

    figures = {}
    for name, whole in (("replayed", False), ("judged", True)):
        found: dict[int, list[tuple[float, float, float]]] = {SHORT: [], LONG: []}
        plain = []
        for _ in range(rounds):
            plain.append(LONG / seconds(lambda: plainly("cliff", many[LONG])))
            for steps, rows in found.items():
                with sandbox.load(read("cliff")) as worker:
                    rows.append(measured(worker, steps, whole))
        for place, (what, unit, target, at_least) in enumerate((
            ("steps/s", "ratio", 0.9, True), ("memory of the judge", "ratio of MiB", 1.25, False),
            ("memory of the worker", "ratio of MiB", 1.25, False),
        )):
            ratios = [long[place] / short[place] for short, long in zip(found[SHORT], found[LONG], strict=True)]
            figures[f"{LONG:,} steps against {SHORT:,}, {name}: {what}"] = figure(
                statistics.median(ratios), min(ratios), max(ratios), rounds, unit, target, at_least)
        costs = [1e6 / rate for rate, *_ in found[LONG]]
        ratios = [rate / other for (rate, *_), other in zip(found[LONG], plain, strict=True)]
        figures[f"{LONG:,} steps, {name}: a step"] = figure(
            statistics.median(costs), min(costs), max(costs), rounds, "µs", 15.0 if whole else None, False)
        figures[f"{LONG:,} steps, {name}: against plain replay"] = figure(
            statistics.median(ratios), min(ratios), max(ratios), rounds, "ratio of steps/s")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object (else a line a figure)")
    parser.add_argument("--rounds", type=int, default=7, help="measurements of each ratio")
    options = parser.parse_args()
    figures: dict[str, Figure] = {}
    with Sandbox() as sandbox:
        for kind in WORLDS:
            figures |= compared(sandbox, kind, 3 if kind.startswith("card game") else options.rounds)
        figures |= scaled(sandbox, max(3, options.rounds - 2))
    show(figures, options.json)


if __name__ == "__main__":
    main()
