"""What stops learning before it does harm, and the last good weights.

Every round is looked at. A round whose loss, gradient or weights are no numbers, a policy that has collapsed to one
answer, rounds from which nothing can be learnt, and a policy too far from the promoted one: each ends learning with a
reason, and leaves the latest policy that was measured and whose own round then showed nothing wrong.
"""

import math
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor
from transformers import PreTrainedModel

from dreamer.learning.divergence import divergence, log_probabilities
from dreamer.learning.training import Round, not_finite
from dreamer.sections import Guards
from rollout.episode import Tokens
from rollout.figure import Figure

EVERY = 5  # rounds between measurements of how far the policy has come
SAMPLE = 64  # histories that it is measured on


class Halted(Exception):
    """Learning was stopped, and the last good weights are back in their place; the message says why."""


class Snapshot:
    """The weights that learn, as they are now: all, or the adapters alone. Kept beside the card, which may be full."""

    def __init__(self, model: PreTrainedModel):
        self.weights = {name: weights.detach().to("cpu", copy=True) for name, weights in model.named_parameters()
                        if weights.requires_grad}

    @torch.no_grad()
    def restore(self, model: PreTrainedModel) -> None:
        """Put them back."""
        for name, weights in model.named_parameters():
            if name in self.weights:
                weights.copy_(self.weights[name])


class Watch:
    """Looks at the rounds of one update.

    Args:
        model: what learns; its weights are those of the promoted policy still.
        guards: what to stop at.
        histories: of the new task, one an episode; what the promoted policy said on it.
        rounds: how many there will be.
    """

    def __init__(self, model: PreTrainedModel, guards: Guards, histories: Sequence[Tokens], rounds: int):
        self.model, self.guards, self.histories, self.rounds = model, guards, histories[:SAMPLE], rounds
        self.promoted = self.good = self.measured = Snapshot(model)
        self.alike = 0

    def look(self, done: Round) -> Figure | None:
        """Judge an update that was just made; how far the policy now is from the promoted one, where measured.

        Raises:
            Halted: learning must stop.
        """
        found = self._look(done)
        if isinstance(found, str):
            self.good.restore(self.model)
            raise Halted(f"round {done.number}: {found}")
        return found

    def _look(self, done: Round) -> Figure | str | None:
        metrics, guards = done.metrics, self.guards
        if wrong := not_finite(metrics):
            return wrong
        if not self._finite():
            return "weights of the policy are no numbers"
        if metrics.get("entropy", math.inf) < guards.entropy:
            return (f"the policy has collapsed: entropy {metrics['entropy']:.2g} nats a token, "
                    f"guards.entropy = {guards.entropy:g}")
        self.alike = self.alike + 1 if metrics.get("frac_reward_zero_std") == 1.0 else 0
        if self.alike >= guards.spread:
            return (f"in {self.alike} rounds in a row no group's episodes differed in what they brought, so nothing "
                    f"can be learnt from them; guards.spread = {guards.spread}")
        self.good = self.measured  # it has had a round of its own by now, and that was as it should be
        if (done.number + 1) % EVERY and done.number + 1 < self.rounds:
            return None
        apart = divergence(self._promoted, partial(log_probabilities, self.model), self.histories)
        if not exceeds(apart, guards.promoted_kl):
            self.measured = Snapshot(self.model)
            return apart
        return f"KL(promoted‖policy) is {apart} nats a token, guards.promoted_kl = {guards.promoted_kl:g}"

    @torch.no_grad()
    def _finite(self) -> bool:
        said = log_probabilities(self.model, self.histories[:1])
        return all(bool(torch.isfinite(each).all()) for each in (*said, *self.model.parameters()))

    def _promoted(self, histories: Sequence[Tokens]) -> list[Tensor]:
        """What the promoted policy says, from the same memory as the one that learns."""
        now = Snapshot(self.model)
        self.promoted.restore(self.model)
        try:
            return log_probabilities(self.model, histories)
        finally:
            now.restore(self.model)


def exceeds(apart: Figure, budget: float) -> bool:
    """Whether a divergence is not shown to be within a budget."""
    return apart.high is None or not apart.high <= budget
