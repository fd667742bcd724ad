"""What a night is told: a TOML file, checked key by key.

Unknown keys and wrong types are refused with file, line and key; paths are relative to the file.
"""

import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, Field, ValidationError, model_validator

from dreamer.sections import (
    Author,
    Baselines,
    Cloning,
    Distillation,
    Engine,
    Experience,
    Guards,
    Learning,
    Nights,
    Policy,
    Privacy,
    Production,
    Rehearsal,
    Retention,
    Section,
    Sessions,
)
from envgen.gate import Gate
from envgen.models.settings import POLICY
from rollout.errors import UserError


class ConfigError(UserError):
    """The configuration cannot be used; the message says which key and why."""


class Config(Section):
    """Everything a night is told.

    Attributes:
        name: of the run folder; the file's folder where not given.
        folder: what paths are relative to; the file's folder where not given.
        seed: of everything drawn. The same seed gives the same records. Every further night counts it up by one.
    """

    name: str
    folder: Path
    seed: int = Field(default=0, ge=0)
    sessions: Sessions
    privacy: Privacy = Privacy()
    author: Author = Author()
    gate: Gate = Gate()
    policy: Policy = Policy()
    engine: Engine = Engine()
    cloning: Cloning = Cloning()
    rehearsal: Rehearsal = Rehearsal()
    learning: Learning = Learning()
    distillation: Distillation = Distillation()
    experience: Experience = Experience()
    guards: Guards = Guards()
    retention: Retention = Retention()
    nights: Nights = Nights()
    production: Production | None = None
    baselines: Baselines = Baselines()

    @property
    def checkpoint(self) -> str:
        """Where `policy.model` is: a folder beside the file, or else a name at Hugging Face."""
        here = self.folder / self.policy.model
        return str(here) if here.is_dir() else self.policy.model

    @property
    def length(self) -> int:
        """Most tokens that the engine reads and writes at once: of an episode or, where the policy writes, a reply."""
        model = self.author.model
        writes = model is not None and model.model == POLICY
        return max(self.policy.max_length, model.length if model is not None and writes else 0)

    @property
    def dreams(self) -> bool:
        """Whether the night needs a world: not where the policy is taught one action at a time."""
        return self.learning.method != "distillation" or self.distillation.unit == "episode"

    @property
    def draws_on_experience(self) -> bool:
        """Whether there is a teacher who is told experience."""
        taught = self.learning.method == "distillation" or self.baselines.distillation
        return taught and self.distillation.context == "experience"

    @model_validator(mode="after")
    def _rehearsals_are_dreamed(self) -> "Config":
        if not self.dreams and self.distillation.context == "rehearsal":
            raise ValueError('distillation.unit = "turn" plays no rehearsals that distillation.context could be; '
                             'set it to "session", or the unit to "episode"')
        if not self.dreams and self.draws_on_experience and self.experience.rounds > 1:
            raise ValueError('distillation.unit = "turn" plays no rehearsals that experience.rounds could gather from; '
                             'set it to 1, or the unit to "episode"')
        return self

    @model_validator(mode="after")
    def _the_policy_is_there_before_it_writes(self) -> "Config":
        if self.author.model is not None and self.author.model.model == POLICY and self.policy.model == "tiny":
            raise ValueError('author.model.model = "policy" lets the policy write environments, but a tiny one is made '
                             "after they are written, and knows no code; name a Hugging Face model in policy.model")
        return self


S = TypeVar("S", bound=Section)


def load(path: Path, settings: Sequence[str] = ()) -> Config:
    """Read a configuration.

    Args:
        path: a TOML file.
        settings: `section.key=value` each, laid over the file; values are TOML, or else plain text.

    Raises:
        ConfigError: the file is missing, is not TOML, or has an unknown key or a value of the wrong type.
    """
    try:
        text = path.read_text()
        values = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give the path of a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    for setting in settings:
        lay_over(values, setting)
    values = {"name": path.resolve().parent.name, "folder": path.resolve().parent, **values}
    return checked(Config, values, str(path), text)


def checked(kind: type[S], values: dict[str, Any], source: str, text: str = "") -> S:
    """Values as a section.

    Args:
        source, text: where the values were written, to say what is wrong with them.

    Raises:
        ConfigError: a key is unknown or missing, or a value is of the wrong type.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = [_explain(kind, source, text, problem) for problem in error.errors()]
        raise ConfigError("\n".join(problems)) from None


def lay_over(values: dict[str, Any], setting: str) -> None:
    """Put `section.key=value` into values; the value is TOML, or else plain text.

    Raises:
        ConfigError: it is not written so.
    """
    key, equals, value = setting.partition("=")
    *sections, last = key.strip().split(".")
    if not equals or not last:
        raise ConfigError(f"--set {setting}: write --set section.key=value")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise ConfigError(f"--set {setting}: {section} is not a section")
    try:
        values[last] = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        values[last] = value


def _explain(kind: type[BaseModel], source: str, text: str, problem: Any) -> str:
    """One problem in words: file, line, key, what is wrong and what would be right."""
    parts = [str(part) for part in problem["loc"]]
    if not parts:
        return f"{source}: {problem['ctx']['error']}"
    key = ".".join(parts)
    lines = [number for number, line in enumerate(text.splitlines(), start=1)
             if line.split("=")[0].strip() == parts[-1] or line.strip() == f"[{key}]"]
    place = f"{source}, line {lines[0]}" if lines else source
    if problem["type"] == "extra_forbidden":
        known = list(_section(kind, parts[:-1]).model_fields)
        near = get_close_matches(parts[-1], known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        return f"{place}: unknown key {key!r}; {hint}"
    if problem["type"] == "missing":
        return f"{place}: {key!r} is missing"
    return f"{place}: {key!r} is {problem['input']!r}: {problem['msg'].lower()}"


def _section(section: type[BaseModel], parts: Sequence[str]) -> type[BaseModel]:
    """The section that a key belongs to."""
    for part in parts:
        annotation = section.model_fields[part].annotation
        inner = [each for each in get_args(annotation) or (annotation,) if isinstance(each, type)]
        section = next(each for each in inner if issubclass(each, BaseModel))
    return section
