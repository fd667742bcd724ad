"""A checkpoint that acts: its words, its weights, and the engine that generates for it."""

from functools import cached_property
from pathlib import Path

from transformers import PreTrainedModel

from dreamer.config import Engine as Settings
from dreamer.policy import adapters, load_model, load_tokenizer
from rollout.chat import Chat
from rollout.engines import Engine, TransformersEngine

REHEARSAL_SEEDS = 500_000_000  # first of the seeds that no learning and no judging uses


class Policy:
    """A checkpoint, ready to act and to be changed.

    Args:
        folder: of the checkpoint.
        lora: rank of the adapters that are changed, if not all weights are.
        keep_reasoning: see `Chat`.

    Attributes:
        base: the folder of the whole weights; that of the checkpoint itself, unless it holds adapters only.
        lora: rank of its adapters, if it has any.

    Raises:
        CheckpointError: there is none, or it cannot be read; from `model`, too.
        TemplateError: its chat template cannot be used.
    """

    def __init__(self, folder: Path, lora: int | None = None, keep_reasoning: bool = False):
        self.folder, self.digest = folder, folder.name
        base, rank = adapters(folder)
        self.base, self.lora = Path(base), rank or lora
        self.tokenizer = load_tokenizer(folder)
        self.chat = Chat(self.tokenizer, keep_reasoning)

    @cached_property
    def model(self) -> PreTrainedModel:
        """The weights, read when they are first wanted: an engine that reads them itself needs no second copy."""
        return load_model(self.folder, self.lora)


def open_engine(policy: Policy, settings: Settings, length: int, concurrent: int) -> Engine:
    """What generates for a policy. vLLM has the weights of its base until it is told others by `load`.

    Args:
        length: most tokens of a history and its action.
        concurrent: most episodes generated for at once.

    Raises:
        EngineFailure: it cannot be used here, or cannot serve this checkpoint.
    """
    if settings.name == "transformers":
        return TransformersEngine(policy.model, policy.chat.stop)
    from rollout.engines.vllm import VllmEngine

    return VllmEngine(policy.base, policy.chat.stop, length, concurrent, settings.memory, policy.lora,
                      settings.sleep)
