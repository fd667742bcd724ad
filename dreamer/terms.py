"""What a rehearsal by itself is told, and what of it decides what the episodes are.

A folder belongs to one set of terms. What only decides how fast episodes come is no part of them: a rehearsal may go on
with more workers than it began with.

Left out: the tokenizer. Two checkpoints of the same weights count as one policy.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from dreamer.config import ConfigError, checked, lay_over
from dreamer.sections import Engine, Learning, Policy, Rehearsal, Section
from rollout.trajectory import Record, Trajectory

TURNS = 1000  # most of an episode, where neither sessions nor settings say
# Keys of the sections that decide what the episodes are, and those that only decide how fast they come.
DECIDE: dict[str, set[str]] = {
    "policy": {"temperature", "action_tokens", "max_length", "keep_reasoning"},
    "engine": {"name"},
    "rehearsal": {"episodes"},
    "learning": {"max_turns", "imagined", "imagined_return", "imagined_discount"},
}
ASIDE = {"policy": {"model"}, "engine": {"memory", "sleep"}, "rehearsal": {"concurrent", "in_step", "workers"}}


class Settings(Section):
    """The part of a night's configuration that a rehearsal by itself uses.

    Attributes:
        seed: of starts and actions.
        success: an episode whose outcome is at least this is a success; None takes whatever is above zero.
    """

    seed: int = 0
    success: float | None = None
    policy: Policy = Policy()
    engine: Engine = Engine()
    rehearsal: Rehearsal = Rehearsal()
    learning: Learning = Learning()

    def turns(self, sessions: Sequence[Trajectory]) -> int:
        """When an episode is cut."""
        return self.learning.max_turns or max((len(session.turns) for session in sessions), default=TURNS)


def settings_of(policy: str, engine: str | None, episodes: int | None, success: float | None, given: Sequence[str]
                ) -> Settings:
    """The settings that flags and `--set KEY=VALUE` make.

    Raises:
        ConfigError: one is unknown, wrong, or plays no part in a rehearsal.
    """
    values: dict[str, Any] = {
        "success": success, "policy": {"model": policy},
        "engine": {"memory": 0.8, "sleep": False},  # there is no trainer to share the card with
        "rehearsal": {},
    }
    if engine is not None:
        values["engine"]["name"] = engine
    if episodes is not None:
        values["rehearsal"]["episodes"] = episodes
    for setting in given:
        lay_over(values, setting)
    settings = checked(Settings, values, "dream rehearse")
    idle = [f"{section}.{key}" for section, keys in DECIDE.items()
            for key in getattr(settings, section).model_fields_set - keys - ASIDE.get(section, set())]
    if idle:
        raise ConfigError(f"{', '.join(sorted(idle))}: this plays no part in a rehearsal; leave it out")
    return settings


class Terms(Record):
    """What decides what the episodes and their figures are.

    Attributes:
        policy, environment: their digests.
        sessions: a digest of those that vouch, if any do.
        settings: those of the configuration that matter, by section.
    """

    policy: str
    environment: str
    sessions: str | None
    settings: dict[str, Any]


def terms(policy: str, environment: str, sessions: Sequence[Trajectory], settings: Settings) -> Terms:
    """The terms of a rehearsal.

    Args:
        policy, environment: their digests.
        sessions: those that vouch.
    """
    digest = hashlib.sha256()
    for session in sessions:
        digest.update(session.model_dump_json(exclude={"pointer"}).encode())
    stated = settings.model_dump(include={**DECIDE, "seed": True, "success": True})
    stated["learning"]["max_turns"] = settings.turns(sessions)
    return Terms(policy=policy, environment=environment, sessions=digest.hexdigest()[:16] if sessions else None,
                 settings=stated)
