"""What a night is told: a TOML file, checked key by key.

Unknown keys and wrong types are refused with file, line and key; paths are relative to the file.
"""

import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from envgen.gate import Gate
from envgen.models.settings import POLICY, ModelSettings
from envgen.split import By
from rollout.errors import UserError

Share = Annotated[float, Field(ge=0, le=1)]


class ConfigError(UserError):
    """The configuration cannot be used; the message says which key and why."""


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sessions(Section):
    """Where the sessions are and how they are divided.

    Attributes:
        files: logs in any of the formats that `dream import` knows, gzipped or not; globs are allowed.
        format: of the files, where their content does not tell.
        selection: share of sessions used to choose among candidate environments.
        held_out: share of sessions used only to judge the chosen one.
        split: what is kept on one side: sessions of one "task" or of one "start", or each "session" by itself. None
            takes tasks if there are at least ten, else starts, else sessions.
        approve: what may train without a person's word: "all", or a rule such as "outcome >= 1". The world is learned
            from every session; the weights only from approved ones.
        ledger: the decisions of `dream approve`.
        system: the system prompt of sessions whose log leaves it out; the policy is told it as well.
        success: an episode whose outcome is at least this is a success; None takes whatever is above zero.
        compare: how an environment's answers are compared with the logged ones. "patterns" is word for word, but for
            what the shown sessions prove to be filler (times and ids that differ after one history), decimals read
            twice and people's words; "exact" is word for word throughout.
    """

    files: tuple[str, ...] = Field(min_length=1)
    format: str | None = None
    selection: Share = 0.1
    held_out: Share = 0.2
    split: By | None = None
    approve: str | None = None
    ledger: Path = Path("approvals.ledger")
    system: str | None = None
    success: float | None = None
    compare: Literal["patterns", "exact"] = "patterns"

    @model_validator(mode="after")
    def _some_are_shown(self) -> "Sessions":
        if self.selection + self.held_out >= 1:
            raise ValueError("selection and held_out together leave nothing to show; make them less than 1")
        return self


class Privacy(Section):
    """What is hidden behind tokens before anything is stored or shown to a model (see `rollout.privacy`).

    Attributes:
        hide: whether anything is. Off unless asked for.
        key: the key file, the only way back; made where it is missing. None puts it beside the run folder.
        words: a file of further words to hide, one a line; a line between slashes is a regular expression.
        presidio: look with presidio-analyzer too (`pip install 'dreaming-simulator[privacy]'`).
        model: the installed spaCy model by which presidio knows names and places.
    """

    hide: bool = False
    key: Path | None = None
    words: Path | None = None
    presidio: bool = False
    model: str | None = None


class Author(Section):
    """Who writes environments, and how many of them are rehearsed in.

    Attributes:
        files: environments written by hand, files of Gymnasium code; globs are allowed. They are judged like any
            draft, which says little where their writer has read the held-out sessions.
        automaton: whether the embedded author drafts as well.
        model: the language model that drafts and revises, if any; see `envgen/models/settings.py`. Its calls may cost
            money, and parts of the shown sessions are sent to its endpoint; `model = { model = "policy" }` asks the
            model of [policy] in this process.
        members: how many of the best drafts are judged on the held-out sessions; those that pass are the ensemble.
    """

    files: tuple[str, ...] = ()
    automaton: bool = True
    model: ModelSettings | None = None
    members: int = Field(default=3, ge=1)

    @model_validator(mode="after")
    def _someone_writes(self) -> "Author":
        if not self.files and not self.automaton and self.model is None:
            raise ValueError("nobody writes; name files or a model, or set automaton = true")
        return self


class Production(Section):
    """The real engine, if there is one to judge the night in. Nothing touches it before the judging.

    Attributes:
        engine: `file.py:Name` of something that, called with `options`, gives a Gymnasium environment with text
            observations and text actions.
        options: keyword arguments for it.
        episodes: how many episodes of each policy decide.
        hands: how many threads may be in different copies of it at once; more than one for an engine that waits.
    """

    engine: str
    options: dict[str, Any] = {}
    episodes: int = Field(default=1000, ge=2)
    hands: int = Field(default=1, ge=1)


class Policy(Section):
    """Who acts.

    Attributes:
        model: "tiny" for a Llama built and cloned from the sessions, or a Hugging Face causal language model, by name
            or by folder.
        layers, hidden, vocabulary: size of the tiny one.
        phrases: sentences that the tiny one hears in at least this share of the turns are one token each.
        temperature: of its actions, in rehearsal and evaluation alike.
        action_tokens: an action is cut after so many tokens.
        max_length: an episode is cut before its history outgrows so many tokens.
        keep_reasoning: the policy goes on seeing what it thought in earlier turns, even if its chat template drops
            that. GRPO needs it, for an episode must be one sequence.
        lora: rank of the adapters that learn while the model stays as it is; None changes all weights.
    """

    model: str = "tiny"
    keep_reasoning: bool = False
    lora: int | None = Field(default=None, ge=1)
    layers: int = Field(default=2, ge=1)
    hidden: int = Field(default=128, ge=16, multiple_of=8)
    vocabulary: int = Field(default=2048, ge=300)
    phrases: Share = 0.01
    temperature: float = Field(default=1.0, gt=0)
    action_tokens: int = Field(default=16, ge=1)
    max_length: int = Field(default=4096, ge=16)


