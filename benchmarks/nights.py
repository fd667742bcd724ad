"""Five nights in a world that changes between them: what each adds, and what becomes of what earlier ones taught.

    python -m benchmarks.nights --json [--seeds 0 1 2] [--arms kept unkept] [--nights 5]

Every day the policy is sent to another place (`benchmarks.places`): lakes of Gymnasium's FrozenLake, and on the third
day the cliff of its CliffWalking, each named in every text. The day's log holds sessions of a flawed agent, as in
`examples/frozen_lake/record.py`, and sessions of the policy promoted so far, and the night dreams of that place alone.
The first base is cloned from an aimless agent that wandered all places: it knows words and names, and no way.

Every night is one of `dream run --nights`: authored environment, gate, rehearsal, GRPO, accreditation in the place of
the day. With `kept`, a share of each round rehearses earlier nights' tasks in their own environments, and the guards
hold: no earlier task may lose more than 0.05 of its success by interval. With `unkept`, neither. After each night the
promoted policy plays every place so far in the real engine.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import numpy as np

from benchmarks import places, show
from dreamer.acting import Policy, open_engine, rehearsal_of, starts
from dreamer.config import Config
from dreamer.learning.cloning import clone
from dreamer.nights import dream_nights
from dreamer.policy import build_tiny, save, train_tokenizer
from dreamer.production import open_production
from dreamer.records import Accreditation
from dreamer.sections import Cloning, Guards, Learning, Nights, Production, Rehearsal, Retention, Sessions
from dreamer.sections import Policy as Acting
from rollout.chat import Chat
from rollout.episode import Episode
from rollout.figure import Figure, difference, proportion
from rollout.formats import own
from rollout.trajectory import Trajectory, Turn

ENGINES = Path(places.__file__)
# The first held-out maps on which an aimless agent arrives between one time in ten and one in three, and the cliff.
PLACES = (("Lake", {"name": "Alder", "number": 1_000_004}), ("Lake", {"name": "Birch", "number": 1_000_005}),
          ("Cliff", {"name": "Cedar"}), ("Lake", {"name": "Elder", "number": 1_000_006}),
          ("Lake", {"name": "Hazel", "number": 1_000_007}))
ACTIONS = ("left", "down", "right", "up")
ARMS = {
    "kept": {"nights": Nights(replay=0.25), "retention": Retention(episodes=600)},
    "unkept": {"nights": Nights(replay=0), "retention": Retention(episodes=2, margin=1),
               "guards": Guards(promoted_kl=1e6, original_kl=1e6, entropy=0, spread=1_000_000)},
}
POLICY = Acting(layers=2, hidden=64, vocabulary=300, action_tokens=2, max_length=512)
WANDERED, RECORDED, OWN = 300, 600, 100  # sessions: of the aimless agent in all, of the flawed one and ours in a day
ROUNDS, GROUPS, RATE = 20, 8, 1e-3
EPISODES = 1000  # that judge a policy in a place
JUDGING = 1_500_000_000  # first of the seeds that only this judge uses
MARGIN = 0.05


def succeeds(place: int) -> float | None:
    """From which outcome on an episode is a success: at the cliff, arriving without a fall."""
    return 1.0 - places.STEPS if PLACES[place][0] == "Cliff" else None


def make(place: int) -> places.Place:
    kind, options = PLACES[place]
    return getattr(places, kind)(**options)  # type: ignore[no-any-return]


def record(place: int, count: int, seed: int, aimless: bool = False) -> list[Trajectory]:
    """Sessions of an agent that goes wrong more often than right on half of the squares, or of one that wanders."""
    env, sessions = make(place), []
    nature = np.random.default_rng([seed, place])
    bad = {told: str(nature.choice([action for action in ACTIONS if action != way]))
           for told, way in env.ways.items() if nature.random() < 0.5}
    for number in range(count):
        random = np.random.default_rng([seed, place, number])
        first, _ = env.reset(seed=int(random.integers(1_000_000)))
        turns = list[Turn]()
        while not turns or not (turns[-1].terminated or turns[-1].truncated):
            way, favourite = env.ways[env.square], bad.get(env.square)
            weights = dict.fromkeys(ACTIONS, 0.07) | {way: 0.79}
            if favourite:
                weights = dict.fromkeys(ACTIONS, 0.1) | {way: 0.35, favourite: 0.45}
            if aimless:
                weights = dict.fromkeys(ACTIONS, 0.25)
            action = str(random.choice(ACTIONS, p=[weights[action] for action in ACTIONS]))
            told, reward, terminated, truncated, _ = env.step(action)
            turns.append(Turn(action=action, observation=told, reward=reward, terminated=terminated,
                              truncated=truncated))
        sessions.append(Trajectory.model_validate({
            "id": f"{env.name}-{'aimless' if aimless else 'flawed'}-{number:04d}", "source": "real",
            "observation": first, "turns": tuple(turns), "outcome": sum(turn.reward or 0.0 for turn in turns),
            "stop": "terminated" if turns[-1].terminated else "truncated", "policy": "recorded agent",
        }))
    return sessions


def make_base(folder: Path, seed: int) -> None:
    """A clone of the aimless agent."""
    sessions = [session for place in range(len(PLACES))
                for session in record(place, WANDERED // len(PLACES), seed, aimless=True)]
    tokenizer = train_tokenizer(sessions, POLICY.vocabulary, phrases=0.0001)
    model, chat = build_tiny(tokenizer, POLICY.layers, POLICY.hidden, seed), Chat(tokenizer)
    clone(model, tokenizer, [chat.tokens(session) for session in sessions], Cloning(steps=200), seed)
    save(model, tokenizer, folder)


def play(config: Config, policy: Policy, place: int, count: int, seed: int, **labels: str | int) -> list[Episode]:
    """A policy's episodes in a real place."""
    kind, options = PLACES[place]
    engine = open_engine(policy, config.engine, config.length, config.rehearsal.concurrent)
    world = open_production(f"{ENGINES}:{kind}", options, ENGINES.parent)
    rehearsal = rehearsal_of(policy, engine, world, config, places.STEPS, None,
                             {"source": "real", "policy": policy.digest, **labels})
    return rehearsal.play(starts(seed, count), name=f"{options['name']}-own")


