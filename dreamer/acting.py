"""A checkpoint that acts: its words, its weights, the engine that generates for it, and how it rehearses."""

from functools import cached_property
from pathlib import Path

from transformers import PreTrainedModel

from dreamer.config import Config
from dreamer.policy import adapters, load_model, load_tokenizer
from dreamer.sections import Engine as EngineSettings
from dreamer.terms import Settings
from rollout.chat import Chat
from rollout.engines import Engine, Sampling, TransformersEngine
from rollout.rehearsal import Rehearsal
from rollout.world import Start, World

REHEARSAL_SEEDS = 500_000_000  # first of the seeds that no learning and no judging uses
SEEDS = 1_000_003  # starts from one seed of a run to the next, and from one night to the next


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


def open_engine(policy: Policy, settings: EngineSettings, length: int, concurrent: int) -> Engine:
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


def rehearsal_of(policy: Policy, engine: Engine, world: World, settings: Config | Settings, max_turns: int,
                 system: str | None, labels: dict[str, str | int]) -> Rehearsal:
    """Episodes as the settings want them; what is imagined ends them.

    Args:
        engine: generates for the policy.
        system, labels: see `Rehearsal`.
    """
    return Rehearsal(
        engine=engine, chat=policy.chat, world=world,
        sampling=Sampling(settings.policy.temperature, settings.policy.action_tokens), max_turns=max_turns,
        concurrent=settings.rehearsal.concurrent, in_step=settings.rehearsal.in_step, seed=settings.seed,
        system=system, max_length=settings.policy.max_length, labels=labels,
    )


def starts(first: int, count: int, night: int = 1) -> list[Start]:
    """As many different starts, other ones every night: sessions of earlier nights may have taught tonight's world."""
    return [Start(first + (night - 1) * SEEDS + number, number) for number in range(count)]
