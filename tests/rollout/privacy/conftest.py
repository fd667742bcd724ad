"""Hiding with a new key file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rollout.privacy import Privacy


@pytest.fixture
def privacy(tmp_path: Path) -> Iterator[Privacy]:
    with Privacy(tmp_path / "key") as opened:
        yield opened
