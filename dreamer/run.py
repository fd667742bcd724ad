"""What every stage is handed: the configuration, the folder, the terminal and the sandbox."""

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

import torch
from pydantic import BaseModel
from transformers import AutoConfig

from dreamer.acting import Policy, open_engine, rehearsal_of
from dreamer.config import Config, ConfigError
from dreamer.policy import adapters, find, load_tokenizer, merge, save
from dreamer.production import open_production
from dreamer.progress import Reporter
from dreamer.records import Played
from dreamer.store import Store
from envgen.comparison import Comparer
from envgen.ensemble import Disagreement
from envgen.tasks import succeeds
from rollout.chat import Chat
from rollout.engines import Engine
from rollout.ensemble import EnsembleWorld
from rollout.episode import Episode
from rollout.figure import mean, proportion, ratio
from rollout.privacy import Privacy
from rollout.privacy.presidio import Presidio
from rollout.rehearsal import Rehearsal
from rollout.world import DreamWorld, PrivateWorld, RealWorld, World
from sandbox import Pool, Sandbox

R = TypeVar("R", bound=BaseModel)


class NightOver(Exception):
    """The night ends here, as it should: the stage asked for is done, or the gate refused."""


class Run:
    """One night at work.

    Args:
        config: what it is told.
        store: where records are kept.
        reporter: where progress is shown.
        until: the stage that the night ends after; None goes through all.
        unsafe: go on where the kernel cannot confine authored code.

    Attributes:
        records: what the stages so far ended with, by stage.
    """

    def __init__(self, config: Config, store: Store, reporter: Reporter, until: str | None = None,
                 unsafe: bool = False):
        self.config, self.store, self.reporter = config, store, reporter
        self.until, self.unsafe = until, unsafe
        self.records: dict[str, BaseModel] = {}
        self.real: list[RealWorld] = []
        self.generating: Engine | None = None
        self.acting: Policy | None = None

    def policy(self, digest: str) -> Policy:
        """A checkpoint of this run."""
        settings = self.config.policy
        return Policy(self.store.policy(digest), settings.lora, settings.keep_reasoning)

    @cached_property
    def beginning(self) -> str | None:
        """The policy that earlier nights leave to this one, as whole weights of the store; None in the first.

        Whoever learns from here, by adapters or not, is compared with it and taught by it, and not by the model that
        an earlier night's adapters were trained on.
        """
        digest = self.store.beginning
        if digest is None or adapters(self.store.policy(digest))[1] is None:
            return digest
        folder = self.store.policy(digest)
        return self.store.save_policy(lambda merged: save(merge(folder), load_tokenizer(folder), merged))

    def engine(self, policy: Policy) -> Engine:
        """What generates for a policy: one at a time, because a card may hold no more. It has the weights of now."""
        settings = self.config.engine
        if self.generating is None or (settings.name == "transformers" and self.acting is not policy):
            self.generating = open_engine(policy, settings, self.config.length, self.config.rehearsal.concurrent)
        self.acting = policy
        self.generating.load(policy.model)
        return self.generating

    def writer(self) -> tuple[Engine, Chat]:
        """The policy before it learns tonight, and its words. `engine` goes on with the same engine.

        Raises:
            CheckpointError: it cannot be loaded.
            ConfigError: it does not hold so many tokens at once.
        """
        config = self.config
        folder = self.store.policy(self.beginning) if self.beginning else find(config.checkpoint)
        policy = Policy(folder, config.policy.lora, config.policy.keep_reasoning)
        most = getattr(AutoConfig.from_pretrained(policy.base).get_text_config(), "max_position_embeddings", None)
        if most is not None and most < config.length:
            raise ConfigError(f"author.model wants {config.length:,} tokens at once, prompt_tokens and reply_tokens; "
                              f"{config.policy.model} reads {most:,}: lower them")
        engine = open_engine(policy, config.engine, config.length, config.rehearsal.concurrent)
        if config.engine.name == "vllm":
            self.generating = engine
        return engine, policy.chat

    @cached_property
    def sandbox(self) -> Sandbox:
        return Sandbox(unsafe=self.unsafe)

    @cached_property
    def privacy(self) -> Privacy | None:
        """Hides what the configuration wants hidden."""
        settings, folder = self.config.privacy, self.config.folder
        if not settings.hide:
            return None
        root = self.store.root
        key = folder / settings.key if settings.key else root.with_name(f"{root.name}.key")
        try:
            listed = (folder / settings.words).read_text().splitlines() if settings.words else []
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"privacy.words {str(settings.words)!r} cannot be read: {error}") from None
        patterns = [line[1:-1] for line in listed if len(line) > 2 and line[0] == line[-1] == "/"]
        words = [line for line in listed if line.strip() and line.strip("/") == line]
        detector = Presidio(settings.model) if settings.presidio else None
        return Privacy(key, words, patterns, detector, outside=root)

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_: object) -> None:
        if self.generating is not None:  # what it holds of a card, the next night wants
            self.generating = self.acting = None
            gc.collect()
            torch.cuda.empty_cache()
        if self.__dict__.get("privacy"):
            self.__dict__["privacy"].__exit__(None, None, None)
        if "sandbox" in self.__dict__:
            self.sandbox.close()

    @property
    def seconds_until_judging(self) -> float:
        """How long the stages before the judging took."""
        took = {event["stage"]: event["seconds"] for event in self.store.events()
                if event["event"] == "stage" and event["night"] == self.store.night}
        return float(sum(seconds for stage, seconds in took.items() if stage not in ("evaluate", "baselines")))

    @property
    def real_steps(self) -> int:
        """Steps taken in the production engine so far, by anyone."""
        return sum(world.steps for world in self.real)

    def production(self, options: dict[str, object] | None = None) -> World:
        """The real engine, counted; what it says is hidden from everyone here, if anything is."""
        settings = self.config.production
        if settings is None:
            raise ValueError("no production engine is configured")
        world = open_production(settings.engine, settings.options if options is None else options, self.config.folder,
                                settings.hands)
        self.real.append(world)
        return self.hidden(world)

    def hidden(self, world: World) -> World:
        """A real world, of which everyone here sees what may be seen."""
        return PrivateWorld(world, self.privacy) if self.privacy else world

    @cached_property
    def comparer(self) -> Comparer:
        """Which answers count as the logged ones."""
        return self.store.comparer

    @contextmanager
    def dream(self, members: Mapping[str, Sequence[int]], listening: bool = True
              ) -> Iterator[tuple[World, Disagreement]]:
        """The members of an ensemble, in the sandbox: as one world, and as listeners to each other's episodes.

        Args:
            members: of each, by its digest, what of its code sessions vouch for; steps that run other code are
                imagined.
            listening: whether they are; if not, nobody ever disagrees.
        """
        with ExitStack() as stack:
            worlds, listeners = [], {}
            for digest, vouched in members.items():
                source = self.store.load_environment(digest).source
                pool = stack.enter_context(
                    Pool(self.sandbox, source, self.config.rehearsal.workers, counting=True))
                pool.vouch(vouched)
                worlds.append(DreamWorld(pool, digest))
                if listening and len(members) > 1:
                    listeners[digest] = stack.enter_context(self.sandbox.load(source))
            yield EnsembleWorld(worlds), Disagreement(listeners, self.comparer)

    def stage(self, name: str, kind: type[R], work: Callable[..., R], *records: BaseModel | None) -> R:
        """A stage's record: kept from before, or made now and kept.

        Args:
            name: of the stage.
            kind: of its record.
            work: makes the record from the run and the records of earlier stages.

        Raises:
            NightOver: this was the stage to end after.
        """
        record = self.store.load(name, kind)
        if record is None:
            began = time.monotonic()
            record = work(self, *records)
            self.store.save(name, record)
            self.reporter.event("stage", night=self.store.night, stage=name, seconds=time.monotonic() - began,
                                real_steps=self.real_steps)
        self.records[name] = record
        if name == self.until:
            raise NightOver
        return record

    def succeeded(self, outcome: float) -> bool:
        """Whether an episode with this outcome is a success."""
        return succeeds(outcome, self.config.sessions.success)

    def rehearsal(self, policy: Policy, world: World, max_turns: int, temperature: float | None = None,
                  system: str | None = None, **labels: str | int) -> Rehearsal:
        """Episodes as the configuration wants them."""
        rehearsal = rehearsal_of(policy, self.engine(policy), world, self.config, max_turns, system,
                                 {"night": self.store.night, "policy": policy.digest, **labels})
        if temperature is None:
            return rehearsal
        return replace(rehearsal, sampling=replace(rehearsal.sampling, temperature=temperature))

    def summarise(self, episodes: Sequence[Episode], seconds: float) -> Played:
        """Success, outcome and length of some episodes."""
        outcomes = [episode.outcome for episode in episodes]
        turns = [len(episode.trajectory.turns) for episode in episodes]
        imagined = sum(bool(turn.imagined) for episode in episodes for turn in episode.trajectory.turns)
        nats = [[turn.disagreement for turn in episode.trajectory.turns if turn.disagreement is not None]
                for episode in episodes]
        return Played(
            success=proportion(sum(map(self.succeeded, outcomes)), len(outcomes), unit="share of episodes"),
            outcome=mean(outcomes, unit="reward"), turns=sum(turns) / len(turns),
            imagined_share=proportion(imagined, sum(turns), unit="share of steps"),
            disagreement=ratio(list(map(sum, nats)), list(map(len, nats)), unit="nats") if any(nats) else None,
            seconds=seconds,
        )
