"""`python -m sandbox check FILE`: says whether a source can be run, and if not, why and what to write instead.

Exit codes: 0 it runs and behaves like a Gymnasium environment, 1 it does not, 2 the command was not understood or the
sandbox cannot start.
"""

import argparse
import sys
from pathlib import Path

from sandbox import EnvironmentFault, Sandbox, SandboxError, SourceRefused, WorkerDied


def check(source: str, policy: str, unsafe: bool) -> list[str]:
    """What is wrong with a source, in sentences; none where nothing is.

    Raises:
        SandboxError: the sandbox cannot start.
    """
    with Sandbox(policy=policy, unsafe=unsafe) as sandbox:  # type: ignore[arg-type]
        try:
            with sandbox.load(source) as worker:
                return worker.check()
        except SourceRefused as refused:
            return str(refused).split("\n")
        except (WorkerDied, EnvironmentFault) as fault:
            return [str(fault)]


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("check", help="say whether a source can be run, and why not")
    command.add_argument("file", type=Path, help="a Python file that defines a gymnasium.Env")
    command.add_argument("--policy", choices=("fast", "stock"), default="fast")
    command.add_argument("--unsafe", action="store_true", help="run even where the kernel cannot confine the worker")
    options = parser.parse_args(arguments)
    try:
        said = check(options.file.read_text(encoding="utf-8"), options.policy, options.unsafe)
    except (OSError, UnicodeDecodeError, SandboxError) as error:
        print(f"{options.file}: {error}", file=sys.stderr)
        return 2
    for sentence in said:
        print(f"{options.file}: {sentence}")
    if not said:
        print(f"{options.file}: ok", file=sys.stderr)
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
