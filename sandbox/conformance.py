"""What Gymnasium's `check_env` asks of an environment, for text environments and inside the worker.

Left out: spaces and rendering, which the stand-ins do not have.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.host import Host

ACTIONS = ("look", "", "go north", "help")


def complaints(host: "Host") -> list[str]:
    """Sentences about what does not hold; none where all is well."""
    from sandbox.host import Fault

    said: list[str] = []

    def episode(seeds: list[int | None], steps: int) -> list[Any]:
        copy = host.create()
        out: list[Any] = []
        for seed in seeds:
            out.append(host.begin(copy, seed, None)[:2])
            for index in range(steps):
                actions = _legal(out[-1])
                action = actions[index % len(actions)]
                try:
                    out.append(host.take(copy, action)[:5])
                except Fault as fault:
                    fault.record["fault"] += f" (the action was {action!r}; any text may be sent)"
                    raise
                if not copy.ready:
                    break
        return out

    try:
        first = episode([123], 8)
        if first != episode([123], 8):
            said.append(
                "reset(seed=123) and the same actions gave two different episodes on two new environments: draw only "
                "from self.np_random, call super().reset(seed=seed) first, and keep no state outside the environment."
            )
        twice = episode([123, 123], 8)
        if twice[: len(first)] != first or twice[len(first) :] != first:
            said.append("a second reset(seed=123) gave another episode than the first: state leaks across reset.")
        if episode([7, None], 8) != episode([7, None], 8):
            said.append("reset(seed=7) followed by reset() is not repeatable.")
    except Fault as fault:
        line = fault.record["line"]
        said.append(f"{'' if line is None else f'line {line}: '}{fault.record['fault']}.")
        return said
    try:
        copy = host.create()
        copy.environment.reset(options={})
    except MemoryError:
        raise
    except BaseException as error:
        said.append(f"reset(options={{}}) raised {host.program.describe(error)}; it must take a keyword `options`.")
    return said


def _legal(answer: list[Any]) -> list[str]:
    """Actions that the last answer listed, else some that any text environment must survive."""
    info = answer[1] if len(answer) < 4 else answer[4]
    listed = info.get("actions")
    if isinstance(listed, list) and listed and all(isinstance(action, str) for action in listed):
        return listed
    return list(ACTIONS)
