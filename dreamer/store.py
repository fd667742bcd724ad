"""The run folder: the only place that knows paths.

    config.json                    the resolved configuration of the newest night
    events.jsonl                   what happened, in order: the stream behind progress bars and pages
    .held                          is locked by the process that works here
    looks.json                     the environments that were judged on the held-out sessions
    correspondence/                what a model was asked and answered while it wrote environments
    environments/DIGEST/           environment.py, environment.json
    policies/DIGEST/               a Hugging Face checkpoint, and in README.md what it was made from
    promoted.json                  which policy is promoted, and which were before
    night-001/config.json          the resolved configuration; a night belongs to one
    night-001/sessions/            {shown,selection,held_out}.jsonl; read.json, which sessions the logs held
    night-001/patterns.json
    night-001/STAGE.json           the record that a stage ended with
    night-001/NAME/                episodes.jsonl, tokens.parquet: of the rehearsal, of each round, of the judging;
                                   journal.jsonl while it is played; learnt.parquet: what the update of a round did
                                   to the tokens of its first episodes
    night-001/index.sqlite         where each trajectory is, for the viewer; made again where it is missing
    night-001/report.json          of a night that is over
    report.json                    the newest

Every file is written beside its place and moved there whole, so that a killed night leaves no half record; a stage
is done when its record is there.
"""

import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel

from dreamer.accreditation.promotions import Promotions
from dreamer.config import Config
from dreamer.files import StoreError, as_json, as_lines, force, read_record, read_trajectories, weights_digest, write
from envgen.author import Environment
from envgen.comparison import Comparer
from envgen.patterns import Patterns
from rollout.episode import Episode, Learnt, Tokens
from rollout.journal import Journal, read_learnt, read_pieces, read_tokens, write_episodes, write_learnt
from rollout.trajectory import Trajectory

R = TypeVar("R", bound=BaseModel)

DIGEST = re.compile(r"[0-9a-f]{16}")
HOLDING = 100  # hundredths of a second that a run folder is waited for

# The stages of a night in order, and what of the configuration each uses: what only later stages use may be changed.
USES: dict[str, set[str]] = {
    "read": {"sessions", "privacy"},
    "author": {"author"},
    "validate": {"gate"},
    "clone": {"seed", "policy", "cloning"},
    "rehearse": {"rehearsal", "engine"},
    "experience": {"experience"},
    "gap": {"distillation"},
    "learn": {"learning", "guards", "nights"},
    "evaluate": {"production", "guards", "retention"},
    "baselines": {"baselines"},
}


def stages(config: Config) -> list[str]:
    """The stages that a configuration has."""
    left_out = {"gap"} if config.learning.method != "distillation" else set[str]()
    left_out |= set() if config.draws_on_experience else {"experience"}
    left_out |= set() if config.dreams else {"author", "validate", "rehearse"}
    return [stage for stage in USES if stage not in left_out]


