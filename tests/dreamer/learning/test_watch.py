"""What stops learning: each guard fires on real training, and leaves weights that are good."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from dreamer.acting import starts
from dreamer.learning.cloning import Diverged, clone
from dreamer.learning.divergence import divergence, log_probabilities
from dreamer.learning.grpo import grpo
from dreamer.learning.training import Round
from dreamer.learning.watch import EVERY, Halted, Snapshot, Watch
from dreamer.policy import CheckpointError, build_tiny, load_model, save, train_tokenizer
from dreamer.sections import Cloning, Guards, Learning, Policy
from rollout.chat import Chat
from rollout.engines import Sampling, TransformersEngine
from rollout.episode import Episode
from rollout.figure import Figure
from rollout.rehearsal import Rehearsal
from rollout.world import RealWorld, Start
from tests.dreamer.doors import Doors, record

ROUNDS, GROUPS, EACH = EVERY + 2, 3, 4
DEFAULT = Guards()
SESSIONS = record(60)


class Alike(Doors):
    """Whatever one does, it pays the same."""

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        observation, _, *rest = super().step(action)
        return observation, 0.0, *rest


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return train_tokenizer(SESSIONS, 300)


@pytest.fixture(scope="module")
def cloned(tokenizer: PreTrainedTokenizerBase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model, chat = build_tiny(tokenizer, 1, 32, seed=0), Chat(tokenizer)
    clone(model, tokenizer, [chat.tokens(session) for session in SESSIONS], Cloning(steps=25, learning_rate=0.01), 0)
    folder = tmp_path_factory.mktemp("policy")
    save(model, tokenizer, folder)
    return folder


Trained = tuple[PreTrainedModel, list[Figure | None], str | None]
Train = Callable[..., Trained]


@pytest.fixture
def train(cloned: Path, tokenizer: PreTrainedTokenizerBase) -> Train:
    """Watched rounds of GRPO: the model after them, what was measured, and why they were stopped."""

    def trained(learning_rate: float = 3e-3, guards: Guards = DEFAULT, world: type[Doors] = Doors,
                sharper: float = 1.0, lora: int | None = None, rounds: int = ROUNDS, poisoned: int = ROUNDS) -> Trained:
        model, chat = load_model(cloned, lora), Chat(tokenizer)
        with torch.no_grad():
            model.get_output_embeddings().weight.mul_(sharper)
        engine = TransformersEngine(model, chat.stop)
        rehearsal = Rehearsal(engine, chat, RealWorld(world), Sampling(1.0, 4), max_turns=3)

        def play(number: int) -> list[Episode]:
            drawn = starts(number * GROUPS, GROUPS)
            return rehearsal.play([start for start in drawn for _ in range(EACH)], name=f"round-{number}")

        histories = [episode.tokens for episode in rehearsal.play([Start(0, 0)] * 16)]
        watch, measured = Watch(model, guards, histories, rounds), list[Figure | None]()

        @torch.no_grad()
        def told(done: Round) -> None:
            if done.number == poisoned:
                model.get_output_embeddings().weight[0, 0] = float("nan")
            measured.append(watch.look(done))

        config = Learning(rounds=rounds, groups=GROUPS, episodes=EACH, learning_rate=learning_rate)
        try:
            grpo(model, tokenizer, play, lambda: engine.load(model), config, Policy(), 0, told)
        except Halted as halted:
            return model, measured, str(halted)
        return model, measured, None

    return trained


def same(model: PreTrainedModel, folder: Path) -> bool:
    promoted = load_model(folder).state_dict()
    return all(torch.equal(weights, promoted[name]) for name, weights in model.state_dict().items())


@pytest.mark.parametrize("lora", [None, 4])
def test_healthy_rounds_go_on_and_are_measured(train: Train, lora: int | None) -> None:
    _, measured, stopped = train(lora=lora)
    assert stopped is None
    assert [number for number, figure in enumerate(measured) if figure] == [EVERY - 1, ROUNDS - 1]
    last = measured[-1]
    assert last is not None
    assert last.value is not None
    assert 0 < last.value < 1


def test_a_diverging_learning_rate_leaves_the_last_good_weights(train: Train, cloned: Path) -> None:
    model, _, stopped = train(learning_rate=10.0)
    assert stopped is not None
    assert same(model, cloned)


def test_weights_that_are_no_numbers_stop_in_the_round_that_made_them(train: Train, cloned: Path) -> None:
    model, measured, stopped = train(learning_rate=1e39)
    assert stopped is not None
    assert stopped.startswith("round 0: ")
    assert (measured, same(model, cloned)) == ([], True)


def test_a_reward_that_is_always_the_same_teaches_nothing(train: Train, cloned: Path) -> None:
    _, measured, stopped = train(world=Alike, guards=Guards(spread=3))
    assert stopped is not None
    assert "in 3 rounds in a row no group's episodes differed" in stopped
    assert len(measured) == 2


def test_a_collapsed_policy_stops(train: Train) -> None:
    _, _, stopped = train(sharper=1000.0)
    assert stopped is not None
    assert "the policy has collapsed: entropy" in stopped


def test_a_policy_beyond_its_budget_is_taken_back(train: Train, cloned: Path) -> None:
    model, measured, stopped = train(guards=Guards(promoted_kl=1e-4))
    assert stopped is not None
    assert "guards.promoted_kl = 0.0001" in stopped
    assert (measured, same(model, cloned)) == ([None] * (EVERY - 1), True)


def test_what_was_measured_and_then_had_a_good_round_is_what_is_left(train: Train) -> None:
    model, measured, stopped = train(poisoned=EVERY + 1)
    free, _, _ = train(rounds=EVERY)
    assert (len(measured), stopped) == (EVERY + 1, f"round {EVERY + 1}: weights of the policy are no numbers")
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), free.parameters(), strict=True))


def test_a_snapshot_of_adapters_holds_them_alone(cloned: Path) -> None:
    model = load_model(cloned, lora=2)
    snapshot = Snapshot(model)
    assert all("lora_" in name for name in snapshot.weights)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.requires_grad:
                weights.add_(1.0)
    snapshot.restore(model)
    ids = [Chat(train_tokenizer(SESSIONS, 300)).tokens(session) for session in SESSIONS[:2]]
    whole = load_model(cloned)
    assert divergence(partial(log_probabilities, whole), partial(log_probabilities, model), ids).value == 0.0


def test_cloning_that_diverges_says_so(tokenizer: PreTrainedTokenizerBase) -> None:
    chat = Chat(tokenizer)
    with pytest.raises(Diverged, match="lower the learning rate, which is 1e"):
        clone(build_tiny(tokenizer, 1, 16, 0), tokenizer, [chat.tokens(session) for session in SESSIONS],
              Cloning(steps=4, learning_rate=1e30), 0)


def test_weights_that_are_no_numbers_are_never_saved(tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    model = build_tiny(tokenizer, 1, 16, 0)
    with torch.no_grad():
        model.get_output_embeddings().weight[0, 0] = float("nan")
    with pytest.raises(CheckpointError, match="no numbers"):
        save(model, tokenizer, tmp_path / "policy")
    assert not (tmp_path / "policy").exists()
