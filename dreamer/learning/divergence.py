"""How far one policy is from another, and how likely it finds what was said: exact, over the whole vocabulary.

Forward KL(reference‖policy) on histories of a new task is what predicts how much of the old ones is forgotten
(Shenfeld et al. 2025, arXiv 2509.04259); how few weights changed does not. Both are of the weights alone, at
temperature 1, unless another is named.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from rollout.episode import Tokens
from rollout.figure import Figure, ratio

PLACES = 1024  # histories that go through a model at once, times the places where any of them has a token of its own

# Of each history, a row for each of its own tokens: the log-probabilities of the whole vocabulary in its place.
Says = Callable[[Sequence[Tokens]], list[Tensor]]


def divergence(reference: Says, policy: Says, histories: Sequence[Tokens]) -> Figure:
    """Forward KL(reference‖policy), nats a token.

    Args:
        reference, policy: `log_probabilities` of each.
        histories: one an episode, so that the interval is over episodes. Only tokens that are masked 1 count.
    """
    sums, counts = list[float](), list[float]()
    for some in _batches(histories):
        for old, new in zip(reference(some), policy(some), strict=True):
            sums.append(float((old.exp() * (old - new)).sum()))
            counts.append(len(old))
    return ratio(sums, counts, unit="nats a token")


def surprise(policy: Says, histories: Sequence[Tokens]) -> list[tuple[float, int]]:
    """Of each history, how many nats its own tokens come to under a policy, and how many they are."""
    found = []
    for some in _batches(histories):
        for history, rows in zip(some, policy(some), strict=True):
            own = [token for token, mine in zip(history.completion, history.mask, strict=True) if mine]
            nats = -rows.gather(1, torch.tensor(own, device=rows.device)[:, None]).sum()
            found.append((float(nats), len(own)))
    return found


def likelihoods(policy: Says, histories: Sequence[Tokens], temperature: float = 1.0
                ) -> Iterator[tuple[list[float], list[float]]]:
    """Of each history's own tokens the log-probability, and the entropy of what each was drawn from, in nats.

    Args:
        temperature: to draw at.
    """
    for some in _batches(histories):
        for history, rows in zip(some, policy(some), strict=True):
            logs = torch.log_softmax(rows / temperature, dim=-1)
            own = torch.tensor([token for token, mine in zip(history.completion, history.mask, strict=True) if mine],
                               dtype=torch.long, device=logs.device)
            yield logs.gather(1, own[:, None])[:, 0].tolist(), torch.special.entr(logs.exp()).sum(-1).tolist()


@torch.no_grad()
def log_probabilities(model: PreTrainedModel, histories: Sequence[Tokens]) -> list[Tensor]:
    """See `Says`; in float32. Only the places where some history has a token of its own reach the vocabulary."""
    lines = [history.prompt + history.completion for history in histories]
    width = max(map(len, lines))
    ids = torch.tensor([line + [0] * (width - len(line)) for line in lines], device=model.device)
    seen = torch.tensor([[1] * len(line) + [0] * (width - len(line)) for line in lines], device=model.device)
    # The token at a place is foretold one place before.
    places = [[len(history.prompt) + number - 1 for number, mine in enumerate(history.mask) if mine]
              for history in histories]
    kept = sorted({place for each in places for place in each})
    training = model.training
    model.eval()
    try:
        logits = model(ids, attention_mask=seen, use_cache=False,
                       logits_to_keep=torch.tensor(kept, dtype=torch.long, device=model.device)).logits
    finally:
        model.train(training)
    row = {place: number for number, place in enumerate(kept)}
    return [torch.log_softmax(line[[row[place] for place in each]].float(), dim=-1)
            for line, each in zip(logits, places, strict=True)]


def _batches(histories: Sequence[Tokens]) -> Iterator[Sequence[Tokens]]:
    """As many at once as `PLACES` has room for, one at least: each place is a row of the whole vocabulary."""
    some, places = list[Tokens](), set[int]()
    for history in histories:
        own = {len(history.prompt) + number for number, mine in enumerate(history.mask) if mine}
        if some and (len(some) + 1) * len(places | own) > PLACES:
            yield some
            some, places = [], set()
        some, places = [*some, history], places | own
    if some:
        yield some
