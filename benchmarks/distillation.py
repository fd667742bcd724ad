"""Self-distillation: what the base does when it is told of another session, its student comes to do by itself.

    python -m benchmarks.distillation --json [--seeds 0 1 2] [--lakes 3]

The real lakes are Gymnasium's FrozenLake-v1 on maps that no base was cloned on (see `benchmarks.lakes`). On each, an
agent that knows most of the way has left won sessions. From the base, a student of its own for each lake learns

- turn by turn from the sessions alone, as `dream distill` does: nothing is stepped in the lake;
- from whole episodes that it plays in the lake, as it would in a dream;
- or, for comparison, by imitation of what the base won there when it was told of sessions, in as many episodes, updates
  and tokens at once.

All are judged in the real engine from the same starts, which nobody learned from: bare, told of a session, and told on
other lakes, which none may have forgotten to read of.
"""

import argparse
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from benchmarks import show
from benchmarks.lakes import ACTION_TOKENS, HELD_OUT, STEPS, Lake, make_base, won
from dreamer.acting import Policy, starts
from dreamer.base import make_base as take
from dreamer.config import Config
from dreamer.curriculum import Curriculum
from dreamer.dreaming import drawn, round_name
from dreamer.learning.cloning import clone
from dreamer.learning.learners import contexts, taught
from dreamer.learning.update import improve
from dreamer.progress import Reporter
from dreamer.reading import read_sessions
from dreamer.run import Run
from dreamer.sections import Cloning, Distillation, Learning, Production, Sessions
from dreamer.sections import Policy as Acting
from dreamer.store import Store
from dreamer.teaching.contexts import Contexts, Examples, privileged
from dreamer.teaching.gap import gap_on_sessions
from dreamer.teaching.turns import distil_sessions
from rollout.episode import Episode
from rollout.figure import Figure, difference, proportion, ratio
from rollout.formats import own
from rollout.trajectory import Trajectory
from rollout.world import RealWorld

ENGINE = f"{Path(__file__).parent.parent / 'examples/frozen_lake/engine.py'}:FrozenLakeText"
SESSIONS = 80  # of each lake
LEARNING = Learning(method="distillation", rounds=30, groups=8, episodes=8, learning_rate=1e-3, max_turns=STEPS)
PLAYED = LEARNING.rounds * LEARNING.groups * LEARNING.episodes  # episodes that each student learns from
JUDGING, TEACHING = 1_000_000_000, 700_000_000  # first of the seeds that judge, and of those that the teacher plays
JUDGED = 405  # episodes of a seed, over all its lakes
LEARNT, OTHERS = HELD_OUT + 100_000, HELD_OUT + 200_000  # first of the lakes that students learn, and that nobody does
BASE, TURNS, WHOLE, IMITATION = "base", "turn by turn", "whole episodes", "imitation of the teacher"
SHARE = "share of episodes"


class Judged(NamedTuple):
    """Whether each episode of a policy was won: bare and told on the lake it learned, and told on others."""

    bare: list[float]
    told: list[float]
    others: list[float]


def together(parts: Iterable[Judged]) -> Judged:
    """The episodes of several policies."""
    return Judged(*(list(chain.from_iterable(each)) for each in zip(*parts, strict=True)))


def config(folder: Path, seed: int, base: Path, lake: Lake) -> Config:
    """A night of `dream distill`."""
    return Config(
        name="lake", folder=folder, seed=seed, sessions=Sessions(files=("sessions.jsonl",), approve="outcome >= 1"),
        policy=Acting(model=str(base), action_tokens=ACTION_TOKENS, max_length=512), learning=LEARNING,
        distillation=Distillation(unit="turn"),
        production=Production(engine=ENGINE, options={"desc": lake.rows, "max_steps": STEPS}),
    )


def recorded(lake: Lake) -> list[Trajectory]:
    """Won sessions, from all the starts of a lake."""
    return [won(lake, number).model_copy(update={"task": f"lake {lake.number}", "id": f"session-{number:04d}"})
            for number in range(SESSIONS)]


