"""Acting by hand in a dream: each answer beside what real sessions saw when they did the same.

The address holds the start and all actions; they are replayed for every page, so that a link leads to the same moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from dreamer.files import StoreError
from dreamer.records import Validated
from dreamer.store import Store
from dreamer.viewer.authored.dreamt import limited
from dreamer.viewer.authored.excerpt import ran
from dreamer.viewer.difference import cut
from dreamer.viewer.played import real
from dreamer.viewer.played.real import Came, Past
from dreamer.viewer.site import NotThere, Place, Site, environment_of
from envgen.comparison import Comparer
from envgen.scored import Outcome, agrees
from sandbox import Answer, Element, EnvironmentFault, Episode, SandboxError, Script

MOST = 200  # actions
LONGEST = 16_000  # characters of an address
OFFERED = 12  # actions that are offered beyond what is legal or was done here
OPENINGS = 30  # that are offered


@dataclass(frozen=True)
class Deed:
    """One action and what came of it.

    Attributes:
        number: of the action, from 1.
        before: the text it was taken on.
        answer: of the dream; None where it broke.
        fault: how it broke.
        imagined: whether no session vouches for what ran; None where that is not known.
        lines: of the code that ran.
        came: what real sessions saw when they did this on this text.
        agrees: whether one of them saw what the dream answered; None where such answers are not compared.
    """

    number: int
    before: str
    action: str
    answer: Answer | None
    fault: str | None
    imagined: bool | None
    lines: Sequence[int]
    came: Sequence[Came]
    agrees: bool | None = None


@dataclass(frozen=True)
class Offer:
    """An action that a reader may want to take next.

    Attributes:
        here: how many times real sessions did it on this text.
        legal: whether the dream lists it as legal.
    """

    action: str
    here: int
    legal: bool


@dataclass(frozen=True)
class Game:
    """A game so far.

    Attributes:
        seed: of what the dream draws.
        start: which opening of a session it begins with, commonest first, from 0; None for a drawn one.
        first: the first text; None where there is none.
        over: no action can follow; in words why.
        trouble: why the dream could not be played, if so.
    """

    seed: int
    start: int | None
    actions: list[str]
    first: str | None = None
    deeds: Sequence[Deed] = ()
    over: str | None = None
    trouble: str | None = None
    legal: Sequence[str] = ()
    lines: Sequence[int] = field(default=())

    @property
    def text(self) -> str | None:
        """What is shown now."""
        answer = self.deeds[-1].answer if self.deeds else None
        return answer.observation if answer else self.first

    @property
    def reward(self) -> float:
        """The sum so far."""
        return sum(deed.answer.reward for deed in self.deeds if deed.answer)

    def query(self, actions: Sequence[str] | None = None, **changed: Any) -> dict[str, Any]:
        """An address with other actions, or another start."""
        query: dict[str, Any] = {"seed": self.seed} | ({} if self.start is None else {"start": self.start}) | changed
        return query | {"a": list(self.actions if actions is None else actions)}


def play(site: Site, place: Place, run: str, night: int, digest: str) -> str:
    """The page of a game."""
    store = site.store(run, night)
    written = environment_of(store, digest)
    facts: dict[str, Any] = {"title": "Play", "digest": digest, "author": written.author, "cut": cut}
    if site.static:
        return site.render(place, "play.html.jinja", game=None, **facts)
    past, comparer = real.past(store), store.comparer
    openings = [text for text, _ in past.openings.most_common(OPENINGS)]
    game = _game(site, store, digest, written.source, _begun(place, openings), openings, past, comparer)
    return site.render(place, "play.html.jinja", game=game, past=past, openings=openings,
                       offers=_offers(game, past), forms=_forms(store), most=MOST,
                       rules=comparer.described(), **facts)


def _begun(place: Place, openings: Sequence[str]) -> Game:
    """The start and the actions of an address.

    Raises:
        NotThere: it is none of a game.
    """
    seed, start = _number(place, "seed", 0), _number(place, "start", None)
    if start is not None and start >= len(openings):
        raise NotThere(f"there is no opening {start}; those of the sessions are numbered from 0 to {len(openings) - 1}")
    # Forms send line breaks as two characters.
    actions = [action.replace("\r\n", "\n") for action in place.values.get("a", []) if action]
    if len(actions) > MOST or len(urlencode({"a": actions}, doseq=True)) > LONGEST:
        raise NotThere(f"a game here has at most {MOST} actions, and {LONGEST:,} characters of them; begin another")
    return Game(seed or 0, start, actions)


def _number(place: Place, name: str, default: int | None) -> int | None:
    text = place.query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise NotThere(f"{name} is a whole number from 0 to 999999999, not {text[:40]!r}")
    return int(text)


def _game(site: Site, store: Store, digest: str, source: str, game: Game, openings: Sequence[str], past: Past,
          comparer: Comparer) -> Game:
    """The game replayed in the sandbox."""
    vouched = _vouched(store, digest)
    begin = openings[game.start] if game.start is not None else None
    try:
        with site.sandbox() as sandbox, sandbox.load(source, counting=True) as worker, limited(worker):
            if vouched is not None:
                worker.vouch(vouched)
            (episode,) = worker.episodes([Script(game.actions, game.seed, begin)])
            elements = worker.elements
    except SandboxError as error:
        return Game(game.seed, game.start, game.actions, trouble=str(error))
    return _played(source, game, episode, elements, vouched is not None, past, comparer)


def _vouched(store: Store, digest: str) -> Sequence[int] | None:
    """What of the code sessions vouch for; None where nobody counted."""
    try:
        validated = store.load("validate", Validated)
    except StoreError:
        return None
    judged = validated.of(digest) if validated else None
    return judged.vouched if judged and judged.support else None


def _played(source: str, game: Game, episode: Episode, elements: Sequence[Element], counted: bool, past: Past,
            comparer: Comparer) -> Game:
    """A game by its answers."""
    if not episode.answers:
        return Game(game.seed, game.start, game.actions, trouble=f"it cannot begin: {episode.fault}")

    def lines(answer: Answer) -> list[int]:
        return list(ran(source, [elements[number] for number in answer.support]))

    first, *answers = episode.answers
    deeds: list[Deed] = []
    for number, action in enumerate(game.actions, start=1):
        before = answers[number - 2].observation if number > 1 else first.observation
        if number <= len(answers):
            answer = answers[number - 1]
            imagined = bool(answer.info.get("imagined")) or (bool(answer.unvouched) if counted else None)
            came = past.came(before, action)
            deeds.append(Deed(number, before, action, answer, None, imagined, lines(answer), came,
                              _agrees(answer, came, comparer)))
            if answer.terminated or answer.truncated:
                break
        elif episode.fault is not None:
            deeds.append(_broken(number, before, action, episode.fault, past))
            break
    shown = deeds[-1].answer if deeds else first
    listed = shown.info.get("actions") if shown else None
    return Game(game.seed, game.start, [deed.action for deed in deeds], first.observation, deeds, _over(deeds),
                legal=list(map(str, listed)) if isinstance(listed, list) else [], lines=lines(first))


def _agrees(answer: Answer, came: Sequence[Came], comparer: Comparer) -> bool | None:
    """Whether an answer counts as one of those that came in real sessions, as the night compares them."""
    told = Outcome(1.0, answer.observation, answer.reward, answer.terminated, bool(answer.info.get("imagined")),
                   truncated=answer.truncated)
    compared = [each.turn for each in came if comparer.compared(each.turn)]
    return any(agrees(told, turn, comparer) for turn in compared) if compared else None


def _broken(number: int, before: str, action: str, fault: EnvironmentFault, past: Past) -> Deed:
    lines = [fault.line] if fault.line is not None else []
    return Deed(number, before, action, None, str(fault), None, lines, past.came(before, action))


def _over(deeds: Sequence[Deed]) -> str | None:
    """Why nothing can follow, if so."""
    if not deeds:
        return None
    last = deeds[-1].answer
    if last is None:
        return "The dream broke, and cannot go on."
    if last.info.get("imagined"):
        return "The dream does not know what follows, and cannot go on."
    if last.terminated:
        return "The game ended here."
    return "The dream stopped here, though the world did not end." if last.truncated else None


def _offers(game: Game, past: Past) -> list[Offer]:
    """Actions for buttons: what was done here, what is legal, and what is done most, in this order."""
    if game.over or game.text is None or len(game.actions) >= MOST:
        return []
    here = past.here(game.text)
    common = [action for action, _ in past.actions.most_common(OFFERED)]
    names = list(dict.fromkeys([*list(here)[:OFFERED], *game.legal[: 5 * OFFERED], *common]))
    return [Offer(name, here.get(name, 0), name in game.legal) for name in names if len(name) <= LONGEST // 4]


def _forms(store: Store) -> list[tuple[str, int]]:
    """The commonest forms of actions that have fields to fill in."""
    try:
        forms = store.load_patterns().actions.forms
    except StoreError:
        return []
    fields = sorted((form for form in forms if form.fields), key=lambda form: -form.count)
    return [(form.template, form.count) for form in fields[:OFFERED]]
