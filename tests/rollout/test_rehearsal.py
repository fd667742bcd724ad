"""Episodes of a real policy in real worlds, dreamed and not, down to the token."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from transformers import LlamaForCausalLM

from rollout.chat import Chat
from rollout.engines import Sampling, TransformersEngine
from rollout.episode import Episode
from rollout.rehearsal import Rehearsal
from rollout.world import DreamWorld, RealWorld, Start
from sandbox import EnvironmentFault, Sandbox, Script
from tests.games import Corridor, Lottery
from tests.rollout.worlds import BREAKS, DAYS, ENDLESS, NO_START, PAYDAY, TRUNCATES, UNKNOWN


@pytest.fixture
def policy(chat: Chat, model: LlamaForCausalLM) -> Rehearsal:
    """A rehearsal in the corridor, to be moved to other worlds."""
    engine = TransformersEngine(model, chat.stop)
    return Rehearsal(engine, chat, RealWorld(Corridor), Sampling(max_tokens=4), max_turns=8)


@contextmanager
def dreaming(policy: Rehearsal, sandbox: Sandbox, source: str, **changes: Any) -> Iterator[Rehearsal]:
    with sandbox.load(source) as worker:
        yield replace(policy, world=DreamWorld(worker), **changes)


@contextmanager
def knowing_short_ones(policy: Rehearsal, sandbox: Sandbox, source: str, **changes: Any) -> Iterator[Rehearsal]:
    """Vouched for is what one and two days exercise, which does not reach what is special where two days are left."""
    with sandbox.load(source) as plain, sandbox.load(source, counting=True) as worker:
        drawn = plain.episodes([Script([], seed=seed) for seed in range(100)])
        short = [seed for seed, episode in enumerate(drawn) if episode.answers[0].observation in ("1 days.", "2 days.")]
        worker.episodes([Script(["wait", "wait"], seed=seed) for seed in short])
        worker.vouch()
        yield replace(policy, world=DreamWorld(worker), **changes)


def starts(count: int) -> list[Start]:
    return [Start(seed, seed) for seed in range(count)]


def days(episode: Episode) -> int:
    return int(episode.trajectory.observation.text.split()[0])


def test_ids_line_up_with_words(policy: Rehearsal, chat: Chat, sandbox: Sandbox) -> None:
    with dreaming(policy, sandbox, DAYS) as rehearsal:
        for episode in rehearsal.play(starts(12)):
            trajectory, tokens = episode.trajectory, episode.tokens
            assert len(tokens.completion) == len(tokens.mask) == len(tokens.logprobs)
            assert tokens.prompt == chat.prompt(trajectory.observation.text)
            place = 0
            for number, turn in enumerate(trajectory.turns):
                length = tokens.mask[place:].index(0) if 0 in tokens.mask[place:] else len(tokens.mask) - place
                said = tokens.completion[place : place + length]
                assert chat.action(said) == turn.action.text
                place += length
                if number + 1 < len(trajectory.turns):
                    heard = chat.answer(turn.answer, closed=said[-1] == chat.stop)
                    assert tokens.completion[place : place + len(heard)] == heard
                    assert not any(tokens.mask[place : place + len(heard)])
                    place += len(heard)
            assert place == len(tokens.completion)


def test_only_tokens_of_the_policy_have_a_log_probability(policy: Rehearsal) -> None:
    for episode in policy.play(starts(6)):
        for mask, logprob in zip(episode.tokens.mask, episode.tokens.logprobs, strict=True):
            assert logprob < 0 if mask else logprob == 0


def test_an_episode_ends_when_the_world_ends(policy: Rehearsal, sandbox: Sandbox) -> None:
    with dreaming(policy, sandbox, DAYS) as rehearsal:
        for episode in rehearsal.play(starts(12)):
            assert len(episode.trajectory.turns) == days(episode)
            assert [turn.terminated for turn in episode.trajectory.turns][-1] is True
            assert (episode.trajectory.stop, episode.outcome) == ("terminated", 0.5 * days(episode))


def test_an_episode_that_the_world_truncates_is_truncated(policy: Rehearsal, sandbox: Sandbox) -> None:
    with dreaming(policy, sandbox, TRUNCATES) as rehearsal:
        for episode in rehearsal.play(starts(6)):
            last = episode.trajectory.turns[-1]
            assert (episode.trajectory.stop, last.terminated, last.truncated) == ("truncated", False, True)


@pytest.mark.parametrize("limit", [1, 5])
def test_an_episode_is_cut_after_its_greatest_number_of_turns(policy: Rehearsal, sandbox: Sandbox, limit: int) -> None:
    with dreaming(policy, sandbox, ENDLESS, max_turns=limit) as rehearsal:
        for episode in rehearsal.play(starts(4)):
            turns = episode.trajectory.turns
            assert (len(turns), episode.trajectory.stop) == (limit, "truncated")
            assert [turn.truncated for turn in turns] == [False] * (limit - 1) + [True]


def test_an_end_at_the_last_turn_is_an_end(policy: Rehearsal, sandbox: Sandbox) -> None:
    with dreaming(policy, sandbox, DAYS, max_turns=3) as rehearsal:
        (episode,) = [episode for episode in rehearsal.play(starts(12)) if days(episode) == 3][:1]
    assert (episode.trajectory.stop, episode.trajectory.turns[-1].truncated) == ("terminated", False)


@pytest.mark.parametrize("limit", [30, 60, 100])
def test_an_episode_is_cut_before_its_history_is_too_long(policy: Rehearsal, sandbox: Sandbox, limit: int) -> None:
    with dreaming(policy, sandbox, ENDLESS, max_turns=1000, max_length=limit) as rehearsal:
        for episode in rehearsal.play(starts(6)):
            assert len(episode.tokens.prompt) + len(episode.tokens.completion) <= limit
            assert (episode.trajectory.stop, episode.trajectory.turns[-1].truncated) == ("truncated", True)


def test_running_into_the_unknown_is_worth_what_was_stated(policy: Rehearsal, sandbox: Sandbox) -> None:
    with dreaming(policy, sandbox, UNKNOWN, imagined_return=-3.0) as rehearsal:
        for episode in rehearsal.play(starts(12)):
            unknown = days(episode) > 2
            assert (episode.trajectory.stop == "imagined") is unknown
            assert episode.trajectory.turns[-1].imagined is (True if unknown else None)
            assert (episode.outcome == -3.0) is unknown


def test_running_into_the_unknown_leaves_what_there_was_if_nothing_is_stated(
    policy: Rehearsal, sandbox: Sandbox
) -> None:
    with dreaming(policy, sandbox, UNKNOWN) as rehearsal:
        for episode in rehearsal.play(starts(12)):
            assert episode.outcome == 0.5 * len(episode.trajectory.turns)


def test_an_episode_is_cut_where_imagination_begins(policy: Rehearsal, sandbox: Sandbox) -> None:
    with knowing_short_ones(policy, sandbox, PAYDAY, imagined_return=-3.0) as rehearsal:
        for episode in rehearsal.play(starts(24)):
            long = days(episode) > 2
            marks = [turn.imagined for turn in episode.trajectory.turns]
            assert marks == ([None] * (days(episode) - 3) + [True] if long else [None] * days(episode))
            assert episode.trajectory.stop == ("imagined" if long else "terminated")
            assert episode.outcome == (-3.0 if long else 0.5 * days(episode))


@pytest.mark.parametrize("discount", [0.0, 0.25, 1.0])
def test_what_is_imagined_can_count_for_less(policy: Rehearsal, sandbox: Sandbox, discount: float) -> None:
    with knowing_short_ones(policy, sandbox, PAYDAY, imagined_return=-3.0, imagined_discount=discount) as rehearsal:
        for episode in rehearsal.play(starts(24)):
            long = days(episode) > 2
            assert [bool(turn.imagined) for turn in episode.trajectory.turns] == [
                long and left == 2 for left in reversed(range(days(episode)))]
            assert episode.trajectory.stop == "terminated"
            assert episode.outcome == (
                0.5 * (days(episode) - 3) + discount * (4.0 + 0.5 + 0.5) if long else 0.5 * days(episode))


def test_what_the_world_itself_does_not_know_ends_the_episode_whatever_is_allowed(
    policy: Rehearsal, sandbox: Sandbox
) -> None:
    with knowing_short_ones(policy, sandbox, UNKNOWN.replace("self.left == 2, False, {'i", "False, False, {'i"),
                            imagined_return=-3.0, imagined_discount=1.0, max_turns=6) as rehearsal:
        for episode in (episode for episode in rehearsal.play(starts(12)) if days(episode) > 2):
            assert len(episode.trajectory.turns) == days(episode) - 2
            assert (episode.trajectory.stop, episode.outcome) == ("imagined", -3.0)


def test_a_fault_ends_its_own_episode_and_no_other(policy: Rehearsal, sandbox: Sandbox) -> None:
    with dreaming(policy, sandbox, BREAKS) as rehearsal:
        stops = {days(episode): str(episode.trajectory.stop) for episode in rehearsal.play(starts(24))}
    assert stops.keys() == {1, 2, 3, 4, 5, 6}
    assert all(stop == "terminated" if start < 3 else "fault" in stop and "broken" in stop
               for start, stop in stops.items())


def test_a_world_that_cannot_begin_stops_the_rehearsal(policy: Rehearsal, sandbox: Sandbox) -> None:
    with dreaming(policy, sandbox, NO_START) as rehearsal, pytest.raises(EnvironmentFault, match="no start"):
        rehearsal.play(starts(2))


def test_a_group_shares_its_start_and_nothing_else(policy: Rehearsal, sandbox: Sandbox) -> None:
    groups = [Start(seed, seed) for seed in (3, 8, 11) for _ in range(6)]
    with dreaming(policy, sandbox, ENDLESS, max_turns=3) as rehearsal:
        episodes = rehearsal.play(groups)
    for group in (3, 8, 11):
        members = [episode.trajectory for episode in episodes if episode.trajectory.group == group]
        assert len(members) == 6
        assert len({member.observation.text for member in members}) == 1
        assert len({tuple(turn.action.text for turn in member.turns) for member in members}) > 1


@pytest.mark.parametrize("concurrent", [1, 3, 100])
def test_episodes_keep_the_order_of_the_starts(policy: Rehearsal, sandbox: Sandbox, concurrent: int) -> None:
    with dreaming(policy, sandbox, DAYS, concurrent=concurrent) as rehearsal:
        episodes = [episode.trajectory for episode in rehearsal.play(starts(8))]
    assert [episode.seed for episode in episodes] == list(range(8))
    assert [episode.id for episode in episodes] == [f"episode-{number:06d}" for number in range(8)]


@pytest.mark.parametrize("concurrent", [3, 100])
def test_every_ended_episode_is_told_once(policy: Rehearsal, concurrent: int) -> None:
    told: list[int] = []
    replace(policy, concurrent=concurrent).play(starts(8), told.append)
    assert sum(told) == 8


def test_nothing_to_play_is_no_episode(policy: Rehearsal) -> None:
    assert policy.play([]) == []


def test_the_same_seeds_give_the_same_episodes(policy: Rehearsal, chat: Chat, model: LlamaForCausalLM) -> None:
    one, other = (
        replace(policy, engine=TransformersEngine(model, chat.stop), seed=9, world=RealWorld(Lottery), concurrent=5)
        .play(starts(12))
        for _ in range(2)
    )
    assert one == other


def test_the_system_prompt_is_read_first_and_recorded(policy: Rehearsal, chat: Chat) -> None:
    (episode,) = replace(policy, system="Be brief.").play(starts(1))
    assert episode.tokens.prompt == chat.prompt("Cell 1.", "Be brief.")
    assert episode.trajectory.system
    assert episode.trajectory.system.text == "Be brief."


def test_labels_are_carried(policy: Rehearsal) -> None:
    (episode,) = replace(policy, labels={"source": "real", "night": 2, "policy": "p"}).play(starts(1))
    assert (episode.trajectory.source, episode.trajectory.night, episode.trajectory.policy) == ("real", 2, "p")


def test_an_unknown_label_is_refused(policy: Rehearsal) -> None:
    with pytest.raises(ValueError, match="colour"):
        replace(policy, labels={"colour": "red"}).play(starts(1))


@pytest.mark.parametrize("concurrent", [3, 100])
def test_a_world_counts_its_steps(policy: Rehearsal, sandbox: Sandbox, concurrent: int) -> None:
    with dreaming(policy, sandbox, DAYS, concurrent=concurrent) as dream:
        for rehearsal in (dream, replace(policy, concurrent=concurrent)):
            episodes = rehearsal.play(starts(8))
            assert rehearsal.world.steps == sum(len(episode.trajectory.turns) for episode in episodes)
