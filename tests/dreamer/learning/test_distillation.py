"""Self-distillation against a reference worked out by hand, and that it teaches."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from dreamer.learning.distillation import Lesson, compared, distil
from dreamer.learning.training import Round
from dreamer.policy import build_tiny, load, save, train_tokenizer
from dreamer.sections import Distillation, Learning, Policy
from dreamer.teaching.contexts import privileged
from rollout.chat import Chat
from rollout.engines import Sampling, TransformersEngine, say
from rollout.episode import Tokens
from tests.dreamer.doors import record

TOP, SKIP, TEMPERATURE, CORRECTION = 7, 1, 0.7, 1.5


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("policy")
    tokenizer = train_tokenizer(record(40), 300)
    save(build_tiny(tokenizer, 1, 32, seed=0), tokenizer, folder)
    return folder


def moved(checkpoint: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A student that has gone some way from its checkpoint."""
    model, tokenizer = load(checkpoint)
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weights in model.parameters():
            weights += 0.1 * torch.randn(weights.shape, generator=random)
    return model, tokenizer


def lessons(vocabulary: int) -> list[Lesson]:
    """Two actions each, of different length; one teacher is told more than 512 tokens."""
    random = torch.Generator().manual_seed(2)

    def ids(count: int) -> list[int]:
        return torch.randint(5, vocabulary, (count,), generator=random).tolist()

    return [
        Lesson(Tokens(ids(prompt), ids(2 * action + answer), [1] * action + [0] * answer + [1] * action,
                      torch.randn(2 * action + answer, generator=random).sub(5).tolist()), ids(told))
        for prompt, action, answer, told in ((3, 2, 4, 600), (9, 3, 1, 20))
    ]


def nats(student: PreTrainedModel, teacher: PreTrainedModel, lesson: Lesson, divergence: str, top: int
         ) -> dict[int, float]:
    """The weighed divergence at every compared token of a lesson, by its place, from the definition."""
    said = lesson.tokens.completion

    def distributions(model: PreTrainedModel, prompt: list[int]) -> torch.Tensor:
        logits = model(torch.tensor([prompt + said])).logits[0, len(prompt) - 1 : -1].double()
        return (logits / TEMPERATURE).softmax(dim=-1)

    found = {}
    with torch.no_grad():
        rows = zip(distributions(student, lesson.tokens.prompt), distributions(teacher, lesson.teacher_prompt),
                   compared(lesson.tokens.mask, SKIP), strict=True)
        for place, (mine, theirs, wanted) in enumerate(rows):
            if not wanted:
                continue
            best = mine.sort(descending=True).indices[:top]
            p, q = (torch.cat([each[best], (1 - each[best].sum()).clamp(min=1e-7)[None]]) for each in (mine, theirs))
            middle = (p + q) / 2
            by_name = {"reverse": kl(p, q), "forward": kl(q, p), "jensen-shannon": (kl(p, middle) + kl(q, middle)) / 2}
            ratio = float(mine[said[place]].log() - lesson.tokens.logprobs[place])
            found[place] = by_name[divergence] * min(CORRECTION, float(torch.tensor(ratio).exp()))
    return found


def kl(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one * (one / other).log()).sum())


def only(lesson: Lesson, place: int) -> Lesson:
    """The lesson, whose one token is compared."""
    mask = [int(each in (place - 1, place)) for each in range(len(lesson.tokens.mask))]  # the first is skipped
    return replace(lesson, tokens=replace(lesson.tokens, mask=mask))


@pytest.mark.parametrize(("divergence", "top"), [("reverse", TOP), ("forward", TOP), ("jensen-shannon", TOP),
                                                 ("reverse", 10_000)])
def test_the_loss_is_the_reference_token_for_token(checkpoint: Path, divergence: Any, top: int) -> None:
    student, tokenizer = moved(checkpoint)
    given = lessons(len(tokenizer))
    wanted = [nats(student, load(checkpoint)[0], lesson, divergence, min(top, len(tokenizer))) for lesson in given]
    rounds = [[only(lesson, place)] for lesson, tokens in zip(given, wanted, strict=True) for place in tokens]
    told = list[Round]()
    distil(student, tokenizer, lambda number: list([*rounds, given][number]),
           Learning(rounds=len(rounds) + 1, groups=1, learning_rate=1e-12, correction=CORRECTION),
           Distillation(top=top, divergence=divergence, skip=SKIP), Policy(temperature=TEMPERATURE), 0, told.append)
    one_by_one = [nats for tokens in wanted for nats in tokens.values()]
    mean = sum(sum(tokens.values()) / len(tokens) for tokens in wanted) / len(wanted)
    assert [each.metrics["loss"] for each in told] == pytest.approx([*one_by_one, mean], rel=1e-3, abs=1e-5)
    assert [each.number for each in told] == list(range(len(rounds) + 1))


def test_first_tokens_of_every_action_are_skipped() -> None:
    assert compared([1, 1, 1, 0, 1, 0, 1, 1], 1) == [0, 1, 1, 0, 0, 0, 0, 1]
    assert compared([1, 0, 1], 0) == [1, 0, 1]


@pytest.mark.parametrize("lora", [None, 8])
def test_the_bare_student_comes_to_act_as_if_it_were_told(checkpoint: Path, lora: int | None) -> None:
    student, tokenizer = load(checkpoint, lora)
    chat, engine = Chat(tokenizer), TransformersEngine(student, Chat(tokenizer).stop)
    prompt, taught = chat.prompt("Room 2."), chat.prompt("Room 2.", privileged(None, "The right door is on the right."))

    def play(number: int) -> list[Lesson]:
        engine.load(student)
        said = [say(engine, prompt, Sampling(1.0, 4), 8 * number + each) for each in range(8)]
        return [Lesson(Tokens(prompt, each.ids, [1] * len(each.ids), each.logprobs), taught) for each in said]

    told = list[float]()
    distil(student, tokenizer, play, Learning(rounds=15, groups=4, episodes=2, batch=4, learning_rate=3e-3),
           Distillation(), Policy(), 0, lambda each: told.append(each.metrics["self_distillation/distillation_loss"]))
    assert sum(told[-5:]) < 0.5 * sum(told[:5])
