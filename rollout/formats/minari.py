"""Minari datasets: a folder of episodes, HDF5 or Arrow, read and written by the `minari` library.

Spaces are understood where they have a plain text: `Text` as it is; `Discrete` and short vectors (`MultiDiscrete`,
`MultiBinary`, one-dimensional `Box`) as their numbers, in the shortest form that reads back as the same number. Kept:
every observation, action, reward, termination and truncation, seed, options and infos. Not kept: what the dataset says
of its environment and authors, and the alphabet of a text space.

The writer makes HDF5, or what the dataset was; Arrow where a text holds a NUL, at which HDF5 would end it (the library
needs time in the square of the episodes for Arrow). The format knows words alone: a conversation from elsewhere gives
it the text of each action and answer, calls included, as a text world would hear them; an end or reward that a log
does not state is written as none, and a missing last answer as an empty one. All is collected before it is written,
since the space of texts names their alphabet.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rollout.log import Log, SessionError
from rollout.trajectory import Message, Observation, Trajectory, Turn

LOSES = "everything but texts, rewards and ends: tool calls become text"
EXPECTED = "a Minari dataset: a folder with data/metadata.json and episodes of text or plain numbers"
METADATA = "metadata.json"
LONGEST_VECTOR = 16  # numbers; beyond that they are pictures or states that no one reads as text
UNNAMED = "sessions-v0"  # the id of a dataset whose sessions come from elsewhere


def recognises(log: Log, head: bytes, first: Any) -> bool:
    return (_folder(log) / METADATA).is_file() and (
        log.path.is_dir() or log.path.name == METADATA or head.startswith(b"\x89HDF")
    )


def read(log: Log) -> Iterator[Trajectory]:
    try:
        from minari import MinariDataset
        from minari.serialization import serialize_space
    except ImportError:
        raise log.refuse(
            None, "a Minari dataset needs the library minari", "pip install 'dreaming-simulator[minari]'"
        ) from None
    try:
        dataset = MinariDataset(_folder(log))
    except Exception as error:  # the library raises whatever its parts do
        raise log.refuse(None, f"cannot be opened ({error})", f"Expected {EXPECTED}") from error
    spaces = {"observations": dataset.observation_space, "actions": dataset.action_space}
    for side, space in spaces.items():
        if not _plain(space):
            raise log.refuse(
                None, f"{side} are {space}"[:300],
                f"Expected Text, Discrete or at most {LONGEST_VECTOR} numbers: write the dataset again with a text "
                "of each, as the agent would read it",
            )
    about = {"dataset": dataset.id, "storage": dataset.storage.FORMAT}
    about |= {side: serialize_space(space) for side, space in spaces.items() if not _is_text(space)}
    for place in map(int, dataset.episode_indices):
        try:
            episode = next(iter(dataset.iterate_episodes([place])))
            metadata = next(iter(dataset.storage.get_episode_metadata([place])))
        except Exception as error:
            raise log.refuse(
                None, f"episode {place} cannot be read ({error})", "Copy or download the dataset again"
            ) from error
        if not len(episode):
            log.skip(place + 1, "an episode without a step")
            continue
        yield _session(log, place, episode, metadata, about)


def write(sessions: Iterable[Trajectory], path: Path) -> None:
    """Write a dataset.

    Args:
        path: the dataset's folder; moved into Minari's own, its path there is what `minari.load_dataset` knows it by.

    Raises:
        SessionError: a dataset is there already, or there is nothing to write.
    """
    try:
        import minari
        from minari.data_collector import EpisodeBuffer
        from minari.dataset.minari_storage import MinariStorage
    except ImportError:
        raise SessionError(
            str(path), None, "a Minari dataset needs the library minari", "pip install 'dreaming-simulator[minari]'"
        ) from None
    path = path.resolve()  # the library joins relative paths twice
    episodes = list(sessions)
    if not episodes:
        raise SessionError(str(path), None, "a Minari dataset without episodes says nothing", "Give it sessions")
    if (path / "data").exists():
        raise SessionError(str(path), None, "a dataset is there already", "Remove it, or write elsewhere")
    heard = [[each.observation.text, *(turn.answer or "" for turn in each.turns)] for each in episodes]
    done = [[turn.action.text for turn in each.turns] for each in episodes]
    about = [each.extra or {} if each.format == "minari" else {} for each in episodes]
    observations, actions = _space(about, "observations", heard), _space(about, "actions", done)
    (path / "data").mkdir(parents=True)
    cut = any("\0" in text for episode in (*heard, *done) for text in episode)
    kind = "arrow" if cut else _common(about, "storage") or "hdf5"
    storage = MinariStorage.new(path / "data", observations, actions, data_format=kind)
    storage.update_metadata({
        "dataset_id": _common(about, "dataset") or UNNAMED, "minari_version": minari.__version__,
    })
    storage.update_episodes(
        EpisodeBuffer(
            seed=each.seed, options=extra.get("options"), observations=_values(observations, texts),
            actions=_values(actions, acts), rewards=[turn.reward or 0.0 for turn in each.turns],
            terminations=[bool(turn.terminated) for turn in each.turns],
            truncations=[bool(turn.truncated) for turn in each.turns], infos=_infos(extra.get("infos")),
        )
        for each, extra, texts, acts in zip(episodes, about, heard, done, strict=True)
    )


def _folder(log: Log) -> Path:
    """Where the dataset's metadata lies, whichever of its files or folders was named."""
    folder = log.path if log.path.is_dir() else log.path.parent
    return folder if (folder / METADATA).is_file() else folder / "data"


