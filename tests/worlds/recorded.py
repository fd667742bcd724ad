"""Sessions of every world, recorded when first asked for."""

from functools import cache

from rollout.trajectory import Trajectory
from tests.worlds.engines import engines
from tests.worlds.known import KNOWN
from tests.worlds.players import record, wanders
from tests.worlds.source import load, read

HELD_OUT = 40  # sessions that mutants are judged by

PLAYERS = {
    "rooms": wanders(("wait", "go hall", "go kitchen", "go kitchen", "go pantry", "go cellar", "go vault", *(
        ("take key", "take lamp", "take gold") * 2)), odd=0.05),
    "shop": wanders(("buy bread", "buy cheese", "buy wine", "return wine", "return bread", "pay"), odd=0.05),
    "vending": wanders(("coin", "coin", "coin", "tea", "cake", "kick"), odd=0.05),
}


@cache
def sessions(world: str, count: int = HELD_OUT, seed: int = 1) -> tuple[Trajectory, ...]:
    """Sessions of a world: with Gymnasium's engine where the source tells one, else with the source itself."""
    if world in engines():
        return tuple(engines()[world].sessions(count, seed))
    if world in KNOWN:
        return tuple(KNOWN[world].sessions(count, seed))
    return tuple(record(load(read(world))(), PLAYERS[world], count, seed, 30, world))
