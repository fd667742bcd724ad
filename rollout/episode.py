"""What was played, as words and as ids; importing no torch."""

from dataclasses import dataclass

from rollout.trajectory import Trajectory


@dataclass(frozen=True)
class Tokens:
    """The ids of one episode.

    Attributes:
        prompt: everything before the first action.
        completion: everything after, actions and answers, in order.
        mask: 1 where `completion` holds a token of the policy.
        logprobs: log-probability of each completion token under the policy that acted; 0 where mask is 0.
    """

    prompt: list[int]
    completion: list[int]
    mask: list[int]
    logprobs: list[float]


@dataclass(frozen=True)
class Learnt:
    """What an update did to the policy's own tokens (mask 1) of one piece, a value for each, in order.

    Attributes:
        advantages: how much the update wanted of it, in standard deviations of its group's outcomes; None where what
            learns has no such thing.
        logprobs: its log-probability under the policy after the update; `Tokens.logprobs` has the one before.
        entropies: nats, of the distribution that the policy after the update would draw it from.
    """

    advantages: list[float] | None
    logprobs: list[float]
    entropies: list[float]


@dataclass(frozen=True)
class Episode:
    """What was played, as words and as ids.

    Attributes:
        number: of its start among all that were to be played.
        pieces: one that holds everything; or one for each action, where the chat template drops the reasoning of
            earlier turns, so that no sequence of ids holds all that the policy saw.
    """

    number: int
    trajectory: Trajectory
    pieces: tuple[Tokens, ...]

    @property
    def tokens(self) -> Tokens:
        """All ids, where one sequence holds them.

        Raises:
            ValueError: none does.
        """
        (tokens,) = self.pieces
        return tokens

    @property
    def outcome(self) -> float:
        """The sum of the rewards."""
        return self.trajectory.outcome or 0.0
