"""The embedded engine: a Hugging Face model in this process, with a KV cache that survives across turns."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import torch
from transformers import PreTrainedModel

from rollout.engines.cache import MOST, SlotCache
from rollout.engines.engine import Completion, Sampling


@dataclass
class _Row:
    """An episode's row of the cache."""

    episode: int
    place: int
    random: Random
    known: list[int] = field(default_factory=list)  # what lies in the cache
    unread: list[int] = field(default_factory=list)
    sampling: Sampling = field(default_factory=Sampling)
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)


class TransformersEngine:
    """Continuous batching over rows of one cache.

    Each step reads what the asking episodes have not read yet and draws one token for each. Episodes with about as much
    to read go through the model together: a new prompt does not pad those that only wait for their next token.

    Args:
        model: a causal language model.
        stop: the id that ends an action.

    Raises:
        EngineFailure: the model cannot be cached by position.
    """

    def __init__(self, model: PreTrainedModel, stop: int):
        self.stop = stop
        self.seeds: list[int] = []
        self.load(model)

    def load(self, model: PreTrainedModel) -> None:
        """Take over a model as it now is; it is used in place, not copied."""
        self.model = model
        self.rows: dict[int, _Row] = {}
        self.free: list[int] = []
        self.height = 0
        self.cache = SlotCache(model)
        # Attention in plain torch adds its mask, so it cannot be told by bools.
        self.adds_mask = model.config._attn_implementation != "sdpa"

    def rest(self) -> None:
        """The cache goes; the model is the trainer's own."""
        self.load(self.model)

    def open(self, seed: int) -> int:
        self.seeds.append(seed)
        return len(self.seeds) - 1

    def ask(self, episode: int, history: Sequence[int], sampling: Sampling) -> None:
        row = self.rows.get(episode)
        if row is None:
            row = self.rows[episode] = _Row(episode, self._place(), Random(self.seeds[episode]))
        kept = min(len(row.known), len(history) - 1)  # at least the last id is read, to have something to go on from
        if list(history[:kept]) != row.known[:kept]:
            pairs = zip(history[:kept], row.known, strict=False)
            kept = next(number for number, (new, old) in enumerate(pairs) if new != old)
        del row.known[kept:]
        row.unread = list(history[kept:])
        row.sampling, row.ids, row.logprobs = sampling, [], []

    def close(self, episode: int) -> None:
        row = self.rows.pop(episode, None)
        if row is not None:
            self.free.append(row.place)

    @torch.inference_mode()
    def step(self) -> dict[int, Completion]:
        if not self.model.training:  # to say so to every module takes as long as a layer
            return self._step()
        self.model.eval()
        try:
            return self._step()
        finally:
            self.model.train()

    def _step(self) -> dict[int, Completion]:
        groups: dict[int, list[_Row]] = {}
        for row in self.rows.values():
            if row.unread:
                # 1; 2 to 4; 5 to 16; 17 to 64; … tokens
                groups.setdefault((len(row.unread) - 1).bit_length() + 1 >> 1, []).append(row)
        done = {}
        for group in groups.values():
            group.sort(key=lambda row: row.place)
            logits = self._feed(group)  # (rows, vocabulary)
            for row, token, logprob in zip(group, *self._draw(group, logits), strict=True):
                row.ids.append(token)
                row.logprobs.append(logprob)
                if token == self.stop or len(row.ids) == row.sampling.max_tokens:
                    done[row.episode] = Completion(row.ids, row.logprobs)
                else:
                    row.unread = [token]
        return done

    def _place(self) -> int:
        if self.free:
            return self.free.pop()
        self.height += 1
        return self.height - 1

    def _feed(self, group: list[_Row]) -> torch.Tensor:
        """Read new ids, ragged, into the cache. Returns logits after each row's last, (rows, vocabulary)."""
        device = self.model.device
        together = len(group) >= MOST * self.height
        if together:  # the few others go along, reading nothing
            unread: list[list[int]] = [[] for _ in range(self.height)]
            starts = [0] * self.height
            for row in group:
                unread[row.place], starts[row.place] = row.unread, len(row.known)
        else:
            unread, starts = [row.unread for row in group], [len(row.known) for row in group]
        lengths = list(map(len, unread))
        positions, seen = self.cache.read(
            None if together else [row.place for row in group], starts, lengths, self.height, device)
        mask = torch.zeros(seen.shape, dtype=self.model.dtype, device=device).masked_fill(
            ~seen, torch.finfo(self.model.dtype).min) if self.adds_mask else seen
        padded = torch.tensor([ids + [self.stop] * (max(lengths) - len(ids)) for ids in unread], device=device)
        ends, inverse = (torch.tensor(lengths, device=device) - 1).clamp(min=0).unique(return_inverse=True)
        logits = self.model(
            input_ids=padded, attention_mask=mask, position_ids=positions, past_key_values=self.cache,
            use_cache=True, logits_to_keep=ends,
        ).logits  # (rows, ends, vocabulary)
        for row in group:
            row.known += row.unread
            row.unread = []
        last = torch.as_tensor(logits[torch.arange(len(unread), device=device), inverse])
        return last[[row.place for row in group]] if together else last

    def _draw(self, group: list[_Row], logits: torch.Tensor) -> tuple[list[int], list[float]]:
        """A token for each row and its log-probability: one uniform number a token, so that others do not matter."""
        temperatures = torch.tensor([row.sampling.temperature or 1.0 for row in group], device=logits.device)
        logps = torch.log_softmax(logits.float() / temperatures[:, None], dim=-1)
        below = logps.double().exp().cumsum(dim=-1)
        uniform = [row.random.random() for row in group]
        drawn = torch.searchsorted(below, torch.tensor(uniform, device=logits.device, dtype=torch.double)[:, None]
                                   * below[:, -1:]).clamp(max=logits.shape[-1] - 1)
        greedy = torch.tensor([row.sampling.temperature == 0 for row in group], device=logits.device)
        chosen = torch.where(greedy[:, None], logps.argmax(dim=-1, keepdim=True), drawn)
        return chosen[:, 0].tolist(), logps.gather(1, chosen)[:, 0].tolist()
