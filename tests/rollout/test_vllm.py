"""The real vLLM against the models whose weights it took over, and against the embedded engine."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedConfig, PreTrainedModel, Qwen3Config

from rollout.chat import Chat
from rollout.engines import Completion, Engine, EngineFailure, Sampling, TransformersEngine
from rollout.engines import vllm as module
from rollout.engines.vllm import VllmEngine
from rollout.episode import Episode
from rollout.rehearsal import Rehearsal
from rollout.world import RealWorld
from tests.rollout.worlds import starts

pytest.importorskip("vllm", reason="vLLM CANNOT BE IMPORTED, so nothing of rollout/engines/vllm.py is tested")

CLOSE = 1e-3  # nats
LENGTH = 512
TEXT = [5 + 7 * place % 200 for place in range(300)]  # longer than two blocks of the prefix cache
KINDS: dict[str, tuple[type[PreTrainedConfig], bool]] = {
    "tied": (LlamaConfig, True), "untied": (LlamaConfig, False), "adapted": (Qwen3Config, True),
}


def build(chat: Chat, kind: str, seed: int) -> PreTrainedModel:
    make, tied = KINDS[kind]
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(make(
        vocab_size=len(chat.tokenizer), hidden_size=64, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, head_dim=32, initializer_range=0.1, tie_word_embeddings=tied,
        max_position_embeddings=LENGTH, bos_token_id=None, eos_token_id=chat.stop, pad_token_id=None,
    )).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:  # all of them are 1 at first
                parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def build_nearly(model: PreTrainedModel) -> PreTrainedModel:
    """What one small step of learning makes of it."""
    nearly = deepcopy(model)
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in nearly.parameters():
            parameter.add_(1e-6 * torch.randn_like(parameter))
    return nearly


@dataclass
class Served:
    """An engine, and two models that it can serve; it was started with the first."""

    engine: VllmEngine
    one: PreTrainedModel
    other: PreTrainedModel


@contextmanager
def serve(chat: Chat, kind: str, folder: Path, adapter: int | None = None) -> Iterator[Served]:
    one, other = (build(chat, kind, seed) for seed in (1, 2))
    one.save_pretrained(folder)
    served = Served(VllmEngine(folder, chat.stop, LENGTH, concurrent=16, adapter=adapter), one, other)
    assert served.engine.difference(one, TEXT[:20]) < CLOSE  # before anything was handed over
    yield served


@pytest.fixture(scope="module")
def tied(chat: Chat, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(chat, "tied", tmp_path_factory.mktemp("tied")) as served:
        yield served


@pytest.fixture(scope="module")
def untied(chat: Chat, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(chat, "untied", tmp_path_factory.mktemp("untied")) as served:
        yield served


@pytest.fixture(scope="module")
def adapted(chat: Chat, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(chat, "adapted", tmp_path_factory.mktemp("adapted"), adapter=4) as served:
        yield served


@pytest.fixture
def served(request: pytest.FixtureRequest) -> Served:
    """The one that the parameter names, with its first model."""
    found: Served = request.getfixturevalue(request.param)
    found.engine.load(found.one)
    return found


both = pytest.mark.parametrize("served", ["tied", "untied"], indirect=True)
either = pytest.mark.parametrize("served", ["untied"], indirect=True)


def _wipe(worker: Any) -> None:
    """Weights that never came may have left NaN in the memory of keys, which is masked, but NaN times zero is NaN."""
    for kept in worker.model_runner.kv_caches:
        kept.zero_()


def finish(engine: Engine, count: int) -> dict[int, Completion]:
    said: dict[int, Completion] = {}
    for _ in range(2000):
        said |= engine.step()
        if len(said) >= count:
            return said
    raise AssertionError(f"only {len(said)} of {count} answers")


@torch.no_grad()
def read_whole(model: PreTrainedModel, history: list[int], ids: list[int], temperature: float = 1.0) -> torch.Tensor:
    """Log-probabilities of all tokens where `ids` stand, by one full forward pass: (ids, vocabulary)."""
    logits = model(torch.tensor([history + ids])).logits[0, len(history) - 1 : -1].float()
    return torch.log_softmax(logits / temperature, dim=-1)


def noise(model: PreTrainedModel, history: list[int], said: Completion, temperature: float = 1.0) -> float:
    whole = read_whole(model, history, said.ids, temperature).gather(1, torch.tensor(said.ids)[:, None])[:, 0]
    return float((whole - torch.tensor(said.logprobs)).abs().max())


# Weights


@both
def test_log_probabilities_are_those_of_the_weights_handed_over(served: Served) -> None:
    engine = served.engine
    for model in (served.one, served.other, served.one):
        engine.load(model)
        for prompt in (TEXT[:1], TEXT[:20], TEXT):
            assert engine.difference(model, prompt, 40) < CLOSE
    assert engine.difference(served.other, TEXT[:20]) > 100 * CLOSE


@both
def test_nothing_of_what_was_read_with_other_weights_is_left(served: Served) -> None:
    engine = served.engine
    assert engine.difference(served.one, TEXT) < CLOSE
    assert engine.difference(served.one, TEXT) < CLOSE  # read before
    engine.load(served.other)
    assert engine.difference(served.other, TEXT) < CLOSE


def without(*names: str) -> Callable[[PreTrainedModel], list[tuple[str, torch.Tensor]]]:
    """Hands over all weights but these."""
    whole = module._weights

    def weights(model: PreTrainedModel) -> list[tuple[str, torch.Tensor]]:
        held = whole(model)
        assert set(names) <= {name for name, _ in held}
        return [(name, tensor) for name, tensor in held if name not in names]

    return weights


PARTS = [  # of what vLLM keeps as one
    "model.layers.0.self_attn.q_proj.weight", "model.layers.1.self_attn.k_proj.weight",
    "model.layers.0.self_attn.v_proj.weight", "model.layers.0.mlp.gate_proj.weight",
    "model.layers.1.mlp.up_proj.weight",
]
WHOLES = [
    "model.embed_tokens.weight", "lm_head.weight", "model.norm.weight", "model.layers.0.input_layernorm.weight",
    "model.layers.1.post_attention_layernorm.weight", "model.layers.1.self_attn.o_proj.weight",
    "model.layers.0.mlp.down_proj.weight",
]


@pytest.mark.parametrize(("served", "dropped"), [
    ("tied", "lm_head.weight"), ("tied", PARTS[0]), *(("untied", name) for name in PARTS),
], indirect=["served"])
def test_a_tensor_that_is_a_part_of_others_or_shared_and_does_not_arrive_is_heard(
    served: Served, dropped: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_weights", without(dropped))
    try:
        with pytest.raises(EngineFailure, match=r"differ by .* not all of them arrived"):
            served.engine.load(served.other)
    finally:
        served.engine.llm.collective_rpc(_wipe)


@pytest.mark.parametrize(("served", "dropped"), [
    ("tied", WHOLES[0]), ("tied", WHOLES[2]), *(("untied", name) for name in WHOLES),
], indirect=["served"])
def test_any_other_tensor_that_does_not_arrive_is_missed_though_it_hardly_changed(
    served: Served, dropped: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_weights", without(dropped))
    with pytest.raises(EngineFailure, match=rf"not handed over all of its weights: no {dropped}$"):
        served.engine.load(build_nearly(served.one))


@either
def test_a_model_of_another_shape_is_refused(served: Served, chat: Chat) -> None:
    config = deepcopy(served.one.config)
    config.num_hidden_layers = 1
    with pytest.raises(EngineFailure, match=r"no model\.layers\.1\..* and 1 more$"):
        served.engine.load(AutoModelForCausalLM.from_config(config))


# Adapters


def adapt(model: PreTrainedModel, seed: int, rank: int = 4) -> PeftModel:
    """A copy with adapters that change what it says."""
    torch.manual_seed(seed)
    whole = get_peft_model(deepcopy(model), LoraConfig(r=rank, target_modules="all-linear")).eval()
    with torch.no_grad():
        for name, parameter in whole.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.1)
    return whole


def test_adapters_say_what_they_say_in_training_whichever_came_before(adapted: Served) -> None:
    engine = adapted.engine
    first, second = (adapt(adapted.one, seed) for seed in (1, 2))
    for model in (first, second, first):
        engine.load(model)
        for prompt in (TEXT[:20], TEXT):
            assert engine.difference(model, prompt, 40) < CLOSE
    assert engine.difference(second, TEXT[:20]) > 10 * CLOSE
    assert engine.difference(adapted.one, TEXT[:20]) > 10 * CLOSE


def test_adapters_that_lose_a_part_on_the_way_are_refused(adapted: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    from safetensors.torch import load_file, save_file

    whole = PeftModel.save_pretrained

    def save(self: PeftModel, folder: Path, **kwargs: Any) -> None:
        whole(self, str(folder), **kwargs)
        file = folder / "adapter_model.safetensors"
        held = load_file(file)
        save_file({name: tensor for name, tensor in held.items() if "layers.1.self_attn.o_proj" not in name}, file)

    monkeypatch.setattr(PeftModel, "save_pretrained", save)
    with pytest.raises(EngineFailure, match="not all of them arrived"):
        adapted.engine.load(adapt(adapted.one, 3))


def test_adapters_on_another_model_than_the_one_served_are_refused(adapted: Served) -> None:
    with pytest.raises(EngineFailure, match="not all of them arrived"):
        adapted.engine.load(adapt(adapted.other, 1))


# Actions


@either
def test_log_probabilities_are_those_of_the_temperature(served: Served) -> None:
    engine = served.engine
    asked: dict[int, tuple[list[int], float]] = {}
    for number, temperature in enumerate([0.5, 1.0, 0.5, 0.0, 2.0, 0.5]):
        history = TEXT[: 3 + 20 * number]
        episode = engine.open(number)
        asked[episode] = history, temperature
        engine.ask(episode, history, Sampling(temperature, max_tokens=12))
    said = finish(engine, len(asked))
    for episode, (history, temperature) in asked.items():
        assert noise(served.one, history, said[episode], temperature or 1.0) < CLOSE
        if temperature == 0:
            assert said[episode].ids == read_whole(served.one, history, said[episode].ids).argmax(dim=-1).tolist()


@either
def test_temperature_zero_by_itself_tells_the_log_probabilities_of_one(served: Served) -> None:
    engine = served.engine
    episode = engine.open(0)
    engine.ask(episode, TEXT[:9], Sampling(0.0, max_tokens=12))
    assert noise(served.one, TEXT[:9], finish(engine, 1)[episode]) < CLOSE


@either
def test_tokens_are_drawn_as_often_as_they_are_likely(served: Served) -> None:
    count = 1000
    engine = served.engine
    for seed in range(count):
        engine.ask(engine.open(seed), TEXT[:9], Sampling(0.5, max_tokens=1))
    drawn = [completion.ids[0] for completion in finish(engine, count).values()]
    likely = read_whole(served.one, TEXT[:9], [0], 0.5)[0].exp().numpy()
    assert np.abs(np.bincount(drawn, minlength=len(likely)) / count - likely).max() < 4 * 0.5 / count**0.5


@either
@pytest.mark.parametrize("longest", [1, 40])
def test_an_action_ends_with_the_stop_or_is_cut(served: Served, longest: int) -> None:
    engine = served.engine
    for seed in range(48):
        engine.ask(engine.open(seed), TEXT[: 5 + seed], Sampling(max_tokens=longest))
    ends = set()
    for completion in finish(engine, 48).values():
        assert 1 <= len(completion.ids) == len(completion.logprobs) <= longest
        assert engine.stop not in completion.ids[:-1]
        assert completion.ids[-1] == engine.stop or len(completion.ids) == longest
        ends.add(completion.ids[-1] == engine.stop)
    assert longest == 1 or ends == {True, False}


@either
def test_what_an_episode_draws_does_not_depend_on_the_others(served: Served) -> None:
    engine = served.engine

    def draw(seeds: list[int], joins: int) -> dict[int, Completion]:
        numbers = {seed: engine.open(seed) for seed in seeds}
        said: dict[int, Completion] = {}
        for seed in seeds:  # each so many steps after the last
            engine.ask(numbers[seed], TEXT[: 9 * (seed + 1)], Sampling(max_tokens=12))
            for _ in range(joins):
                said |= engine.step()
        said |= finish(engine, len(seeds) - len(said)) if len(said) < len(seeds) else {}
        for number in numbers.values():
            engine.close(number)
        return {seed: said[number] for seed, number in numbers.items()}

    alone = {seed: draw([seed], 0)[seed] for seed in range(6)}
    for seeds, joins in (([0, 1, 2, 3, 4, 5], 0), ([5, 3, 1, 0, 2, 4], 2), ([1, 3, 5], 5)):
        for seed, completion in draw(seeds, joins).items():
            assert completion.ids == alone[seed].ids
            assert completion.logprobs == pytest.approx(alone[seed].logprobs, abs=CLOSE)


@either
def test_an_episode_s_next_action_is_another_draw_and_another_seed_too(served: Served) -> None:
    engine = served.engine
    number, other = engine.open(4), engine.open(5)
    said = []
    for episode in (number, number, other):
        engine.ask(episode, TEXT[:9], Sampling(max_tokens=20))
        said.append(tuple(finish(engine, 1)[episode].ids))
    assert len(set(said)) == 3


@either
def test_an_episode_that_is_closed_in_mid_action_is_given_up_and_the_others_go_on(served: Served) -> None:
    engine = served.engine
    histories = {engine.open(seed): TEXT[: 20 + seed] for seed in range(4)}
    for number, history in histories.items():
        engine.ask(number, history, Sampling(max_tokens=12))
    closed = list(histories)[1]
    said: dict[int, Completion] = {}
    for _ in range(3):
        said |= engine.step()
    assert closed not in said
    engine.close(closed)
    assert engine.engine.get_num_unfinished_requests() == 3 - len(said)
    joined = engine.open(9)
    histories[joined] = TEXT[:50]
    engine.ask(joined, histories[joined], Sampling(max_tokens=12))
    said |= finish(engine, 4 - len(said))
    assert said.keys() == histories.keys() - {closed}
    assert not engine.engine.has_unfinished_requests()
    assert engine.step() == {}
    for number, completion in said.items():
        assert noise(served.one, histories[number], completion) < CLOSE


# Episodes


class Halls(gym.Env[str, str]):
    """Says a number drawn from its seed and the length of what it was told."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        return f"Cell {self.np_random.integers(1000)}.", {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        return f"Cell {self.np_random.integers(1000)} after {len(action)}.", 0.0, False, False, {}


