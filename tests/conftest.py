"""Parts that many tests share: a real sandbox, a tiny real policy."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read once, when torch is first imported
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # workers share the cores as it is

from collections.abc import Iterator
from typing import TYPE_CHECKING

import hypothesis
import pytest

from sandbox import Sandbox

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

    from rollout.chat import Chat


hypothesis.settings.register_profile("shared machine", deadline=None)
hypothesis.settings.load_profile("shared machine")


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as opened:
        yield opened


@pytest.fixture(scope="session")
def chat() -> "Chat":
    """Of a tokenizer trained on two toy games."""
    from dreamer.policy import train_tokenizer
    from rollout.chat import Chat
    from tests.games import Corridor, Switch, record

    return Chat(train_tokenizer([*record(Corridor(), 20), *record(Switch(), 20)], vocabulary=300))


@pytest.fixture(scope="session")
def model(chat: "Chat") -> "LlamaForCausalLM":
    """Random weights; no test changes them."""
    import torch

    from dreamer.policy import build_tiny

    torch.set_num_threads(1)
    return build_tiny(chat.tokenizer, layers=1, hidden=32, seed=0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Nobody should take a viewer that no browser looked at for a tested one."""
    unseen = [report for report in terminalreporter.stats.get("skipped", []) if "no Chromium" in str(report.longrepr)]
    if unseen:
        terminalreporter.section("THE VIEWER WAS NOT TRIED IN A BROWSER", red=True)
        terminalreporter.write_line(f"{len(unseen)} tests were skipped: {unseen[0].longrepr[2]}")
