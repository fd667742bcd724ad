"""The search for a world that agrees: independent first drafts, then a tree of revisions.

What is revised is drawn by Thompson sampling (Tang et al., "Code repair with LLMs gives an exploration-exploitation
tradeoff", 2024): each world has a Beta(1 + passed, 1 + failed), one number is drawn of each, and the highest is taken.
A world is taken to have had `WORTH` trials, and to have passed the share 1 - nats a step / nats of an impossible step:
without chance, the share of steps that it predicts. Each revision already made of it is one more trial failed. A world
that passed is not revised: more members of an ensemble come from other drafts.
"""

from collections.abc import Iterator
from math import log

import numpy as np

from envgen.author import Environment, Lineage
from envgen.models.correspondence import BudgetSpent, Correspondence
from envgen.models.logged import without
from envgen.models.model import Prompt
from envgen.models.prompts import Prompts
from envgen.models.reply import NoCode, code, words
from envgen.models.settings import ModelSettings
from envgen.models.trial import Trial, Tribunal
from envgen.scored import FLOOR
from rollout.trajectory import Record

WORTH = 20.0  # trials that a world's share of predicted steps counts as


class Revision(Record):
    """One file, how it came about and how it did.

    Attributes:
        number: in the order of writing, from 1.
        parent: what it revises; None for a first draft.
        environment: None where no reply held any code.
        trial: how it did.
        said: what the reply said beside the file.
        lineage: what it cost, and the digest of what it revises.
    """

    number: int
    parent: int | None
    environment: Environment | None
    trial: Trial
    said: str = ""
    lineage: Lineage

    @property
    def usable(self) -> bool:
        """Whether it runs."""
        return self.trial.problem is None


class Search:
    """Drafts and revises until enough worlds pass or the budget is spent.

    Args:
        correspondence: the model.
        prompts: about the world.
        tribunal: tries files.
        settings: how many drafts, members and repairs.

    Attributes:
        revisions: all so far.
        stopped: why it stopped.
    """

    def __init__(self, correspondence: Correspondence, prompts: Prompts, tribunal: Tribunal, settings: ModelSettings):
        self.correspondence, self.prompts, self.tribunal, self.settings = correspondence, prompts, tribunal, settings
        self.random = np.random.default_rng(settings.seed)
        self.revisions: list[Revision] = []
        self.stopped = ""

    def run(self) -> Iterator[Revision]:
        """Each file as it is written and tried.

        Raises:
            ModelError: the model cannot be asked. What was asked is kept, and the same search goes on from there.
        """
        try:
            while sum(each.trial.passed for each in self.revisions) < self.settings.members:
                parent = self._parent()
                if parent is None and not self.settings.transitions and len(self.revisions) >= self.settings.drafts:
                    self.stopped = "all drafts are written, and without transitions nothing is revised"
                    return
                self.revisions.append(self._write(parent))
                yield self.revisions[-1]
            self.stopped = "the gate passes"
        except BudgetSpent as spent:
            self.stopped = str(spent)

    def _parent(self) -> Revision | None:
        """What to revise; None for another first draft."""
        if sum(each.parent is None for each in self.revisions) < self.settings.drafts or not self.settings.transitions:
            return None
        open_to = [each for each in self.revisions if each.usable and not each.trial.passed and each.trial.telling]
        if not open_to:
            return None

        def drawn(revision: Revision) -> float:
            passed = WORTH * (1 + revision.trial.nats / log(FLOOR))
            tried = sum(each.parent == revision.number for each in self.revisions)
            return float(self.random.beta(1 + passed, 1 + WORTH - passed + tried))

        return max(open_to, key=drawn)

    def _write(self, parent: Revision | None) -> Revision:
        """Ask, and ask for repairs until the file runs or enough is enough."""
        base: str | None = None
        if parent is None or parent.environment is None:
            asked = self.prompts.draft()
        else:
            base = without(parent.environment.source)
            asked = self.prompts.revision(base, parent.trial, [
                (each.said, each.trial) for each in self.revisions if each.parent == parent.number])
        before = len(self.correspondence.asked)
        source, trial, said = self._answer(asked, base)
        for _ in range(self.settings.repairs):
            if trial.problem is None:
                break
            try:
                source, trial, _ = self._answer(self.prompts.repair(asked, source, trial.problem), source or base)
            except BudgetSpent:
                break  # what there is is kept, and the next question finds the budget spent
        exchanges = self.correspondence.asked[before:]
        number = len(self.revisions) + 1
        author = f"{self.settings.model}, {'draft' if parent is None else f'revision of {parent.number}'} {number}"
        lineage = Lineage(
            parent=parent.environment.digest if parent and parent.environment else None, calls=len(exchanges),
            tokens=sum(each.prompt_tokens + each.reply_tokens for each in exchanges),
            dollars=sum(each.dollars or 0.0 for each in exchanges) if self.settings.prices else None,
            seconds=sum(each.seconds for each in exchanges), exchanges=tuple(each.digest for each in exchanges),
        )
        return Revision(
            number=number, parent=parent.number if parent else None, trial=trial, said=said, lineage=lineage,
            environment=None if source is None else Environment(source=self.tribunal.finished(source), author=author),
        )

    def _answer(self, asked: Prompt, base: str | None) -> tuple[str | None, Trial, str]:
        """The file in the reply to a prompt about another file, if any, how it did, and what was said beside it."""
        reply = self.correspondence.ask(asked)
        try:
            source = code(reply, base)
        except NoCode as missing:
            return None, Trial(problem=str(missing)), words(reply)
        return source, self.tribunal.run(source), words(reply)
