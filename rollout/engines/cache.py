"""A KV cache whose rows belong to episodes, with a slot for each position.

transformers' `DynamicCache` copies all it holds at every forward pass, keeps all rows equally long, and has no rows
that come and go. Here a key lies in the slot of its position, whoever wrote it and when: rows are of any length, a row
that goes back to an earlier position overwrites what was there, and a new episode takes over a row as it is. What lies
beyond a row's end is never seen, because a query at position p sees slots 0 to p.

Left out: layers that are no plain attention (recurrent states), and windows that slide: a history longer than the
window is refused.
"""

from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from rollout.engines.engine import EngineFailure

MOST = 0.75  # rows that make up at least this share of all are read together with the others, rather than copied


class SlotLayer(DynamicLayer):
    """Keys and values of one layer, each (rows, heads, slots, head size)."""

    buffers: tuple[torch.Tensor, torch.Tensor] | None = None

    def __init__(self, reading: "SlotCache"):
        super().__init__()
        self.reading = reading

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        now = self.reading
        kept = []
        for place, states in enumerate((key_states, value_states)):  # (rows read, heads, width, head size)
            buffer = self._buffer(place, states)
            buffer[now.written, :, now.positions] = states.transpose(1, 2)
            kept.append(buffer[: now.height, :, : now.slots] if now.rows is None else buffer[now.rows, :, : now.slots])
        return kept[0], kept[1]

    def _buffer(self, place: int, states: torch.Tensor) -> torch.Tensor:
        held = None if self.buffers is None else self.buffers[place]
        rows = self.reading.height + 1
        if held is not None and held.shape[0] >= rows and held.shape[2] >= self.reading.slots:
            return held
        if self.buffers is None:
            empty = states.new_empty(0, states.shape[1], 0, states.shape[3])
            self.buffers = (empty, empty)
        old = self.buffers[place]
        slots = max(old.shape[2], self.reading.slots + max(64, self.reading.slots // 2))
        # What no episode wrote is masked, but NaN times zero would not be zero.
        grown = states.new_zeros(max(old.shape[0], rows), old.shape[1], slots, old.shape[3])
        grown[: old.shape[0], :, : old.shape[2]] = old
        self.buffers = (grown, self.buffers[1]) if place == 0 else (self.buffers[0], grown)
        return grown


class SlotCache(DynamicCache):
    """Before each forward pass `read` says which rows read, and where.

    Args:
        model: whose keys and values it holds.

    Raises:
        EngineFailure: the model has layers whose memory is not keys and values.
    """

    def __init__(self, model: PreTrainedModel):
        config = model.config.get_text_config()
        super().__init__(config=config)
        # Some keep what they remember in the model itself, and ask nothing of a cache.
        if model._is_stateful or any(
            type(layer) not in (DynamicLayer, DynamicSlidingWindowLayer) for layer in self.layers
        ):
            raise EngineFailure(
                f"{config.model_type} has layers of another kind than attention; use engine.name = \"vllm\""
            )
        windows = [layer.sliding_window for layer in self.layers if isinstance(layer, DynamicSlidingWindowLayer)]
        self.window = min(windows, default=None)
        self.layers = [SlotLayer(self) for _ in self.layers]
        self.height = self.slots = 0
        self.rows: torch.Tensor | None = None
        self.written: torch.Tensor
        self.positions: torch.Tensor

    def read(self, rows: list[int] | None, starts: list[int], lengths: list[int], height: int, device: torch.device
             ) -> tuple[torch.Tensor, torch.Tensor]:
        """What the next forward pass reads.

        Args:
            rows: different ones, or None for all of them in order.
            starts: of each, the position that it goes on from.
            lengths: of each, how many tokens it reads; the others up to the longest are padding, and go into a row
                that nobody reads.
            height: how many rows there are in all; it never falls.

        Returns:
            The positions, (rows, width), and which slots each token sees, bool of (rows, 1, width, slots).

        Raises:
            EngineFailure: a position lies beyond the window of a layer that sees only so far back.
        """
        self.height = height
        self.rows = None if rows is None else torch.tensor(rows, device=device)
        places = torch.arange(max(lengths), device=device)
        real = places < torch.tensor(lengths, device=device)[:, None]
        self.positions = torch.where(real, torch.tensor(starts, device=device)[:, None] + places, 0)
        numbers = torch.arange(height, device=device) if self.rows is None else self.rows
        self.written = torch.where(real, numbers[:, None], height)
        self.slots = max(start + length for start, length in zip(starts, lengths, strict=True) if length)
        if self.window is not None and self.slots > self.window:
            raise EngineFailure(
                f"a history of {self.slots} tokens outgrows the model's window of {self.window}; lower "
                'policy.max_length, or use engine.name = "vllm"'
            )
        slots = torch.arange(self.slots, device=device)
        return self.positions, slots <= self.positions[:, None, :, None]
