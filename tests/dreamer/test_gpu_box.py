"""The night of a user with one GPU: LoRA on vLLM, the policy as author, and what it takes of a card."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, Qwen3Config

from dreamer.budget import Budget
from dreamer.config import load
from dreamer.learning.grpo import grpo
from dreamer.policy import adapters as adapters_in
from dreamer.policy import build_tiny, train_tokenizer
from dreamer.sections import Learning, Policy
from rollout.chat import Chat
from rollout.episode import Episode
from tests.dreamer.conftest import DREAM
from tests.dreamer.doors import record

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "gpu_box" / "night.toml"


def dream_apart(*arguments: str) -> tuple[int, str, str]:
    """The command line in a process of its own, which an engine wants: exit code, stdout, stderr."""
    done = subprocess.run([sys.executable, "-m", "dreamer.cli", *arguments], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})
    if done.returncode == 2 and "needs vLLM" in done.stderr:
        pytest.skip(f"THE NIGHT ON vLLM IS NOT TESTED: {done.stderr.splitlines()[-1]}")
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("lora", [8, None])
def test_a_night_on_vllm_makes_the_policy_better(project: Path, lora: int | None) -> None:
    adapters = ("--set", f"policy.lora={lora}", "--set", "learning.learning_rate=0.01", "--set", "learning.rounds=10",
                "--set", "learning.checkpointing=true") if lora else ()
    code, out, err = dream_apart(
        "run", "night.toml", "--json", "--set", "engine.name=vllm", "--set", "policy.hidden=128",
        "--set", "policy.max_length=256", "--set", "learning.batch=32", "--set", "rehearsal.episodes=16",
        "--set", "rehearsal.concurrent=64", *adapters)
    assert code == 0, err
    report = json.loads(out)
    figures = report["figures"]
    assert report["verdict"] == "promoted"
    assert figures["real_outcome_gain"]["low"] > 0
    candidate = Path(report["policy"])
    base, rank = adapters_in(candidate)
    assert rank == lora
    whole = AutoModelForCausalLM.from_pretrained(base)
    assert rank is None or PeftModel.from_pretrained(whole, candidate).peft_config["default"].r == lora
    rounds = json.loads((Path(report["run"]) / "night-001" / "learn.json").read_text())["rounds"]
    assert all(each["engine_difference_most"] < 1e-3 for each in rounds)


def test_episodes_in_parts_make_the_same_update() -> None:
    sessions = record(16)
    tokenizer = train_tokenizer(sessions, 300)
    chat = Chat(tokenizer)

    def updated(**settings: int | bool) -> torch.Tensor:
        model = build_tiny(tokenizer, 1, 32, seed=0)
        episodes = [Episode(number, session.model_copy(update={"outcome": float(number % 3)}), (chat.tokens(session),))
                    for number, session in enumerate(sessions)]
        grpo(model, tokenizer, lambda number: episodes, lambda: None,
              Learning(rounds=2, groups=2, episodes=8, learning_rate=1e-3, **settings), Policy(max_length=128), 0,
              lambda done: None)
        return torch.cat([each.detach().flatten() for each in model.parameters()])

    whole = updated()
    moved = (whole - torch.cat([each.flatten() for each in build_tiny(tokenizer, 1, 32, seed=0).parameters()])).norm()
    for settings in ({"batch": 4}, {"checkpointing": True}):
        assert (updated(**settings) - whole).norm() < 0.01 * moved


def test_the_example_says_what_it_takes(dream: DREAM, tmp_path: Path) -> None:
    known = Qwen3Config(vocab_size=151_936, hidden_size=2560, intermediate_size=9728, num_hidden_layers=36,
                        num_attention_heads=32, num_key_value_heads=8, head_dim=128, tie_word_embeddings=True,
                        dtype="bfloat16")  # Qwen3-4B-Instruct-2507's own sizes
    known.save_pretrained(tmp_path / "model")
    code, out, _ = dream("run", str(EXAMPLE), "--dry-run", "--set", f"policy.model={tmp_path / 'model'}")
    told = " ".join(out.replace("│", " ").split())
    assert code == 0
    assert "parameters 4,022,468,096; 66,060,288 learn" in told
    assert "weights 7.5 GiB in the trainer, as much again in vLLM" in told
    assert "144.0 KiB a token" in told
    assert "15,728,640 tokens" in told
    assert ("GPU" in told) or ("card's" in told)


def test_a_card_that_is_too_small_is_told_with_the_remedy() -> None:
    gib = 2**30
    needs = Budget(parameters=4, trained=1, weights=8 * gib, states=gib, cached=2**17, activations=13 * gib, batch=16,
                   length=2048, held=4 * gib, card=80 * gib, engine=48 * gib, sleeps=True)
    assert needs.verdict() == "fits this card's 80.0 GiB: about 59.0 GiB while it plays, 24.0 GiB while it learns"
    for change, remedy in (({"card": 50 * gib}, "lower engine.memory"), ({"activations": 99 * gib}, "learning.batch"),
                           ({"engine": 9 * gib}, "raise engine.memory"), ({"activations": 30 * gib, "sleeps": False},
                                                                          "learning.batch")):
        assert needs.verdict() != (told := replace(needs, **change).verdict())
        assert told.startswith("does not fit")
        assert remedy in told


@pytest.mark.parametrize("model", ["no/such-model", "tiny"])
def test_a_dry_run_of_any_model_has_no_traceback(project: Path, dream: DREAM, model: str,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    code, out, err = dream("run", "night.toml", "--dry-run", "--set", f"policy.model={model}")
    assert (code, err) == (0, "")
    assert ("memory not known: no configuration of 'no/such-model'" in " ".join(out.split())) == (model != "tiny")


def test_a_policy_that_is_not_made_yet_writes_no_environment(project: Path, dream: DREAM) -> None:
    code, _, err = dream("run", "night.toml", "--set", "author.model.model=policy")
    assert (code, "Traceback" in err) == (2, False)
    assert "a tiny one is made after they are written" in " ".join(err.split())
    assert not (project / "runs").exists()


def test_a_batch_divides_a_round(project: Path, dream: DREAM) -> None:
    code, _, err = dream("run", "night.toml", "--set", "learning.batch=7")
    assert code == 2
    assert "must divide groups times episodes, 64" in err


def test_the_policy_that_writes_has_room_for_prompt_and_reply() -> None:
    config = load(EXAMPLE)
    assert config.author.model is not None
    assert config.length == config.author.model.prompt_tokens + config.author.model.reply_tokens
