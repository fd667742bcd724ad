"""Whole nights on the examples, over several seeds: real success before and after, beside the baselines.

    python -m benchmarks.night --json [--example frozen_lake] [--seeds 0 1 2]

What a user would pick instead (cloning alone for the night's time) and the limit (GRPO in the real engine for as many
episodes; for the slippery lake the optimum by dynamic programming) stand in the same object.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import gymnasium as gym
import numpy as np

from benchmarks import show
from dreamer.records import Report
from rollout.figure import Figure

ROOT = Path(__file__).parent.parent
EXAMPLES = ("frozen_lake", "slippery_lake", "textworld")
TARGETS = {"frozen_lake": 0.95, "textworld": 0.9}


def optimum(turns: int = 100) -> float:
    """Success of the best policy on slippery FrozenLake-v1 within so many turns, from Gymnasium's own table `P`."""
    table = gym.make("FrozenLake-v1", is_slippery=True).unwrapped.P  # type: ignore[attr-defined]
    value = np.zeros(len(table))
    for _ in range(turns):
        value = np.array([
            max(sum(p * (reward + (0.0 if end else value[after])) for p, after, reward, end in outcomes)
                for outcomes in table[state].values())
            for state in table
        ])
    return float(value[0])


def dream(config: Path, folder: Path, settings: Mapping[str, str]) -> Report:
    """What a night came to that is run as a user would.

    Args:
        folder: of the run.
        settings: laid over the configuration; values are TOML.
    """
    command = [sys.executable, "-m", "dreamer.cli", "run", str(config), "--json", "--run", str(folder)]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
    return Report.model_validate_json(done.stdout)


def run(example: str, seed: int, baselines: bool) -> dict[str, Figure]:
    """The figures of one night."""
    wanted = str(baselines).lower()
    with tempfile.TemporaryDirectory() as folder:
        return dream(ROOT / "examples" / example / "night.toml", Path(folder) / "run", {
            "seed": str(seed), "baselines.cloning": wanted, "baselines.production": wanted}).figures


def measure(examples: list[str], seeds: list[int], baselines: bool) -> dict[str, Figure]:
    """Every night's figures, and the median of what is asked for."""
    figures: dict[str, Figure] = {}
    for example in examples:
        nights = {seed: run(example, seed, baselines) for seed in seeds}
        for seed, night in nights.items():
            figures |= {f"{example}, seed {seed}: {name}": figure for name, figure in night.items()}
        after = median(night["real_success_after"].value or 0.0 for night in nights.values())
        before = max(night["real_success_before"].value or 0.0 for night in nights.values())
        target = 0.9 * optimum() if example == "slippery_lake" else TARGETS[example]
        figures[f"{example}: median real success after"] = Figure(
            value=after, n=len(seeds), low=min(night["real_success_after"].low or 0.0 for night in nights.values()),
            high=max(night["real_success_after"].high or 0.0 for night in nights.values()),
            target=f">= {target:.3f}", holds=after >= target, unit="share of episodes",
        )
        figures[f"{example}: highest real success before"] = Figure(
            value=before, n=len(seeds), target="<= 0.5", holds=before <= 0.5, unit="share of episodes")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object (else a line a figure)")
    parser.add_argument("--example", nargs="+", choices=EXAMPLES, default=list(EXAMPLES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--no-baselines", action="store_true", help="nights only")
    options = parser.parse_args()
    figures = measure(options.example, options.seeds, not options.no_baselines)
    show(figures, options.json)


if __name__ == "__main__":
    main()
