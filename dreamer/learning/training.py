"""What all trainers are told, and what they tell. They are TRL's."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from transformers import PrinterCallback, TrainerCallback

from rollout.episode import Episode

Metrics = dict[str, float]
DIVERGENCE = "self_distillation/distillation_loss"  # TRL's name for nats a token between student and teacher


@dataclass(frozen=True)
class Round:
    """One update.

    Attributes:
        episodes: that it learned from.
        metrics: what the trainer measured; empty where nothing was changed yet.
        advantages: of each episode, where what learns has such.
    """

    number: int
    episodes: list[Episode]
    metrics: Metrics
    advantages: list[float] | None = None


class Report(TrainerCallback):
    """Hands the trainer's measurements on after every step."""

    def __init__(self, told: Callable[[int, Metrics], None], stop: Callable[[], bool] = lambda: False):
        self.told, self.stop = told, stop

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        metrics = {name: float(value) for name, value in logs.items() if isinstance(value, int | float)}
        self.told(state.global_step, metrics)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_training_stop = control.should_training_stop or self.stop()


def arguments(folder: str, learning_rate: float, steps: int, batch: int, seed: int, checkpointing: bool = False
              ) -> dict[str, Any]:
    """What every trainer is told."""
    return {
        "output_dir": folder, "learning_rate": learning_rate, "max_steps": steps,
        "per_device_train_batch_size": batch, "lr_scheduler_type": "constant", "seed": seed, "data_seed": seed,
        "report_to": "none", "save_strategy": "no", "logging_steps": 1, "disable_tqdm": True, "bf16": False,
        "logging_nan_inf_filter": False,  # it would log an average in place of a loss that is no number
        "gradient_checkpointing": checkpointing, "dataloader_pin_memory": False,
    }


def not_finite(metrics: Metrics) -> str | None:
    """Which measurement of a step is no finite number, if any, in words."""
    for name in ("loss", "grad_norm", "entropy"):
        if not math.isfinite(metrics.get(name, 0.0)):
            return f"{name} is {metrics[name]}"
    return None


def train(trainer: Any) -> None:
    """Let a trainer work; our own progress is shown instead of its prints."""
    trainer.remove_callback(PrinterCallback)
    trainer.train()
