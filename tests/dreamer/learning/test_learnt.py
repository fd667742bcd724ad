"""What an update did to tokens: advantages against TRL's own, likelihoods and entropies against a pass by hand."""

import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import trl
from transformers import PreTrainedModel

from dreamer.acting import starts
from dreamer.learning.divergence import likelihoods, log_probabilities
from dreamer.learning.grpo import grpo
from dreamer.learning.learnt import learnt
from dreamer.learning.training import Round
from dreamer.policy import build_tiny, train_tokenizer
from dreamer.sections import Learning, Policy
from rollout.chat import Chat
from rollout.engines import Sampling, TransformersEngine
from rollout.episode import Episode, Learnt, Tokens
from rollout.journal import read_learnt, write_episodes, write_learnt
from rollout.rehearsal import Rehearsal
from rollout.world import RealWorld
from tests.dreamer.doors import Doors, record

GROUPS, EACH, HEAT = 5, 4, 1.5  # 20 episodes, of which 16 are measured
TOKENIZER = train_tokenizer(record(40), 300)
CHAT = Chat(TOKENIZER)
Learned = tuple[Round, PreTrainedModel, list[float]]


@pytest.fixture(scope="module")
def learned() -> Learned:
    """One round of GRPO, the model after it, and the advantages that TRL computed."""
    seen: list[float] = []

    class Told(trl.GRPOTrainer):  # type: ignore[misc]
        def _generate_and_score_completions(self, inputs: Any) -> Any:
            scored = super()._generate_and_score_completions(inputs)
            seen.extend(scored["advantages"].tolist())
            return scored

    torch.set_num_threads(1)
    model = build_tiny(TOKENIZER, 1, 16, seed=0)
    engine = TransformersEngine(model, CHAT.stop)
    rehearsal = Rehearsal(engine, CHAT, RealWorld(Doors), Sampling(HEAT, 4), max_turns=3)

    def play(number: int) -> list[Episode]:
        played = rehearsal.play([start for start in starts(0, GROUPS) for _ in range(EACH)], name="round-000")
        # The policy is random and earns nothing; three groups get outcomes of all kinds.
        given = [1.0, 0.0, 0.0, 0.0, 0.3, -2.0, 7.5, 0.1, 1.0, 1.0, 0.0, 1.0] + [0.0] * 8
        return [Episode(each.number, each.trajectory.model_copy(update={"outcome": outcome}), each.pieces)
                for each, outcome in zip(played, given, strict=True)]

    rounds: list[Round] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trl, "GRPOTrainer", Told)
        grpo(model, TOKENIZER, play, lambda: engine.load(model),
             Learning(rounds=1, groups=GROUPS, episodes=EACH, learning_rate=0.01), Policy(temperature=HEAT), 0,
             rounds.append)
    return rounds[0], model, seen


def test_advantages_are_those_that_the_trainer_learned_from(learned: Learned) -> None:
    done, _, trl_has = learned
    assert done.advantages == pytest.approx(trl_has, rel=1e-5, abs=1e-6)
    assert len(set(trl_has)) > 4
    assert trl_has[12:] == [0.0] * 8


def test_the_first_whole_groups_are_measured_after_the_update(learned: Learned, tmp_path: Path) -> None:
    done, model, _ = learned
    assert done.advantages is not None
    write_episodes(tmp_path, done.episodes)
    assert read_learnt(tmp_path) == {}
    write_learnt(tmp_path, learnt(model, done, EACH, HEAT))
    kept = read_learnt(tmp_path)
    assert list(kept) == [episode.trajectory.id for episode in done.episodes[:16]]
    moved = 0.0
    for episode, advantage in zip(done.episodes[:16], done.advantages, strict=False):
        (found,), said = kept[episode.trajectory.id], episode.tokens
        assert found.advantages == pytest.approx([advantage] * sum(said.mask), rel=1e-6)
        logprobs, entropies = by_hand(model, said)
        assert found.logprobs == pytest.approx(logprobs, abs=1e-4)
        assert found.entropies == pytest.approx(entropies, abs=1e-4)
        before = [each for each, mine in zip(said.logprobs, said.mask, strict=True) if mine]
        moved = max(moved, *(abs(after - each) for after, each in zip(found.logprobs, before, strict=True)))
    assert 0.01 < moved < 5, "at the temperature that the behaviour's are told at"
    write_episodes(tmp_path, done.episodes)
    assert read_learnt(tmp_path) == {}, "new episodes, of which nothing is known"


def test_a_group_that_is_larger_is_measured_whole_and_pieces_stay_apart(learned: Learned, tmp_path: Path) -> None:
    """Without advantages, and with a piece in which nothing was said."""
    done, model, _ = learned
    episodes = [Episode(each.number, each.trajectory, (each.tokens, Tokens([1, 2, 3], [], [], []), each.tokens))
                for each in done.episodes]
    write_learnt(tmp_path, learnt(model, Round(0, episodes, {}), 17, HEAT))
    kept = read_learnt(tmp_path)
    assert len(kept) == 17
    for first, nothing, second in kept.values():
        assert nothing == Learnt(None, [], [])
        assert first.advantages is None
        assert first.logprobs == pytest.approx(second.logprobs, abs=1e-5)


def test_a_history_in_which_nothing_was_said_has_no_likelihoods(learned: Learned) -> None:
    _, model, _ = learned
    assert list(likelihoods(partial(log_probabilities, model), [Tokens([1, 2, 3], [4], [0], [0.0])])) == [([], [])]


def by_hand(model: PreTrainedModel, said: Tokens) -> tuple[list[float], list[float]]:
    """Each own token from a pass of its own."""
    logprobs, entropies = [], []
    for place, mine in enumerate(said.mask):
        if mine:
            logits = model(torch.tensor([said.prompt + said.completion[:place]])).logits[0, -1].double() / HEAT
            chances = torch.softmax(logits, -1).tolist()
            logprobs.append(math.log(chances[said.completion[place]]))
            entropies.append(-sum(chance * math.log(chance) for chance in chances))
    return logprobs, entropies
