"""The page of what the shown sessions have in common, and of what none of them shows."""

from collections.abc import Iterator

from dreamer.overview import change_of, fields_of, template_of
from dreamer.viewer.played.places import Places
from dreamer.viewer.site import NotThere, Place, Site
from envgen import steps
from envgen.patterns import Patterns
from rollout.trajectory import Pointer


def patterns(site: Site, place: Place, run: str, night: int) -> str:
    """The page of the patterns of a night's shown sessions."""
    store = site.store(run, night)
    if not (store.folder / "patterns.json").exists():
        raise NotThere("no patterns were found yet: the stage read of this night is not done")
    found = store.load_patterns()
    most = 1 if site.static else None  # a copy would hold the page of every example
    return site.render(
        place, "patterns.html.jinja", title="Patterns", patterns=found,
        places=Places(store, _places(found), _lines(found)), most=most, fields_of=fields_of, change_of=change_of,
        template_of=template_of)


def _places(found: Patterns) -> Iterator[steps.Place]:
    """All examples that name their session."""
    for group in (found.tasks, found.openings, found.outcomes, found.rewards, found.ends, found.transitions):
        for each in group:
            yield from each.examples
    yield from (absence.example for absence in found.never_observed if absence.example)


def _lines(found: Patterns) -> Iterator[Pointer]:
    """All examples that name a line of a log."""
    for forms in (found.actions, found.observations):
        for form in forms.forms:
            yield from form.examples
