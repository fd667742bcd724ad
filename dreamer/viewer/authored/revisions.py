"""The drafts of a night as a tree: what was revised into what, and what that cost."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from dreamer.files import StoreError
from dreamer.records import Authored, Candidate, Judged, Validated
from dreamer.store import Store
from envgen.author import Environment


@dataclass(frozen=True)
class Revision:
    """A draft.

    Attributes:
        environment: None where its file cannot be read.
        judged: None where it was not judged on held-out sessions.
        children: what was made of it, best first.
    """

    candidate: Candidate
    environment: Environment | None
    judged: Judged | None
    children: list["Revision"] = field(default_factory=list)

    @property
    def parent(self) -> str | None:
        """The digest of what it revises; None for a first draft."""
        lineage = self.environment.lineage if self.environment else None
        return lineage.parent if lineage else None


def tree(store: Store, authored: Authored, validated: Validated | None) -> list[Revision]:
    """The first drafts, best first, each with its revisions."""
    drafts = [Revision(each, _environment(store, each.environment),
                       validated.of(each.environment) if validated else None) for each in authored.candidates]
    return _grown(drafts)


def _grown(drafts: Sequence[Revision]) -> list[Revision]:
    by_parent: defaultdict[str, list[Revision]] = defaultdict(list)
    known, roots = {draft.candidate.environment for draft in drafts}, []
    for draft in drafts:
        if draft.parent in known and draft.parent is not None:
            by_parent[draft.parent].append(draft)
        else:
            roots.append(draft)
    for draft in drafts:
        draft.children.extend(by_parent[draft.candidate.environment])
    return roots


def _environment(store: Store, digest: str) -> Environment | None:
    try:
        return store.load_environment(digest)
    except StoreError:
        return None
