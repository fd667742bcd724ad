"""GRPO on rehearsed episodes, by TRL's trainer.

GRPO runs in rounds of one update each: the trainer asks for episodes, the policy as it is now plays them, and the
group-relative advantages of what they brought move it (Shao et al. 2024, arXiv 2402.03300; token-level
normalisation as in DAPO, Yu et al. 2025, arXiv 2503.14476). Engine and trainer have the same weights, but not the same
kernels, so the distribution that episodes were drawn from is not quite the one that is differentiated: every token's
part is weighed by the ratio of the two, cut off at `Learning.correction` (truncated importance sampling, Yao et al.
2025). TRL computes and logs it, for engines that it takes for its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from dreamer.learning.training import Metrics, Report, Round, arguments, train
from dreamer.sections import Learning, Policy
from rollout.episode import Episode

STEADY = 1e-4  # added by TRL to a group's standard deviation, which may be 0


def advantages(outcomes: Sequence[float], group: int) -> list[float]:
    """How much better each episode did than its group, in standard deviations of the group, as TRL has it.

    Args:
        outcomes: of whole groups, one after another.
        group: how many episodes each has, two at least.
    """
    each = np.asarray(outcomes).reshape(-1, group)
    apart = each - each.mean(axis=1, keepdims=True)
    return (apart / (each.std(axis=1, ddof=1, keepdims=True) + STEADY)).ravel().tolist()  # type: ignore[no-any-return]


@dataclass(frozen=True)
class _Backend:
    """What TRL takes for its own vLLM: it asks for weights to be handed over before every round."""

    sync_weights: Callable[[], None]


def grpo(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, play: Callable[[int], list[Episode]],
    sync: Callable[[], None], config: Learning, policy: Policy, seed: int, told: Callable[[Round], None],
) -> None:
    """GRPO, one update a round, each on fresh episodes. Changes `model`.

    Args:
        play: given the round's number, rehearses `config.groups` starts, `config.episodes` episodes of each in a row.
        sync: hands the weights of `model` to the engine, before every round.
        config: how many rounds, groups and episodes.
        policy: its temperature and greatest length.
        told: is given every finished round.
    """
    from trl import GRPOConfig, GRPOTrainer

    episodes: list[Episode] = []

    def rollout(prompts: Any, trainer: Any) -> dict[str, Any]:
        episodes[:] = play(int(trainer.state.global_step))
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
            told(Round(step - 1, list(episodes), metrics,
                       advantages([episode.outcome for episode in episodes], config.episodes)))

    # Rows only count the groups: what they begin from is for `play` to say.
    rows = [{"prompt": [{"role": "user", "content": str(row)}]} for row in range(config.rounds * config.groups)]
    with TemporaryDirectory() as folder:
        count = config.groups * config.episodes
        batch = config.batch or count
        settings = GRPOConfig(
            **arguments(folder, config.learning_rate, config.rounds, batch, seed, config.checkpointing),
            gradient_accumulation_steps=count // batch,  # TRL then asks for as many episodes at once, and updates once
            num_generations=config.episodes, beta=config.beta, temperature=policy.temperature,
            max_completion_length=policy.max_length, shuffle_dataset=False, use_cpu=model.device.type == "cpu",
            vllm_importance_sampling_mode="token_truncate", vllm_importance_sampling_clip_max=config.correction,
        )
        trainer = GRPOTrainer(
            model, reward_funcs=outcome, args=settings, train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer, rollout_func=rollout, callbacks=[Report(report)],
        )
        # Told after the construction, which would start an engine of TRL's own beside ours.
        backend: Any = _Backend(sync)
        trainer.use_vllm, trainer.vllm_generation, trainer._last_loaded_step = True, backend, -1
        train(trainer)
