"""What imagination costs: a policy that trains through a wrong imagined region, against one that is cut there.

    python -m benchmarks.imagined --json [--lakes wrong right] [--seeds 0 1 2]

The real lake is Gymnasium's FrozenLake on a map of ours, told as text: a bank, a river, a bridge at the far end, and
the goal all along the other side. Its recorded agent dithers along the bank, mostly falls in, and crosses nowhere but
on the bridge. The authored lake tells all sessions exactly. Of the river it knows two holes, where the agent fell in,
and takes the rest for ice: a short way to the goal. In truth it is holes (`wrong`). On a counterpart the guess is true
(`right`), which shows what caution costs.

Each seed records its own sessions, clones the agent, and from that base learns under every treatment of what is
imagined, and in the real engine, with equal budgets. The judge is the real lake; dreams are judged with all allowed.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import mean

import numpy as np
from rich.console import Console

from benchmarks import show
from dreamer.accreditation.accreditation import judge
from dreamer.acting import starts
from dreamer.authoring import author_environments, validate_environments
from dreamer.base import make_base
from dreamer.baselines import learn_for_real
from dreamer.config import Config
from dreamer.dreaming import in_dream
from dreamer.production import find_engine
from dreamer.progress import Reporter
from dreamer.reading import read_sessions
from dreamer.run import Run
from dreamer.sections import Author, Cloning, Learning, Production, Rehearsal, Sessions
from dreamer.sections import Policy as Tiny
from dreamer.stages import learn
from dreamer.store import Store
from rollout.episode import Episode
from rollout.figure import Figure, difference, proportion
from rollout.formats import own
from rollout.trajectory import Trajectory, Turn

ENGINE = f"{Path(__file__).parent.parent / 'examples/frozen_lake/engine.py'}:FrozenLakeText"
HOLES = ["HHHHHHH", "SFFFFFF", "HHHHHHF", "GGGGGGG"]  # the lake as it is
ICE = ["HHHHHHH", "SFFFFFF", "FFHHFFF", "GGGGGGG"]  # the same with ice where the agent never trod: the author's
LAKES = {"wrong": HOLES, "right": ICE}  # the real lake, by what that makes of the author's guess
TREATMENTS = ("cut", "discount", "allow")
SESSIONS = 400
TURNS = 30
EPISODES = 1000  # that judge a policy
DREAM_SEEDS = 2_000_000_000  # first of those that no learning uses

AUTHORED = f'''
"""The lake as its sessions show it; where nobody went there is ice."""

import gymnasium as gym

MOVES = {{"left": (0, -1), "down": (1, 0), "right": (0, 1), "up": (-1, 0)}}
MAP = [
{"".join(f"    {list(row)},{chr(10)}" for row in ICE)}]
SAID = {{"S": "", "F": "", "H": " You fell into a hole.", "G": " You reached the goal."}}


class Lake(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.row, self.column = 1, 0
        if options and "observation" in options:
            words = options["observation"].replace(",", "").replace(".", "").split()
            if len(words) != 4 or words[0] != "Row":
                raise ValueError("no such square")
            self.row, self.column = int(words[1]) - 1, int(words[3]) - 1
        return f"Row {{self.row + 1}}, column {{self.column + 1}}.", {{}}

    def step(self, action):
        if action not in MOVES:
            return "Say one of left, down, right, up.", 0.0, False, False, {{}}
        down, right = MOVES[action]
        self.row = min(max(self.row + down, 0), len(MAP) - 1)
        self.column = min(max(self.column + right, 0), len(MAP[0]) - 1)
        ground = MAP[self.row][self.column]
        told = f"Row {{self.row + 1}}, column {{self.column + 1}}." + SAID[ground]
        return told, float(ground == "G"), ground in "GH", False, {{}}
'''


def says(random: np.random.Generator, row: int, column: int) -> str:
    """What the recorded agent does: dithers along the bank, and over the bridge at its end."""
    if random.random() < 0.03:
        return "hum"
    if row == 2:
        weights = {"down": 0.7, "up": 0.2, "right": 0.1}
    elif column == 6:
        weights = {"down": 0.5, "left": 0.3, "right": 0.1, "up": 0.1}
    else:
        weights = {"right": 0.6, "left": 0.3, "down" if column in (2, 3) else "up": 0.1}
    return str(random.choice(list(weights), p=list(weights.values())))


def record(seed: int, count: int = SESSIONS) -> list[Trajectory]:
    """Sessions of the recorded agent; the same on either lake, for it never goes where they differ."""
    env = find_engine(ENGINE, Path())(desc=HOLES, max_steps=TURNS)
    random, sessions = np.random.default_rng([seed, 1]), list[Trajectory]()
    for number in range(count):
        first, _ = env.reset(seed=seed * 1_000_003 + number)
        turns: list[Turn] = []
        while not turns or not (turns[-1].terminated or turns[-1].truncated):
            action = says(random, *divmod(int(env.square), 7))
            observation, reward, terminated, truncated, _ = env.step(action)
            turns.append(Turn(action=action, observation=observation, reward=float(reward), terminated=terminated,
                              truncated=truncated))
        sessions.append(Trajectory(
            id=f"session-{number:04d}", source="real", observation=first, turns=tuple(turns),
            outcome=sum(turn.reward or 0.0 for turn in turns),
            stop="terminated" if turns[-1].terminated else "truncated", seed=number,
        ))
    return sessions


def config(folder: Path, seed: int, lake: list[str]) -> Config:
    """A small night. The clone is rough, as agents are that act on what no session shows."""
    return Config(
        name="lake", folder=folder, seed=seed,
        sessions=Sessions(files=("sessions.jsonl",), approve="all", split="session"),
        author=Author(files=("lake.py",), automaton=False),
        policy=Tiny(layers=2, hidden=64, vocabulary=300, action_tokens=4), cloning=Cloning(steps=60),
        rehearsal=Rehearsal(), learning=Learning(rounds=30, learning_rate=1e-3, max_turns=TURNS),
        production=Production(engine=ENGINE, options={"desc": lake, "max_steps": TURNS}, episodes=EPISODES),
    )


@contextmanager
def night(config: Callable[[Path], Config], sessions: Sequence[Trajectory], source: str, console: Console
          ) -> Iterator[Run]:
    """A run in a folder of its own, where the sessions are `sessions.jsonl` and the authored lake is `lake.py`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        own.write(sessions, folder / "sessions.jsonl")
        (folder / "lake.py").write_text(source)
        store = Store(folder / "run")
        store.root.mkdir()
        with Run(config(folder), store, Reporter(store.append_event, console)) as run:
            yield run


