"""Worlds written from sessions of real engines: by a large language model, by the automaton, and by nobody.

    python -m benchmarks.authoring --json [--world lantern urns]

The model's replies were recorded (`tests/recordings/`): it saw the prompt and nothing else. Its worlds are chosen by
the sessions that `dream author` keeps for that; all are judged on sessions of another seed, that no author and no
choice has seen. Beside them stand the automaton, taught by the same shown sessions; counting what followed the same
text and action; identity; and the floor, the nats that a faithful source would need.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import orjson

from benchmarks import show
from benchmarks.worlds import WORLDS
from dreamer.commission import Commission, commission, settings_of
from envgen.automaton import Automaton
from envgen.ends import infer_ends
from envgen.fidelity import FidelityReport, judge
from envgen.gate import Gate
from envgen.patterns import usual_reward
from envgen.split import By
from rollout.figure import Figure, ratio
from rollout.formats import own
from rollout.trajectory import Trajectory
from sandbox import Sandbox, SandboxError

RECORDINGS = Path(__file__).parent.parent / "tests" / "recordings"
FIGURES = ("nats_per_step", "step_probability", "novel_step_probability", "episode_match", "reward_f1", "reset_novelty")
REFERENCES = {"counting": "counts_", "identity": "identity_"}


class Asked(NamedTuple):
    """How a world's replies were recorded: from how many sessions, divided how, with which settings."""

    sessions: int = 150
    by: By | None = None
    settings: tuple[str, ...] = ("drafts=1",)


ASKED = {"house": Asked(300, "session", ("drafts=1", "calls=1", "prompt_tokens=60000"))}  # the others as `Asked()` says


def measure(worlds: Sequence[str]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    with Sandbox() as sandbox:
        for name in worlds:
            sessions = ASKED.get(name, Asked()).sessions
            try:
                shown, _ = infer_ends(WORLDS[name].record(sessions, 1))
                held_out, _ = infer_ends(WORLDS[name].record(sessions, 2))
            except ModuleNotFoundError as error:
                print(f"{name} is not measured: {error}", file=sys.stderr)
                continue
            nats = [WORLDS[name].surprise(session) for session in held_out]
            floor = ratio(list(map(sum, nats)), list(map(len, nats)), unit="nats")
            figures[f"{name}: nats_per_step, a faithful source"] = floor
            for author, report in _judged(sandbox, name, shown, held_out, figures):
                for figure in FIGURES:
                    found = report.figures[figure]
                    if author == "model" and figure == "nats_per_step" and found.value is not None:
                        held = found.value <= (floor.value or 0.0) + 0.05
                        found = found.model_copy(update={"target": "<= floor + 0.05", "holds": held})
                    figures[f"{name}: {figure}, {author}"] = found
                refusals = Gate().refusals(report)
                figures[f"{name}: passes the gate, {author}"] = Figure(value=float(not refusals), n=len(held_out))
                if author == "model":
                    figures |= {f"{name}: {figure}, {reference}": report.figures[prefix + figure]
                                for reference, prefix in REFERENCES.items()
                                for figure in ("nats_per_step", "step_probability")}
    return figures


def replayed(name: str, sessions: Sequence[Trajectory]) -> tuple[str, Commission]:
    """The best world that a model wrote from these sessions, by its recorded replies, and all that it wrote."""
    with tempfile.TemporaryDirectory() as folder:
        log, replies = Path(folder, "shown.jsonl"), RECORDINGS / name
        own.write(sessions, log)
        (model,) = {orjson.loads(line)["model"] for line in (replies / "exchanges.jsonl").read_bytes().splitlines()}
        _, by, given = ASKED.get(name, Asked())
        settings = settings_of(model, None, None, True, given)
        written = commission([str(log)], None, settings, Path(folder, "to"), replies, True, False, by)
        return Path(folder, "to", "world.py").read_text(), written


def _judged(sandbox: Sandbox, name: str, shown: Sequence[Trajectory], held_out: Sequence[Trajectory],
            figures: dict[str, Figure]) -> Iterator[tuple[str, FidelityReport]]:
    """What the model and the automaton wrote, each author's best."""
    source, written = replayed(name, shown)
    figures |= {f"{name}: {cost}, model": figure for cost, figure in written.cost.items()}
    yield "model", _report(sandbox, source, shown, held_out)
    drafts = []
    for draft in Automaton().drafts(shown):
        try:
            drafts.append(_report(sandbox, draft.source, shown, held_out))
        except SandboxError as error:
            print(f"{name}, {draft.author}: {error}", file=sys.stderr)
    if drafts:  # the best by the held-out sessions themselves: no less than it deserves
        yield "automaton", min(drafts, key=lambda each: each.figures["nats_per_step"].value or 0.0)


def _report(sandbox: Sandbox, source: str, shown: Sequence[Trajectory], held_out: Sequence[Trajectory]
            ) -> FidelityReport:
    with sandbox.load(source) as worker:
        return judge(worker, "world", shown, held_out, usual_reward(shown))


def main() -> None:
    recorded = [name for name in WORLDS if (RECORDINGS / name).is_dir()]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object (else a line a figure)")
    parser.add_argument("--world", nargs="+", choices=recorded, default=recorded)
    options = parser.parse_args()
    show(measure(options.world), options.json)


if __name__ == "__main__":
    main()
