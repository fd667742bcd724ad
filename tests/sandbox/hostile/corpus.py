"""The hostile programs: text files of probes, each of which has one effect that the sandbox must prevent.

A file starts with a sentence and the defaults of its probes (`effect`, `layers`, `preamble`, `returns`); a probe starts
with `=== name` and may set its own. `@NAME@` stands for something of the arena: a path, a port, a process.

`layers` says which layer must prevent the effect with the other switched off. A probe of the language layer only goes
for an object of the interpreter that permitted code cannot name. Showing it does no harm from inside the confined
process, so the process layer is not asked to prevent it: there, such a probe shows that its way is open.
"""

import platform
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
NUMBERS = {
    "x86_64": {"open": 257, "clone": 56, "kill": 62, "getpid": 0x40000000 + 39},
    "aarch64": {"open": 56, "clone": 220, "kill": 129, "getpid": 172},
}

ENVIRONMENT = """
class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return str(attempt()), {}
    def step(self, action):
        return "", 0.0, False, False, {}
"""
RETURNING = """
class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return "start", {}
    def step(self, action):
        thing = attempt()
        if action == "observation":
            return thing, 0.0, False, False, {}
        if action == "reward":
            return "", thing, False, False, {}
        if action == "terminated":
            return "", 0.0, thing, False, {}
        if action == "info":
            return "", 0.0, False, False, {"x": thing}
        if action == "key":
            return "", 0.0, False, False, {thing: 1}
        if action == "whole":
            return thing
        raise thing
"""


@dataclass(frozen=True)
class Probe:
    """One hostile program.

    Attributes:
        effect: what it is after: `secret` (a text only it can have read), `touch` (a file), `says` (its own word for
            it), `shows` (a built-in that only guarded attributes lead to), `time`, `memory`, `victim`, `connect`,
            `datagram`, `unix`, `abstract`, `frames`.
        language: whether the language layer alone must prevent it.
        process: whether the process layer alone must prevent it.
    """

    name: str
    effect: str
    language: bool
    process: bool
    returns: str
    code: str

    def source(self, names: dict[str, object]) -> str:
        """The program as an environment, with the arena's names filled in."""
        code = self.code
        for name, value in {**NUMBERS.get(platform.machine(), {}), **names}.items():
            code = code.replace(f"@{name}@", str(value))
        body = RETURNING if self.returns == "object" else ENVIRONMENT
        return f"import gymnasium as gym\n{code}\n{body}"


def probes() -> list[Probe]:
    """All of them."""
    found = []
    for path in sorted(FOLDER.glob("*.txt")):
        head, *blocks = re.split(r"^=== ", path.read_text(), flags=re.MULTILINE)
        defaults = dict(re.findall(r"^(\w+): (.*)$", head, flags=re.MULTILINE))
        for block in blocks:
            name, _, code = block.partition("\n")
            settings = dict(defaults)
            while match := re.match(r"(effect|layers|returns): (.*)\n", code):
                settings[match[1]] = match[2]
                code = code[match.end() :]
            found.append(
                Probe(
                    name=f"{path.stem}/{name}",
                    effect=settings["effect"],
                    language="language" in settings.get("layers", ""),
                    process="process" in settings.get("layers", "process"),
                    returns=settings.get("returns", ""),
                    code=f"{settings.get('preamble', '')}\n{code}",
                )
            )
    return found
