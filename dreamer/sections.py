"""The sections of a night's configuration. Every key has a default, but for where the sessions are."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from envgen.models.settings import ModelSettings
from envgen.split import By

Share = Annotated[float, Field(ge=0, le=1)]
Method = Literal["grpo", "distillation", "imitation"]


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
    """How rehearsals change the policy.

    Attributes:
        method: "grpo", group-relative policy gradients on what episodes brought; "distillation", towards what the
            promoted policy does who is told more (see `Distillation`); "imitation", of the episodes that the base won.
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

    method: Method = "grpo"
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


class Distillation(Section):
    """On-policy self-distillation: the student acts bare, and the promoted policy, told more, says what it would do.

    Attributes:
        context: what only the teacher is told: an approved "session" on such a task, a won "rehearsal" of it, or the
            "experience" that was extracted (see `Experience`). Never what follows in the episode at hand.
        unit: whole "episode"s in the dream, or one "turn" at a time, from histories of approved sessions; then no
            environment is needed.
        top: how many of the student's likeliest tokens are compared one by one; the rest is one more.
        divergence: of student and teacher: "reverse" is KL(student‖teacher), "forward" KL(teacher‖student).
        skip: first tokens of every action that are not compared, lest the student learn to speak of what it was not
            told.
        gap: episodes with and as many without the context, or held-out sessions where there is no environment, which
            first show that it helps; or else nothing is learnt.
    """

    context: Literal["session", "rehearsal", "experience"] = "session"
    unit: Literal["episode", "turn"] = "episode"
    top: int = Field(default=256, ge=1)
    divergence: Literal["reverse", "forward", "jensen-shannon"] = "reverse"
    skip: int = Field(default=0, ge=0)
    gap: int = Field(default=256, ge=2)


class Experience(Section):
    """Short items of what sessions taught, extracted from what happened in them alone.

    Attributes:
        extractor: "statistics" (which actions were followed by success or failure more often than others, no model
            needed), "policy" (the policy itself is asked), or an endpoint's model.
        sessions: how many of them, at most, one experience is extracted from.
        count: how many experiences, each from other sessions; every episode is taught by one of them, drawn.
        tokens: an experience holds no more.
        rounds: extract, consolidate, and again from what the policy then did; the updates are divided among them.
        rehearsals: starts in the gated dream, each rehearsed twice, that show which items harm.
    """

    extractor: Literal["statistics", "policy"] | ModelSettings = "statistics"
    sessions: int = Field(default=64, ge=1)
    count: int = Field(default=4, ge=1)
    tokens: int = Field(default=1024, ge=16)
    rounds: int = Field(default=1, ge=1)
    rehearsals: int = Field(default=256, ge=10)


class Guards(Section):
    """What stops an update, or keeps it from being promoted.

    The defaults come from examples/frozen_lake, where a tiny policy learns what it hardly could (success 0.06 to 0.99):
    KL(promoted‖candidate) went up to 1.1 nats a token and stayed there, and entropy came down to 0.04. At ten times the
    learning rate success was 1.0 after ten rounds, at 1.5 nats, and 0.0 after fifteen, at 3.9.

    Attributes:
        promoted_kl, original_kl: most nats a token, KL(promoted‖candidate) and KL(original‖candidate) on histories of
            the new task, each by its interval's upper end; the first for a night, the second for good. Original is what
            the first night began with.
        entropy: fewer nats a token, in a round, are a collapse.
        spread: so many rounds in a row in which no group's episodes differ in what they brought teach nothing.
        sessions: so many new real sessions of either policy, at least, are evidence where there is no engine.
    """

    promoted_kl: float = Field(default=3.0, gt=0)
    original_kl: float = Field(default=6.0, gt=0)
    entropy: float = Field(default=1e-4, ge=0)
    spread: int = Field(default=10, ge=1)
    sessions: int = Field(default=30, ge=2)


class RetainedTask(Section):
    """Something that the policy could do before and is to keep.

    Attributes:
        engine, options: as in `Production`.
        success: as in `Sessions`.
    """

    name: str
    engine: str
    options: dict[str, Any] = {}
    success: float | None = None


class Retention(Section):
    """What the policy must not forget.

    Attributes:
        tasks: played by the promoted policy and by the candidate; the tasks of earlier nights come on top.
        texts: logs whose actions are to stay as likely as they were.
        episodes: of each task and policy.
        margin: no task may have lost more of its success, by the interval's lower end.
        loss: no text may have become more surprising by more nats a token, by the interval's upper end.
    """

    tasks: tuple[RetainedTask, ...] = ()
    texts: tuple[str, ...] = ()
    episodes: int = Field(default=1000, ge=2)
    margin: Share = 0.05
    loss: float = Field(default=0.1, gt=0)


class Nights(Section):
    """How nights follow each other: the promoted policy of one is the base of the next.

    Attributes:
        replay: share of the groups of a round that rehearse tasks of earlier nights, where there were any.
        sessions: a watched night begins once so many new ones are there.
    """

    replay: Share = 0.25
    sessions: int = Field(default=1, ge=1)


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
        imitation, distillation: learn otherwise from as many dreamed episodes; see `Learning.method`.
        production: GRPO in the real engine for as many episodes as were dreamed, the upper bound.
        production_options: keyword arguments of the engine to train in, where they differ from `production.options`.
    """

    cloning: bool = False
    imitation: bool = False
    distillation: bool = False
    production: bool = False
    production_options: dict[str, Any] | None = None
