"""Minari datasets, made and compared by Minari itself."""

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import HealthCheck, given, settings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import minari as library
    from minari.data_collector import EpisodeBuffer
from rollout.formats import minari, own
from rollout.log import Log, SessionError
from rollout.sessions import Summary, read
from rollout.trajectory import Trajectory, Turn
from tests.games import Corridor, play
from tests.rollout.formats.conversations import conversations

FORMATS = ["hdf5", "arrow", "parquet"]
TEXT = spaces.Text(40, charset="abcdefghijklmnopqrstuvwxyz üé\U0001f600")
EPISODES = [
    EpisodeBuffer(
        seed=3, options={"level": "cave", "size": 4}, observations=["a cave", "über\n\U0001f600", ""],
        actions=["go left", "go right"], rewards=[0.1, 1.0], terminations=[False, True], truncations=[False, False],
        infos={"steps": [0, 1, 2]},
    ),
    EpisodeBuffer(observations=["a hall", "a door"], actions=["wait"], rewards=[-0.5], terminations=[False],
                  truncations=[True], infos={"steps": [0, 1]}),
]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    return tmp_path


def made(name: str, episodes: list[EpisodeBuffer], format: str = "hdf5", **about: Any) -> library.MinariDataset:
    about = {"observation_space": TEXT, "action_space": TEXT} | about
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of authors that nobody named
        return library.create_dataset_from_buffers(name, episodes, data_format=format, **about)


def compared(dataset: library.MinariDataset) -> list[Any]:
    """What an episode is, to the library."""
    metadata = dataset.storage.get_episode_metadata(dataset.episode_indices)
    return [
        [*(np.asarray(each).tolist() for each in (
            episode.observations, episode.actions, episode.rewards, episode.terminations, episode.truncations)),
         {key: np.asarray(value).tolist() for key, value in (episode.infos or {}).items()},
         about.get("seed"), about.get("options")]
        for episode, about in zip(dataset.iterate_episodes(), metadata, strict=True)
    ]


@pytest.mark.parametrize("format", FORMATS)
def test_an_episode_is_a_session(format: str, home: Path) -> None:
    made("texts-v0", EPISODES, format)
    summary = Summary()
    first, second = read(["texts-v0"], home, summary=summary)
    assert first.observation.text == "a cave"
    assert [(turn.action.text, turn.answer, turn.reward) for turn in first.turns] == [
        ("go left", "über\n\U0001f600", 0.1), ("go right", "", 1.0)]
    assert [(turn.terminated, turn.truncated) for turn in first.turns] == [(False, False), (True, False)]
    assert (first.outcome, first.stop, first.seed) == (1.1, "terminated", 3)
    assert (second.outcome, second.stop, second.seed) == (-0.5, "truncated", None)
    assert first.extra is not None
    assert first.extra["options"] == {"level": "cave", "size": 4}
    assert summary.formats == {"minari": 1}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("stored", [False, True])
def test_a_dataset_written_again_is_the_same_to_minari(format: str, stored: bool, home: Path) -> None:
    before = made("texts-v0", EPISODES, format)
    sessions = list(read(["texts-v0"], home))
    if stored:
        own.write(sessions, home / "own.jsonl")
        sessions = list(read(["own.jsonl"], home))
    minari.write(sessions, home / "again-v0")
    after = library.load_dataset("again-v0")
    assert after.id == before.id
    assert compared(after) == compared(before)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    ("space", "values", "words"),
    [
        (spaces.Discrete(5), [0, 4, 2], ["0", "4", "2"]),
        (spaces.Discrete(5, start=-2), [-2, 2, 0], ["-2", "2", "0"]),
        (spaces.MultiDiscrete([3, 4]), [[0, 1], [2, 3], [1, 1]], ["0 1", "2 3", "1 1"]),
        (spaces.MultiBinary(3), [[0, 1, 1], [1, 0, 0], [0, 0, 0]], ["0 1 1", "1 0 0", "0 0 0"]),
        (spaces.Box(-1, 1, (2,), np.float32), [[0.1, -1], [1e-7, 0.5], [0, 1]], ["0.1 -1.0", "1e-07 0.5", "0.0 1.0"]),
    ],
)
def test_numbers_are_words_and_come_back(space: Any, values: Any, words: list[str], format: str, home: Path) -> None:
    numbers = np.array(values, space.dtype)
    episode = EpisodeBuffer(observations=numbers, actions=numbers[:2], rewards=[0.0, 1.0], terminations=[False, True],
                            truncations=[False, False])
    before = made("numbers-v0", [episode], format, observation_space=space, action_space=space)
    (session,) = read(["numbers-v0"], home)
    assert [session.observation.text, *(turn.answer for turn in session.turns)] == words
    assert [turn.action.text for turn in session.turns] == words[:2]
    minari.write([session], home / "again-v0")
    after = library.load_dataset("again-v0")
    assert after.observation_space == before.observation_space
    assert compared(after) == compared(before)


