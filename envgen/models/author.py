"""The author that asks a language model."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from envgen.author import AuthorError, Environment
from envgen.gate import Gate
from envgen.models.correspondence import Correspondence
from envgen.models.model import Model
from envgen.models.prompts import Prompts
from envgen.models.search import Revision, Search
from envgen.models.settings import ModelSettings
from envgen.models.trial import Tribunal
from envgen.patterns import Patterns, observe
from envgen.split import KEYS, By
from rollout.trajectory import Trajectory
from sandbox import Sandbox


class ModelAuthor:
    """Writes candidate environments by asking a model until one agrees with the sessions, or the budget is spent.

    Args:
        model: None replays what the folder holds.
        settings: which model, and the budget.
        folder: of the transcript.
        sandbox: where candidates run.
        selection: sessions that candidates are chosen by; the model sees nothing of them.
        gate: what must hold of a candidate.

    Attributes:
        search, tribunal: the last ones.
    """

    def __init__(self, model: Model | None, settings: ModelSettings, folder: Path, sandbox: Sandbox,
                 selection: Sequence[Trajectory], gate: Gate):
        self.model, self.settings, self.folder, self.sandbox = model, settings, folder, sandbox
        self.selection, self.gate = selection, gate
        self.search: Search | None = None
        self.tribunal: Tribunal | None = None

    def drafts(self, sessions: Sequence[Trajectory]) -> Iterator[Environment]:
        """Candidates that run, best first, each with its lineage.

        Raises:
            AuthorError: none does.
            ModelError: the model cannot be asked.
        """
        usable = [each for each in self.revisions(sessions, observe(sessions)) if each.usable]
        if not usable:
            assert self.search is not None
            problems = {each.trial.problem for each in self.search.revisions}
            raise AuthorError(f"{self.settings.model} wrote nothing that runs; {self.search.stopped}. What was wrong: "
                              + " | ".join(sorted(problem for problem in problems if problem)))
        for revision in ranked(usable):
            if revision.environment is not None:
                yield revision.environment.model_copy(update={"lineage": revision.lineage})

    def revisions(self, sessions: Sequence[Trajectory], patterns: Patterns) -> Iterator[Revision]:
        """Everything that is written, as it is written.

        Args:
            sessions: the shown ones.
            patterns: of the same sessions.
        """
        self.tribunal = Tribunal(self.sandbox, sessions, self.selection, self.gate,
                                 patterns.comparer, self.settings.transitions)
        prompts = Prompts(sessions, patterns, _apart(sessions, self.selection), self.settings)
        letters = Correspondence(self.model, self.folder, self.settings)
        self.search = Search(letters, prompts, self.tribunal, self.settings)
        yield from self.search.run()


def _apart(shown: Sequence[Trajectory], others: Sequence[Trajectory]) -> By:
    """What was kept together when these were divided, as far as they show it."""
    for by, key in KEYS.items():
        keys = set(map(key, shown))
        if not any(key(session) in keys for session in others):
            return by
    return "session"


def ranked(revisions: Sequence[Revision]) -> list[Revision]:
    """Best first: those that pass, then by what they need to tell the sessions."""
    usable = [each for each in revisions if each.usable]
    return sorted(usable, key=lambda each: (not each.trial.passed, each.trial.nats))
