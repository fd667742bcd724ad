"""What the figures of a fidelity report mean, beside the references and the bounds of the gate."""

from collections.abc import Iterator
from dataclasses import dataclass

from envgen.fidelity import FidelityReport
from envgen.gate import Gate
from rollout.figure import Figure

GROUPS: dict[str, dict[str, str]] = {
    "Answers": {
        "step_probability": "probability that it gives a logged answer",
        "changed_step_probability": "the same, where the answer differs from the text before",
        "novel_step_probability": "the same, where no shown session did this on this text",
        "episode_match": "probability of a whole session",
        "nats_per_step": "surprise at the logged answers, nats a step",
        "nats_over_counts": "surprise beyond that of counting, nats a step",
        "sampling_error": "standard error of the first figure, where chance was sampled",
    },
    "Rewards and ends": {
        "reward_f1": "rewards other than the usual one, F1 of logged and told ones",
        "end_f1": "ends of the world, F1 of logged and told ones",
        "actions_match": "answers that list the same legal actions as the log",
    },
    "Errors": {
        "contradicted": "steps in which it was sure of another answer",
        "contradicted_event": "steps in which it was sure of another reward or end",
        "faults": "steps in which it broke",
        "imagined_share": "probability of answers that it says are guesses",
    },
    "Chance": {
        "calibration": "surprise beyond what it expects itself, nats a step",
        "frequencies_off": "how much more or less often an answer came than it says, at most",
    },
    "Beginnings": {
        "reset_match": "chance (p-value) that drawn starts as different from the logged ones are alike after all",
        "reset_distance": "distance of drawn and logged starts, in the field that differs most",
        "reset_novelty": "drawn starts that no shown session has",
        "reset_surprise": "surprise at the logged starts beyond what it expects, nats a session",
        "starts_taken": "logged first texts that it begins from when told",
        "entry_taken": "texts from the middle of a session that it begins from when told",
        "entry_contradicted": "the same, but then sure of another answer than the logged one",
        "drawn_off": "steps by which drawn episodes differ from those told their first text",
        "forgets": "sessions that go the same after others were played",
    },
}
AT_MOST = ("contradicted", "contradicted_event", "faults", "frequencies_off", "entry_contradicted", "drawn_off")
AT_LEAST = ("reset_match", "starts_taken", "actions_match")
REFERENCES = ("identity_", "counts_")


@dataclass(frozen=True)
class Row:
    """A figure.

    Attributes:
        words: what it means; empty where nobody knows.
        identity, counts: the same figure of the two references, where they have it.
        bound: what the gate asks of it, in words; empty where it asks nothing.
    """

    name: str
    words: str
    figure: Figure
    identity: Figure | None
    counts: Figure | None
    bound: str


def groups(report: FidelityReport, gate: Gate) -> dict[str, list[Row]]:
    """All figures of a report, by what they are about."""
    bounds = dict(_bounds(report, gate))
    named = {name for meanings in GROUPS.values() for name in meanings}
    rest = {name: "" for name in report.figures if name not in named and not name.startswith(REFERENCES)}
    found = {}
    for title, meanings in (*GROUPS.items(), ("Others", rest)):
        rows = [Row(name, words, report.figures[name], report.figures.get(f"identity_{name}"),
                    report.figures.get(f"counts_{name}"), bounds.get(name, ""))
                for name, words in meanings.items() if name in report.figures]
        if rows:
            found[title] = rows
    return found


def _bounds(report: FidelityReport, gate: Gate) -> Iterator[tuple[str, str]]:
    """What the gate asks; see `Gate.refusals`."""
    for name in AT_MOST:
        yield name, f"at most {getattr(gate, name):g}"
    for name in AT_LEAST:
        yield name, f"at least {getattr(gate, name):g}"
    yield "reset_surprise", f"interval reaches ±{gate.reset_surprise:g}"
    yield "forgets", "1"
    if report.chance:
        yield "nats_over_counts", f"upper end at most {gate.nats_over_counts:g}"
        yield "calibration", f"interval within ±{gate.calibration:g}"
    else:
        for name in ("step_probability", "reward_f1", "end_f1"):
            yield name, f"lower end at least {getattr(gate, name):g}"
