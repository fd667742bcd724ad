"""What one worker may use. Every figure is enforced from outside the authored code.

Left out: episode length, which is for the caller to bound, and CPU seconds, whose grain of one second is too
coarse.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Budgets of one worker.

    Attributes:
        message_seconds: wall-clock time for one message (a batch of steps, one expansion).
        load_seconds: wall-clock time to parse, compile and import one source.
        memory_bytes: address space the worker may add to what it was forked with.
        text_characters: longest observation or action.
        source_bytes: longest source, as UTF-8.
        request_bytes: longest request frame.
        reply_bytes: longest reply frame.
        copies: most environment copies alive in one worker.
    """

    message_seconds: float = 5.0
    load_seconds: float = 10.0
    memory_bytes: int = 512 * 2**20
    text_characters: int = 100_000
    source_bytes: int = 8 * 2**20
    request_bytes: int = 32 * 2**20
    reply_bytes: int = 32 * 2**20
    copies: int = 100_000
