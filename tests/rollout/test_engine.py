"""The engine against the model itself: what it remembers must not change what it says."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    GPT2Config,
    GraniteConfig,
    JambaConfig,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    RecurrentGemmaConfig,
)

from rollout.engines import Completion, EngineFailure, Sampling, TransformersEngine
from rollout.engines.cache import MOST

STOP = 3
EPISODES = 8
SIZE = {"vocab_size": 24, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 8, "initializer_range": 0.3, "bos_token_id": 1, "eos_token_id": STOP,
        "pad_token_id": 0}
KINDS: dict[str, PreTrainedConfig] = {
    "llama": LlamaConfig(**SIZE),
    "qwen2": Qwen2Config(**SIZE),
    "granite, which scales its logits": GraniteConfig(**SIZE, logits_scaling=4.0),
    "gemma2, which caps its logits": Gemma2Config(**SIZE, final_logit_softcapping=2.0, sliding_window=4096),
    "gpt2, which names its parts otherwise": GPT2Config(
        vocab_size=24, n_embd=32, n_layer=2, n_head=4, initializer_range=0.3, bos_token_id=1, eos_token_id=STOP),
}
RECURRENT: dict[str, PreTrainedConfig] = {
    "mamba": MambaConfig(vocab_size=24, hidden_size=32, state_size=4, num_hidden_layers=2),
    "jamba, which has attention too": JambaConfig(
        **SIZE, attn_layer_period=2, attn_layer_offset=1, num_experts=2, mamba_d_state=4, use_mamba_kernels=False),
    "recurrent gemma, whose attention is a window": RecurrentGemmaConfig(
        **{**SIZE, "num_hidden_layers": 3}, lru_width=32, attention_window_size=16),
}
ALL = tuple(range(EPISODES))
ATTENDANCE: dict[str, Sequence[Sequence[int]]] = {
    "all go on": [ALL, ALL, ALL, ALL],
    "some end": [ALL, ALL[1:], ALL[1:], ALL[2:]],
    "most end": [ALL, ALL[5:], ALL[5:], ALL[7:]],
    "one by one": [ALL[number:] for number in range(EPISODES)],
    "some pause": [ALL, ALL[:6], ALL, ALL],
    "in another order": [ALL, ALL[::-1], (3, 1, 2, 7, 6, 5, 4, 0)],
    "others join": [ALL[:4], ALL, ALL],
}


def build(config: PreTrainedConfig) -> PreTrainedModel:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config).eval()


@pytest.fixture(scope="module")
def llama() -> PreTrainedModel:
    return build(KINDS["llama"])


def words(random: np.random.Generator, longest: int) -> list[int]:
    return [int(token) for token in random.integers(4, 24, random.integers(1, longest + 1))]


HISTORIES = [words(np.random.default_rng(episode), 30) for episode in ALL]
DELAYS = ([0] * EPISODES, [3 * episode for episode in ALL], [7, 7, 0, 1, 1, 2, 0, 5])  # in steps


def say(engine: TransformersEngine, histories: Mapping[int, list[int]], sampling: Sampling) -> dict[int, Completion]:
    """One action of each episode, asked for at once."""
    for episode, history in histories.items():
        engine.ask(episode, history, sampling)
    said: dict[int, Completion] = {}
    while len(said) < len(histories):
        said |= engine.step()
    return said


def converse(
    engine: TransformersEngine, attendance: Sequence[Sequence[int]], sampling: Sampling, seed: int = 0
) -> list[tuple[list[int], Completion]]:
    """Ragged histories that grow by what the engine says and by ragged answers: (history, completion) pairs."""
    random = np.random.default_rng(0)
    numbers = [engine.open(100 * seed + episode) for episode in ALL]
    histories = {episode: words(random, 30) for episode in ALL}
    said = []
    for present in attendance:
        completions = say(engine, {numbers[episode]: histories[episode] for episode in present}, sampling)
        for episode in present:
            completion = completions[numbers[episode]]
            said.append((list(histories[episode]), completion))
            histories[episode] += completion.ids + words(random, 9)
    return said


@torch.no_grad()
def read_whole(model: PreTrainedModel, history: list[int], ids: list[int], temperature: float) -> torch.Tensor:
    """Log-probabilities of all tokens where `ids` stand, by one full forward pass: (ids, vocabulary)."""
    logits = model(torch.tensor([history + ids])).logits[0, len(history) - 1 : -1].float()
    return torch.log_softmax(logits / temperature, dim=-1)


def check(model: PreTrainedModel, said: list[tuple[list[int], Completion]], temperature: float = 1.0) -> None:
    for history, completion in said:
        whole = read_whole(model, history, completion.ids, temperature)
        expected = whole.gather(1, torch.tensor(completion.ids)[:, None])[:, 0]
        torch.testing.assert_close(torch.tensor(completion.logprobs), expected, atol=1e-4, rtol=0)


def test_the_cases_lie_on_both_sides_of_the_share_at_which_rows_are_read_together() -> None:
    assert len(ATTENDANCE["some end"][-1]) >= MOST * EPISODES
    assert len(ATTENDANCE["most end"][1]) < MOST * EPISODES


@pytest.mark.parametrize("name", ATTENDANCE)
def test_log_probabilities_equal_a_full_forward_pass(llama: PreTrainedModel, name: str) -> None:
    check(llama, converse(TransformersEngine(llama, STOP), ATTENDANCE[name], Sampling(max_tokens=5)))


@pytest.mark.parametrize("kind", KINDS)
def test_log_probabilities_equal_a_full_forward_pass_of_other_models(kind: str) -> None:
    model = build(KINDS[kind])
    check(model, converse(TransformersEngine(model, STOP), ATTENDANCE["one by one"], Sampling(max_tokens=5)))


def test_log_probabilities_are_those_of_the_temperature(llama: PreTrainedModel) -> None:
    sampling = Sampling(temperature=0.5, max_tokens=5)
    check(llama, converse(TransformersEngine(llama, STOP), ATTENDANCE["all go on"], sampling), temperature=0.5)


def test_a_long_history_outgrows_the_room_of_the_cache(llama: PreTrainedModel) -> None:
    check(llama, converse(TransformersEngine(llama, STOP), [ALL] * 20, Sampling(max_tokens=5)))


def test_temperature_zero_takes_the_likeliest_token(llama: PreTrainedModel) -> None:
    sampling = Sampling(temperature=0, max_tokens=5)
    for history, completion in converse(TransformersEngine(llama, STOP), ATTENDANCE["one by one"], sampling):
        assert completion.ids == read_whole(llama, history, completion.ids, 1.0).argmax(dim=-1).tolist()


def test_the_same_seed_says_the_same(llama: PreTrainedModel) -> None:
    one, other = (converse(TransformersEngine(llama, STOP), ATTENDANCE["one by one"], Sampling(), seed=5)
                  for _ in range(2))
    assert one == other


def test_another_seed_says_something_else(llama: PreTrainedModel) -> None:
    one, other = (converse(TransformersEngine(llama, STOP), ATTENDANCE["all go on"], Sampling(), seed=seed)
                  for seed in (5, 6))
    assert one != other


def test_tokens_are_drawn_as_often_as_they_are_likely(llama: PreTrainedModel) -> None:
    count = 4000
    engine = TransformersEngine(llama, STOP)
    said = say(engine, {engine.open(seed): [5, 6, 7] for seed in range(count)}, Sampling(max_tokens=1))
    drawn = np.bincount([completion.ids[0] for completion in said.values()], minlength=24) / count
    likely = read_whole(llama, [5, 6, 7], [0], 1.0)[0].exp().numpy()
    assert np.abs(drawn - likely).max() < 4 * 0.5 / count**0.5


@pytest.mark.parametrize("longest", [1, 3, 40])
def test_an_action_ends_with_the_stop_or_is_cut(llama: PreTrainedModel, longest: int) -> None:
    for _, completion in converse(TransformersEngine(llama, STOP), [ALL] * 3, Sampling(max_tokens=longest)):
        assert 1 <= len(completion.ids) == len(completion.logprobs) <= longest
        assert STOP not in completion.ids[:-1]
        assert completion.ids[-1] == STOP or len(completion.ids) == longest


def test_new_weights_are_used_once_the_old_are_forgotten() -> None:
    model = build(KINDS["llama"])
    engine = TransformersEngine(model, STOP)
    converse(engine, [ALL], Sampling())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.5)
    engine.load(model)
    check(model, converse(engine, ATTENDANCE["all go on"], Sampling(max_tokens=5)))


@pytest.mark.parametrize("training", [True, False])
def test_a_model_in_training_stays_so(training: bool) -> None:
    model = LlamaForCausalLM(LlamaConfig(**SIZE, attention_dropout=0.5)).train(training)
    said = converse(TransformersEngine(model, STOP), [ALL, ALL], Sampling(max_tokens=5))
    assert model.training is training
    check(model.eval(), said)


def test_a_row_that_another_episode_had_is_taken_over_and_nothing_of_it_is_seen(llama: PreTrainedModel) -> None:
    engine = TransformersEngine(llama, STOP)
    random = np.random.default_rng(1)
    for longest in (60, 40, 20, 1):  # ever shorter, so that what was there before lies beyond the new ends
        numbers = [engine.open(seed) for seed in range(4)]
        histories = {number: words(random, longest) for number in numbers}
        said = say(engine, histories, Sampling(max_tokens=5))
        check(llama, [(histories[number], said[number]) for number in numbers])
        for number in numbers:
            engine.close(number)
    assert engine.height == 4


def test_an_episode_that_is_closed_in_mid_action_disturbs_nobody(llama: PreTrainedModel) -> None:
    engine = TransformersEngine(llama, STOP)
    histories = {engine.open(seed): [5 + seed, 6, 7] for seed in range(4)}
    for number, history in histories.items():
        engine.ask(number, history, Sampling(max_tokens=12))
    said = engine.step()
    assert 1 not in said
    engine.close(1)
    joined = engine.open(9)  # in its row
    histories[joined] = [8, 9]
    engine.ask(joined, histories[joined], Sampling(max_tokens=12))
    while len(said) < 4:
        said |= engine.step()
    assert said.keys() == {0, 2, 3, joined}
    assert engine.height == 4
    check(llama, [(histories[number], completion) for number, completion in said.items()])


@pytest.mark.parametrize(("change", "read"), [
    (lambda history: [*history[:10], 23, 22, *history[12:]], 30),  # the rest follows from another middle
    (lambda history: [*history[:10], 23], 1),
    (lambda history: history[:10], 1),  # at least one id is read, to have something to go on from
    (lambda history: [*history, 23, 22], 3),  # what was said last had not been read
    (lambda history: [23, *history[1:]], 40),
    (lambda history: history, 1),
])
def test_a_history_that_goes_back_is_read_again_from_there_only(
    llama: PreTrainedModel, change: Callable[[list[int]], list[int]], read: int
) -> None:
    engine = TransformersEngine(llama, STOP)
    other, number = engine.open(1), engine.open(2)
    beginning = [4 + place % 19 for place in range(39)]
    first = say(engine, {number: beginning, other: [5, 6]}, Sampling(max_tokens=1))
    following = change(beginning + first[number].ids)
    fed: list[tuple[int, ...]] = []
    with llama.register_forward_pre_hook(
        lambda *args: fed.append(tuple(args[2]["input_ids"].shape)), with_kwargs=True
    ):
        said = say(engine, {number: following}, Sampling(max_tokens=1))
    assert fed == [(1, read)]
    check(llama, [(following, said[number])])


def test_a_history_may_go_back_again_and_again(llama: PreTrainedModel) -> None:
    engine = TransformersEngine(llama, STOP)
    random = np.random.default_rng(2)
    numbers = [engine.open(seed) for seed in range(4)]
    histories = {number: words(random, 30) for number in numbers}
    for _ in range(10):
        said = say(engine, histories, Sampling(max_tokens=5))
        check(llama, [(histories[number], said[number]) for number in numbers])
        for number in numbers:
            whole = histories[number] + said[number].ids
            histories[number] = whole[: random.integers(1, len(whole) + 1)] + words(random, 6)


def join(model: PreTrainedModel, delays: Sequence[int], present: Sequence[int] = ALL) -> dict[int, Completion]:
    """One action of each episode present, asked for after so many steps of the engine."""
    engine = TransformersEngine(model, STOP)
    numbers = {episode: engine.open(70 + episode) for episode in present}
    said: dict[int, Completion] = {}
    for step in range(32):
        for episode in present:
            if delays[episode] == step:
                engine.ask(numbers[episode], HISTORIES[episode], Sampling(max_tokens=9))
        said |= engine.step()
    return {episode: said[number] for episode, number in numbers.items()}


@pytest.mark.parametrize("delays", DELAYS)
def test_episodes_may_join_while_others_are_in_mid_action(llama: PreTrainedModel, delays: Sequence[int]) -> None:
    said = join(llama, delays)
    check(llama, [(HISTORIES[episode], said[episode]) for episode in ALL])


def test_what_an_episode_draws_does_not_depend_on_the_others(llama: PreTrainedModel) -> None:
    alone = {episode: join(llama, DELAYS[0], [episode])[episode] for episode in ALL}
    for delays in DELAYS:
        for present in (ALL, ALL[::2]):
            for episode, completion in join(llama, delays, present).items():
                assert completion.ids == alone[episode].ids
                assert completion.logprobs == pytest.approx(alone[episode].logprobs, abs=1e-4)


def test_an_episode_s_next_action_is_another_draw(llama: PreTrainedModel) -> None:
    engine = TransformersEngine(llama, -1)
    number = engine.open(4)
    one, other = (say(engine, {number: [5, 6]}, Sampling(max_tokens=20))[number].ids for _ in range(2))
    assert one != other


def test_an_engine_that_is_asked_nothing_does_nothing(llama: PreTrainedModel) -> None:
    engine = TransformersEngine(llama, STOP)
    number = engine.open(1)
    assert engine.step() == {}
    engine.close(number)
    assert engine.step() == {}


def test_a_history_within_the_window_is_read_and_one_beyond_it_is_refused() -> None:
    model = build(Gemma2Config(**SIZE, sliding_window=16))
    engine = TransformersEngine(model, -1)
    number = engine.open(1)
    fits = [4 + place for place in range(12)]
    said = say(engine, {number: fits}, Sampling(max_tokens=5))[number]
    check(model, [(fits, said)])  # 16 are read: what was said last is not
    with pytest.raises(EngineFailure, match=r"17 tokens outgrows the model's window of 16.*policy\.max_length"):
        say(engine, {number: fits + said.ids}, Sampling(max_tokens=5))


def test_a_history_that_outgrows_the_window_in_mid_action_is_refused() -> None:
    engine = TransformersEngine(build(Gemma2Config(**SIZE, sliding_window=16)), -1)
    with pytest.raises(EngineFailure, match="window of 16"):
        say(engine, {engine.open(1): [4 + place for place in range(12)]}, Sampling(max_tokens=6))


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_model_that_remembers_otherwise_than_by_keys_and_values_is_refused(kind: str) -> None:
    model = build(RECURRENT[kind])
    with pytest.raises(EngineFailure, match=f'{model.config.model_type} has layers of another kind .*"vllm"'):
        TransformersEngine(model, STOP)
