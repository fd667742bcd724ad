"""Beyond the log: rehearsal in an authored world, judged in the real engine on maps that no session shows.

    python -m benchmarks.beyond --json [--seeds 0 1 2]

The real lake is TextArena's FrozenLake, which draws one of 1,336 maps for each episode. Its world was written by a
large language model (a recorded reply, `tests/recordings/lake_random`), shown parts of the first 150 sessions of an
imperfect player. Those and 150 more are the log, of which each seed clones the player. From that base it goes on in
four ways: cloning for as many steps again, which is longer than the night learns; GRPO in the authored world; GRPO in
the real engine for as many episodes; and GRPO in the world that the embedded author copied from the log, let through
whatever the gate says. All are judged in the real engine on the same 1,000 maps, one episode on each, none of them in
the log.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from benchmarks import show
from benchmarks.authoring import replayed
from benchmarks.imagined import night
from benchmarks.worlds import WORLDS, arena
from dreamer.accreditation.accreditation import TURNS
from dreamer.authoring import author_environments, validate_environments
from dreamer.base import make_base
from dreamer.baselines import learn_for_real
from dreamer.config import Config
from dreamer.learning.cloning import clone
from dreamer.reading import approved, read_sessions
from dreamer.records import Authored, Base, Judged, Logs, Update, Validated
from dreamer.run import Run
from dreamer.sections import Author, Cloning, Learning, Production, Sessions
from dreamer.sections import Policy as Tiny
from dreamer.stages import learn
from envgen.support import support
from rollout.figure import Figure, difference, proportion, ratio
from rollout.rehearsal import Start
from rollout.sessions import read
from rollout.trajectory import Trajectory

WORLD = WORLDS["lake_random"]
AUTHORED, SESSIONS = 150, 300  # sessions: what the author was shown is of the first, the log is all
MAPS = 1000  # that judge a policy
SEEDS = 2_000_000_000  # first of those that no learning uses
BASE, CLONED, DREAM, REAL, COPY = "base", "cloning alone", "authored world", "real engine", "automaton's world"
SHARE = "share of episodes"


class Night(NamedTuple):
    """One seed.

    Attributes:
        won: whether each arm won, map by map.
        episodes: that each arm learned from.
        imagined: of the steps of each dream, whether.
        steps: in the real engine, between the recording and the end of the night.
        fresh: of the maps that judge, which the authored world did not show either while the policy learned.
        logged: how many of the maps that were judged on are in the log.
        refusals: why the gate refuses the automaton's world.
    """

    won: dict[str, list[float]]
    episodes: dict[str, int]
    imagined: dict[str, list[bool]]
    steps: int
    fresh: list[bool]
    logged: int
    refusals: tuple[str, ...]


def config(folder: Path, seed: int) -> Config:
    """A night; its settings were chosen by learning in the real engine, with other seeds."""
    return Config(
        name="lake", folder=folder, seed=seed, sessions=Sessions(files=("sessions.jsonl",), approve="all", success=1.0),
        author=Author(files=("lake.py",)), policy=Tiny(phrases=0.002, action_tokens=8),
        cloning=Cloning(steps=200, batch=16), learning=Learning(rounds=16, learning_rate=5e-4, max_turns=8),
        production=Production(engine=f"{arena.__file__}:Arena", options={"game": WORLD.game}, episodes=MAPS),
    )


def unlogged(logged: set[str]) -> dict[str, Start]:
    """Different first texts of the real engine that no session begins with, and what to begin them from."""
    engine, found, seed = WORLD.engine(), dict[str, Start](), SEEDS
    while len(found) < MAPS:
        text, _ = engine.reset(seed=seed)
        if text not in logged and text not in found:
            found[text] = Start(seed, len(found))
        seed += 1
    return found


def let_through(run: Run, validated: Validated) -> tuple[Validated, tuple[str, ...]]:
    """The automaton's world as if the gate passed it, and why it does not."""
    copy = next(each for each in validated.judged if each.author.startswith("automaton"))
    with run.sandbox.load(run.store.load_environment(copy.environment).source, counting=True) as worker:
        found = support(worker, run.store.load_sessions("shown"), run.comparer)
    return only(copy.model_copy(update={"refusals": (), "support": found}), validated), copy.refusals


def only(world: Judged, validated: Validated) -> Validated:
    return validated.model_copy(update={"judged": (world,)})


def rehearsed(run: Run) -> list[Trajectory]:
    """The episodes of the last learning in a dream, as the run folder keeps them."""
    return list(read([str(run.store.root / "**" / "round-*" / "episodes.jsonl")]))


