"""A KV cache that grows in place.

transformers' `DynamicCache` copies all it holds at every forward pass; over a hundred turns the copying outweighs
the model. Here each layer keeps room to grow and copies only when that is used up.
"""

from typing import Any

import torch
from transformers import DynamicCache, PreTrainedConfig
from transformers.cache_utils import DynamicLayer


class GrowingLayer(DynamicLayer):
    """Keys and values of one layer, each (rows, heads, slots, head size), views into larger buffers."""

    room: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        held = self.get_seq_length()
        slots = held + key_states.shape[-2]
        if self.room is None or self.room[0].shape[2] < slots:
            rows, heads, _, size = key_states.shape
            grown = torch.Size((rows, heads, slots + max(64, slots // 2), size))
            self.room = (key_states.new_empty(grown), value_states.new_empty(grown))
            if self.keys is not None and self.values is not None and held:
                self.room[0][:, :, :held] = self.keys
                self.room[1][:, :, :held] = self.values
        keys, values = self.room
        keys[:, :, held:slots] = key_states
        values[:, :, held:slots] = value_states
        self.keys, self.values = keys[:, :, :slots], values[:, :, :slots]
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        super().batch_select_indices(indices)
        self.room = None


def growing_cache(config: PreTrainedConfig) -> DynamicCache:
    """A cache for a model; layers that are not plain attention keep what transformers gives them."""
    cache = DynamicCache(config=config)
    cache.layers = [GrowingLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache
