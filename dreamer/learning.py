"""Changing weights: imitation of sessions, and GRPO on rehearsed episodes. Both are TRL's.

GRPO runs in rounds of one update each: the trainer asks for episodes, the policy as it is now plays them, and the
group-relative advantages of what they brought move it (Shao et al. 2024, arXiv 2402.03300; token-level
normalisation as in DAPO, Yu et al. 2025, arXiv 2503.14476). The engine and the trainer share one set of weights, so
the behaviour policy of every update is the policy itself and no importance correction is needed.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase, TrainerCallback

from dreamer.config import Cloning, Learning, Policy
from rollout.chat import Tokens
from rollout.rehearsal import Episode
from rollout.world import Start

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")  # `rollout_func` is pinned with TRL's version

Metrics = dict[str, float]


@dataclass(frozen=True)
class Round:
    """One update: the episodes it learned from, and what the trainer measured."""

    number: int
    episodes: list[Episode]
    metrics: Metrics


class _Report(TrainerCallback):
    """Hands the trainer's measurements on after every step."""

    def __init__(self, told: Callable[[int, Metrics], None], stop: Callable[[], bool] = lambda: False):
        self.told, self.stop = told, stop

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        metrics = {name: float(value) for name, value in logs.items() if isinstance(value, int | float)}
        self.told(state.global_step, metrics)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_training_stop = control.should_training_stop or self.stop()


def _arguments(folder: str, learning_rate: float, steps: int, batch: int, seed: int) -> dict[str, Any]:
    """What both trainers are told."""
    return {
        "output_dir": folder, "learning_rate": learning_rate, "max_steps": steps,
        "per_device_train_batch_size": batch, "lr_scheduler_type": "constant", "seed": seed, "data_seed": seed,
        "report_to": "none", "save_strategy": "no", "logging_steps": 1, "disable_tqdm": True, "bf16": False,
        "gradient_checkpointing": False, "dataloader_pin_memory": False,
    }


def clone(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, sessions: Sequence[Tokens], config: Cloning, seed: int,
    told: Callable[[int, Metrics], None] = lambda step, metrics: None, stop: Callable[[], bool] = lambda: False,
) -> None:
    """Imitate what the agent did in the sessions, whether it went well or not. Changes `model`.

    Args:
        sessions: tokens of the sessions to imitate.
        stop: asked after every step; cloning ends early where it answers True.
    """
    from trl import SFTConfig, SFTTrainer

    rows = [
        {
            "input_ids": tokens.prompt + tokens.completion,
            "labels": [-100] * len(tokens.prompt)
            + [token if mine else -100 for token, mine in zip(tokens.completion, tokens.mask, strict=True)],
        }
        for tokens in sessions
    ]
    with TemporaryDirectory() as folder:
        arguments = SFTConfig(
            **_arguments(folder, config.learning_rate, config.steps, config.batch, seed), max_length=None,
            train_sampling_strategy="group_by_length",  # or else one long session pads a whole batch
            use_cpu=model.device.type == "cpu",
        )
        trainer = SFTTrainer(
            model, arguments, train_dataset=Dataset.from_list(rows), processing_class=tokenizer,
            callbacks=[_Report(told, stop)],
        )
        _quiet(trainer)
        trainer.train()


def learn(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, play: Callable[[int, list[Start]], list[Episode]],
    config: Learning, policy: Policy, seed: int, told: Callable[[Round], None],
) -> None:
    """GRPO, one update a round, each on fresh episodes. Changes `model`.

    Args:
        play: given the round's number and its starts, rehearses them with `model` as it then is.
        config: how many rounds, groups and episodes.
        policy: its temperature and greatest length.
        told: is given every finished round.
    """
    from trl import GRPOConfig, GRPOTrainer

    episodes: list[Episode] = []

    def rollout(prompts: Any, trainer: Any) -> dict[str, Any]:
        groups = [int(prompt[0]["content"]) for prompt in prompts]
        episodes[:] = play(int(trainer.state.global_step), [Start(group, group) for group in groups])
        tokens = [episode.tokens for episode in episodes]
        return {
            "prompt_ids": [each.prompt for each in tokens],
            "completion_ids": [each.completion for each in tokens],
            "logprobs": [each.logprobs for each in tokens],
            "env_mask": [each.mask for each in tokens],
            "outcome": [episode.outcome for episode in episodes],
        }

    def outcome(outcome: list[float], **_: Any) -> list[float | None]:
        return [*outcome]

    def report(step: int, metrics: Metrics) -> None:
        if "reward" in metrics:
            told(Round(step - 1, list(episodes), metrics))

    # A row is a start: its text is the seed that every episode of its group begins from.
    rows = [
        {"prompt": [{"role": "user", "content": str(seed * 1_000_003 + row)}]}
        for row in range(config.rounds * config.groups)
    ]
    with TemporaryDirectory() as folder:
        arguments = GRPOConfig(
            **_arguments(folder, config.learning_rate, config.rounds, config.groups * config.episodes, seed),
            num_generations=config.episodes, beta=config.beta, temperature=policy.temperature,
            max_completion_length=policy.max_length, shuffle_dataset=False, use_cpu=model.device.type == "cpu",
        )
        trainer = GRPOTrainer(
            model, reward_funcs=outcome, args=arguments, train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer, rollout_func=rollout, callbacks=[_Report(report)],
        )
        _quiet(trainer)
        trainer.train()


def _quiet(trainer: Any) -> None:
    """Our own progress is shown instead of the trainer's prints."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)


