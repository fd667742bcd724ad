"""What turns token ids into more token ids: the policy at work.

An engine is given whole histories and answers with the next action's ids. That it remembers what it has already
read (here a KV cache that survives across turns) is its own business.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from transformers import PreTrainedModel

from rollout.cache import growing_cache

CROWDED = 0.75  # finished episodes leave the batch when the others are fewer than this share of it


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
    """One action: its ids, ending in the stop id unless it was cut, and their log-probabilities."""

    ids: list[int]
    logprobs: list[float]


class Engine(Protocol):
    """Token ids in, token ids and log-probabilities out."""

    def generate(self, histories: Mapping[int, Sequence[int]], sampling: Sampling) -> dict[int, Completion]:
        """The next action of each episode.

        Args:
            histories: by episode number, all ids so far; each may only grow from call to call.
            sampling: how to draw.
        """

    def forget(self) -> None:
        """Drop what was remembered, because the weights changed or other episodes begin."""


class TransformersEngine:
    """The embedded default: a Hugging Face model in this process, one batch, one growing KV cache.

    Rows of the cache belong to episodes; each call feeds every row what it has not read of its episode. Rows read
    different numbers of tokens at once, so the cache has holes, which the attention mask hides and the position
    ids skip. Rows of finished episodes stay, reading nothing, until there are enough of them to be worth a copy.

    Args:
        model: a causal language model.
        stop: the id that ends an action.
        seed: of the sampling; the same seed and calls give the same ids.
    """

    def __init__(self, model: PreTrainedModel, stop: int, seed: int = 0):
        self.model = model
        self.stop = stop
        self.random = torch.Generator(device=model.device).manual_seed(seed)
        self.forget()

    def forget(self) -> None:
        self.rows: list[int] = []
        self.read: list[int] = []  # how many ids of each row's history lie in the cache
        self.cache: Any = None
        self.seen = torch.zeros(0, 0, dtype=torch.long)  # (rows, slots): 1 where the cache holds a token

    @torch.inference_mode()
    def generate(self, histories: Mapping[int, Sequence[int]], sampling: Sampling) -> dict[int, Completion]:
        was_training = self.model.training
        self.model.eval()
        try:
            return self._generate(histories, sampling)
        finally:
            self.model.train(was_training)

    def _generate(self, histories: Mapping[int, Sequence[int]], sampling: Sampling) -> dict[int, Completion]:
        self._seat(list(histories))
        ids: dict[int, list[int]] = {episode: [] for episode in histories}
        logprobs: dict[int, list[float]] = {episode: [] for episode in histories}
        unread = [list(histories[row][start:]) if row in histories else []
                  for row, start in zip(self.rows, self.read, strict=True)]
        speaking = [number for number, row in enumerate(self.rows) if row in histories]
        for count in range(sampling.max_tokens):
            logits = self._feed(unread)[speaking]  # (rows that speak, vocabulary)
            logps = torch.log_softmax(logits.float() / (sampling.temperature or 1.0), dim=-1)
            if sampling.temperature == 0:
                chosen = logps.argmax(dim=-1, keepdim=True)
            else:
                chosen = torch.multinomial(logps.exp(), 1, generator=self.random)
            unread = [[] for _ in self.rows]
            picked = zip(speaking, chosen[:, 0].tolist(), logps.gather(1, chosen)[:, 0].tolist(), strict=True)
            for number, token, logp in picked:
                ids[self.rows[number]].append(token)
                logprobs[self.rows[number]].append(logp)
                if token != self.stop and count + 1 < sampling.max_tokens:
                    unread[number] = [token]  # the last id of an action is read together with the answer to it
            speaking = [number for number in speaking if unread[number]]
            if not speaking:
                break
        return {episode: Completion(ids[episode], logprobs[episode]) for episode in histories}

    def _seat(self, wanted: list[int]) -> None:
        """Give every episode a row: those that go on keep theirs; anew when there are others."""
        if not self.rows or not set(wanted) <= set(self.rows):
            self.forget()
            self.rows, self.read = wanted, [0] * len(wanted)
            self.cache = growing_cache(self.model.config)
            self.seen = torch.zeros(len(wanted), 0, dtype=torch.long, device=self.model.device)
        elif len(wanted) < CROWDED * len(self.rows):
            still = set(wanted)
            kept = [number for number, row in enumerate(self.rows) if row in still]
            self.rows = [self.rows[number] for number in kept]
            self.read = [self.read[number] for number in kept]
            self.cache.batch_select_indices(torch.tensor(kept, device=self.model.device))
            self.seen = self.seen[kept]

    def _feed(self, unread: list[list[int]]) -> torch.Tensor:
        """Read new ids, ragged, into the cache. Returns logits after each row's last, (rows, vocabulary)."""
        width = max(len(ids) for ids in unread)
        device = self.model.device
        padded = torch.tensor([ids + [self.stop] * (width - len(ids)) for ids in unread], device=device)
        lengths = torch.tensor([len(ids) for ids in unread], device=device)
        places = torch.arange(width, device=device)
        real = (places < lengths[:, None]).long()  # (rows, width)
        positions = torch.tensor(self.read, device=device)[:, None] + places
        self.seen = torch.cat([self.seen, real], dim=1)
        ends, inverse = (lengths - 1).clamp(min=0).unique(return_inverse=True)
        logits = self.model(
            input_ids=padded, attention_mask=self.seen, position_ids=positions, past_key_values=self.cache,
            use_cache=True, logits_to_keep=ends,
        ).logits  # (rows, ends, vocabulary)
        self.read = [start + len(ids) for start, ids in zip(self.read, unread, strict=True)]
        return torch.as_tensor(logits[torch.arange(len(unread), device=device), inverse])