@contextmanager
def night(seed: int, base: Path, lake: Lake, console: Console) -> Iterator[Run]:
    """A run in a folder of its own, with the sessions of a lake."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        own.write(recorded(lake), folder / "sessions.jsonl")
        store = Store(folder / "run")
        store.root.mkdir()
        with Run(config(folder, seed, base, lake), store, Reporter(store.append_event, console)) as run:
            yield run


def play(run: Run, policy: Policy, lake: Lake, first: int, count: int, told: Contexts | None) -> list[Episode]:
    """Episodes in the real engine, each told of a session, or none."""
    rehearsal = run.rehearsal(policy, RealWorld(lake.make), STEPS, source="real")
    wanted = starts(first, count)
    if told is not None:
        squares = RealWorld(lake.make).open(wanted)
        wanted = [replace(start, system=privileged(None, told.draw(reply.observation)))
                  for start, (_, reply) in zip(wanted, squares, strict=True)]
    return rehearsal.play(wanted)


def wins(episodes: Sequence[Episode]) -> list[float]:
    return [float(episode.outcome > 0) for episode in episodes]


def judge(run: Run, policy: Policy, lake: Lake, count: int, others: Mapping[Lake, Contexts]) -> Judged:
    """A policy's episodes that nobody learned from."""
    bare, told = (wins(play(run, policy, lake, JUDGING, count, each)) for each in (None, contexts(run, policy)))
    elsewhere = [win for other, each in others.items()
                 for win in wins(play(run, policy, other, JUDGING, count // len(others), each))]
    return Judged(bare, told, elsewhere)


def whole_episodes(run: Run, policy: Policy, lake: Lake) -> None:
    """Self-distillation on episodes played in the lake. Changes the policy."""
    rehearsal = run.rehearsal(policy, RealWorld(lake.make), STEPS, source="real")
    curriculum, told = Curriculum([], run.succeeded, run.config.seed), contexts(run, policy)

    def episodes(number: int) -> list[Episode]:
        return rehearsal.play(drawn(run, curriculum, number, LEARNING.groups), name=round_name(number))

    improve(run, policy, rehearsal.engine, episodes, WHOLE,
            taught(run, policy, rehearsal.engine, lambda episode: told.draw(episode.observation.text)))


def imitation(run: Run, policy: Policy, lake: Lake) -> None:
    """Plain imitation of what the policy wins when it is told. Changes the policy."""
    taught = [episode.trajectory.model_copy(update={"system": None})
              for episode in play(run, policy, lake, TEACHING, PLAYED, contexts(run, policy)) if episode.outcome > 0]
    settings = Cloning(steps=LEARNING.rounds, batch=LEARNING.groups * LEARNING.episodes,
                       learning_rate=LEARNING.learning_rate)
    clone(policy.model, policy.tokenizer, [policy.chat.tokens(each) for each in taught], settings, run.config.seed)


def measure(seed: int, lakes: int, bases: Path, console: Console) -> tuple[dict[str, Judged], list[Figure]]:
    """Every arm on the lakes of one seed, and what the context was worth on each lake's held-out sessions."""
    base, count = make_base(bases, seed).folder, JUDGED // lakes
    others = {lake: Examples(recorded(lake), bool, bool, seed)
              for lake in map(Lake, range(OTHERS + seed * lakes, OTHERS + (seed + 1) * lakes))}
    found: dict[str, list[Judged]] = {arm: [] for arm in (BASE, TURNS, WHOLE, IMITATION)}
    gaps = []
    for lake in map(Lake, range(LEARNT + seed * lakes, LEARNT + (seed + 1) * lakes)):
        with night(seed, base, lake, console) as run:
            logs = read_sessions(run)
            begun = take(run, logs)
            gaps.append(gap_on_sessions(run, begun).gain)
            policies = {arm: run.policy(begun.policy) for arm in (BASE, WHOLE, IMITATION)}
            policies[TURNS] = run.policy(distil_sessions(run, begun).policy)
            whole_episodes(run, policies[WHOLE], lake)
            imitation(run, policies[IMITATION], lake)
            for arm, policy in policies.items():
                found[arm].append(judge(run, policy, lake, count, others))
    return {arm: together(each) for arm, each in found.items()}, gaps


def compare(name: str, arms: Mapping[str, Judged]) -> dict[str, Figure]:
    """The figures of some episodes; intervals are over episodes, with the policies as they are."""
    figures, teacher = dict[str, Figure](), arms[BASE].told
    for arm, judged in arms.items():
        figures[f"{name}: {arm}, bare"] = proportion(sum(judged.bare), len(judged.bare), SHARE)
        figures[f"{name}: {arm}, told of a session"] = proportion(sum(judged.told), len(judged.told), SHARE)
        figures[f"{name}: {arm}, told of a session on other lakes"] = proportion(
            sum(judged.others), len(judged.others), SHARE)
        if arm == BASE:
            continue
        figures[f"{name}: {arm}, changed by, told on other lakes"] = difference(judged.others, arms[BASE].others, SHARE)
        figure = ratio(judged.bare, teacher, n=len(teacher), unit="of the base's success when told")
        target = {} if arm == IMITATION else {"target": ">= 0.95", "holds": (figure.value or 0.0) >= 0.95}
        figures[f"{name}: {arm}, bare, of what the base does when told"] = figure.model_copy(update=target)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object (else a line a figure)")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--lakes", type=int, default=3, help="of each seed")
    parser.add_argument("--bases", type=Path, help="folder to keep bases in [default: none are kept]")
    options = parser.parse_args()
    figures: dict[str, Figure] = {}
    everything: list[dict[str, Judged]] = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in options.seeds:
            arms, gaps = measure(seed, options.lakes, options.bases or Path(folder), Console(stderr=True))
            figures |= compare(f"seed {seed}", arms)
            figures[f"seed {seed}: least gain of log-probability by the context on a lake"] = min(
                gaps, key=lambda gap: gap.value or 0.0)
            everything.append(arms)
    pooled = {arm: together(arms[arm] for arms in everything) for arm in everything[0]}
    show(figures | compare("all seeds", pooled), options.json)


if __name__ == "__main__":
    main()
