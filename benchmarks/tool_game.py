"""TRL's own tool loop, timed: how many episodes of a tool game `GRPOTrainer(environment_factory=...)` plays a second.

The game is as plain as can be, so that what is timed is the loop: a corridor of doors, one tool, one right word. The
policy is a tiny Qwen3, built on the spot, that always makes the same call, so whoever plays it, the ids are the same.
`CorridorText` is the game as a text environment: with `instructions` as system message its episodes are, under the
policy's chat template, the very ids that TRL reads and writes. Two things differ by TRL's nature. After the observation
of the last turn its policy speaks once more, in vain, since an environment has no way to say that an episode is over;
these ids are counted. And plain tools run one after the other; coroutines, which TRL gathers, are left out, and so are
vLLM and the learning.
"""

import json
import random
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import torch
import trl
from datasets import Dataset
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
    set_seed,
)
from trl import GRPOConfig, GRPOTrainer

ACTION = '<tool_call>\n{"name": "act", "arguments": {"move": "north"}}\n</tool_call>'
FIRST = "You stand in a long corridor and want to go north."
TEMPLATE = Path(trl.__file__).parent / "chat_templates" / "qwen3_instruct_2507.jinja"
UPDATES, ROWS = 200, 2  # of the policy's schooling


class Corridor:
    """The game as TRL takes it: every public method but `reset` and `get_reward` is a tool.

    Args:
        turns: after so many the corridor ends.
        seconds: that a step takes.
    """

    def __init__(self, turns: int, seconds: float = 0.0):
        self.turns = turns
        self.seconds = seconds
        self.turn = 0

    def reset(self, **row: Any) -> str:
        """Begin anew, whatever the data set's row. Returns what TRL appends to the prompt."""
        self.turn = 0
        return FIRST

    def act(self, move: str) -> str:
        """Walk to the next door of the corridor.

        Args:
            move: Where to go, as one word.

        Returns:
            What is to be seen there.
        """
        time.sleep(self.seconds)
        self.turn += 1
        return f"You walked {move} and now stand before door number {self.turn}."

    def get_reward(self) -> float:
        """1 at the end of the corridor, else 0."""
        return float(self.turn == self.turns)


class CorridorText(gymnasium.Env[str, str]):
    """The same game in texts: an action is the whole tool call, an observation what TRL's chat makes of its result.

    Args:
        turns: after so many the corridor ends.
        seconds: that a step takes.
    """

    def __init__(self, turns: int, seconds: float = 0.0):
        self.game = Corridor(turns, seconds)
        self.observation_space = self.action_space = gymnasium.spaces.Text(max_length=1000)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Begin anew; nothing here is random."""
        super().reset(seed=seed)
        return self.game.reset(), {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Run the tool call.

        Raises:
            ValueError: the action is no tool call.
        """
        call = json.loads(action.removeprefix("<tool_call>").removesuffix("</tool_call>"))
        seen = self.game.act(**call["arguments"])
        reward = self.game.get_reward()
        return f"<tool_response>\n{seen}\n</tool_response>", reward, bool(reward), False, {}


def instructions(tokenizer: PreTrainedTokenizerBase) -> str:
    """The system message that TRL's chat begins with: which tools there are and how to call them."""
    chat = tokenizer.apply_chat_template([{"role": "user", "content": ""}], tools=[Corridor(1).act], tokenize=False)
    return str(chat).removeprefix("<|im_start|>system\n").partition("<|im_end|>")[0]


