"""A player that leaves sessions."""

from collections.abc import Sequence

import numpy as np

from rollout.trajectory import Trajectory, Turn
from tests.games.game import Game


def play(game: Game, actions: Sequence[str], name: str = "s", seed: int | None = None) -> Trajectory:
    """The session that some actions make, up to the end of the game; cut where they run out before."""
    first, _ = game.reset(seed=seed)
    turns = list[Turn]()
    for action in actions:
        observation, reward, terminated, _, _ = game.step(action)
        turns.append(Turn(action=action, observation=observation, reward=reward, terminated=terminated,
                          truncated=not terminated and len(turns) + 1 == len(actions)))
        if terminated:
            break
    return Trajectory(id=name, source="real", observation=first, turns=tuple(turns),
                      outcome=sum(turn.reward or 0.0 for turn in turns), seed=seed)


def record(game: Game, count: int, seed: int = 0, longest: int = 20) -> list[Trajectory]:
    """Sessions of a player who says anything; other seeds give other sessions."""
    random = np.random.default_rng(seed)
    return [
        play(game, [str(action) for action in random.choice(game.actions, longest)], f"s{seed}-{number}",
             seed=seed * 100_000 + number)
        for number in range(count)
    ]