def night(folder: Path, seed: int, arm: str, place: int) -> Config:
    """What a night is told."""
    kind, options = PLACES[place]
    return Config(
        name="nights", folder=folder, seed=seed, policy=POLICY.model_copy(update={"model": "base"}),
        sessions=Sessions(files=(f"{options['name']}.jsonl",), approve="all", split="session", success=succeeds(place)),
        rehearsal=Rehearsal(episodes=128, concurrent=1000),
        learning=Learning(rounds=ROUNDS, groups=GROUPS, episodes=8, learning_rate=RATE, max_turns=places.STEPS),
        production=Production(engine=f"{ENGINES}:{kind}", options=options, episodes=250), **ARMS[arm],
    )




def dream_night(folder: Path, seed: int, arm: str, place: int, policy: Policy) -> tuple[Policy, dict[str, Figure]]:
    """A day in a place and the night after it.

    Args:
        policy: promoted so far.

    Returns:
        The policy that is promoted then, and what the night's records say of it.
    """
    config, name = night(folder, seed, arm, place), PLACES[place][1]["name"]
    day = record(place, RECORDED, seed)
    day += [each.trajectory for each in play(config, policy, place, OWN, seed * OWN, night=place)]
    own.write(day, folder / f"{name}.jsonl")
    ((run, report),) = dream_nights(config, folder / "run", resume=place > 0, nights=place + 1)
    promoted = report.verdict == "promoted"
    print(f"seed {seed}, {arm}, night {place + 1} in {name}: {report.reason}", file=sys.stderr)
    figures = {"promoted": Figure(value=promoted, n=1)}
    if isinstance(judged := run.records.get("evaluate"), Accreditation):
        figures |= {"KL(promoted‖candidate)": judged.promoted_kl, "KL(original‖candidate)": judged.original_kl}
        figures |= {f"retention suite, change of {task.name}": task.change for task in judged.retained.tasks}
    return Policy(run.store.policy(run.store.promoted)) if promoted else policy, figures


