"""On-policy self-distillation: a student that acts bare comes nearer to itself, told more. The trainer is TRL's.

Student and teacher read the same tokens that the student said, each after a prompt of its own, and at every one of them
what the two would say is compared (Shenfeld et al. 2026, arXiv 2601.19897): the student's likeliest tokens one by one,
and all others as if they were one (as in arXiv 2603.16856, with the tail). The teacher is the checkpoint that the
student was loaded from. As in GRPO, a token's part is weighed by how much likelier the trainer thinks it than the
engine that said it, cut off at `Learning.correction`.
"""

from collections.abc import Callable, Sequence
from itertools import cycle, islice
from tempfile import TemporaryDirectory
from typing import Any

import torch
from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from trl.experimental.sdft import SDFTConfig, SDFTTrainer
from trl.experimental.sdft.sdft_trainer import DistillationLogits
from trl.trainer.utils import entropy_from_logits, pad, selective_log_softmax

from dreamer.learning.training import DIVERGENCE, Metrics, Report, Round, arguments, train
from dreamer.sections import Distillation, Learning, Policy
from dreamer.teaching.lesson import Lesson

ALPHA = {"forward": 0.0, "jensen-shannon": 0.5, "reverse": 1.0}  # TRL's name for each divergence


def compared(mask: Sequence[int], skip: int) -> list[int]:
    """1 on the policy's own tokens, but for the first `skip` of each action."""
    said, kept = 0, []
    for mine in mask:
        said = said + 1 if mine else 0
        kept.append(int(said > skip))
    return kept


def distil(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, play: Callable[[int], list[Lesson]], config: Learning,
    distillation: Distillation, policy: Policy, seed: int, told: Callable[[Round], None],
) -> None:
    """One update a round, each on fresh lessons. Changes `model`.

    Args:
        model: the student, loaded from a folder, which is loaded once more for the teacher; or adapters that are new,
            for the teacher is then the model without them.
        play: given the round's number, lets the student act as `model` now is. Lessons of a round weigh the same, and
            so do the tokens of a lesson.
        config: how many rounds, and how many lessons go through the model at once.
        policy: its temperature.
        told: is given every finished round.
    """

    def report(step: int, metrics: Metrics) -> None:
        if DIVERGENCE in metrics:
            told(Round(step - 1, [], metrics))

    count = config.groups * config.episodes
    parts = count // (config.batch or count)
    with TemporaryDirectory() as folder:
        settings = SDFTConfig(
            **arguments(folder, config.learning_rate, config.rounds, 1, seed, config.checkpointing),
            gradient_accumulation_steps=parts, num_generations=1, temperature=policy.temperature,
            distillation_mode="topk_logits", distillation_topk=min(distillation.top, model.config.vocab_size),
            distillation_add_tail=True, distillation_alpha=ALPHA[distillation.divergence],
            distillation_is_clip=config.correction, teacher_model_kind="base", max_prompt_length=None,
            shuffle_dataset=False, use_cpu=model.device.type == "cpu",
        )
        # Rows only count the parts of the rounds: what the student does is for `play` to say.
        rows = Dataset.from_list([{"prompt": str(row)} for row in range(config.rounds * parts)])
        train(_Trainer(play, distillation.skip, model=model, args=settings, train_dataset=rows,
                       processing_class=tokenizer, callbacks=[Report(report)]))


class _Trainer(SDFTTrainer):
    """TRL's trainer, taught by what our own engine and worlds made."""

    def __init__(self, play: Callable[[int], list[Lesson]], skip: int, **settings: Any):
        super().__init__(**settings)
        self.play, self.skip = play, skip

    def _prepare_training_batch(self, inputs: Any) -> dict[str, torch.Tensor]:
        """A round, as TRL makes one of its own generations; and the mask of what is compared."""
        lessons = self.play(int(self.state.global_step))
        parts = self.args.gradient_accumulation_steps
        # TRL divides a round into equal parts and drops what is left over.
        lessons = [*lessons, *islice(cycle(lessons), -len(lessons) % parts)]
        said = [lesson.tokens for lesson in lessons]
        prompts, prompt_mask = self._padded([each.prompt for each in said], "left")
        completions, completion_mask = self._padded([each.completion for each in said], "right")
        teacher, teacher_mask = self._padded([lesson.teacher_prompt for lesson in lessons], "left")
        return {
            "prompt_ids": prompts, "prompt_mask": prompt_mask,
            "completion_ids": completions, "completion_mask": completion_mask,
            "teacher_input_ids": torch.cat([teacher, completions], dim=1),
            "teacher_attention_mask": torch.cat([teacher_mask, completion_mask], dim=1),
            "old_per_token_logps": self._padded([each.logprobs for each in said], "right", torch.float32)[0],
            "compared": self._padded([compared(each.mask, self.skip) for each in said], "right", filler=0)[0],
        }

    def _padded(self, rows: Sequence[Sequence[float]], side: str, dtype: torch.dtype = torch.long,
                filler: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows of different length as one tensor, (rows, longest), and 1 where it holds them."""
        filler = self._tokenizer.pad_token_id if filler is None else filler
        tensors = [torch.tensor(row, dtype=dtype) for row in rows]
        device = self.accelerator.device
        return (pad(tensors, padding_value=filler, padding_side=side).to(device),
                pad([torch.ones(len(row), dtype=torch.long) for row in rows], padding_value=0, padding_side=side
                    ).to(device))

    def _compute_teacher_student_logits(self, model: Any, teacher_model: Any, inputs: dict[str, torch.Tensor]
                                        ) -> DistillationLogits:
        logits = super()._compute_teacher_student_logits(model, teacher_model, inputs)
        # The completion mask stays the attention mask: what the world said is read, but not compared.
        logits.loss_mask = logits.loss_mask * inputs["compared"]
        # What lies in the tail is a small difference of large sums.
        logits.student_logits, logits.teacher_logits = logits.student_logits.float(), logits.teacher_logits.float()
        self._measure(logits, inputs["old_per_token_logps"])
        return logits

    @torch.no_grad()
    def _measure(self, logits: DistillationLogits, engine: torch.Tensor) -> None:
        """What TRL's GRPO measures and this trainer does not, under the same names."""
        kept = logits.loss_mask.bool()
        if not kept.any():
            return
        off = (selective_log_softmax(logits.student_logits, logits.completion_ids) - engine)[kept].abs()
        metrics = self._metrics["train"]
        metrics["entropy"].append(entropy_from_logits(logits.student_logits)[kept].mean().item())
        metrics["sampling/sampling_logp_difference/mean"].append(off.mean().item())
        most = metrics["sampling/sampling_logp_difference/max"]
        most[:] = [max([*most, off.max().item()])]  # TRL logs the mean of the round's parts