class Store:
    """One run folder and the night it is at.

    Args:
        root: the folder.
        night: which night's records are read and written.
    """

    def __init__(self, root: Path, night: int = 1):
        self.root = root
        self.night = night

    @classmethod
    def open(cls, root: Path, config: Config, resume: bool, redo: Sequence[str] = (), nights: int | None = 1
             ) -> "Store":
        """Take a folder into use, or go on with it: with the next night, or with the one that was begun last.

        Args:
            redo: stages that are taken back, so that they are done again.
            nights: how many are wanted in all; None never has enough.

        Raises:
            StoreError: it is there already and `resume` is not asked for, nor another night after those that are over;
                it is no run folder; or stages of the night that are done used another configuration.
        """
        store = cls(root)
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            if not (root / "config.json").exists():
                raise StoreError(f"{root} is not a run folder (no config.json); choose another with --run")
            store = cls.latest(root)
            if store.over and (nights is None or store.night < nights):
                store.night += 1
            elif not resume:
                raise StoreError(f"{root} already holds a run; go on with --resume, ask for more --nights than "
                                 f"{store.night}, or choose another with --run")
            store._check(config, redo)
        elif resume:
            raise StoreError(f"{root}: nothing to resume there; run without --resume first")
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{root}: cannot be made ({error.strerror}); choose another folder with --run") from None
        for stage in (*redo, *(["report"] if redo else [])):
            store._stage(stage).unlink(missing_ok=True)
        for folder in (root, store.folder):
            write(folder / "config.json", orjson.dumps(config.model_dump(mode="json"), option=orjson.OPT_INDENT_2))
        return store

    @classmethod
    def latest(cls, root: Path) -> "Store":
        """A run folder at the night that was begun last."""
        return cls(root, max(1, len(list(root.glob("night-*/config.json")))))

    def _check(self, config: Config, redo: Sequence[str]) -> None:
        """Refuse another configuration than the night's, as far as stages that are done used it."""
        used = {section for stage, sections in USES.items() for section in sections
                if stage not in redo and self.done(stage)}
        if not used:
            return
        changed = differing(self.configuration.model_dump(include=used), config.model_dump(include=used))
        if changed:
            raise StoreError(
                f"{self.root} belongs to another configuration ({', '.join(changed)} differ); "
                "choose another folder with --run"
            )

    @staticmethod
    def config(folder: Path) -> Config:
        """The configuration that a run folder, or the folder of a night, belongs to.

        Raises:
            StoreError: it is no run folder.
        """
        try:
            return Config.model_validate_json((folder / "config.json").read_bytes())
        except (OSError, ValueError):
            raise StoreError(f"{folder} is not a run folder of this version (no readable config.json)") from None

    @property
    def folder(self) -> Path:
        """Of the night."""
        return self.root / f"night-{self.night:03d}"

    @property
    def configuration(self) -> Config:
        """What the night was told; see `config`."""
        return self.config(self.folder)

    @property
    def begun(self) -> bool:
        """Whether a stage of the night is done."""
        return self.done(next(iter(USES)))

    @property
    def over(self) -> bool:
        """Whether the night is."""
        return self.done("report")

    @property
    def earlier(self) -> "list[Store]":
        """The nights before this one, the first first."""
        return [Store(self.root, night) for night in range(1, self.night)]

    def load(self, stage: str, kind: type[R]) -> R | None:
        """The record a stage ended with, if it did.

        Raises:
            StoreError: another version wrote it, or it is damaged.
        """
        path = self._stage(stage)
        return read_record(path, kind) if path.exists() else None

    def done(self, stage: str) -> bool:
        """Whether a stage has ended."""
        return self._stage(stage).exists()

    def save(self, stage: str, record: BaseModel) -> None:
        """End a stage."""
        write(self._stage(stage), as_json(record))

    def append_event(self, event: dict[str, Any]) -> None:
        with open(self.root / "events.jsonl", "ab") as stream:
            stream.write(orjson.dumps(event) + b"\n")

    def events(self) -> list[dict[str, Any]]:
        """What happened so far, in all nights; lines that a kill cut off are left out."""
        path = self.root / "events.jsonl"
        found = []
        for line in path.read_bytes().splitlines() if path.exists() else ():
            with suppress(orjson.JSONDecodeError):
                found.append(orjson.loads(line))
        return [event for event in found if isinstance(event, dict)]

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Work in the run folder alone; whoever only reads may see that somebody does.

        Raises:
            StoreError: another process works there.
        """
        with open(self.root / ".held", "ab") as lock:
            for tries in range(HOLDING, -1, -1):
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    if not tries:
                        raise StoreError(f"another process is dreaming in {self.root}; let it end, or choose another "
                                         "folder with --run") from None
                time.sleep(0.01)  # whoever asks whether it is held holds it for a moment
            yield

    @property
    def held(self) -> bool:
        """Whether a process works in the run folder."""
        path = self.root / ".held"
        if not path.exists():
            return False
        with open(path, "rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return True
        return False

    def pulse(self) -> tuple[object, ...]:
        """What is another when something has happened in the run."""
        paths = [self.root / name for name in ("events.jsonl", "promoted.json", "report.json")]
        return (self.held, *(path.stat().st_mtime_ns if path.exists() else None for path in paths))

    def save_sessions(self, part: str, sessions: Sequence[Trajectory]) -> None:
        write(self.sessions(part), as_lines(sessions))

    def load_sessions(self, part: str) -> list[Trajectory]:
        return read_trajectories(self.sessions(part))

    def sessions(self, part: str) -> Path:
        """Where a part of the sessions is."""
        return self.folder / "sessions" / f"{part}.jsonl"

    def save_read(self, ids: Iterable[str]) -> None:
        """Note which sessions the logs held; by digests of their ids, which may hold secrets."""
        write(self.folder / "sessions" / "read.json", orjson.dumps([_digest(id) for id in ids]))

    def unread(self, ids: Iterable[str]) -> list[str]:
        """Those of some sessions that the logs did not hold."""
        path = self.folder / "sessions" / "read.json"
        known = set(orjson.loads(path.read_bytes())) if path.exists() else set()
        return [id for id in ids if _digest(id) not in known]

    def save_patterns(self, patterns: BaseModel) -> None:
        write(self.folder / "patterns.json", as_json(patterns))

    def load_patterns(self) -> Patterns:
        return read_record(self.folder / "patterns.json", Patterns)

    @property
    def comparer(self) -> Comparer:
        """Which answers count as the logged ones in this night."""
        exact = self.configuration.sessions.compare == "exact"
        return Comparer() if exact else self.load_patterns().comparer

    @property
    def correspondence(self) -> Path:
        """The folder of what a model is asked and answers."""
        return self.root / "correspondence"

    def look(self, environment: str) -> int:
        """Note that an environment is judged on the held-out sessions.

        Returns:
            How many have been, over all nights; one that is judged again says nothing new, and counts once.
        """
        path = self.root / "looks.json"
        looks = orjson.loads(path.read_bytes()) if path.exists() else []
        if environment not in looks:
            looks.append(environment)
            write(path, orjson.dumps(looks))
        return len(looks)

    def save_environment(self, environment: Environment) -> Path:
        """Keep an environment; returns where its code is."""
        folder = self.root / "environments" / environment.digest
        write(folder / "environment.json", as_json(environment))
        write(folder / "environment.py", environment.source.encode())
        return folder / "environment.py"

    def has_environment(self, digest: str) -> bool:
        """Whether an environment was kept; what records call a digest and is none leads out of the folder nowhere."""
        return bool(DIGEST.fullmatch(digest)) and (self.root / "environments" / digest / "environment.json").exists()

    def load_environment(self, digest: str) -> Environment:
        """An environment.

        Raises:
            StoreError: there is none of this digest, or it is damaged.
        """
        if not DIGEST.fullmatch(digest):
            raise StoreError(f"{self.root} holds no environment {digest!r}: that is no digest")
        return read_record(self.root / "environments" / digest / "environment.json", Environment)

    def save_policy(self, write: Callable[[Path], None]) -> str:
        """Keep a checkpoint under the digest of its weights; the one that is there already where they are equal.

        Args:
            write: is given an empty folder to write the checkpoint into.
        """
        folder = self.root / "policies" / ".writing"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write(folder)
        name = weights_digest(folder)
        if self.policy(name).exists():  # it may be promoted, and must not be missing for a moment
            shutil.rmtree(folder)
            return name
        for file in (*folder.rglob("*"), folder):
            force(file)
        os.replace(folder, self.policy(name))
        force(folder.parent)
        return name

    def policy(self, digest: str) -> Path:
        """Where a checkpoint is."""
        return self.root / "policies" / digest

    def save_card(self, digest: str, card: str) -> None:
        """Say beside a checkpoint what it was made from."""
        write(self.policy(digest) / "README.md", card.encode())

    def load_card(self, digest: str) -> str:
        """What `save_card` said."""
        return (self.policy(digest) / "README.md").read_text()

    @property
    def promotions(self) -> Promotions:
        """Which policies were promoted, and when."""
        path = self.root / "promoted.json"
        return read_record(path, Promotions) if path.exists() else Promotions()

    @property
    def promoted(self) -> str | None:
        """The digest of the promoted policy; None where there is none."""
        standing = self.promotions.standing
        return standing[-1].policy if standing else None

    @property
    def original(self) -> str | None:
        """The digest of the first policy that an earlier night began with; None where none began with any."""
        paths = [night._stage("clone") for night in self.earlier]
        return next((str(orjson.loads(path.read_bytes())["policy"]) for path in paths if path.exists()), None)

    @property
    def beginning(self) -> str | None:
        """The digest of the policy that the night goes on from: promoted by earlier nights, or else their original."""
        promoted = [each.policy for each in self.promotions.standing if each.night < self.night]
        return promoted[-1] if promoted else self.original

    def promote(self, digest: str, by: str) -> None:
        """From now on this policy of the store is the promoted one.

        Args:
            by: what that rests on.
        """
        self._decide(self.promotions.promote(digest, self.night, by))

    def roll_back(self, by: str) -> str:
        """Return to the policy that was promoted before; its digest.

        Args:
            by: who decided.

        Raises:
            PromotionError: there is none.
        """
        promotions = self.promotions.roll_back(by)
        self._decide(promotions)
        return promotions.standing[-1].policy

    def _decide(self, promotions: Promotions) -> None:
        write(self.root / "promoted.json", as_json(promotions))

    def journal(self, name: str) -> Journal:
        """Episodes that are being played, under the name that their ids begin with."""
        return Journal(self.folder / name / "journal.jsonl")

    def save_episodes(self, name: str, episodes: Iterable[Episode]) -> None:
        """Keep episodes under the name that their ids begin with: words as JSON lines, ids as Parquet."""
        write_episodes(self.folder / name, episodes)

    def episodes(self, name: str) -> Path:
        """Where the words of the episodes kept under a name are: a log of sessions like any other."""
        return self.folder / name / "episodes.jsonl"

    def parts(self) -> dict[str, Path]:
        """Where the words of all trajectories of the night are: of sessions and of episodes, by part or name.

        What a link leads to outside the run folder is left out.
        """
        sessions = {path.stem: path for path in sorted((self.folder / "sessions").glob("*.jsonl"))}
        episodes = {path.parent.name: path for path in sorted(self.folder.glob("*/episodes.jsonl"))}
        return {part: path for part, path in (sessions | episodes).items() if self.holds(path)}

    def holds(self, path: Path) -> bool:
        """Whether a path is in the run folder, wherever links lead."""
        return path.resolve().is_relative_to(self.root.resolve())

    @property
    def index(self) -> Path:
        """Where the viewer notes which trajectory is where."""
        return self.folder / "index.sqlite"

    def load_tokens(self, name: str, most: int) -> list[Tokens]:
        """The ids of the first episodes kept under a name, no more than so many; none where there are no episodes."""
        folder = self.folder / name
        return read_tokens(folder, most) if folder.exists() else []

    def save_learnt(self, name: str, rows: Sequence[tuple[str, Learnt]]) -> None:
        """Keep what an update did to the first episodes kept under a name: a row a piece, with the episode's id."""
        write_learnt(self.folder / name, rows)

    def load_learnt(self, name: str) -> dict[str, list[Learnt]]:
        """What `save_learnt` kept: the pieces of each episode, by its id; empty where nothing was."""
        return read_learnt(self.folder / name)

    def load_pieces(self, name: str, id: str) -> list[Tokens]:
        """The ids of one of the episodes kept under a name; none where there are none of it."""
        return read_pieces(self.folder / name, id)

    def load_episodes(self, name: str) -> list[Trajectory]:
        """The words of the episodes kept under a name."""
        return read_trajectories(self.episodes(name))

    def save_report(self, report: BaseModel, over: bool) -> None:
        """Keep what the night came to.

        Args:
            over: whether the night is; if not, only the newest report is this.
        """
        if over:
            self.save("report", report)
        write(self.root / "report.json", as_json(report))

    def _stage(self, stage: str) -> Path:
        return self.folder / f"{stage}.json"


def next_folder(runs: Path, name: str) -> Path:
    """A folder that no run has taken yet: `NAME-001`, `NAME-002`, …"""
    return runs / f"{name}-{max(map(_number, runs.glob(f'{name}-[0-9]*')), default=0) + 1:03d}"


def latest_folder(runs: Path, name: str | None = None) -> Path | None:
    """The run begun last, of one name or of any; None where there is none."""
    begun = [config for config in runs.glob("*/config.json")
             if name is None or config.parent.name.rpartition("-")[0] == name]
    return max(begun, key=lambda config: config.stat().st_mtime_ns).parent if begun else None


def _number(folder: Path) -> int:
    digits = folder.name.rpartition("-")[2]
    return int(digits) if digits.isdigit() else 0


def differing(old: Any, new: Any, prefix: str = "") -> list[str]:
    """The keys whose values differ."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [] if old == new else [prefix.rstrip(".")]
    return [name for key in sorted(old.keys() | new.keys())
            for name in differing(old.get(key), new.get(key), f"{prefix}{key}.")]


def _digest(id: str) -> str:
    return hashlib.sha256(id.encode()).hexdigest()[:16]
