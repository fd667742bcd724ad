"""`random.Random` for authored code: Python's own generator behind the same door as `np_random`.

Models like to write `self.rng = random.Random(seed)`. The stream is Python's, draw for draw; the methods are
few, and all go through `randbelow` or `random`. Without a seed it starts from 0, for nothing in a sandbox
may differ from run to run.

Left out: the continuous distributions other than `random`, `uniform` and `gauss`; and enumeration: a world
that draws from here is followed by sampling only.
"""

import random
from typing import Any


class Random(random.Random):
    """Deterministic: seeded with 0 unless told otherwise."""

    def __init__(self, seed: Any = None) -> None:
        super().__init__(0 if seed is None else seed)

    def seed(self, a: Any = None, version: int = 2) -> None:
        super().seed(0 if a is None else a, version)
