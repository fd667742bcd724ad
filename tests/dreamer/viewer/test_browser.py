"""The viewer as people use it, in a real browser: every page, by mouse and by keyboard, live and as an export."""

import re
from collections.abc import Callable
from pathlib import Path

from tests.dreamer.viewer.conftest import Dreaming, Window

NIGHT = "lake-001/night-001"
Open = Callable[[str], Window]


def test_a_night_under_way_is_told_without_a_reload(
        dreaming: Dreaming, serve: Callable[[list[Path]], str], window: Open) -> None:
    folder, process = dreaming
    while not (folder / "events.jsonl").exists():
        assert process.poll() is None, process.stderr
    page = window(serve([folder])).open(NIGHT)
    page.evaluate("window.untouched = true")
    page.locator(".headline .badge", has_text="under way").wait_for()
    page.locator(".stage.done .name", has_text="read").wait_for()
    page.locator(".stage", has_text="clone").locator("progress").wait_for(timeout=60_000)
    page.locator("figure.chart", has_text="Success in the dream").wait_for(timeout=120_000)
    page.locator(".headline .badge", has_text=re.compile("promoted|refused")).wait_for(timeout=120_000)
    assert page.evaluate("window.untouched")
