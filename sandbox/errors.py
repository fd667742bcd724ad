"""The ways a sandbox can fail, each with a short machine-usable reason and a sentence a person or model can
act on.

Left out: recovery. What a failure costs (one copy, one worker, one source) is decided by the caller.
"""


class SandboxError(Exception):
    """Base of all failures.

    Attributes:
        reason: a short fixed word, such as ``deadline`` or ``import``.
        line: the line of the authored source concerned, where it is known.
    """

    def __init__(self, message: str, reason: str = "sandbox", line: int | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.line = line


class SourceRefused(SandboxError):
    """The source cannot be run; nothing of it has been run.

    Attributes:
        remedy: what to write instead.
    """

    def __init__(self, message: str, reason: str, line: int | None = None, remedy: str = "") -> None:
        where = f"line {line}: " if line is not None else ""
        advice = f" {remedy}" if remedy else ""
        super().__init__(f"{where}{message}{advice}", reason, line)
        self.remedy = remedy


class WorkerDied(SandboxError):
    """The worker process is gone: killed for a deadline, memory, a refused system call or a broken protocol."""


class EnvironmentFault(SandboxError):
    """Authored code raised, or returned something that the interface does not allow."""