def build(folder: Path, layers: int = 2, hidden: int = 128, seed: int = 0) -> None:
    """Save a tiny Qwen3 whose every action is `ACTION`, after any ids, and its tokenizer.

    Args:
        folder: where to.
        layers: of the model.
        hidden: its width; a multiple of 4 heads.
        seed: of weights and schooling.
    """
    tokenizer = _tokenizer()
    set_seed(seed)
    model = Qwen3ForCausalLM(Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=hidden, intermediate_size=2 * hidden, num_hidden_layers=layers,
        num_attention_heads=4, num_key_value_heads=4, head_dim=hidden // 4, max_position_embeddings=8192,
        tie_word_embeddings=False, bos_token_id=None, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    ))
    header = torch.tensor(tokenizer("<|im_start|>assistant\n")["input_ids"])
    action = torch.tensor(tokenizer(ACTION + "<|im_end|>")["input_ids"])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, UPDATES)
    for _ in range(UPDATES):
        ids, learnt = [], []
        for _ in range(random.choice((2, 4, 20))):
            noise = torch.randint(len(tokenizer), (ROWS, random.randrange(100)))
            ids += [noise, header.expand(ROWS, -1), action.expand(ROWS, -1)]
            learnt += [torch.zeros(noise.shape[1] + len(header)), torch.ones(len(action))]
        read, spoken = torch.cat(ids, dim=1), torch.cat(learnt).bool()
        loss = model(input_ids=read, labels=read.where(spoken, -100)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        model.lm_head.weight *= 3  # what is likeliest becomes all but certain, at temperature 1 too
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _tokenizer() -> PreTrainedTokenizerBase:
    """A byte-level BPE over the words of the game, with Qwen3's marks and the chat template that TRL ships for it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=2048, special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    lines = [FIRST, Corridor(1).act("north"), ACTION, TEMPLATE.read_text(encoding="utf-8"), Corridor.act.__doc__ or ""]
    tokenizer.train_from_iterator(lines, trainer)
    marks = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>"]
    tokenizer.add_tokens([AddedToken(mark, normalized=False) for mark in marks])
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<|endoftext|>", eos_token="<|im_end|>")
    wrapped.chat_template = TEMPLATE.read_text(encoding="utf-8")
    return wrapped


class _Timed(GRPOTrainer):
    """Notes how long each rollout took, and how many ids the policy wrote in it."""

    def _generate(self, prompts: list[Any]) -> Any:
        start = time.perf_counter()
        rollout = super()._generate(prompts)
        self.rolled = time.perf_counter() - start, sum(sum(mask) for mask in rollout[2])
        return rollout


def trl_episodes(folder: Path, episodes: int, concurrent: int, turns: int, seconds: float) -> tuple[float, int, int]:
    """Play the game with TRL on the CPU.

    Args:
        folder: what `build` saved.
        episodes: a multiple of `concurrent`.
        concurrent: episodes of one generation batch, at least 2.
        turns: steps of an episode, at most 100.
        seconds: that a step of the environment takes.

    Returns:
        seconds of the rollouts alone, episodes played, ids that the policy wrote.

    Raises:
        ValueError: `episodes` is no multiple of `concurrent`.
        RuntimeError: an episode took another number of steps.
    """
    if episodes % concurrent:
        raise ValueError(f"{episodes} episodes do not fill batches of {concurrent}")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prompt = {"prompt": [{"role": "user", "content": ""}]}
    with tempfile.TemporaryDirectory() as scratch:
        trainer: Any = _Timed(
            AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), processing_class=tokenizer,
            train_dataset=Dataset.from_list([prompt]), environment_factory=partial(Corridor, turns, seconds),
            args=GRPOConfig(
                output_dir=scratch, use_cpu=True, bf16=False, use_vllm=False, report_to="none",
                gradient_checkpointing=False, per_device_train_batch_size=concurrent, num_generations=concurrent,
                steps_per_generation=1, max_tool_calling_iterations=1, max_completion_length=64 * (turns + 1),
            ),
        )
        trainer.model.train()
        trainer._generate_and_score_completions([prompt] * concurrent)  # warms up
        trainer.max_tool_calling_iterations = turns
        took, written = 0.0, 0
        for _ in range(episodes // concurrent):
            trainer._generate_and_score_completions([prompt] * concurrent)
            if any(game.turn != turns for game in trainer.environments):
                raise RuntimeError(f"not every episode took {turns} steps")
            took, written = took + trainer.rolled[0], written + trainer.rolled[1]
    return took, episodes, written
