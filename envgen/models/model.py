"""What writes: text in, text out."""

from typing import Protocol

from rollout.errors import UserError
from rollout.trajectory import Record

CHARACTERS = 4  # of a token, where nobody has counted


class ModelError(UserError):
    """The model cannot be asked; the message says why, and what to do."""


def estimate(text: str) -> int:
    """About how many tokens a text has: one for four characters."""
    return -(-len(text) // CHARACTERS)


class Prompt(Record):
    """What a model is asked.

    Attributes:
        kind: "draft", "repair" or "revision".
        system: what holds for every world.
        user: this world.
    """

    kind: str
    system: str
    user: str

    @property
    def tokens(self) -> int:
        """About how many it has."""
        return estimate(self.system) + estimate(self.user)


class Reply(Record):
    """What a model answered.

    Attributes:
        prompt_tokens, reply_tokens: as the endpoint counted them, else estimated.
        seconds: that the call took.
        cut: the reply was stopped before its end.
    """

    text: str
    prompt_tokens: int
    reply_tokens: int
    seconds: float
    cut: bool = False


class Model(Protocol):
    """A language model."""

    def reply(self, prompt: Prompt) -> Reply:
        """One reply.

        Raises:
            ModelError: there is none to be had.
        """