@either
@pytest.mark.parametrize("concurrent", [1, 12])
def test_greedy_episodes_are_those_of_the_embedded_engine_but_for_ties(
    served: Served, chat: Chat, concurrent: int
) -> None:
    rehearsal = Rehearsal(served.engine, chat, RealWorld(Halls), Sampling(0.0, max_tokens=8), max_turns=4,
                          concurrent=concurrent, max_length=LENGTH)
    ours = replace(rehearsal, engine=TransformersEngine(served.one, chat.stop)).play(starts(*range(12)))
    theirs = rehearsal.play(starts(*range(12)))
    parted = [part(one, other) for one, other in zip(ours, theirs, strict=True)]
    measured = max(difference for _, difference in parted)
    assert measured < CLOSE
    assert sum(place is None for place, _ in parted) > 6
    for (place, _), one in zip(parted, ours, strict=True):
        if place is not None:
            likely = read_whole(served.one, one.tokens.prompt + one.tokens.completion[:place], [0])[0].topk(2).values
            assert likely[0] - likely[1] < 10 * measured


def part(one: Episode, other: Episode) -> tuple[int | None, float]:
    """Where two episodes part, if they do, and how far their log-probabilities differ before."""
    assert one.tokens.prompt == other.tokens.prompt
    pairs = list(zip(one.tokens.completion, other.tokens.completion, strict=False))
    place = next((number for number, (own, their) in enumerate(pairs) if own != their), None)
    before = slice(0, place)
    noise = np.abs(np.subtract(one.tokens.logprobs[before], other.tokens.logprobs[before]))
    return place, float(noise.max(initial=0.0))
