"""What an engine is asked, and what it answers.

Episodes talk to it turn by turn, each at its own pace: whoever wants an action asks with everything said so far, and
every step of the engine works on all that were asked. That it remembers what it has already read is its own business.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from transformers import PreTrainedModel

from rollout.errors import UserError


class EngineFailure(UserError):
    """An engine cannot be used, or does not say what its weights say; the message tells why."""


@dataclass(frozen=True)
class Sampling:
    """How actions are drawn.

    Attributes:
        temperature: 0 takes the likeliest token.
        max_tokens: an action is cut after so many.
    """

    temperature: float = 1.0
    max_tokens: int = 16


@dataclass(frozen=True)
class Completion:
    """One action: its ids, ending in the stop id unless it was cut, and their log-probabilities.

    The log-probabilities are those of the distribution that was drawn from, temperature included (1 for 0).
    """

    ids: list[int]
    logprobs: list[float]


class Engine(Protocol):
    """Token ids in, token ids and log-probabilities out.

    What an episode draws depends on its seed and on what it was asked; not on which other episodes are under way, but
    for the last bits of a sum.
    """

    def open(self, seed: int) -> int:
        """A number for a new episode.

        Args:
            seed: of what it draws.
        """

    def ask(self, episode: int, history: Sequence[int], sampling: Sampling) -> None:
        """An episode wants its next action.

        Args:
            episode: which; it has no other question open.
            history: all its ids so far. What equals the last question's beginning is not read again.
            sampling: how to draw.
        """

    def step(self) -> dict[int, Completion]:
        """Work on all questions for a while; the actions that are complete, by episode.

        With nothing asked there is nothing to do. Otherwise every call comes nearer to an answer.
        """

    def close(self, episode: int) -> None:
        """An episode is over, and will not ask again."""

    def load(self, model: PreTrainedModel) -> None:
        """Take over the weights of a model of the same architecture; what was remembered is forgotten.

        Raises:
            EngineFailure: the engine does not say what the model says.
        """

    def rest(self) -> None:
        """Give back what memory can be given until the next question, so that a trainer may have it."""


def say(engine: Engine, history: Sequence[int], sampling: Sampling, seed: int = 0) -> Completion:
    """One action after a history, by itself."""
    return say_all(engine, [history], sampling, [seed], 1)[0]


def say_all(engine: Engine, histories: Sequence[Sequence[int]], sampling: Sampling, seeds: Sequence[int],
            concurrent: int) -> list[Completion]:
    """One action after each of several histories.

    Args:
        seeds: one a history.
        concurrent: most histories at once.
    """
    said: list[Completion] = []
    for first in range(0, len(histories), concurrent):
        places = [engine.open(seed) for seed in seeds[first : first + concurrent]]
        for place, history in zip(places, histories[first : first + concurrent], strict=True):
            engine.ask(place, history, sampling)
        found: dict[int, Completion] = {}
        while len(found) < len(places):
            found |= engine.step()
        for place in places:
            engine.close(place)
        said += [found[place] for place in places]
    return said
