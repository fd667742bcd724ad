"""What a worker keeps of one environment, and how it says what is wrong with it."""

from typing import Any


class Fault(Exception):
    """What is wrong with one copy; `record` is its form on the wire."""

    def __init__(self, message: str, reason: str, line: int | None = None) -> None:
        super().__init__(message)
        self.record: dict[str, Any] = {"fault": message, "reason": reason, "line": line}


class Copy:
    """One environment and whether it may be stepped."""

    __slots__ = ("environment", "ready", "why")

    def __init__(self, environment: Any, ready: bool = False) -> None:
        self.environment = environment
        self.ready = ready
        self.why = "step was called before reset"
