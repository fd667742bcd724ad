"""How well an authored environment tells the held-out sessions, step by step.

Each session's actions are played in the environment (`envgen.belief`), and every logged (observation, reward, end) is
given the probability that the environment gave it. Beside the environment stand two references: identity (nothing ever
changes) and the count model (what followed the same text and action in the shown sessions). Answers that cannot be
compared, such as people's words, are counted and left out of every figure.

Where chance was searched, probabilities are lower bounds; where it was sampled, they are frequencies, and
`sampling_error` is the standard error that this gives `step_probability`, short of the error of the belief. An answer
that neither met is undetermined, never impossible, though its nats are those of the floor.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial

import numpy as np
from pydantic import Field

from envgen.belief import Belief
from envgen.comparison import Comparer
from envgen.counterexamples import Counterexamples, Mismatches, template
from envgen.entries import match_entries
from envgen.frequencies import Frequencies, Frequency
from envgen.miner import mine
from envgen.references import CountModel, Identity, Reference
from envgen.scored import FLOOR, REGIMES, Regime
from envgen.starts import match_starts
from envgen.steps import shows_chance
from envgen.tally import KNOWN, Tally
from rollout.figure import Figure, Ratio, proportion, ratios
from rollout.trajectory import Record, Trajectory, Turn
from sandbox import Worker

LISTED = 20  # forms, kinds and frequencies


class FidelityReport(Record):
    """What the held-out sessions say of an environment.

    Attributes:
        environment: its digest.
        sessions: how many sessions it was judged on.
        figures: by name; those of the references are prefixed `identity_` and `counts_`.
        chance: whether the sessions show that the world has chance.
        regimes: steps by how their chance was found; of those that were searched, probabilities are lower bounds.
        approximate: steps whose belief had been searched or sampled before.
        undetermined: steps whose answer was not met, where it might have been missed.
        not_compared: steps left out of the figures because their answers are not compared, by kind of answer.
        compared: kinds of answers that are not compared word for word, and how they are, in words.
        lost_mass: belief that was cut because there were too many copies, summed over steps.
        by_action: step_probability by the tools that were called, else by the form of the action.
        calibration: surprise beyond what is expected, likewise; nats a step.
        starts_differ: the field in which drawn starts differ most from the logged ones.
        counterexamples: steps that went wrong, in kinds, the commonest first.
        frequencies: answers that came more or less often than the environment says, the furthest off first.
    """

    environment: str
    sessions: int
    figures: dict[str, Figure]
    chance: bool
    regimes: dict[Regime, int]
    approximate: int
    undetermined: int
    not_compared: dict[str, int] = Field(default_factory=dict)
    compared: tuple[str, ...] = ()
    lost_mass: float
    by_action: dict[str, Figure] = Field(default_factory=dict)
    calibration: dict[str, Figure] = Field(default_factory=dict)
    starts_differ: str = ""
    counterexamples: tuple[Counterexamples, ...] = ()
    frequencies: tuple[Frequency, ...] = ()


def judge(worker: Worker, environment: str, shown: Sequence[Trajectory], judged: Sequence[Trajectory],
          usual_reward: float, told: Callable[[int], None] = lambda count: None,
          comparer: Comparer | None = None) -> FidelityReport:
    """Replay sessions in an environment and in both references.

    Args:
        worker: the environment, in its sandbox.
        environment: its digest.
        shown: the sessions its author saw.
        judged: the sessions to judge it on; gone through several times.
        usual_reward: the reward that is not an event.
        told: is told of every session judged.
        comparer: which answers count as the logged ones; exact where not given.
    """
    comparer = comparer or Comparer()
    actions = mine((turn.action.text, None) for turn in _compared(judged, comparer))
    form = lru_cache(KNOWN)(partial(template, actions))

    def named(turn: Turn) -> str:
        return " and ".join(dict.fromkeys(call.name for call in turn.action.calls)) or form(turn.action.text)

    forms = [name for name, _ in Counter(map(named, _compared(judged, comparer))).most_common(LISTED)]
    belief, counts = Belief(worker, comparer), CountModel(shown)
    references: dict[str, Reference] = {"identity_": Identity(usual_reward), "counts_": counts}
    tally = Tally(references, counts.seen.keys(), usual_reward, comparer, named, forms)
    wrong, by_chance = Mismatches(form), Frequencies(comparer)
    for session, scored in zip(judged, belief.replays(judged), strict=True):
        odd = tally.add(scored)
        for number, step in odd:
            if step.probability < FLOOR:
                wrong.add(session.id, number, step)
        if odd:
            by_chance.add([step for step in scored if comparer.compared(step.turn)])
        told(1)
    sums = tally.sums()
    figures, off = _figures(sums, references), by_chance.off()
    starts, starts_differ = match_starts(worker, [each.observation.text for each in judged],
                                         [each.observation.text for each in shown])
    figures |= starts
    figures |= match_entries(belief, judged)
    figures["frequencies_off"] = Figure(value=max((each.off for each in off), default=0.0), unit="share of steps",
                                        n=round(sums["steps"].sum()))
    return FidelityReport(
        environment=environment, sessions=len(judged), figures=figures, chance=shows_chance([*shown, *judged]),
        regimes={regime: count for regime in REGIMES if (count := round(sums[regime].sum()))},
        approximate=round(sums["approximate"].sum()), undetermined=round(sums["undetermined"].sum()),
        not_compared=tally.not_compared, compared=comparer.described(), lost_mass=belief.lost_mass,
        by_action=ratios({name: Ratio(sums[f"probability {number}"], sums[f"steps {number}"], unit="probability")
                          for number, name in enumerate(forms)}),
        calibration=ratios({name: Ratio(sums[f"beyond {number}"], sums[f"expecting {number}"], unit="nats")
                            for number, name in enumerate(forms)}),
        starts_differ=starts_differ, counterexamples=wrong.counterexamples(), frequencies=off[:LISTED],
    )


def _compared(sessions: Iterable[Trajectory], comparer: Comparer) -> Iterator[Turn]:
    """All turns whose answer was logged and is compared."""
    return (turn for session in sessions for turn in session.turns
            if turn.observation is not None and comparer.compared(turn))


def _figures(sums: Mapping[str, np.ndarray], references: Iterable[str]) -> dict[str, Figure]:
    """Figures that are sums over sums; those of the references are prefixed."""
    steps = sums["steps"]
    count, sampled = round(steps.sum()), round((sums["guided"] + sums["sample"]).sum())
    # F1 = 2·hits / (predicted + logged), over the union of logged and predicted events
    wanted = {prefix + name: ratio for prefix in ("", *references) for name, ratio in {
        "step_probability": Ratio(sums[f"{prefix}probability"], steps, unit="probability"),
        "changed_step_probability": Ratio(sums[f"{prefix}changed"], sums["changed_steps"], unit="probability"),
        "reward_f1": Ratio(sums[f"{prefix}reward_hits"], sums[f"{prefix}reward_told"],
                           round(sums[f"{prefix}reward_events"].sum()), "F1"),
        "end_f1": Ratio(sums[f"{prefix}end_hits"], sums[f"{prefix}end_told"],
                        round(sums[f"{prefix}end_events"].sum()), "F1"),
        "nats_per_step": Ratio(sums[f"{prefix}nats"], steps, unit="nats"),
    }.items()}
    wanted |= {
        "novel_step_probability": Ratio(sums["novel"], sums["novel_steps"], unit="probability"),
        "imagined_share": Ratio(sums["imagined"], steps, unit="share of steps"),
        "nats_over_counts": Ratio(sums["nats"] - sums["counts_nats"], steps, unit="nats"),
        "calibration": Ratio(sums["beyond"], sums["expecting"], unit="nats"),  # surprise beyond what is expected
        "actions_match": Ratio(sums["alike"], sums["listed"], unit="share of steps"),
    }
    figures = ratios(wanted)
    figures["episode_match"] = proportion(sums["whole"].sum(), len(steps), unit="share of sessions")
    for name in ("contradicted", "contradicted_event", "faults"):
        figures[name] = proportion(sums[name].sum(), count, unit="share of steps")
    figures["sampling_error"] = Figure(value=float(np.sqrt(sums["variance"].sum())) / count if sampled else None,
                                       n=sampled, unit="probability")
    return figures
