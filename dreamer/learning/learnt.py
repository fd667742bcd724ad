"""What an update did to the tokens that it learned from, for whoever looks at an episode afterwards.

It is measured on a few episodes of each round: a pass over all of them would take as long as a part of the update.
"""

from collections.abc import Sequence
from functools import partial

from transformers import PreTrainedModel

from dreamer.learning.divergence import likelihoods, log_probabilities
from dreamer.learning.training import Round
from rollout.episode import Learnt

MEASURED = 16  # episodes of a round, in whole groups; one group at least


def learnt(model: PreTrainedModel, done: Round, group: int, temperature: float) -> list[tuple[str, Learnt]]:
    """Each piece of the first groups of a round, by the id of its episode.

    Args:
        model: as the update left it.
        group: how many episodes in a row are one group.
        temperature: of the policy's actions.
    """
    episodes = done.episodes[: max(1, MEASURED // group) * group]
    advantages: Sequence[float | None] = done.advantages or [None] * len(episodes)
    pieces = [(episode.trajectory.id, advantage, piece)
              for episode, advantage in zip(episodes, advantages, strict=False) for piece in episode.pieces]
    found = likelihoods(partial(log_probabilities, model), [piece for _, _, piece in pieces], temperature)
    return [(id, Learnt(None if advantage is None else [advantage] * len(logprobs), logprobs, entropies))
            for (id, advantage, _), (logprobs, entropies) in zip(pieces, found, strict=True)]
