"""Record sessions of a flawed agent in TextWorld's coin collector, as a deployed agent would have left them.

The agent is wrong, not merely noisy: it forgets where it came from and mostly follows the exit that a
room's description names first, even straight back. In most games that makes it walk to and fro, so that
imitating what it does most often seldom arrives. It also passes some coins by, looks again and tries closed
walls. Nothing but its sessions leaves this file.

    python examples/textworld/record.py

writes `examples/textworld/sessions.jsonl` and prints how often the agent won, and how often its greedy
clone does: a player that answers every text with what the agent answered it most often.
"""

import argparse
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
from engine import HERE, TextWorldGames

from rollout.trajectory import Trajectory, Turn

DIRECTIONS = ("east", "north", "south", "west")
FIRST = 0.65  # how often it takes the exit named first where there are two
TAKE, EXAMINE = 0.45, 0.35  # what it does beside the coin; else it walks on
IDLE = 0.06  # how often it does something of these instead
IDLING = ("look", "inventory", "take coin", *(f"go {direction}" for direction in DIRECTIONS))


class Agent:
    """The recorded agent. All it remembers is the last description of a room."""

    def __init__(self, random: np.random.Generator):
        self.random = random
        self.room = ""

    def act(self, observation: str) -> str:
        if "=-" in observation:
            self.room = observation.split("=-")[-1]
        chance = self.random.random()
        if self.random.random() < IDLE:
            return str(self.random.choice(IDLING))
        if "coin" in self.room and chance < TAKE + EXAMINE:
            return "take coin" if chance < TAKE else "examine coin"
        exits = re.findall(rf"\b({'|'.join(DIRECTIONS)})\b", self.room)
        return f"go {exits[0] if self.random.random() < FIRST else exits[-1]}"


def play(env: TextWorldGames, seed: int, act: Callable[[str], str]) -> tuple[str, str, list[Turn]]:
    """Plays one game to its end: its name, the first observation and the turns."""
    first, info = env.reset(seed=seed)
    turns: list[Turn] = []
    while not turns or not (turns[-1].terminated or turns[-1].truncated):
        action = act((turns[-1].answer or "") if turns else first)
        observation, reward, terminated, truncated, _ = env.step(action)
        turn = Turn(
            action=action,
            observation=observation,
            reward=reward,
            terminated=terminated,
            truncated=truncated,
        )
        turns.append(turn)
    return info["game"], first, turns


def record(env: TextWorldGames, number: int, seed: int) -> Trajectory:
    """Session `number`; the sessions go round the games."""
    game, first, turns = play(env, number, Agent(np.random.default_rng([seed, number])).act)
    return Trajectory(
        id=f"session-{number:04d}",
        source="real",
        task=game,
        observation=first,
        turns=tuple(turns),
        outcome=turns[-1].reward,
        stop="terminated" if turns[-1].terminated else "truncated",
        seed=number,
        policy="recorded agent",
    )


def imitate(sessions: list[Trajectory]) -> Callable[[str], str]:
    """The greedy clone: the most frequent action after each text."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for session in sessions:
        texts = [session.observation.text, *(turn.answer for turn in session.turns)]
        for text, turn in zip(texts, session.turns, strict=False):
            counts[text][turn.action.text] += 1
    favourites = {text: count.most_common(1)[0][0] for text, count in counts.items()}
    return lambda text: favourites.get(text, "look")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=1560)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=HERE / "sessions.jsonl")
    options = parser.parse_args()
    env = TextWorldGames("logged")
    sessions = [record(env, number, options.seed) for number in range(options.sessions)]
    lines = [f"{session.model_dump_json(exclude_none=True)}\n" for session in sessions]
    options.output.write_text("".join(lines))
    print(f"{len(sessions)} sessions of {len(env.names)} games in {options.output}", file=sys.stderr)
    won = [session.outcome for session in sessions]
    print(f"agent: {np.mean(won):.3f} of {len(won)} sessions won")
    clone = imitate(sessions)
    cloned = [play(env, number, clone)[2][-1].reward for number in range(len(env.names))]
    print(f"its greedy clone: {np.mean(cloned):.3f} of {len(cloned)} games won")


if __name__ == "__main__":
    main()