def measure(seed: int, arms: Sequence[str], count: int) -> dict[str, Figure]:
    """The nights of a seed, and how the policy does after each in every place so far.

    The first night has nothing to keep, so that the arms share it.
    """
    figures: dict[str, Figure] = {}
    with tempfile.TemporaryDirectory() as name:
        first = Path(name) / "first"
        make_base(first / "base", seed)
        begun, night_figures = dream_night(first, seed, "kept", 0, Policy(first / "base"))
        for arm in arms:
            folder = Path(name) / arm
            shutil.copytree(first, folder)
            policy = Policy(folder / "run" / "policies" / begun.digest) if begun.digest != "base" else begun
            won: dict[int, list[float]] = {}
            for place in range(count):
                if place:
                    policy, night_figures = dream_night(folder, seed, arm, place, policy)
                title = f"{arm}, seed {seed}, night {place + 1}"
                figures |= {f"{title}: {key}": figure for key, figure in night_figures.items()}
                for earlier in range(place + 1):
                    now = arrived(policy, folder, earlier)
                    told = PLACES[earlier][1]["name"]
                    figures[f"{title}: success in {told}"] = proportion(int(sum(now)), EPISODES, "share of episodes")
                    print(f"{title}: success in {told}", figures[f"{title}: success in {told}"], file=sys.stderr)
                    if earlier in won:
                        figures[f"{title}: change in {told} since its night"] = difference(
                            now, won[earlier], "share of episodes")
                    won.setdefault(earlier, now)
    return figures


def arrived(policy: Policy, folder: Path, place: int) -> list[float]:
    """Of each episode in a real place, whether it was a success."""
    episodes, least = play(night(folder, 0, "kept", place), policy, place, EPISODES, JUDGING), succeeds(place)
    return [float(episode.outcome > 0 if least is None else episode.outcome >= least) for episode in episodes]


def summarise(figures: dict[str, Figure], arms: Sequence[str]) -> dict[str, Figure]:
    """Over all seeds: nights that promoted, success after the last, and the worst that became of an earlier task."""
    found = {}
    for arm in arms:
        mine = {name: figure for name, figure in figures.items() if name.startswith(f"{arm}, ")}
        changes = [figure for name, figure in mine.items() if ": change in " in name]
        nights = [figure for name, figure in mine.items() if name.endswith(": promoted")]
        found[f"{arm}: nights that promoted"] = proportion(
            sum(bool(figure.value) for figure in nights), len(nights), "share of nights")
        last = max(name.split(": ")[0].rpartition(" ")[2] for name in mine)
        after = [figure.value or 0.0 for name, figure in mine.items() if f"night {last}: success in " in name]
        found[f"{arm}: success in all places after the last night"] = Figure(
            value=mean(after), n=EPISODES * len(after), unit="share of episodes")
        if changes:
            worst = min(changes, key=lambda change: change.low or 0.0)
            found[f"{arm}: worst change of an earlier task, of {len(changes)}"] = worst.model_copy(update={
                "target": f">= -{MARGIN} by its lower bound", "holds": (worst.low or 0.0) >= -MARGIN}
                if arm == "kept" else {})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nights", description=__doc__.split("\n\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object (else a line a figure)")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--nights", type=int, default=len(PLACES))
    options = parser.parse_args()
    figures: dict[str, Figure] = {}
    for seed in options.seeds:
        figures |= measure(seed, options.arms, options.nights)
    show(summarise(figures, options.arms) | figures, options.json)


if __name__ == "__main__":
    main()
