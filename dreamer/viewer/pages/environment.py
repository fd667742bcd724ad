"""The page of an environment: its code with what real sessions vouch for, how well it tells them, and its making."""

from dreamer.files import StoreError
from dreamer.records import Authored, Validated
from dreamer.store import Store
from dreamer.viewer.authored.cases import by_kind, cases
from dreamer.viewer.authored.changes import changes
from dreamer.viewer.authored.ensemble import Disagreement, disagreement
from dreamer.viewer.authored.fidelity import groups
from dreamer.viewer.authored.letters import letters
from dreamer.viewer.authored.revisions import tree
from dreamer.viewer.authored.source import lines, told
from dreamer.viewer.site import Place, Site, environment_of


def environment(site: Site, place: Place, run: str, night: int, digest: str) -> str:
    """The page of an environment; with `from` in the query, what differs from another one."""
    store = site.store(run, night)
    other = place.query.get("from")
    if other:
        return changes(site, place, store, environment_of(store, digest), environment_of(store, other))
    shown = environment_of(store, digest)
    authored, validated = store.load("author", Authored), store.load("validate", Validated)
    candidate = next((each for each in authored.candidates if each.environment == digest), None) if authored else None
    judged = validated.of(digest) if validated else None
    support = judged.support if judged else None
    return site.render(
        place, "environment.html.jinja", title=f"Environment {digest[:8]}", shown=shown, candidate=candidate,
        judged=judged, lines=lines(shown.source, support), told=told(shown.source, support) if support else None,
        figures=groups(judged.report, store.configuration.gate) if judged and judged.report else {},
        wrong=by_kind(cases(judged)), members=validated.members if validated else (),
        revisions=tree(store, authored, validated) if authored else [],
        drafts=authored.candidates if authored else (),
        letters=letters(store, shown.lineage.exchanges) if shown.lineage else [],
        disagreement=_disagreement(store, validated))


def two_environments(site: Site, place: Place, run: str, night: int, digest: str, other: str) -> str:
    """The page of what differs between an environment and another one."""
    store = site.store(run, night)
    return changes(site, place, store, environment_of(store, digest), environment_of(store, other))


def _disagreement(store: Store, validated: Validated | None) -> Disagreement | None:
    """Where the members disagree, if there are several and their patterns can be read."""
    if validated is None or len(validated.members) < 2:
        return None
    try:
        return disagreement(store, store.load_patterns())
    except StoreError:
        return None