def _session(log: Log, place: int, episode: Any, metadata: dict[str, Any], about: dict[str, Any]) -> Trajectory:
    steps = len(episode)
    if len(episode.observations) != steps + 1 or len(episode.actions) != steps:
        raise log.refuse(
            None, f"episode {place} has {steps} rewards, {len(episode.observations)} observations and "
            f"{len(episode.actions)} actions", "Expected one observation more than rewards and actions",
        )
    if not np.isfinite(episode.rewards).all():
        raise log.refuse(None, f"episode {place} has a reward that is no finite number", "Remove the episode")
    turns = [
        Turn(
            action=Message(role="assistant", content=_words(action)),
            observation=Observation(messages=(Message(role="user", content=_words(observation)),)),
            reward=float(reward), terminated=bool(terminated), truncated=bool(truncated),
        )
        for action, observation, reward, terminated, truncated in zip(
            episode.actions, episode.observations[1:], episode.rewards, episode.terminations, episode.truncations,
            strict=True,
        )
    ]
    if not turns[-1].terminated and not turns[-1].truncated:  # nobody recorded why it ends here
        turns[-1] = turns[-1].model_copy(update={"terminated": None, "truncated": None})
    extra = about | {key: _json(value) for key in ("options",) if (value := metadata.get(key))}
    if episode.infos:
        extra["infos"] = _json(episode.infos)
    last, seed = turns[-1], metadata.get("seed")
    return Trajectory(
        id=f"{log.name}:{episode.id}", source="real", format="minari", turns=tuple(turns),
        observation=Observation(messages=(Message(role="user", content=_words(episode.observations[0])),)),
        outcome=float(sum(turn.reward or 0.0 for turn in turns)),
        stop="terminated" if last.terminated else "truncated" if last.truncated else None,
        seed=None if seed is None else int(seed), pointer=log.pointer(place + 1), extra=extra,
    )


def _is_text(space: Any) -> bool:
    from gymnasium.spaces import Text

    return isinstance(space, Text)


def _plain(space: Any) -> bool:
    from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete

    vector = isinstance(space, Box | MultiBinary | MultiDiscrete) and len(space.shape) == 1
    return _is_text(space) or isinstance(space, Discrete) or (vector and space.shape[0] <= LONGEST_VECTOR)


def _words(value: Any) -> str:
    """A text as it is; numbers with spaces between them."""
    return value if isinstance(value, str) else " ".join(str(number) for number in np.atleast_1d(value))


def _values(space: Any, texts: Sequence[str]) -> list[Any]:
    if _is_text(space):
        return list(texts)
    if space.shape == ():
        return [space.dtype.type(text) for text in texts]
    return [np.array(text.split(), dtype=space.dtype) for text in texts]


def _space(about: Sequence[dict[str, Any]], side: str, texts: Sequence[Sequence[str]]) -> Any:
    """The numbers' space where all sessions come from the same one, a space of these texts otherwise."""
    from gymnasium.spaces import Text
    from minari.serialization import deserialize_space

    if space := _common(about, side):
        return deserialize_space(space)
    letters = {letter for episode in texts for text in episode for letter in text}
    longest = max(len(text) for episode in texts for text in episode)
    return Text(max(longest, 1), min_length=0, charset="".join(sorted(letters)) or " ")


def _common(about: Sequence[dict[str, Any]], key: str) -> Any:
    """What all sessions say; None where they differ or are silent."""
    known = {extra.get(key) for extra in about}
    return known.pop() if len(known) == 1 else None


def _json(value: Any) -> Any:
    match value:
        case dict():
            return {str(key): _json(each) for key, each in value.items()}
        case list() | tuple():
            return [_json(each) for each in value]
        case np.ndarray():
            return _json(value.tolist())
        case np.generic():
            return _json(value.item())
        case bytes():
            return value.decode(errors="replace")
    return value


def _infos(value: Any) -> Any:
    return {key: _infos(each) for key, each in value.items()} if isinstance(value, dict) else value
