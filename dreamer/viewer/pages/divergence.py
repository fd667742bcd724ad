"""Where the dream is wrong: a real session and the dream given the same actions, step by step, side by side."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from dreamer.records import Authored, Judged, Validated
from dreamer.store import Store
from dreamer.terminal import plain
from dreamer.viewer.authored.cases import Case, by_kind, cases
from dreamer.viewer.authored.dreamt import Dreamt, Step, dreamt
from dreamer.viewer.difference import cut, marked, parting, spread
from dreamer.viewer.played import real
from dreamer.viewer.site import NotThere, Place, Site, environment_of
from dreamer.viewer.words import tail

NEAR = 2  # steps that are shown before and after one that differs; the rest of those that are not wrong are folded
REPLAYED = 2000  # turns of a session, or as many as lead past a counter-example
SHOWN = 200  # steps of a session on one page
WRONG = "Where the dream is wrong"  # the title
LINKED = 12  # sessions that are offered where nothing differs


@dataclass(frozen=True)
class Group:
    """Steps in a row.

    Attributes:
        folded: nothing in them or near them is wrong.
    """

    steps: Sequence[Step]
    folded: bool = False


@dataclass(frozen=True)
class Look:
    """What is looked at.

    Attributes:
        title: of the page; None where it is called by its session.
        part, number: the session.
        validated: what the held-out sessions say of environments, if anyone asked them.
        case: the counter-example that is looked at, if any.
    """

    title: str | None
    path: str
    digest: str
    part: str
    number: int
    validated: Validated | None
    case: Case | None = None

    @property
    def judged(self) -> Judged | None:
        """What they say of this one."""
        return self.validated.of(self.digest) if self.validated else None

    @cached_property
    def cases(self) -> list[Case]:
        """Of the environment; none where nobody judged it, or it got nothing wrong."""
        return cases(self.judged)


def divergence(site: Site, place: Place, run: str, night: int, digest: str, number: int = 0) -> str:
    """A counter-example; where there is none, the first held-out session."""
    store = site.store(run, night)
    environment_of(store, digest)
    look = Look(WRONG, f"{run}/{store.folder.name}", digest, "held_out", 0, store.load("validate", Validated))
    if not look.cases:
        if not real.count(store, "held_out"):
            return site.render(place, "trouble.html.jinja", title=WRONG,
                               words="This night has kept no real sessions to compare the dream with.")
        return _page(site, place, store, look)
    if number >= len(look.cases):
        raise NotThere(f"there is no counter-example {number}; they are numbered from 0 to {len(look.cases) - 1}")
    case = look.cases[number]
    line = real.number_of(store, "held_out", case.mismatch.session)
    if line is None:
        raise NotThere(f"session {case.mismatch.session!r}, which counter-example {number} is of, is no longer among "
                       "the held-out sessions")
    return _page(site, place, store, replace(look, number=line, case=case))


def beside(site: Site, place: Place, run: str, night: int, digest: str, part: str, number: int) -> str:
    """Any real session beside the dream."""
    store = site.store(run, night)
    look = Look(None, f"{run}/{store.folder.name}", digest, part, number, store.load("validate", Validated))
    return _page(site, place, store, look)


def _page(site: Site, place: Place, store: Store, look: Look) -> str:
    turns = max(REPLAYED, look.case.mismatch.turn + SHOWN if look.case else 0)
    told = dreamt(site, look.path.partition("/")[0], store.night, look.digest, look.part, look.number, turns)
    focus = look.case.mismatch.turn if look.case else told.first
    first = max(0, (focus or 1) - 1 - SHOWN // 2)
    shown = told.steps[first : first + SHOWN]
    opened = set(_opened(told.steps, focus))
    author = environment_of(store, look.digest).author
    return site.render(
        place, "divergence.html.jinja", look=look,
        title=look.title or f"{tail(plain(told.session.id))} and the dream", told=told, author=author,
        focus=next((step for step in told.steps if step.number == focus), None),
        opened=opened, groups=list(_groups(shown, opened)), spread=spread,
        shown=shown, kinds=by_kind(look.cases), others=_others(store, look), counts=_counts(told),
        parts={part: count for part in real.PARTS if (count := real.count(store, part))}, linked=LINKED,
        marked=marked, parting=parting, cut=cut)


def _others(store: Store, look: Look) -> list[str]:
    """The other environments that were judged, and else those that were written."""
    authored = None if look.validated else store.load("author", Authored)
    known = look.validated.judged if look.validated else authored.candidates if authored else ()
    return [each.environment for each in known if each.environment != look.digest]


def _counts(told: Dreamt) -> Mapping[str, int]:
    """Steps of a session, and those whose answer the dream gives or thinks possible."""
    return {"all": len(told.steps), "right": sum(step.status in ("alike", "possible") for step in told.steps)}


def _opened(steps: Sequence[Step], focus: int | None) -> Iterator[int]:
    """The numbers of the steps that differ; of those at which the dream is lost, the first one."""
    lost = next((step.number for step in steps if step.status == "lost"), None)
    return (step.number for step in steps if step.wrong and (step.status != "lost" or step.number in (lost, focus)))


def _groups(steps: Sequence[Step], opened: Container[int]) -> Iterator[Group]:
    """Steps that differ and those near them one by one, others folded."""
    begin = 0
    while begin < len(steps):
        if steps[begin].number in opened:
            yield Group(steps[begin : begin + 1])
            begin += 1
            continue
        end = next((place for place in range(begin, len(steps)) if steps[place].number in opened), len(steps))
        head = begin + NEAR if begin else begin
        tail = end - NEAR if end < len(steps) else end
        if (begin == 0 and end == len(steps)) or tail - head <= NEAR:
            yield Group(steps[begin:end])
        else:
            if head > begin:
                yield Group(steps[begin:head])
            yield Group(steps[head:tail], folded=True)
            if tail < end:
                yield Group(steps[tail:end])
        begin = end
