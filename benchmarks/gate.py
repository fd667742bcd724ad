"""What the gate refuses: true worlds, their mutants, and worlds that are wrong in ways which judges fall for.

    python -m benchmarks.gate --json [--every 1] [--sessions 10 30 120] [--world coin urn] [--missed]

Mutants are single changes of true sources (`tests/worlds/mutation.py`), and worlds made wrong by hand
(`tests/worlds/by_hand.py`). Which of them the held-out sessions reveal is said by an oracle that enumerates both
sources exactly and knows the truth; the gate does not. A world that the sandbox refuses or that fails its checks is
refused. Beside the default gate stand two that one might use instead: exact prediction of steps alone, and no more
nats a step than counting needs.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.progress import track

from benchmarks import show
from envgen.fidelity import FidelityReport, judge
from envgen.gate import Gate
from envgen.patterns import usual_reward
from rollout.figure import Figure, proportion
from sandbox import Sandbox, SandboxError
from tests.worlds import recorded
from tests.worlds.by_hand import by_hand
from tests.worlds.mutant import Mutant
from tests.worlds.mutation import mutants
from tests.worlds.oracle import Oracle, Verdict
from tests.worlds.source import NAMES, read

REVEALED, ACCEPTED = 0.95, 1.0  # targets


@dataclass(frozen=True)
class Tried:
    """One world that was judged.

    Attributes:
        verdict: of the oracle; None for the truth itself.
        report: None where it could not be run.
    """

    mutant: Mutant
    verdict: Verdict | None
    report: FidelityReport | None

    def refused(self, by: str = "gate") -> bool:
        """Whether one of the judges refuses it."""
        if self.report is None:
            return True
        figures = self.report.figures
        if by == "steps":
            return (figures["step_probability"].value or 0.0) < 0.9
        if by == "counts":
            return (figures["nats_over_counts"].value or 0.0) > 0.05
        return bool(Gate().refusals(self.report))


def tried(worlds: Sequence[str], sessions: int, every: int) -> Iterator[Tried]:
    """All worlds of the benchmark, judged on as many sessions."""
    hand = by_hand()
    with Sandbox() as sandbox:
        for world in worlds:
            shown, held_out = recorded.sessions(world, sessions, 2), recorded.sessions(world, sessions, 1)
            oracle = Oracle(read(world), held_out)
            broken = [*mutants(world)[::every], *(each for each in hand if each.world == world)]
            truth = Mutant(world, "truth", world, read(world))
            for each in track([truth, *broken], f"{world}, {sessions} sessions", console=Console(stderr=True),
                              transient=True):
                verdict = None if each is truth else oracle.judge(each.source)
                yield Tried(each, verdict, _report(sandbox, each, shown, held_out))


def _report(sandbox: Sandbox, mutant: Mutant, shown: Sequence, held_out: Sequence) -> FidelityReport | None:
    try:
        with sandbox.load(mutant.source) as worker:
            return None if worker.check() else judge(worker, mutant.world, shown, held_out, usual_reward(shown))
    except SandboxError:
        return None


def measure(worlds: Sequence[str], counts: Sequence[int], every: int, missed: bool) -> dict[str, Figure]:
    figures = {}
    for count in counts:
        found = list(tried(worlds, count, every))
        most = count == max(counts)
        truths = [each for each in found if each.verdict is None]
        wrong = [each for each in found if each.verdict is not None and each.verdict.label == "revealed"]
        name = f"{count} sessions"
        figures[f"{name}: revealed mutants refused"] = _share(wrong, REVEALED if most else None)
        figures[f"{name}: true worlds accepted"] = _share(truths, ACCEPTED if most else None, accepted=True)
        if not most:
            continue
        parts = defaultdict(list)
        for each in wrong:
            parts["made by hand" if "by hand" in each.mutant.name else "made mechanically"].append(each)
            for part in each.verdict.by if each.verdict else ():
                parts[f"revealed by {part}"].append(each)
        for part, some in sorted(parts.items()):
            figures[f"{name}: {part}, refused"] = _share(some)
        for judge_ in ("steps", "counts"):
            figures[f"{name}: refused by {judge_} alone"] = _share(wrong, by=judge_)
            figures[f"{name}: true worlds accepted by {judge_} alone"] = _share(truths, accepted=True, by=judge_)
        for label in ("equivalent", "undetectable", "crashes"):
            figures[f"{name}: {label}, refused"] = _share([each for each in found
                                                           if each.verdict and each.verdict.label == label])
        if missed:
            for each in [each for each in wrong if not each.refused()] + [each for each in truths if each.refused()]:
                print(each.mutant.name, each.verdict.by if each.verdict else "is true", file=sys.stderr)
    return figures


def _share(some: Sequence[Tried], target: float | None = None, accepted: bool = False, by: str = "gate") -> Figure:
    figure = proportion(sum(each.refused(by) is not accepted for each in some), len(some), unit="share of worlds")
    if target is None or figure.value is None:
        return figure
    return figure.model_copy(update={"target": f">= {target}", "holds": figure.value >= target})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object (else a line a figure)")
    parser.add_argument("--every", type=int, default=6, help="take one in so many mechanical mutants")
    parser.add_argument("--sessions", type=int, nargs="+", default=[10, 30, 120], help="held-out sessions")
    parser.add_argument("--world", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--missed", action="store_true", help="name on stderr what was judged wrongly")
    options = parser.parse_args()
    show(measure(options.world, options.sessions, options.every, options.missed), options.json)


if __name__ == "__main__":
    main()
