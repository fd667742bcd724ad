"""Record sessions of a world.

    python -m benchmarks.worlds NAME --count 150 --seed 1 --to sessions.jsonl
"""

import argparse
import sys
from pathlib import Path

from benchmarks.worlds import WORLDS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.worlds", description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=WORLDS)
    parser.add_argument("--count", type=int, default=150, help="sessions")
    parser.add_argument("--seed", type=int, default=1, help="of the engine's chance and the player's")
    parser.add_argument("--to", type=Path, required=True, help="the file of sessions to write")
    options = parser.parse_args()
    world = WORLDS[options.name]
    sessions = world.record(options.count, options.seed)
    options.to.parent.mkdir(parents=True, exist_ok=True)
    options.to.write_text("".join(f"{session.model_dump_json(exclude_none=True)}\n" for session in sessions))
    turns = sum(len(session.turns) for session in sessions)
    nats = sum(sum(world.surprise(session)) for session in sessions)
    print(f"{options.to}: {len(sessions)} sessions, {turns} turns, {sum(map(world.won, sessions))} won, "
          f"{nats / turns:.4f} nats a step for a faithful source", file=sys.stderr)


if __name__ == "__main__":
    main()
