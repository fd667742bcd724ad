"""What a night takes of a card's memory, estimated from the model's configuration alone; no weights are read.

Exact are the counts of parameters (the model is built without storage) and the cache (two vectors a layer and head).
Activations are an estimate: what autograd kept of Qwen3 layers, fitted; other layers may differ by some tens of
per cent. What CUDA, its kernels and fragments of memory take comes on top, `RESERVE` of them.
"""

from dataclasses import dataclass
from typing import Any

import torch
from peft import get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from dreamer.config import Config, ConfigError
from dreamer.policy import adapters_of, tiny_config

GIB = 2**30
RESERVE = 2 * GIB
TILE = 4096 * 32_768  # logits that TRL's log-probabilities have in memory at once, forward or backward
# Bytes that autograd keeps of a token and layer for each unit of width, in bfloat16: of the hidden state, the queries,
# keys and values, and the gate of the feed-forward part.
KEPT, KEPT_WITH_LORA = (17, 11, 12, 9), (29, 13, 10, 11)


@dataclass(frozen=True)
class Budget:
    """Bytes, unless it says otherwise.

    Attributes:
        parameters, trained: how many the model has, and how many of them, or of its adapters, learn.
        weights: in the trainer, and again in vLLM.
        states: adapters, if any, in float32; gradients and Adam's two moments of what learns; and, for `learning.beta`
            without adapters, the model to stay close to.
        cached: a token in the engine's cache.
        activations: kept of `batch` episodes of `max_length` tokens, and the logits that exist at once.
        batch: episodes through the model at once.
        length: tokens of an episode, at most.
        held: the longest text in the engine's cache, an episode or what the policy is asked to write.
        card: all of the card; None where none is seen.
        engine: the engine's share of the card; without vLLM nothing, without a card what all of them would fill.
        sleeps: the engine leaves the card while the policy learns.
    """

    parameters: int
    trained: int
    weights: int
    states: int
    cached: int
    activations: int
    batch: int
    length: int
    held: int
    card: int | None
    engine: int
    sleeps: bool

    @property
    def episode(self) -> int:
        """The longest episode in the engine's cache."""
        return self.cached * self.length

    def verdict(self) -> str:
        """Whether it fits, in one line."""
        playing = self.weights + self.states + RESERVE + self.engine
        learning = self.weights + self.states + RESERVE + self.activations + (0 if self.sleeps else self.engine)
        need = f"about {_size(playing)} while it plays, {_size(learning)} while it learns"
        if self.card is None:
            return f"no GPU is seen here; of one it takes {need}"
        if self.engine and self.engine - self.weights < self.held:
            return (f"does not fit: vLLM's share of {_size(self.engine)} must hold its weights and "
                    f"{_size(self.held)} of cache for the longest text; raise engine.memory, or lower prompt_tokens")
        if max(playing, learning) <= self.card:
            return f"fits this card's {_size(self.card)}: {need}"
        remedy = "lower engine.memory" if playing > learning else "lower learning.batch, or set learning.checkpointing"
        return f"does not fit this card's {_size(self.card)}: {need}; {remedy}"

    def rows(self) -> list[tuple[str, str]]:
        """What it comes to, by name."""
        rows = [
            ("parameters", f"{self.parameters:,}; {self.trained:,} learn"),
            ("weights", f"{_size(self.weights)} in the trainer" + (", as much again in vLLM" if self.engine else "")),
            ("what learns", f"{_size(self.states)} with gradients and Adam's moments"),
            ("an update", f"{_size(self.activations)} at most: {self.batch} × {self.length:,} tokens at once"),
            ("cache", f"{self.cached / 1024:,.1f} KiB a token, {_size(self.episode)} an episode of {self.length:,}"),
        ]
        if self.engine:
            fit = (self.engine - self.weights) // self.episode
            share = "its share holds" if self.card else "as many as rehearsal.concurrent, filled:"
            rows[-1] = ("cache", f"{rows[-1][1]}; {share} {max(0, fit):,} such episodes")
        return [*rows, ("card", self.verdict())]


def budget(config: Config) -> Budget:
    """Estimate a night.

    Raises:
        ConfigError: the model's configuration cannot be had: it is unknown, or there is no connection.
    """
    known, model = _model(config)
    with torch.device("meta"):
        parameters = trained = sum(each.numel() for each in model.parameters())
        if config.policy.lora is not None:
            adapted = get_peft_model(model, adapters_of(config.policy.lora))
            trained = sum(each.numel() for each in adapted.parameters() if each.requires_grad)
    text = known.get_text_config()
    size = (text.dtype or known.dtype or torch.float32).itemsize
    lora = config.policy.lora is not None
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    widths = (text.hidden_size, head * text.num_attention_heads, head * heads,
              getattr(text, "intermediate_size", None) or 4 * text.hidden_size)
    layers = text.num_hidden_layers
    layer = sum(width * kept for width, kept in zip(widths, KEPT_WITH_LORA if lora else KEPT, strict=True)) * size // 2
    token = layers * text.hidden_size * size + layer if config.learning.checkpointing else layers * layer
    batch = config.learning.batch or config.learning.groups * config.learning.episodes
    logits = min(batch * config.policy.max_length * 32_768, TILE) * size
    cached = 2 * layers * heads * head * size
    card = torch.cuda.get_device_properties(0).total_memory if torch.cuda.is_available() else None
    engine = 0
    if config.engine.name == "vllm":
        episodes = config.rehearsal.concurrent * config.policy.max_length
        filled = parameters * size + cached * max(episodes, config.length)
        engine = filled if card is None else int(card * config.engine.memory)
    return Budget(
        parameters=parameters, trained=trained, weights=parameters * size, cached=cached,
        states=trained * (16 if lora else 3 * size) + (parameters * size if config.learning.beta and not lora else 0),
        activations=batch * config.policy.max_length * token + logits, batch=batch, length=config.policy.max_length,
        held=cached * config.length, card=card, engine=engine, sleeps=config.engine.sleep,
    )


def _model(config: Config) -> tuple[Any, Any]:
    """The model's configuration, and the model without storage."""
    policy = config.policy
    try:
        known = (tiny_config(policy.vocabulary, policy.layers, policy.hidden) if policy.model == "tiny"
                 else AutoConfig.from_pretrained(config.checkpoint))
        with torch.device("meta"):
            return known, AutoModelForCausalLM.from_config(known)
    except (OSError, ValueError) as error:
        why = str(error).splitlines()[0]
        raise ConfigError(f"memory not known: no configuration of {policy.model!r} can be read here: {why}") from None


def _size(size: float) -> str:
    return f"{size / GIB:.1f} GiB" if size >= GIB / 10 else f"{size / 2**20:,.1f} MiB"