class Engine(Section):
    """What the policy generates with.

    Attributes:
        name: "transformers" runs anywhere; "vllm" is for real models on a GPU.
        memory: share of the card that vLLM takes for weights and cache.
        sleep: vLLM hands the card over while the policy is trained.
    """

    name: Literal["transformers", "vllm"] = "transformers"
    memory: Share = 0.4
    sleep: bool = True


class Cloning(Section):
    """How the tiny policy is made into the agent that left the sessions."""

    steps: int = Field(default=200, ge=1)
    batch: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)


class Learning(Section):
    """GRPO on rehearsals.

    Attributes:
        rounds: updates, each on fresh episodes.
        groups: starts in a round.
        episodes: episodes of one start.
        batch: episodes of a round that go through the model at once; their gradients add up to the same one update.
            None takes all. What a card can hold (`dream run --dry-run` estimates it).
        checkpointing: keep only what goes into each layer, and compute the rest again for the gradient: a third more
            time, and several times less memory.
        beta: weight of the KL penalty to the promoted policy.
        correction: a token's part in the update is weighed by how much likelier the trainer thinks it than the engine
            that said it, but by no more than this.
        drawn: share of the groups whose start the environment draws, the others being logged starts of tasks that are
            frequent and often fail; None goes by how many sessions began as no other did.
        max_turns: an episode is cut after so many actions; None takes the longest session's.
        imagined: what becomes of an episode that runs into code no session vouches for: "cut" ends it there, "allow"
            lets it go on as if nothing were, "discount" lets what it brings from that step on count for less.
        imagined_return: what an episode is worth that was cut, or ran into what the world itself does not know;
            "worst" is the lowest outcome of the sessions.
        imagined_discount: what rewards count for with "discount", gains and losses alike.
    """

    rounds: int = Field(default=40, ge=1)
    groups: int = Field(default=16, ge=1)
    episodes: int = Field(default=8, ge=2)
    batch: int | None = Field(default=None, ge=1)
    checkpointing: bool = False
    learning_rate: float = Field(default=3e-4, gt=0)
    beta: float = Field(default=0.0, ge=0)
    correction: float = Field(default=2.0, ge=1)
    drawn: Share | None = None
    max_turns: int | None = Field(default=None, ge=1)
    imagined: Literal["cut", "discount", "allow"] = "cut"
    imagined_return: float | Literal["worst"] = "worst"
    imagined_discount: Share = 0.5

    @property
    def discount(self) -> float | None:
        """What rewards count for from the first imagined step on; None ends the episode there."""
        return {"cut": None, "discount": self.imagined_discount, "allow": 1.0}[self.imagined]

    def stated_return(self, worst: float | None) -> float | None:
        """What an episode is worth that was cut, where the sessions' lowest outcome is `worst`."""
        return worst if self.imagined_return == "worst" else self.imagined_return

    @model_validator(mode="after")
    def _batches_make_a_round(self) -> "Learning":
        if self.batch is not None and self.groups * self.episodes % self.batch:
            raise ValueError(f"batch must divide groups times episodes, {self.groups * self.episodes}")
        return self


class Rehearsal(Section):
    """How the policy does in the dream before it learns.

    Attributes:
        episodes: how many are played.
        concurrent: most episodes under way at once, here and everywhere.
        in_step: the engine waits for all answers, and the same seed gives the same episodes to the last bit. Without
            it nobody waits for anybody: right for a GPU, and where environments are slow or uneven.
        workers: sandbox processes of each environment. If one dies, the episodes that it held end with the reason.
        replayed: of an ensemble: how many new steps of a round of learning the other members replay at most, to say how
            far they disagree. What is rehearsed before learning they replay whole.
    """

    episodes: int = Field(default=256, ge=1)
    concurrent: int = Field(default=128, ge=1)
    in_step: bool = True
    workers: int = Field(default=1, ge=1)
    replayed: int = Field(default=500, ge=0)


class Baselines(Section):
    """What else could have been done with the same sessions and time; played after the judging.

    Attributes:
        cloning: imitate the sessions for as long as the whole night took.
        production: GRPO in the real engine for as many episodes as were dreamed, the upper bound.
        production_options: keyword arguments of the engine to train in, where they differ from `production.options`.
    """

    cloning: bool = False
    production: bool = False
    production_options: dict[str, Any] | None = None


class Config(Section):
    """Everything a night is told.

    Attributes:
        name: of the run folder; the file's folder where not given.
        folder: what paths are relative to; the file's folder where not given.
        seed: of everything drawn. The same seed gives the same records.
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
