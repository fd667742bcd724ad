"""A browser, a served viewer, and nights to look at."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvicorn

from dreamer.viewer.app import application
from dreamer.viewer.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[3]
MISSING = "no Chromium: `apt-get install chromium`, or `.venv/bin/playwright install --with-deps chromium`"
Dreaming = tuple[Path, "subprocess.Popen[bytes]"]
TOKEN = "told in the terminal"
SMALL = ("learning.rounds=3", "learning.groups=8", "cloning.steps=15", "production.episodes=60",
         "rehearsal.episodes=60", "baselines.production=false", "baselines.cloning=false")


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """Chromium, without a window and without a network of its own."""
    sync = pytest.importorskip("playwright.sync_api", reason=MISSING)
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync.sync_playwright() as playwright:
        try:
            opened = playwright.chromium.launch(executable_path=path, args=[
                "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--disable-quic"])
        except sync.Error:
            pytest.skip(MISSING)
        yield opened
        opened.close()


class Window:
    """A tab that remembers what it should not have done.

    Attributes:
        troubles: errors of the console, exceptions of scripts, and requests to anywhere else.
    """

    def __init__(self, page: "Page", home: str):
        self.page, self.home = page, home
        self.troubles: list[str] = []
        page.on("console", lambda message: self.troubles.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(home) else self.troubles.append(request.url))

    def open(self, path: str) -> "Page":
        self.page.goto(self.home + path)
        return self.page


@pytest.fixture
def window(browser: "Browser") -> "Iterator[Callable[[str], Window]]":
    """Opens tabs; at the end none of them may have had any trouble."""
    opened: list[Window] = []
    context = browser.new_context()
    context.set_default_timeout(15_000)

    def tab(home: str) -> Window:
        opened.append(Window(context.new_page(), home))
        return opened[-1]

    yield tab
    context.close()
    assert [trouble for each in opened for trouble in each.troubles] == []


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Sequence[Path]], str]]:
    """Serves run folders on a free port; returns the address."""
    servers: list[tuple[uvicorn.Server, Site, threading.Thread]] = []

    def served(folders: Sequence[Path]) -> str:
        site = Site(folders)
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(application(site, "127.0.0.1", TOKEN), log_level="error",
                                               timeout_graceful_shutdown=1))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True)
        thread.start()
        servers.append((server, site, thread))
        return f"http://127.0.0.1:{listening.getsockname()[1]}/"

    yield served
    for server, site, thread in servers:
        server.should_exit = True
        thread.join(timeout=5)
        site.close()


def dream(folder: Path, *more: str) -> subprocess.Popen[bytes]:
    """A small night of FrozenLake, in a process of its own."""
    settings = [part for setting in (*SMALL, *more) for part in ("--set", setting)]
    return subprocess.Popen(
        [sys.executable, "-m", "dreamer.cli", "run", "examples/frozen_lake/night.toml", "--run", folder, *settings],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL,
        stderr=folder.with_suffix(".log").open("wb"))


@pytest.fixture(scope="session")
def dreaming(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dreaming]:
    """A night of FrozenLake under way."""
    folder = tmp_path_factory.mktemp("runs") / "lake-001"
    process = dream(folder)
    yield folder, process
    process.kill()


@pytest.fixture(scope="session")
def lake(dreaming: Dreaming) -> Path:
    """The same night, over."""
    folder, process = dreaming
    assert process.wait(timeout=180) in (0, 1), folder.with_suffix(".log").read_text()
    return folder


@pytest.fixture(scope="session")
def corrupted(lake: Path) -> Path:
    """A night whose environment pays for falling into a hole, and which the gate refuses."""
    source = next((lake / "environments").glob("*/environment.py")).read_text()
    wrong = source.replace("You fell into a hole.', 0.0, True", "You fell into a hole.', 1.0, True")
    assert wrong != source
    file = lake.parent / "corrupted.py"
    file.write_text(wrong)
    folder = lake.parent / "corrupted-001"
    process = dream(folder, "author.automaton=false", f'author.files=["{file}"]')
    assert process.wait(timeout=120) == 1, folder.with_suffix(".log").read_text()
    return folder