@pytest.mark.parametrize("path", ["texts-v0", "texts-v0/data", "texts-v0/data/metadata.json", "*/data/main_data.hdf5"])
def test_a_dataset_may_be_named_by_any_of_its_parts(path: str, home: Path) -> None:
    made("texts-v0", EPISODES)
    assert len(list(read([path], home))) == 2


@pytest.mark.parametrize(
    "space", [spaces.Box(0, 255, (8, 8, 3), np.uint8), spaces.Box(0, 1, (17,)), spaces.Dict({"a": TEXT}),
              spaces.Tuple([TEXT])],
)
def test_what_has_no_plain_text_is_refused(space: Any, home: Path) -> None:
    made("states-v0", [], observation_space=space)
    with pytest.raises(SessionError, match=r"states-v0: observations are .*write the dataset again with a text"):
        list(read(["states-v0"], home))


def test_a_damaged_dataset_is_refused(home: Path) -> None:
    made("texts-v0", EPISODES)
    data = home / "texts-v0" / "data"
    whole = (data / "main_data.hdf5").read_bytes()
    (data / "main_data.hdf5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SessionError, match=r"texts-v0: episode 0 cannot be read"):
        list(read(["texts-v0"], home))
    (data / "main_data.hdf5").unlink()
    with pytest.raises(SessionError, match=r"texts-v0: cannot be opened"):
        list(read(["texts-v0"], home))
    (data / "metadata.json").write_text("{}")
    with pytest.raises(SessionError, match=r"texts-v0: cannot be opened"):
        list(read(["texts-v0"], home))


@pytest.mark.parametrize("reward", [np.nan, np.inf])
def test_a_reward_that_is_no_number_is_refused(reward: float, home: Path) -> None:
    made("texts-v0", [EPISODES[1], EpisodeBuffer(observations=["a", "b"], actions=["c"], rewards=[reward],
                                                 terminations=[True], truncations=[False])])
    with pytest.raises(SessionError, match="episode 1 has a reward that is no finite number"):
        list(read(["texts-v0"], home))


def test_a_dataset_is_never_written_over(home: Path) -> None:
    session = play(Corridor(), ["right"])
    minari.write([session], home / "games-v0")
    with pytest.raises(SessionError, match="a dataset is there already"):
        minari.write([session], home / "games-v0")
    with pytest.raises(SessionError, match="without episodes"):
        minari.write([], home / "none-v0")


def test_a_game_comes_back_turn_by_turn(home: Path) -> None:
    session = play(Corridor(), ["right", "right", "left"])
    for name in ("games-v0", "games-v1"):
        minari.write([session, session], home / name)
    first, second = read(["games-v0"], home)
    assert [(turn.action.text, turn.answer, turn.reward) for turn in first.turns] == [
        (turn.action.text, turn.answer, turn.reward or 0.0) for turn in session.turns]
    assert first.turns == second.turns
    files = [sorted((home / name).rglob("*")) for name in ("games-v0", "games-v1")]
    assert [each.read_bytes() for each in files[0] if each.is_file()] == [
        each.read_bytes() for each in files[1] if each.is_file()]


@given(conversation=conversations())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_conversation_is_heard_again(conversation: Trajectory, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("heard")
    minari.write([conversation], folder / "words-v0")
    (found,) = minari.read(Log(folder / "words-v0", "log"))

    def heard(turns: tuple[Turn, ...]) -> list[tuple[str, str]]:
        return [(turn.action.text, turn.answer or "") for turn in turns]

    assert found.observation.text == conversation.observation.text
    assert heard(found.turns) == heard(conversation.turns)
    assert (found.turns[-1].terminated, found.turns[-1].truncated) == (None, None)


def test_without_the_library_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    made("texts-v0", EPISODES)
    monkeypatch.setitem(sys.modules, "minari", None)
    with pytest.raises(SessionError, match=r"pip install 'dreaming-simulator\[minari\]'"):
        list(read(["texts-v0"], home))
    with pytest.raises(SessionError, match=r"pip install 'dreaming-simulator\[minari\]'"):
        minari.write([play(Corridor(), ["right"])], home / "games-v0")
