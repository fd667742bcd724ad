"""Logs in which something is missing or of another type are read, or refused with file and line; nothing else."""

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout.formats import FORMATS
from rollout.log import Log, SessionError

DATA = Path(__file__).parent / "data"
WRONG = (None, True, 3, "x", [], {}, [3], ["x"], [{}], {"type": "text"}, [{"type": "text", "text": "hi"}])


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to everything inside a JSON value."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*above, key)
        if isinstance(inner, dict | list):
            yield from places(inner, (*above, key))


@pytest.mark.parametrize(("format", "name"), [
    ("atif", "atif.json"), ("claude_code", "claude_code.jsonl"), ("codex", "codex.jsonl"),
    ("codex", "codex_bare.jsonl"),
])
@given(chance=st.randoms(use_true_random=False), hits=st.integers(1, 4))
@settings(deadline=None)
def test_damage_is_refused_by_line(
    tmp_path_factory: pytest.TempPathFactory, format: str, name: str, chance: random.Random, hits: int
) -> None:
    folder = tmp_path_factory.mktemp("damage")
    text = (DATA / name).read_text()
    records = [json.loads(line) for line in text.splitlines()] if name.endswith("l") else [json.loads(text)]
    for _ in range(hits):
        *above, last = chance.choice(list(places(records)))
        holder = records
        for key in above:
            holder = holder[key]
        if isinstance(holder, dict) and chance.random() < 0.3:
            del holder[last]
        else:
            holder[last] = deepcopy(chance.choice(WRONG))
    path = folder / name
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    try:
        sessions = list(FORMATS[format].read(Log(path, name)))
    except SessionError as error:
        assert f"{path}, line " in str(error)  # noqa: PT017
        return
    for other in ("atif", "claude_code", "codex"):
        FORMATS[other].write(sessions, folder / other)
    if sessions:
        assert list(FORMATS[format].read(Log(next((folder / format).iterdir()), name)))
