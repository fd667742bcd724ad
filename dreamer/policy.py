"""The policy: a Hugging Face causal language model, or a tiny Llama built on the spot.

The tiny one is the embedded default. Its tokenizer is trained on the sessions it will imitate: sentences that are
heard again and again are one token each, other words mostly one, and whatever is new is spelt in bytes. Its chat
template marks whose turn it is and nothing else.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import torch
from huggingface_hub import snapshot_download
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import SafetensorError
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    set_seed,
)

from rollout.errors import UserError
from rollout.trajectory import Trajectory

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}<|agent|>{{ message['content'] }}<|end|>"
    "{% elif message['role'] == 'system' %}<|system|>{{ message['content'] }}"
    "{% else %}<|world|>{{ message['content'] }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|agent|>{% endif %}"
)


FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]  # of a model on the hub: what `load` reads


class CheckpointError(UserError):
    """A checkpoint cannot be loaded; the message says which and why."""


def train_tokenizer(sessions: Sequence[Trajectory], vocabulary: int = 2048, phrases: float = 0.01
                    ) -> PreTrainedTokenizerBase:
    """A byte-level BPE over words, with `CHAT_TEMPLATE`, trained on what was said in the sessions.

    Args:
        sessions: the shown ones.
        vocabulary: most tokens of the BPE.
        phrases: a sentence that is heard, in first texts too, as often as in at least this share of the turns becomes a
            token of its own.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|pad|>", "<|end|>", "<|world|>", "<|agent|>", "<|system|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=special, show_progress=False, min_frequency=2,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(_texts(sessions), trainer)
    tokenizer.add_tokens([AddedToken(phrase, normalized=False) for phrase in _phrases(sessions, phrases)])
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<|pad|>", eos_token="<|end|>",
        extra_special_tokens=["<|world|>", "<|agent|>", "<|system|>"],
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped


def _phrases(sessions: Sequence[Trajectory], share: float) -> list[str]:
    """Sentences and lines of several words that are heard often, with the white space before them."""
    heard = Counter(
        sentence
        for session in sessions
        for text in (session.observation.text, *(turn.answer or "" for turn in session.turns))
        for sentence in set(re.findall(r"\s*[^.!?\n]+[.!?]*", text))
    )
    turns = sum(len(session.turns) for session in sessions)
    return sorted(sentence for sentence, count in heard.items() if count >= share * turns and " " in sentence.strip())


def _texts(sessions: Sequence[Trajectory]) -> Iterable[str]:
    for session in sessions:
        yield session.observation.text
        if session.system:
            yield session.system.text
        for turn in session.turns:
            yield turn.action.text
            yield turn.answer or ""


def build_tiny(tokenizer: PreTrainedTokenizerBase, layers: int, hidden: int, seed: int) -> LlamaForCausalLM:
    """A Llama with random weights."""
    set_seed(seed)
    config = tiny_config(len(tokenizer), layers, hidden)
    config.eos_token_id, config.pad_token_id = tokenizer.eos_token_id, tokenizer.pad_token_id
    return LlamaForCausalLM(config)


def tiny_config(vocabulary: int, layers: int, hidden: int) -> LlamaConfig:
    """The tiny policy's sizes."""
    return LlamaConfig(
        vocab_size=vocabulary, hidden_size=hidden, intermediate_size=2 * hidden, num_hidden_layers=layers,
        num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=8192, initializer_range=0.06,
        tie_word_embeddings=False, bos_token_id=None,
    )


def load(folder: str | Path, lora: int | None = None) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A checkpoint in Hugging Face format: on the GPU where there is one, else in float32.

    Args:
        folder: of a whole model, or of adapters that lie beside the model they belong to.
        lora: rank of the adapters that a whole model gets; they change nothing yet.

    Raises:
        CheckpointError: there is none, or it cannot be read.
    """
    return load_model(folder, lora), load_tokenizer(folder)


def load_model(folder: str | Path, lora: int | None = None) -> PreTrainedModel:
    """The weights alone; see `load`."""
    gpu = torch.cuda.is_available()
    whole, rank = adapters(folder)
    with _explained(folder):
        model: Any = AutoModelForCausalLM.from_pretrained(whole, dtype="auto" if gpu else torch.float32)
        if rank is not None:
            model = PeftModel.from_pretrained(model, folder, is_trainable=True)
    if rank is None and lora is not None:
        model = get_peft_model(model, adapters_of(lora))
        model.peft_config["default"].base_model_name_or_path = Path(whole).name
    placed: PreTrainedModel = model.cuda() if gpu else model
    return placed


def merge(folder: Path) -> PreTrainedModel:
    """A checkpoint as whole weights: adapters are added to the model that they belong to; see `load`."""
    model: Any = load_model(folder)
    whole: PreTrainedModel = model.merge_and_unload() if isinstance(model, PeftModel) else model
    return whole


def adapters_of(rank: int) -> LoraConfig:
    """Adapters of all linear layers but the last."""
    # Scaled as if by two, whatever the rank (Hu et al. 2021, arXiv 2106.09685, leave it to the learning rate).
    return LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")


def load_tokenizer(folder: str | Path) -> PreTrainedTokenizerBase:
    """The tokenizer alone; see `load`."""
    with _explained(folder):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
    return tokenizer


def find(name: str) -> Path:
    """The folder of a checkpoint: the one of that name, or the copy of a model on the Hugging Face hub.

    Raises:
        CheckpointError: there is neither.
    """
    folder = Path(name)
    with _explained(name):
        if folder.is_dir():
            if not any((folder / file).exists() for file in ("config.json", "adapter_config.json")):
                raise FileNotFoundError("the folder holds no config.json")
            return folder
        return Path(snapshot_download(name, allow_patterns=FILES, ignore_patterns="*/*"))


def adapters(folder: str | Path) -> tuple[str | Path, int | None]:
    """Where the whole model is that a checkpoint belongs to, and the rank of its adapters if it is but adapters."""
    file = Path(folder) / "adapter_config.json"
    if not file.exists():
        return folder, None
    with _explained(folder):
        config = orjson.loads(file.read_bytes())
        return Path(folder).with_name(Path(config["base_model_name_or_path"]).name), int(config["r"])


@contextmanager
def _explained(folder: str | Path) -> Iterator[None]:
    """What the libraries raise over a checkpoint is told in one line."""
    try:
        yield
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CheckpointError(f"the policy {str(folder)!r} cannot be loaded: {reason}") from error


def save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write a checkpoint that `load` and any Hugging Face program reads; of adapters, the adapters.

    Raises:
        CheckpointError: a weight is no number.
    """
    if not all(bool(torch.isfinite(weights).all()) for weights in model.parameters()):
        raise CheckpointError("weights of the policy are no numbers, so it is not saved; lower the learning rate")
    # PEFT would ask a hub whether the embeddings changed.
    told: Any = {"save_embedding_layers": False} if isinstance(model, PeftModel) else {}
    model.save_pretrained(folder, **told)
    tokenizer.save_pretrained(folder)