def measure(seed: int, log: list[Trajectory], source: str, console: Console) -> Night:
    """Every arm of one seed."""
    with night(lambda folder: config(folder, seed), log, source, console) as run:
        logs = run.stage("read", Logs, read_sessions)
        authored = run.stage("author", Authored, author_environments, logs)
        validated = run.stage("validate", Validated, validate_environments, logs, authored)
        if not validated.members:
            raise SystemExit(f"the gate refuses the authored world: {validated.best.refusals}")
        base = run.stage("clone", Base, make_base, logs)
        updates = {DREAM: run.stage("learn", Update, learn, logs, only(validated.best, validated), base)}
        steps, dreams = run.real_steps, {DREAM: rehearsed(run)}
        copy, refusals = let_through(run, validated)
        updates[COPY] = learn(run, logs, copy, base)
        dreams[COPY] = rehearsed(run)
        policies = {arm: run.policy(base.policy) for arm in (BASE, CLONED, REAL)}
        policies |= {arm: run.policy(update.policy) for arm, update in updates.items()}
        again = policies[CLONED]
        clone(again.model, again.tokenizer, [again.chat.tokens(session) for session in approved(run)],
              run.config.cloning, seed)
        updates[REAL] = learn_for_real(run, logs, policies[REAL])

        openings = unlogged(first := {session.observation.text for session in log})
        played = {arm: run.rehearsal(policy, run.production(), TURNS, source="real").play(list(openings.values()))
                  for arm, policy in policies.items()}
        shown = {episode.observation.text for episode in dreams[DREAM]}
        return Night(
            won={arm: [float(run.succeeded(episode.outcome)) for episode in episodes]
                 for arm, episodes in played.items()},
            episodes={arm: update.episodes for arm, update in updates.items()},
            imagined={arm: [bool(turn.imagined) for episode in episodes for turn in episode.turns]
                      for arm, episodes in dreams.items()},
            steps=steps, fresh=[text not in shown for text in openings], refusals=refusals,
            logged=sum(episode.trajectory.observation.text in first for episode in played[DREAM]),
        )


def summarise(nights: Mapping[int, Night]) -> dict[str, Figure]:
    """The figures of each seed, and over all; pooled intervals are over episodes, with the policies as they are."""
    figures: dict[str, Figure] = {}
    for seed, each in nights.items():
        figures |= compare(f"seed {seed}", each.won)
        figures |= {f"seed {seed}: {arm}, episodes learned from": Figure(value=count, n=1, unit="episodes")
                    for arm, count in each.episodes.items()}
        figures |= {f"seed {seed}: {arm}, imagined": proportion(sum(steps), len(steps), "share of steps")
                    for arm, steps in each.imagined.items()}
        fresh = [won for won, new in zip(each.won[DREAM], each.fresh, strict=True) if new]
        figures |= {
            f"seed {seed}: {DREAM}, real success on maps that it never showed either": proportion(
                sum(fresh), len(fresh), SHARE),
            f"seed {seed}: real steps before the judging": Figure(
                value=each.steps, n=1, target="0", holds=each.steps == 0, unit="steps"),
            f"seed {seed}: judged on logged maps": Figure(
                value=each.logged, n=MAPS, target="0", holds=each.logged == 0, unit="maps"),
            f"seed {seed}: {COPY}, bounds of the gate that refuse it": Figure(
                value=len(each.refusals), n=1, unit="bounds"),
        }
    return figures | compare("all seeds", {
        arm: [won for each in nights.values() for won in each.won[arm]] for arm in (BASE, CLONED, DREAM, REAL, COPY)})


def compare(name: str, won: Mapping[str, list[float]]) -> dict[str, Figure]:
    """Success of every arm, and of the authored world beside the real engine; pairs are of one map."""
    figures = {f"{name}: {arm}, real success": proportion(sum(each), len(each), SHARE) for arm, each in won.items()}
    for arm in (REAL, DREAM):
        gain = difference(won[arm], won[BASE], SHARE)
        figures[f"{name}: {arm} minus base"] = gain.model_copy(
            update={"target": "> 0 by its lower bound", "holds": (gain.low or 0.0) > 0})
    share = ratio(won[DREAM], won[REAL], n=len(won[DREAM]), unit="ratio")
    figures[f"{name}: {DREAM} / {REAL}"] = share.model_copy(
        update={"target": ">= 0.95", "holds": (share.value or 0.0) >= 0.95})
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beyond", description=__doc__.split("\n\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object (else a line a figure)")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options = parser.parse_args()
    console, log = Console(stderr=True), WORLD.record(SESSIONS, 1)
    source, _ = replayed(WORLD.name, log[:AUTHORED])  # the first sessions of a seed are the same however many follow
    nights = {}
    for seed in options.seeds:
        nights[seed] = measure(seed, log, source, console)
        for refusal in nights[seed].refusals:
            console.print(f"seed {seed}: the gate refuses the automaton's world: {refusal}", highlight=False)
    show(summarise(nights), options.json)


if __name__ == "__main__":
    main()
