"""The tiny policy, and any other Hugging Face model in its place."""

import json
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from dreamer.learning.cloning import clone
from dreamer.policy import build_tiny, load, save, train_tokenizer
from dreamer.sections import Cloning
from rollout.chat import Chat
from rollout.trajectory import Trajectory
from tests.dreamer.conftest import DREAM
from tests.dreamer.doors import record

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def test_sentences_heard_often_are_one_token_and_new_words_still_round_trip() -> None:
    tokenizer = train_tokenizer(record(40), 300)
    assert len(tokenizer("Room 2.")["input_ids"]) == 1
    assert tokenizer.decode(tokenizer("Room 7, naïvely ☃.")["input_ids"]) == "Room 7, naïvely ☃."
    assert len(train_tokenizer(record(40), 300, phrases=1.0)("Room 2.")["input_ids"]) > 1


def test_what_only_first_texts_say_is_heard_too() -> None:
    welcome = "Welcome to the doors. Say left or right!"
    sessions = [Trajectory.model_validate({**session.model_dump(), "observation": welcome}) for session in record(40)]
    assert len(train_tokenizer(sessions, 300)(welcome)["input_ids"]) == 2


def test_a_checkpoint_is_the_same_after_saving(tmp_path: Path) -> None:
    tokenizer = train_tokenizer(record(40), 300)
    model = build_tiny(tokenizer, 1, 32, seed=3)
    save(model, tokenizer, tmp_path)
    again, words = load(tmp_path)
    ids = torch.tensor([Chat(words).prompt("Room 1.")])
    assert ids.tolist()[0] == Chat(tokenizer).prompt("Room 1.")
    assert torch.equal(model(ids).logits, again(ids).logits)


def test_cloning_makes_the_logged_actions_likelier() -> None:
    sessions = record(60)
    tokenizer = train_tokenizer(sessions, 300)
    chat, model, losses = Chat(tokenizer), build_tiny(tokenizer, 1, 32, seed=0), list[float]()
    clone(model, tokenizer, [chat.tokens(session) for session in sessions], Cloning(steps=20, learning_rate=0.01), 0,
          lambda step, metrics: losses.append(metrics["loss"]) if "loss" in metrics else None)
    assert losses[-1] < 0.5 * losses[0]


def test_a_night_takes_any_causal_model_with_a_chat_template(project: Path, dream: DREAM) -> None:
    words = train_tokenizer(record(40), 300)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words.backend_tokenizer, eos_token="<|im_end|>",
                                        pad_token="<|pad|>", extra_special_tokens=["<|im_start|>"])
    tokenizer.chat_template = CHATML
    config = Qwen2Config(vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=1,
                         num_attention_heads=2, num_key_value_heads=1, eos_token_id=tokenizer.eos_token_id)
    save(Qwen2ForCausalLM(config), tokenizer, project / "model")
    code, out, _ = dream("run", "night.toml", "--json", "--set", "policy.model=model", "--set", "learning.rounds=2",
                         "--set", "production.episodes=20")
    assert code in (0, 1)
    report = json.loads(out)
    assert report["figures"]["episodes_rehearsed"]["value"] == 2 * 8 * 8
    again, _ = load(report["policy"])
    assert again.config.model_type == "qwen2"
