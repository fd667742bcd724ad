"""Hostile programs achieve nothing: in full, with either layer switched off, as root and as an ordinary user."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from sandbox import Limits, Sandbox, SandboxError
from sandbox.forkserver import MEASURES
from tests.sandbox.hostile.arena import CLEAN, LIMITS, Arena, contained, run, unconfined
from tests.sandbox.hostile.corpus import Probe, probes

PROBES = probes()
NAMES = [probe.name for probe in PROBES]
PROCESS_NAMES = [probe.name for probe in PROBES if probe.process]
NOBODY = 65534
CATEGORIES = {
    "introspection", "formatting", "guards", "imports", "resources", "system", "network", "protocol", "objects",
}  # fmt: skip


class WithoutSeccomp(Sandbox):
    measures = tuple(measure for measure in MEASURES if measure != "seccomp")


class LanguageOnly(Sandbox):
    """No process layer at all but what keeps the tests themselves tidy."""

    measures = ("descriptors", "parent")


@cache
def results(policy: str) -> dict[str, str | None]:
    return run(policy, PROBES)


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    made = Arena()
    yield made
    made.close()


def test_corpus_is_complete() -> None:
    assert len(PROBES) >= 120
    assert len(set(NAMES)) == len(NAMES)
    assert {name.split("/")[0] for name in NAMES} == CATEGORIES


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("probe", PROBES, ids=NAMES)
def test_succeeds_unconfined(probe: Probe, arena: Arena) -> None:
    if os.getuid() and probe.name in ("system/parent_memory", "system/parent_environment_by_proc"):
        pytest.skip("this control needs root")
    assert unconfined(probe, arena)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("policy", ["fast", "stock"])
def test_contained(policy: str, name: str) -> None:
    assert results(policy)[name] is None


@pytest.mark.parametrize("name", PROCESS_NAMES)
def test_contained_without_language_layer(name: str) -> None:
    assert results("off")[name] is None


def test_language_probes_succeed_without_language_layer(arena: Arena) -> None:
    """The control of those that only the language layer prevents: nothing else in a worker stands in their way."""
    chosen = [probe for probe in PROBES if not probe.process]
    assert chosen
    with Sandbox(LIMITS, "off") as sandbox, sandbox.load(CLEAN) as clean:
        stopped = [probe.name for probe in chosen if contained(probe, arena, sandbox, clean) is None]
    assert not stopped


def test_language_layer_alone() -> None:
    """What only needs the language refused is refused with no process layer under it."""
    chosen = [probe for probe in PROBES if probe.language]
    for policy in ("fast", "stock"):
        failed = {k: v for k, v in run(policy, chosen, LanguageOnly, unsafe=True).items() if v is not None}
        assert not failed


def test_fast_refuses_what_stock_refuses(arena: Arena) -> None:
    """The same programs are refused when loading; the rest come to the same end, which `test_contained` shows."""
    with Sandbox(policy="fast") as fast, Sandbox(policy="stock") as stock:
        for probe in PROBES:
            refusals = []
            for sandbox in (fast, stock):
                try:
                    sandbox.load(probe.source(arena.names())).close()
                    refusals.append(False)
                except SandboxError:
                    refusals.append(True)
            assert refusals[0] or not refusals[1], probe.name


def test_taking_seccomp_away_lets_programs_through() -> None:
    chosen = [probe for probe in PROBES if probe.name.startswith(("system/", "network/"))]
    escaped = {name for name, failure in run("off", chosen, WithoutSeccomp).items() if failure is not None}
    assert {"system/fork", "system/signal_group", "system/pipe"} & escaped
    assert len(escaped) >= 10


@pytest.mark.parametrize("policy", ["fast", "off"])
def test_contained_as_ordinary_user(policy: str) -> None:
    """The same again in a process tree that never had root's powers."""
    if os.getuid() != 0:
        pytest.skip("the rest of this file already ran as an ordinary user")
    command = [sys.executable, "-W", "ignore", "-m", "tests.sandbox.hostile.arena", policy]
    done = subprocess.run(_as_nobody(command), capture_output=True, text=True, cwd=Path(__file__).parents[2])
    if done.returncode == 77:
        pytest.skip(f"cannot become an ordinary user here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["user"] == NOBODY
    assert {name: failure for name, failure in said["results"].items() if failure is not None} == {}
    assert set(said["results"]) == set(PROCESS_NAMES if policy == "off" else NAMES)


def _as_nobody(command: list[str]) -> list[str]:
    """The command as `nobody`, who may lack access to root's own interpreter: it is shown through another mount."""
    drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]
    if not shutil.which("setpriv"):
        return ["sh", "-c", "echo setpriv is missing >&2; exit 77"]
    if os.stat("/root").st_mode & 0o005 == 0o005 or not os.path.realpath(sys.executable).startswith("/root/"):
        return drop
    top = "/root/" + os.path.realpath(sys.executable).split("/")[2]
    shown = (
        f"mkdir -p /tmp/.shown && mount --bind {top} /tmp/.shown && mount -t tmpfs -o mode=755 none /root && "
        f'mkdir {top} && mount --move /tmp/.shown {top} || {{ echo "no mounts" >&2; exit 77; }}; exec "$@"'
    )
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", shown, "sh", *drop]


def test_limits_are_hard(arena: Arena) -> None:
    """A smaller budget is a smaller budget: the same growth passes under a large one."""
    growth = next(probe for probe in PROBES if probe.name == "resources/gradual_list")
    with Sandbox(Limits(memory_bytes=2**30), "off") as roomy, roomy.load(CLEAN) as clean:
        assert contained(growth, arena, roomy, clean) is not None
