"""Runs environment code that nobody trusts: a restricted language inside a confined process.

    with Sandbox() as sandbox, sandbox.load(source) as worker:
        (one,) = worker.make(1)
        worker.reset_batch([Reset(one, seed=1)])
        worker.step_batch([(one, "look")])

Promised on Linux with Landlock and seccomp, without root and without containers: the code cannot open files,
use the network, start processes, read the parent's environment or memory, or outlive its budget; a failure
costs one worker; the same source, seed and version give the same trajectory. Not promised: safety against
kernel or processor exploits, and honest rewards.

Every name is imported when first asked for, so that the fork server loads only what it needs, and nobody Gymnasium who
does not ask for its classes.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.environment import SandboxedEnv, SandboxedVectorEnv
    from sandbox.errors import EnvironmentFault, SandboxError, SourceRefused, WorkerDied
    from sandbox.forkserver import Sandbox
    from sandbox.limits import Limits
    from sandbox.pool import Pool
    from sandbox.records import Answer, Chances, Element, Episode, Followed, Log, Move, Outcome, Reset, Script, Target
    from sandbox.worker import Worker

__all__ = [
    "Answer", "Chances", "Element", "EnvironmentFault", "Episode", "Followed", "Limits", "Log", "Move", "Outcome",
    "Pool", "Reset", "Sandbox", "SandboxError", "SandboxedEnv", "SandboxedVectorEnv", "Script", "SourceRefused",
    "Target", "Worker", "WorkerDied",
]  # fmt: skip

_MODULES = {
    "environment": ("SandboxedEnv", "SandboxedVectorEnv"),
    "errors": ("EnvironmentFault", "SandboxError", "SourceRefused", "WorkerDied"),
    "forkserver": ("Sandbox",),
    "limits": ("Limits",),
    "pool": ("Pool",),
    "records": (
        "Answer", "Chances", "Element", "Episode", "Followed", "Log", "Move", "Outcome", "Reset", "Script", "Target",
    ),
    "worker": ("Worker",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'sandbox' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"sandbox.{_HOMES[name]}"), name)
    return value
