"""How far policies are apart, against a computation by hand."""

import math
from functools import partial

import pytest
import torch
from peft import get_peft_model

from dreamer.learning.divergence import divergence, log_probabilities, surprise
from dreamer.policy import adapters_of, build_tiny, train_tokenizer
from rollout.chat import Chat
from rollout.episode import Tokens
from tests.dreamer.doors import record

SESSIONS = record(40)
TOKENIZER = train_tokenizer(SESSIONS, 300)
HISTORIES = [Chat(TOKENIZER).tokens(session) for session in SESSIONS]


def by_hand(reference: torch.nn.Module, policy: torch.nn.Module, history: Tokens) -> list[float]:
    """Nats of each own token, one after the other, each from a pass of its own."""
    nats = []
    for place, mine in enumerate(history.mask):
        if mine:
            ids = torch.tensor([history.prompt + history.completion[:place]])
            old, new = (torch.softmax(model(ids).logits[0, -1].double(), -1) for model in (reference, policy))
            nats.append(sum(p * (math.log(p) - math.log(q)) for p, q in zip(old.tolist(), new.tolist(), strict=True)))
    return nats


def test_the_divergence_is_exact_over_the_vocabulary_and_the_policys_own_tokens() -> None:
    reference, policy = (build_tiny(TOKENIZER, 1, 16, seed) for seed in (0, 1))
    figure = divergence(partial(log_probabilities, reference), partial(log_probabilities, policy), HISTORIES)
    nats = [nat for history in HISTORIES for nat in by_hand(reference, policy, history)]
    assert figure.n == len(nats) == sum(sum(history.mask) for history in HISTORIES)
    assert figure.value == pytest.approx(sum(nats) / len(nats), rel=1e-4)
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low < figure.value < figure.high


def test_a_policy_is_not_apart_from_itself_and_adapters_count() -> None:
    whole = partial(log_probabilities, build_tiny(TOKENIZER, 1, 16, seed=0))
    assert divergence(whole, whole, HISTORIES[:3]).value == 0.0
    adapted = get_peft_model(build_tiny(TOKENIZER, 1, 16, seed=0), adapters_of(4))
    says = partial(log_probabilities, adapted)
    assert divergence(whole, says, HISTORIES[:3]).value == pytest.approx(0.0, abs=1e-6)
    for name, weights in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.5)
    far = divergence(whole, says, HISTORIES[:3])
    assert far.value is not None
    assert far.value > 0.01


def test_surprise_is_the_likelihood_of_what_was_said() -> None:
    model = build_tiny(TOKENIZER, 1, 16, seed=0)
    history = HISTORIES[0]
    (nats, count), *_ = surprise(partial(log_probabilities, model), HISTORIES)
    ids = torch.tensor([history.prompt + history.completion])
    labels = torch.tensor([[-100] * len(history.prompt)
                           + [t if m else -100 for t, m in zip(history.completion, history.mask, strict=True)]])
    assert nats / count == pytest.approx(model(ids, labels=labels).loss.item(), rel=1e-4)
