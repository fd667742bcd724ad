"""Where the dream is wrong: a real session and the dream given the same actions, step by step, side by side."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dreamer.records import Authored, Judged, Validated
from dreamer.store import Store
from dreamer.terminal import plain
from dreamer.viewer.authored.dreamt import Dreamt, Step, dreamt
from dreamer.viewer.difference import cut, marked, parting, spread
from dreamer.viewer.played import real
from dreamer.viewer.site import NotThere, Place, Site, environment_of
from dreamer.viewer.words import tail
from envgen.counterexamples import Counterexamples, Mismatch

NEAR = 2  # steps that are shown before and after one that differs; the rest of those that are not wrong are folded
REPLAYED = 2000  # turns of a session, or as many as lead past a counter-example
SHOWN = 200  # steps of a session on one page
WRONG = "Where the dream is wrong"  # the title
LINKED = 12  # sessions that are offered where nothing differs


@dataclass(frozen=True)
class Case:
    """A counter-example: one step of a held-out session that the dream got wrong.

    Attributes:
        number: over all kinds, from 0.
    """

    number: int
    kind: Counterexamples
    mismatch: Mismatch


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
        cases: of the environment; none where nobody judged it, or it got nothing wrong.
        case: the one that is looked at, if any.
    """

    title: str | None
    path: str
    digest: str
    part: str
    number: int
    cases: Sequence[Case]
    case: Case | None
    judged: Judged | None


def divergence(site: Site, place: Place, run: str, night: int, digest: str, number: int = 0) -> str:
    """A counter-example; where there is none, the first held-out session."""
    store = site.store(run, night)
    environment_of(store, digest)
    judged, path = _judged(store, digest), f"{run}/{store.folder.name}"
    cases = _cases(judged)
    if not cases:
        if not real.count(store, "held_out"):
            return site.render(place, "trouble.html.jinja", title=WRONG,
                               words="This night has kept no real sessions to compare the dream with.")
        return _page(site, place, store, Look(WRONG, path, digest, "held_out", 0, cases, None, judged))
    if number >= len(cases):
        raise NotThere(f"there is no counter-example {number}; they are numbered from 0 to {len(cases) - 1}")
    case = cases[number]
    line = real.number_of(store, "held_out", case.mismatch.session)
    if line is None:
        raise NotThere(f"session {case.mismatch.session!r}, which counter-example {number} is of, is no longer among "
                       "the held-out sessions")
    return _page(site, place, store, Look(WRONG, path, digest, "held_out", line, cases, case, judged))


def beside(site: Site, place: Place, run: str, night: int, digest: str, part: str, number: int) -> str:
    """Any real session beside the dream."""
    store = site.store(run, night)
    judged = _judged(store, digest)
    look = Look(None, f"{run}/{store.folder.name}", digest, part, number, _cases(judged),
                None, judged)
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
        shown=shown, kinds=_kinds(look.cases), others=_others(store, look.digest), counts=_counts(told),
        parts={part: count for part in real.PARTS if (count := real.count(store, part))}, linked=LINKED,
        marked=marked, parting=parting, cut=cut)


def _judged(store: Store, digest: str) -> Judged | None:
    """What the held-out sessions say of an environment, if anyone asked them."""
    validated = store.load("validate", Validated)
    return next((each for each in validated.judged if each.environment == digest), None) if validated else None


def _cases(judged: Judged | None) -> list[Case]:
    kinds = judged.report.counterexamples if judged and judged.report else ()
    pairs = [(kind, mismatch) for kind in kinds for mismatch in kind.examples]
    return [Case(number, kind, mismatch) for number, (kind, mismatch) in enumerate(pairs)]


def _kinds(cases: Sequence[Case]) -> list[tuple[Counterexamples, list[Case]]]:
    """The cases by their kinds."""
    found: list[tuple[Counterexamples, list[Case]]] = []
    for case in cases:
        if not found or found[-1][0] is not case.kind:
            found.append((case.kind, []))
        found[-1][1].append(case)
    return found


def _others(store: Store, digest: str) -> list[str]:
    """The other environments that were judged, and else those that were written."""
    validated, authored = store.load("validate", Validated), store.load("author", Authored)
    known = [each.environment for each in (validated.judged if validated else authored.candidates if authored else ())]
    return [each for each in known if each != digest]


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
