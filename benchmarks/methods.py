"""The same sessions and the same number of episodes, spent in different ways: one table.

    python -m benchmarks.methods --json [--example frozen_lake] [--seeds 0 1 2]

A night of GRPO in the dream stands beside the base, cloning alone for as long, imitation of the episodes it won in the
dream, on-policy self-distillation from won rehearsals, and GRPO in the real engine, the upper bound. The last row is
what the gate is for: a night whose environment pays for losing, refused, and once more with the gate forced open.
All success is measured in the real engine; seeds are pooled, so `n` counts episodes of all of them.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import show
from rollout.figure import Figure, proportion

ROOT = Path(__file__).parent.parent
BASELINES = ("cloning", "production", "imitation", "distillation")
OPEN_GATE = {  # every bound where nothing can fail it
    "step_probability": 0.0, "reward_f1": 0.0, "end_f1": 0.0, "contradicted_event": 1.0, "contradicted": 1.0,
    "faults": 1.0, "frequencies_off": 1.0, "reset_match": 0.0, "starts_taken": 0.0, "drawn_off": 1.0,
    "entry_contradicted": 1.0, "actions_match": 0.0, "undetermined": 1.0, "nats_over_counts": 1e9, "calibration": 1e9,
    "reset_surprise": 1e9,
}
BASE, DREAM, REAL, FORCED = "base", "GRPO in the dream", "GRPO in the real engine", "GRPO in a corrupted dream, forced"


def night(example: str, seed: int, folder: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The report of a night."""
    command = [sys.executable, "-m", "dreamer.cli", "run", f"examples/{example}/night.toml", "--json",
               "--run", str(folder), "--set", f"seed={seed}"]
    for key, value in settings.items():
        command += ["--set", f"{key}={json.dumps(value)}"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def corrupted(source: str) -> str:
    """A learned environment that pays for every end but the right one."""
    return source.replace(", 1.0, True)", ", PAID, True)").replace(", 0.0, True)", ", 1.0, True)").replace(
        "PAID", "0.0")


def rows(example: str, seed: int) -> tuple[dict[str, Figure], str]:
    """Real success by method, of one seed; and what the gate said of the corrupted environment."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        report = night(example, seed, root / "night", {f"baselines.{name}": True for name in BASELINES})
        figures = {name: Figure.model_validate(figure) for name, figure in report["figures"].items()}
        found = {BASE: figures["real_success_before"], DREAM: figures["real_success_after"]}
        for name, figure in figures.items():
            if name.startswith("baseline: "):
                found[name.removeprefix("baseline: ").partition(",")[0] if "real engine" in name
                      else name.removeprefix("baseline: ")] = figure
        member = next(name for name, refusals in report["environments"].items() if not refusals)
        source = (root / "night" / "environments" / member / "environment.py").read_text()
        (root / "corrupted.py").write_text(corrupted(source))
        settings = {"author.files": [str(root / "corrupted.py")], "author.automaton": False,
                    **{f"baselines.{name}": False for name in BASELINES}}
        refused = night(example, seed, root / "refused", settings)
        if refused["verdict"] != "refused":
            raise SystemExit("the gate let the corrupted environment through")
        forced = night(example, seed, root / "forced",
                       {**settings, **{f"gate.{name}": value for name, value in OPEN_GATE.items()}})
        found[FORCED] = Figure.model_validate(forced["figures"]["real_success_after"])
        if forced["verdict"] == "promoted":
            raise SystemExit("a policy of the corrupted dream was promoted")
    return found, str(refused["reason"])


def pooled(figures: list[Figure]) -> Figure:
    """One proportion of all seeds' episodes."""
    count = sum(figure.n for figure in figures)
    won = sum(round((figure.value or 0.0) * figure.n) for figure in figures)
    return proportion(won, count, unit="share of episodes")


def measure(example: str, seeds: list[int]) -> dict[str, Figure]:
    """The table, pooled and by seed."""
    by_method: dict[str, list[Figure]] = defaultdict(list)
    figures: dict[str, Figure] = {}
    for seed in seeds:
        found, reason = rows(example, seed)
        print(f"seed {seed}, corrupted: {reason}", file=sys.stderr)
        for name, figure in found.items():
            by_method[name].append(figure)
            figures[f"{example}, seed {seed}: {name}"] = figure
    table = {name: pooled(each) for name, each in by_method.items()}
    figures |= {f"{example}: {name}": figure for name, figure in table.items()}
    dream, real, base = table[DREAM], table[REAL], table[BASE]
    gained = real.low is not None and base.high is not None and real.low > base.high
    figures[f"{example}: GRPO in the real engine gains"] = Figure(
        value=float(gained), n=real.n, target="1", holds=gained, unit="intervals apart")
    ratio = (dream.value or 0.0) / (real.value or 1.0)
    figures[f"{example}: dream over real"] = Figure(
        value=ratio, n=dream.n, low=(dream.low or 0.0) / (real.high or 1.0), high=(dream.high or 0.0) / (real.low or 1.0),
        target=">= 0.95", holds=ratio >= 0.95, unit="ratio of success")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object (else a line a figure)")
    parser.add_argument("--example", default="frozen_lake")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options = parser.parse_args()
    show(measure(options.example, options.seeds), options.json)


if __name__ == "__main__":
    main()
