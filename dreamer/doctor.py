"""Whether this machine has what a night needs, and what to do where it has not."""

import importlib.metadata
import os
import platform
import shutil
import sys
from dataclasses import asdict, dataclass

import orjson
from rich.console import Console
from rich.table import Table

PACKAGES = ("torch", "transformers", "trl", "gymnasium", "RestrictedPython", "aalpy", "datasets", "pydantic")
FREE = 2e9  # bytes that a run folder with its checkpoints may need
TINY = 'import gymnasium as gym\n\n\nclass One(gym.Env):\n    def reset(self, *, seed=None, options=None):\n' \
       '        super().reset(seed=seed)\n        return "here", {}\n\n    def step(self, action):\n' \
       '        return "there", 1.0, True, False, {}\n'


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    name: str
    ok: bool
    found: str
    remedy: str = ""
    needed: bool = True


def examine() -> list[Check]:
    """Look at Python, packages, the sandbox, the processor, the disk and the GPU."""
    checks = [Check("python", sys.version_info >= (3, 11), platform.python_version(), "install Python 3.11 or newer")]
    for package in PACKAGES:
        try:
            checks.append(Check(package, True, importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            checks.append(Check(package, False, "missing", "run make setup"))
    checks.append(_sandbox())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    checks.append(Check("cores", cores >= 2, str(cores), "two or more make a night quicker", needed=False))
    free = shutil.disk_usage(".").free
    checks.append(Check("disk", free > FREE, f"{free / 1e9:.0f} GB free here", "free some space"))
    checks.append(_gpu())
    return checks


def _sandbox() -> Check:
    from sandbox import Reset, Sandbox, SandboxError

    try:
        with Sandbox() as sandbox, sandbox.load(TINY) as worker:
            worker.reset_batch([Reset(worker.make(1)[0], 0)])
        return Check("sandbox", True, "confines authored code (Landlock, seccomp)")
    except SandboxError as error:
        return Check("sandbox", False, str(error), "use a Linux kernel ≥ 5.13 with Landlock and seccomp, or --unsafe")


def _gpu() -> Check:
    try:
        import torch
    except ImportError:
        return Check("gpu", False, "torch is missing", "run make setup", needed=False)
    if torch.cuda.is_available():
        return Check("gpu", True, torch.cuda.get_device_name(0), needed=False)
    return Check("gpu", False, "none", "the tiny policy needs none; a real model does", needed=False)


def show_examination(checks: list[Check], json: bool) -> None:
    """Print what was found."""
    if json:
        print(orjson.dumps([asdict(check) for check in checks], option=orjson.OPT_INDENT_2).decode())
        return
    table = Table(show_header=False)
    for check in checks:
        mark = "ok" if check.ok else "MISSING" if check.needed else "–"
        table.add_row(mark, check.name, check.found, "" if check.ok else check.remedy)
    Console().print(table)
