"""The same sessions and the same number of episodes, spent in different ways: one table.

    python -m benchmarks.methods --json [--seeds 0 1 2] [--rounds 30]

Each seed is a lake of `benchmarks/lakes.py` that no base was cloned on, with sessions of an agent that knows nothing of
it. A night of GRPO in the dream stands beside the base, cloning alone for as long, imitation of the episodes that the
base won in the dream, on-policy self-distillation from what it does when it is told of another session, and GRPO in the
real engine, the upper bound. The last row is what the gate is for: a night whose environment pays for losing, refused,
and once more with the gate forced open and what is imagined allowed. All success is measured in the real engine; seeds
are pooled, so `n` counts episodes of all of them.
"""

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import show
from benchmarks.lakes import ACTION_TOKENS, HELD_OUT, STEPS, Knowledge, Lake, make_base, record
from benchmarks.night import ROOT, dream
from dreamer.records import Report
from rollout.figure import Figure, proportion

SESSIONS = 400
BASELINES = ("cloning", "production", "imitation", "distillation")
OPEN = {  # every bound where nothing can fail it
    "step_probability": 0.0, "reward_f1": 0.0, "end_f1": 0.0, "contradicted_event": 1.0, "contradicted": 1.0,
    "faults": 1.0, "frequencies_off": 1.0, "reset_match": 0.0, "starts_taken": 0.0, "drawn_off": 1.0,
    "entry_contradicted": 1.0, "actions_match": 0.0, "undetermined": 1.0, "nats_over_counts": 1e9, "calibration": 1e9,
    "reset_surprise": 1e9,
}
BASE, DREAM, REAL, FORCED = "base", "GRPO in the dream", "GRPO in the real engine", "GRPO in a corrupted dream, forced"


def project(folder: Path, bases: Path, seed: int, rounds: int) -> None:
    """What a user of the lake would have: the agent's weights, its sessions, and the engine."""
    base = make_base(bases, seed)
    lake = Lake(HELD_OUT + seed)
    sessions = [record(lake, HELD_OUT + number, Knowledge(), number) for number in range(SESSIONS)]
    (folder / "sessions.jsonl").write_text(
        "".join(f"{session.model_dump_json(exclude_none=True)}\n" for session in sessions))
    night = {
        "sessions": {"files": ["sessions.jsonl"], "approve": "outcome >= 1"},
        "policy": {"model": str(base.folder.resolve()), "action_tokens": ACTION_TOKENS},
        "learning": {"rounds": rounds, "learning_rate": 1e-3, "max_turns": STEPS},
        "production": {"engine": f"{ROOT}/examples/frozen_lake/engine.py:FrozenLakeText",
                       "options": {"desc": lake.rows, "max_steps": STEPS}, "episodes": 1000},
    }
    (folder / "night.toml").write_text("\n".join(
        f"[{section}]\n" + "".join(f"{key} = {written(value)}\n" for key, value in values.items())
        for section, values in night.items()))


def written(value: Any) -> str:
    """A value in TOML: as in JSON, but for tables."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {written(each)}" for key, each in value.items()) + "}"
    return json.dumps(value)


def night(project: Path, seed: int, name: str, settings: Mapping[str, Any]) -> Report:
    """The report of a night."""
    return dream(project / "night.toml", project / name,
                 {key: written(value) for key, value in {"seed": seed, **settings}.items()})


def corrupted(source: str) -> str:
    """A learned environment that pays for every end but the right one."""
    return source.replace(", 1.0, True)", ", PAID, True)").replace(", 0.0, True)", ", 1.0, True)").replace(
        "PAID", "0.0")


def rows(bases: Path | None, seed: int, rounds: int) -> tuple[dict[str, Figure], str]:
    """Real success by method, of one seed; and what the gate said of the corrupted environment."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        project(folder, bases or folder, seed, rounds)
        report = night(folder, seed, "night", {f"baselines.{name}": True for name in BASELINES})
        figures = report.figures
        found = {BASE: figures["real_success_before"], DREAM: figures["real_success_after"]}
        found |= {name.removeprefix("baseline: "): figure for name, figure in figures.items()
                  if name.startswith("baseline: ")}
        member = next(name for name, refusals in report.environments.items() if not refusals)
        source = (folder / "night" / "environments" / member / "environment.py").read_text()
        (folder / "corrupted.py").write_text(corrupted(source))
        settings = {"author.files": ["corrupted.py"], "author.automaton": False}
        refused = night(folder, seed, "refused", settings)
        if refused.policy is not None:
            raise SystemExit("the gate let the corrupted environment through")
        opened = {f"gate.{key}": bound for key, bound in OPEN.items()}
        # No session vouches for what it pays, so all of it is imagined: rehearsal has to be told to allow that.
        forced = night(folder, seed, "forced", {**settings, **opened, "learning.imagined": "allow"})
        if forced.verdict == "promoted":
            raise SystemExit("a policy of the corrupted dream was promoted")
        found[FORCED] = forced.figures["real_success_after"]
    return found, refused.reason


def pooled(figures: list[Figure]) -> Figure:
    """One proportion of all seeds' episodes."""
    count = sum(figure.n for figure in figures)
    won = sum(round((figure.value or 0.0) * figure.n) for figure in figures)
    return proportion(won, count, unit="share of episodes")


def measure(bases: Path | None, seeds: list[int], rounds: int) -> dict[str, Figure]:
    """The table, pooled and by seed."""
    by_method: dict[str, list[Figure]] = defaultdict(list)
    figures: dict[str, Figure] = {}
    for seed in seeds:
        found, reason = rows(bases, seed, rounds)
        print(f"seed {seed}, corrupted: {reason}", file=sys.stderr)
        for name, figure in found.items():
            by_method[name].append(figure)
            figures[f"seed {seed}: {name}"] = figure
    table = {name: pooled(each) for name, each in by_method.items()}
    figures |= table
    dream, real, base = table[DREAM], table[REAL], table[BASE]
    gained = real.low is not None and base.high is not None and real.low > base.high
    figures["GRPO in the real engine gains"] = Figure(
        value=float(gained), n=real.n, target="1", holds=gained, unit="intervals apart")
    ratio = (dream.value or 0.0) / (real.value or 1.0)
    figures["dream over real"] = Figure(
        value=ratio, n=dream.n, low=(dream.low or 0.0) / (real.high or 1.0),
        high=(dream.high or 0.0) / (real.low or 1.0), target=">= 0.95", holds=ratio >= 0.95, unit="ratio of success")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object (else a line a figure)")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rounds", type=int, default=30, help="updates of 128 episodes each")
    parser.add_argument("--bases", type=Path, help="where bases are kept, and found again; else they are made anew")
    options = parser.parse_args()
    show(measure(options.bases, options.seeds, options.rounds), options.json)


if __name__ == "__main__":
    main()
