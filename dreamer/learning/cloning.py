"""Imitation of sessions, by TRL's trainer."""

from collections.abc import Callable, Sequence
from tempfile import TemporaryDirectory

from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from dreamer.learning.training import Metrics, Report, arguments, not_finite, train
from dreamer.sections import Cloning
from rollout.episode import Tokens
from rollout.errors import UserError


class Diverged(UserError):
    """Weights left the numbers; the message says when and what to do."""


def clone(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, sessions: Sequence[Tokens], config: Cloning, seed: int,
    told: Callable[[int, Metrics], None] = lambda step, metrics: None, stop: Callable[[], bool] = lambda: False,
) -> None:
    """Imitate what the agent did in the sessions, whether it went well or not. Changes `model`.

    Args:
        sessions: tokens of the sessions to imitate.
        stop: asked after every step; cloning ends early where it answers True.

    Raises:
        Diverged: a loss or gradient is no number.
    """
    from trl import SFTConfig, SFTTrainer

    def report(step: int, metrics: Metrics) -> None:
        if wrong := not_finite(metrics):
            raise Diverged(f"imitation diverged in step {step}, {wrong}: "
                           f"lower the learning rate, which is {config.learning_rate:g}")
        told(step, metrics)

    rows = [
        {
            "input_ids": tokens.prompt + tokens.completion,
            "labels": [-100] * len(tokens.prompt)
            + [token if mine else -100 for token, mine in zip(tokens.completion, tokens.mask, strict=True)],
        }
        for tokens in sessions
    ]
    with TemporaryDirectory() as folder:
        settings = SFTConfig(
            **arguments(folder, config.learning_rate, config.steps, config.batch, seed), max_length=None,
            train_sampling_strategy="group_by_length",  # or else one long session pads a whole batch
            use_cpu=model.device.type == "cpu",
        )
        trainer = SFTTrainer(
            model, settings, train_dataset=Dataset.from_list(rows), processing_class=tokenizer,
            callbacks=[Report(report, stop)],
        )
        train(trainer)
