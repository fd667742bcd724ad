"""Real worlds to author, their imperfect players and the sessions they leave.

    python -m benchmarks.worlds lake --count 150 --seed 1 --to shown.jsonl

`arena` plays TextArena, `toys` Gymnasium, `house` TextWorld, and `invented` games of our own that nobody can have read
about. Each world also says how far a faithful source would be surprised by its sessions: the floor of nats a step.
"""

from benchmarks.worlds import arena, house, invented, toys
from benchmarks.worlds.world import World

WORLDS: dict[str, World] = {
    world.name: world for family in (arena, toys, house, invented) for world in family.WORLDS
}
