"""A model of the same make as night.toml's, but tiny: to try the whole night where there are no weights and no GPU.

    python examples/gpu_box/stand_in.py stand_in
    dream run examples/gpu_box/night.toml --set policy.model=$PWD/stand_in --set author.automaton=true \
        --set author.model.calls=1 --set author.model.prompt_tokens=6000 --set author.model.reply_tokens=10000 \
        --set gate.frequencies_off=0.3 --set learning.learning_rate=3e-3 --set learning.rounds=10 \
        --set production.episodes=100

It writes a Qwen3 with random weights, a byte-level BPE of the sessions, and the chat template of Qwen3-Instruct-2507 as
the installed TRL has it. A random model never wins, and where all episodes end alike there is nothing to learn, so it
imitates the sessions first, for some minutes. It writes no code, so the embedded author writes the environment, which
mixes some games up and passes only a gate that lets answers come too often.
"""

import argparse
from pathlib import Path

import trl
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM, set_seed

from dreamer.config import load
from dreamer.learning.cloning import clone
from dreamer.policy import save
from dreamer.reading import with_system
from dreamer.sections import Cloning
from rollout.chat import Chat
from rollout.sessions import read
from rollout.trajectory import Trajectory, messages_of

NIGHT = Path(__file__).with_name("night.toml")
TEMPLATE = Path(trl.__file__).parent / "chat_templates" / "qwen3_instruct_2507.jinja"


def train_tokenizer(sessions: list[Trajectory], vocabulary: int) -> PreTrainedTokenizerFast:
    """Byte-level BPE with Qwen's special tokens and chat template."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    texts = ("\n".join(message.text for message in messages_of(session)) for session in sessions)
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    ))
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>",
                                      extra_special_tokens=["<|im_start|>"])
    wrapped.chat_template = TEMPLATE.read_text()
    return wrapped


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the checkpoint is written")
    parser.add_argument("--steps", type=int, default=60, help="of imitation, 32 sessions each [60]")
    parser.add_argument("--vocabulary", type=int, default=1000, help="tokens of the BPE [1000]")
    arguments = parser.parse_args()
    config = load(NIGHT)
    sessions = [with_system(session, config.sessions.system)
                for session in read(config.sessions.files, config.folder, config.sessions.format)]
    tokenizer = train_tokenizer(sessions, arguments.vocabulary)
    set_seed(config.seed)
    model = Qwen3ForCausalLM(Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=32, tie_word_embeddings=True, max_position_embeddings=65_536,
        bos_token_id=None, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    ))
    chat = Chat(tokenizer)
    cloning = Cloning(steps=arguments.steps, learning_rate=3e-3)
    clone(model, tokenizer, [chat.tokens(session) for session in sessions], cloning, config.seed,
          lambda step, metrics: print(f"step {step}: loss {metrics['loss']:.3f}", flush=True)
          if "loss" in metrics and step % 10 == 0 else None)
    save(model, tokenizer, arguments.folder)
    print(f"{arguments.folder}: {model.num_parameters():,} parameters")


if __name__ == "__main__":
    main()
