"""The stages in which environments are written, chosen and judged: each a function from records to a record.

The drafts of every author are ranked on the sessions kept for selection. The best few are judged on the held-out
ones, and those that the gate passes are the members of the ensemble that is rehearsed in.
"""

from collections.abc import Callable, Iterator, Sequence

from dreamer.config import Config, ConfigError
from dreamer.records import Authored, Candidate, Judged, Logs, Validated
from dreamer.run import Run
from envgen.author import Author, AuthorError, ByHand, Environment
from envgen.automaton import Automaton
from envgen.fidelity import FidelityReport, judge
from envgen.models.author import ModelAuthor
from envgen.models.correspondence import Correspondence
from envgen.models.endpoint import Endpoint
from envgen.models.engine import EngineModel
from envgen.models.model import Model
from envgen.models.settings import POLICY, REPLY_TOKENS, ModelSettings
from envgen.support import support
from rollout.engines import Sampling
from rollout.log import SessionError
from rollout.sessions import find
from rollout.trajectory import Trajectory
from sandbox import SandboxError, Worker


def by_hand(config: Config) -> ByHand:
    """Those who wrote the files of the configuration.

    Raises:
        ConfigError: a file of `author.files` is missing or no text.
    """
    sources = {}
    try:
        for path in find(config.author.files, config.folder):
            sources[path.name] = path.read_text()
    except (SessionError, OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"author.files: {error}") from None
    return ByHand(sources)


def endpoint(config: Config) -> Endpoint | None:
    """The model of the configuration, if it names one that is asked elsewhere.

    Raises:
        ModelError: it has no key or no address.
    """
    settings = config.author.model
    return Endpoint(settings) if settings and settings.model != POLICY else None


def model_author(run: Run, settings: ModelSettings, selection: Sequence[Trajectory]) -> ModelAuthor:
    """The author that asks a model: an endpoint's, or the policy as it is before it learns.

    Args:
        selection: sessions that drafts are chosen by.
    """
    model: Model | None = endpoint(run.config)
    folder = run.store.correspondence
    if model is None:
        settings = settings.model_copy(update={"model": run.config.policy.model})
        engine, chat = run.writer()
        sampling = Sampling(1.0 if settings.temperature is None else settings.temperature,
                            settings.reply_tokens or REPLY_TOKENS)
        asked = len(Correspondence(None, folder, settings).known)
        model = EngineModel(engine, chat, sampling, settings.length, asked)
    return ModelAuthor(model, settings, folder, run.sandbox, selection, run.config.gate)


def authors(run: Run, selection: Sequence[Trajectory]) -> list[Author]:
    """Those that the configuration names.

    Args:
        selection: sessions that drafts are chosen by; no author is shown them.
    """
    found: list[Author] = [by_hand(run.config)]
    if run.config.author.automaton:
        found.append(Automaton())
    if settings := run.config.author.model:
        found.append(model_author(run, settings, selection))
    return found


def author_environments(run: Run, logs: Logs) -> Authored:
    """Let the authors draft, and rank the drafts by how likely they find the selection sessions."""
    shown, selection = run.store.load_sessions("shown"), run.store.load_sessions("selection")
    candidates: dict[str, Candidate] = {}
    rejected: list[str] = []
    with run.reporter.stage("author", unit="drafts") as bar:
        for draft in _drafts(authors(run, selection), shown, rejected):
            if draft.digest in candidates:
                continue
            try:
                with run.sandbox.load(draft.source) as worker:
                    problems = worker.check()
                    if not problems:
                        report = _judge(run, logs, worker, draft.digest, shown, selection)
            except SandboxError as error:
                problems = [str(error)]
            if problems:
                rejected.append(f"{draft.author}: {'; '.join(problems)}")
                continue
            run.store.save_environment(draft)
            candidates[draft.digest] = Candidate(
                environment=draft.digest, author=draft.author, states=draft.states, lines=draft.lines,
                step_probability=report.figures["step_probability"], nats_per_step=report.figures["nats_per_step"],
            )
            bar.advance()
            bar.note(draft.author, environment=draft.digest)
    if not candidates:
        raise AuthorError("no draft can be used: " + " | ".join(rejected))
    ranked = sorted(candidates.values(), key=lambda each: (each.nats_per_step.value or 0.0, each.states or 0))
    return Authored(candidates=tuple(ranked), rejected=tuple(rejected))


def _drafts(authors: Sequence[Author], shown: Sequence[Trajectory], rejected: list[str]) -> Iterator[Environment]:
    """All that they write; an author who wrote nothing that runs costs his own drafts alone."""
    for author in authors:
        try:
            yield from author.drafts(shown)
        except AuthorError as error:
            rejected.append(str(error))


def validate_environments(run: Run, logs: Logs, authored: Authored) -> Validated:
    """Judge the best candidates on sessions that neither author nor choice has seen."""
    shown, held_out = run.store.load_sessions("shown"), run.store.load_sessions("held_out")
    chosen = authored.candidates[: run.config.author.members]
    judged = []
    with run.reporter.stage("validate", len(chosen) * len(held_out), "sessions") as bar:
        for candidate in chosen:
            looks = run.store.look(candidate.environment)
            judged.append(_validate(run, logs, candidate, shown, held_out, bar.advance))
            bar.note(f"{sum(not each.refusals for each in judged)} of {len(judged)} passed",
                     environment=candidate.environment, refusals=judged[-1].refusals)
    return Validated(judged=tuple(judged), looks=looks)


def _validate(run: Run, logs: Logs, candidate: Candidate, shown: Sequence[Trajectory], held_out: Sequence[Trajectory],
              told: Callable[[int], None]) -> Judged:
    source = run.store.load_environment(candidate.environment).source
    judged = Judged(environment=candidate.environment, author=candidate.author, report=None, refusals=())
    try:
        with run.sandbox.load(source) as worker:
            report = _judge(run, logs, worker, candidate.environment, shown, held_out, told)
        judged = judged.model_copy(update={"report": report, "refusals": run.config.gate.refusals(report)})
        with run.sandbox.load(source, counting=True) as counting:
            return judged.model_copy(update={"support": support(counting, shown, run.comparer)})
    except SandboxError as error:
        return judged.model_copy(update={"refusals": (*judged.refusals, f"the sandbox stopped it: {error}")})


def _judge(run: Run, logs: Logs, worker: Worker, environment: str, shown: Sequence[Trajectory],
           judged: Sequence[Trajectory], told: Callable[[int], None] = lambda count: None) -> FidelityReport:
    """How well an environment tells some sessions, compared as the configuration says."""
    return judge(worker, environment, shown, judged, logs.usual_reward, told, run.comparer)