def treat(run: Run, treatment: str) -> None:
    """Let what is imagined be treated so from now on."""
    learning = run.config.learning.model_copy(update={"imagined": treatment})
    run.config = run.config.model_copy(update={"learning": learning})


def measure(seed: int, lake: list[str], console: Console) -> dict[str, tuple[list[Episode], list[Episode]]]:
    """Every policy of one seed: its episodes in the real lake, and those in the authored one."""
    with night(lambda folder: config(folder, seed, lake), record(seed), AUTHORED, console) as run:
        logs = read_sessions(run)
        validated = validate_environments(run, logs, author_environments(run, logs))
        if not validated.members:
            raise SystemExit(f"the authored lake does not tell its sessions: {validated.best.refusals}")
        base = make_base(run, logs)
        policies = {"base": base.policy}
        for treatment in TREATMENTS:
            treat(run, treatment)
            policies[treatment] = learn(run, logs, validated, base).policy
        policies["real engine"] = learn_for_real(run, logs, run.policy(base.policy)).policy
        treat(run, "allow")
        played = {}
        for name, digest in policies.items():
            policy = run.policy(digest)
            real, _ = judge(run, policy, logs)
            with run.dream(validated.worlds) as (world, _):
                dreamed = in_dream(run, logs, policy, world).play(starts(DREAM_SEEDS, EPISODES))
            played[name] = real, dreamed
        return played


def summarise(name: str, seeds: dict[int, dict[str, tuple[list[Episode], list[Episode]]]]) -> dict[str, Figure]:
    """The figures of one lake: of each seed, and over all."""
    figures: dict[str, Figure] = {}
    share = "share of episodes"
    for policy in next(iter(seeds.values())):
        for place, where in enumerate(("real", "dream")):
            each = {seed: proportion(sum(won(played[policy][place])), EPISODES, share)
                    for seed, played in seeds.items()}
            figures |= {f"{name}: {policy}, {where} success, seed {seed}": figure for seed, figure in each.items()}
            figures[f"{name}: {policy}, {where} success, mean of seeds"] = Figure(
                value=mean(figure.value or 0.0 for figure in each.values()), n=EPISODES * len(each), unit=share,
                low=min(figure.low or 0.0 for figure in each.values()),
                high=max(figure.high or 0.0 for figure in each.values()))
        steps = [turn.imagined for played in seeds.values() for episode in played[policy][1]
                 for turn in episode.trajectory.turns]
        figures[f"{name}: {policy}, imagined steps of the dream"] = proportion(
            sum(map(bool, steps)), len(steps), "share of steps")
    for other in ("base", "allow"):
        gains = [difference(won(played["cut"][0]), won(played[other][0]), share) for played in seeds.values()]
        worst = min(gains, key=lambda gain: gain.value or 0.0)
        figures[f"{name}: cut minus {other}, real success, lowest of seeds"] = worst.model_copy(
            update={"target": ">= 0 by its lower bound", "holds": (worst.low or 0.0) >= 0} if name == "wrong" else {})
    return figures


def won(episodes: list[Episode]) -> list[float]:
    return [float(episode.outcome > 0) for episode in episodes]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.imagined", description=__doc__.split("\n\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object (else a line a figure)")
    parser.add_argument("--lakes", nargs="+", choices=LAKES, default=["wrong", "right"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options = parser.parse_args()
    console = Console(stderr=True)
    figures: dict[str, Figure] = {}
    for lake in options.lakes:
        figures |= summarise(lake, {seed: measure(seed, LAKES[lake], console) for seed in options.seeds})
    show(figures, options.json)


if __name__ == "__main__":
    main()
