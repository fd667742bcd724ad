"""Record sessions of a flawed agent on the frozen lake, as a deployed agent would have left them.

The agent is wrong, not merely noisy: on the squares in `HABITS` its favourite action is a bad one (into a hole,
against the bank, or back), so that imitating what it does most often never arrives. Elsewhere it mostly goes
the right way. Nothing but its sessions leaves this file.

    python examples/frozen_lake/record.py > examples/frozen_lake/sessions.jsonl
    python examples/frozen_lake/record.py --slippery --sessions 1000 > examples/slippery_lake/sessions.jsonl
"""

import argparse
import sys

import numpy as np
from engine import ACTIONS, FrozenLakeText

from rollout.trajectory import Trajectory, Turn

HABITS = {0: "left", 4: "right", 9: "up", 10: "right", 2: "right", 6: "left"}  # square: its bad favourite
GOOD = {0: "down", 1: "left", 2: "down", 3: "left", 4: "down", 6: "down", 8: "right", 9: "right", 10: "down",
        13: "right", 14: "right"}  # one shortest way from everywhere on the dry map
SLIPPERY_HABITS = {4: "right", 9: "up", 14: "left"}
SLIPPERY_GOOD = {0: "left", 1: "up", 2: "up", 3: "up", 4: "left", 6: "left", 8: "up", 9: "down", 10: "left",
                 13: "right", 14: "down"}  # optimal on ice without a step limit


def weigh(square: int, habits: dict[int, str], good: dict[int, str]) -> list[float]:
    """How often the agent says each of `ACTIONS` on a square."""
    if square in habits:
        likely = {habits[square]: 0.45, good[square]: 0.35}
        return [likely.get(action, 0.1) for action in ACTIONS]
    return [0.79 if action == good[square] else 0.07 for action in ACTIONS]


def play(env: FrozenLakeText, number: int, seed: int, habits: dict[int, str], good: dict[int, str]) -> Trajectory:
    """One session; `seed` sets both the ice and the agent's own chance."""
    random = np.random.default_rng([seed, 1])  # not the stream that the ice draws from
    first, _ = env.reset(seed=seed)
    turns: list[Turn] = []
    while not turns or not (turns[-1].terminated or turns[-1].truncated):
        action = str(random.choice(ACTIONS, p=weigh(int(env.square), habits, good)))
        observation, reward, terminated, truncated, _ = env.step(action)
        turns.append(Turn(action=action, observation=observation, reward=reward, terminated=terminated,
                          truncated=truncated))
    return Trajectory(id=f"session-{number:04d}", source="real", task="reach the goal", observation=first,
                      turns=tuple(turns), outcome=sum(turn.reward or 0.0 for turn in turns),
                      stop="terminated" if turns[-1].terminated else "truncated", seed=seed, policy="recorded agent")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slippery", action="store_true")
    parser.add_argument("--sessions", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    env = FrozenLakeText(is_slippery=options.slippery)
    habits, good = (SLIPPERY_HABITS, SLIPPERY_GOOD) if options.slippery else (HABITS, GOOD)
    won = 0.0
    for number in range(options.sessions):
        session = play(env, number, options.seed * 1_000_003 + number, habits, good)
        won += session.outcome or 0.0
        print(session.model_dump_json(exclude_none=True))
    print(f"{options.sessions} sessions, {won / options.sessions:.3f} reach the goal", file=sys.stderr)


if __name__ == "__main__":
    main()
