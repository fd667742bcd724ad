"""Episodes on disk: none is lost, none is doubled, and what is read back is what was played."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest
from transformers import LlamaForCausalLM

from rollout.chat import Chat
from rollout.engines import Sampling, TransformersEngine
from rollout.episode import Episode, Tokens
from rollout.errors import UserError
from rollout.journal import ROWS, Journal, write_episodes
from rollout.rehearsal import Rehearsal
from rollout.trajectory import Trajectory
from rollout.world import RealWorld
from tests.games import Corridor, Lottery
from tests.rollout.worlds import starts

STRIPS = (
    "{% for message in messages %}{% if message.role == 'assistant' %}"
    "{% set words = message.content.split('</think>')[-1].lstrip('\\n') %}"
    "{{ '<a>' + words + '</s>' }}"
    "{% else %}{{ '<u>' + message.content + '</s>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<a>' }}{% endif %}"
)


@pytest.fixture(scope="module")
def episodes(chat: Chat, model: LlamaForCausalLM) -> list[Episode]:
    rehearsal = Rehearsal(TransformersEngine(model, chat.stop), chat, RealWorld(Lottery), Sampling(max_tokens=4),
                          max_turns=4, system="Be brief.")
    return rehearsal.play(starts(*range(6)))


@pytest.fixture(scope="module")
def pieces(chat: Chat, model: LlamaForCausalLM) -> list[Episode]:
    """Of a policy whose template drops the reasoning of earlier turns."""
    tokenizer = deepcopy(chat.tokenizer)
    tokenizer.chat_template = STRIPS
    stripping = Chat(tokenizer)
    assert stripping.strips
    rehearsal = Rehearsal(TransformersEngine(model, chat.stop), stripping, RealWorld(Corridor), Sampling(max_tokens=4),
                          max_turns=3)
    played = rehearsal.play(starts(*range(4)))
    assert all(len(episode.pieces) == len(episode.trajectory.turns) for episode in played)
    assert any(len(episode.pieces) > 1 for episode in played)
    return played


def small(number: int) -> Episode:
    trajectory = Trajectory.model_validate(
        {"id": f"e{number}", "source": "dreamed", "observation": "A room.", "turns": ({"action": "pull"},)})
    return Episode(number, trajectory, (Tokens([1, 2], [number % 100, 3], [1, 1], [-0.5, -0.25]),))


def kept(path: Path) -> list[Episode]:
    with Journal(path) as journal:
        return list(journal)


def fill(path: Path, episodes: list[Episode]) -> None:
    with Journal(path) as journal:
        for episode in episodes:
            journal.add(episode)


def test_a_new_journal_is_empty_and_makes_its_folder(tmp_path: Path) -> None:
    with Journal(tmp_path / "night" / "journal.jsonl") as journal:
        assert (len(journal), list(journal)) == (0, [])


def test_episodes_come_back_by_number_whatever_the_order_in_which_they_ended(
    tmp_path: Path, episodes: list[Episode]
) -> None:
    with Journal(tmp_path / "journal.jsonl") as journal:
        for number in (3, 0, 5, 1, 4, 2):
            journal.add(episodes[number])
        assert list(journal) == episodes
        assert len(journal) == 6
    assert kept(tmp_path / "journal.jsonl") == episodes


def test_an_episode_that_was_added_is_on_disk_at_once(tmp_path: Path, episodes: list[Episode]) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        for count, episode in enumerate(episodes, 1):
            journal.add(episode)
            assert len(path.read_bytes().splitlines()) == count


def test_a_journal_that_was_read_half_way_can_be_added_to(tmp_path: Path, episodes: list[Episode]) -> None:
    with Journal(tmp_path / "journal.jsonl") as journal:
        for episode in episodes[:3]:
            journal.add(episode)
        reading = iter(journal)
        next(reading)
        journal.add(episodes[3])
        assert list(journal) == episodes[:4]


def test_pieces_survive(tmp_path: Path, pieces: list[Episode]) -> None:
    fill(tmp_path / "journal.jsonl", pieces)
    assert kept(tmp_path / "journal.jsonl") == pieces


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_last_line_that_was_cut_is_cut_off_and_the_rest_is_kept(
    tmp_path: Path, episodes: list[Episode], share: float
) -> None:
    path = tmp_path / "journal.jsonl"
    fill(path, episodes)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][: max(1, int(share * (len(lines[-1]) - 1)))])
    assert kept(path) == episodes[:-1]
    assert path.read_bytes() == b"".join(lines[:-1])
    fill(path, episodes[-1:])
    assert path.read_bytes() == b"".join(lines)


def test_a_last_line_that_only_lacks_its_end_is_played_anew(tmp_path: Path, episodes: list[Episode]) -> None:
    path = tmp_path / "journal.jsonl"
    fill(path, episodes)
    path.write_bytes(path.read_bytes()[:-1])
    assert kept(path) == episodes[:-1]


@pytest.mark.parametrize("line", [
    b"\x00garbage", b"[]", b"{}", b"3", b"null", b"", b'"number"', b'{"number": "one"}', b'{"number": null}',
    b'{"number": 9}',
])
def test_garbage_in_the_middle_is_refused_by_file_and_byte_and_left_alone(
    tmp_path: Path, episodes: list[Episode], line: bytes
) -> None:
    path = tmp_path / "journal.jsonl"
    fill(path, episodes[:3])
    lines = path.read_bytes().splitlines(keepends=True)
    text = b"".join([*lines[:2], line + b"\n", lines[2]])
    path.write_bytes(text)
    with pytest.raises(UserError, match=rf"journal\.jsonl, at byte {len(lines[0] + lines[1]):,}: this is no episode"):
        Journal(path)
    assert path.read_bytes() == text
    path.write_bytes(b"".join(lines))
    assert kept(path) == episodes[:3]  # the refused one does not hold the file


def test_a_second_writer_is_refused_until_the_first_has_ended(tmp_path: Path, episodes: list[Episode]) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as first:
        first.add(episodes[0])
        with pytest.raises(UserError, match="written by another process"):
            Journal(path)
        first.add(episodes[1])
    assert kept(path) == episodes[:2]


def test_a_journal_that_is_removed_is_gone(tmp_path: Path, episodes: list[Episode]) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.add(episodes[0])
    journal.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["episodes", "pieces"])
def test_words_and_ids_are_written_row_for_row(tmp_path: Path, request: pytest.FixtureRequest, kind: str) -> None:
    episodes: list[Episode] = request.getfixturevalue(kind)
    write_episodes(tmp_path, episodes)
    lines = (tmp_path / "episodes.jsonl").read_bytes().splitlines()
    assert [Trajectory.model_validate_json(line) for line in lines] == [each.trajectory for each in episodes]
    rows = pq.read_table(tmp_path / "tokens.parquet").to_pylist()
    told = [(each.trajectory.id, piece) for each in episodes for piece in each.pieces]
    assert [row["id"] for row in rows] == [id for id, _ in told]
    for row, (_, piece) in zip(rows, told, strict=True):
        assert (row["prompt"], row["completion"], row["mask"]) == (piece.prompt, piece.completion, piece.mask)
        assert row["logprobs"] == pytest.approx(piece.logprobs, abs=1e-6)


def test_more_episodes_than_lie_in_memory_at_once_keep_their_order(tmp_path: Path) -> None:
    write_episodes(tmp_path, map(small, range(2 * ROWS + 1)))
    ids = [orjson.loads(line)["id"] for line in (tmp_path / "episodes.jsonl").read_bytes().splitlines()]
    table = pq.ParquetFile(tmp_path / "tokens.parquet")
    assert ids == [f"e{number}" for number in range(2 * ROWS + 1)] == table.read()["id"].to_pylist()
    assert table.num_row_groups == 3


def test_no_episodes_are_two_empty_files(tmp_path: Path) -> None:
    write_episodes(tmp_path, [])
    assert (tmp_path / "episodes.jsonl").read_bytes() == b""
    assert pq.read_table(tmp_path / "tokens.parquet").num_rows == 0


def test_what_was_written_stays_until_all_of_the_new_has_been(tmp_path: Path, episodes: list[Episode]) -> None:
    write_episodes(tmp_path, episodes)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def breaking() -> Iterator[Episode]:
        yield from episodes[:2]
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        write_episodes(tmp_path, breaking())
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def test_an_episode_that_stands_twice_counts_once(tmp_path: Path, episodes: list[Episode]) -> None:
    path = tmp_path / "journal.jsonl"
    later = replace(episodes[0], number=1)
    fill(path, [episodes[0], episodes[1], later])
    assert kept(path) == [episodes[0], later]
