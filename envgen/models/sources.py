"""What to show of the sessions: the most telling first, within a number of tokens; what is left out is counted.

A few whole sessions (the best, the worst, the longest, then those with most that was not yet seen), what each action
led to on each text where these come again and again, one step of each other kind, the forms of texts with the values
of their fields, how sessions begin, and what was never observed. What all sessions begin with stands once.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import TypeVar

from envgen.forms import Form
from envgen.miner import mine
from envgen.models.facts import described, facts, family, legal_actions, others
from envgen.models.material import LONGEST, Material, Session, Shown, Situation, Step
from envgen.models.model import CHARACTERS
from envgen.patterns import Patterns, usual_reward
from envgen.split import By
from envgen.steps import steps, texts
from envgen.transitions import shape
from rollout.trajectory import Trajectory, Turn
from templates.quoting import Written, literal

WHOLE = 6  # sessions shown, at most; with several tasks, as many as have news
OPENINGS = 15  # first texts, at most, where nearly all sessions have another
INTRODUCTION = 60  # characters from which on a common beginning is told once
OFTEN = 3  # times that the same action came on the same text, on average, from which on all of them are listed,
TABLE = 300  # if they are no more than these
LONG = 120  # characters of a text that is told once, under a name, where it would be told
AGAIN = 3  # times or more
MARKS = 12  # characters around a text in a prompt, about

Item = TypeVar("Item")


class Sources:
    """All that could be shown of sessions, ready to choose from.

    Args:
        sessions: those that the author may see.
        patterns: of the same sessions.
        by: what tells the sessions that judge from these.
        transitions: also what actions led to; else the actions and the openings only.
    """

    def __init__(self, sessions: Sequence[Trajectory], patterns: Patterns, by: By, transitions: bool = True):
        self.sessions, self.patterns, self.transitions = sessions, patterns, transitions
        self.usual = usual_reward(sessions)
        self.introduction = _introduction(sessions)
        self.system = next((session.system.text for session in sessions if session.system), "")
        self.tools = [str(tool) for tool in next((session.tools for session in sessions if session.tools), ())]
        openings = mine((session.observation.text.removeprefix(self.introduction), None) for session in sessions)
        self.opening_forms = [shown for shown in map(_shown, openings.forms) if shown.fields]
        said = {text for session in sessions for text in texts(session)[: None if transitions else 1]}
        acted = {turn.action.text for session in sessions for turn in session.turns}
        self.characters = "".join(sorted({sign for text in said | acted for sign in text}))
        self.longest = max(map(len, said | acted))
        self.several = len({session.task for session in sessions}) > 1
        self.actions, self.observations = list(patterns.actions.forms), list(patterns.observations.forms)
        if patterns.calls:  # of what people say to each other, nothing is compared
            called = {form for session in sessions for turn in session.turns if turn.action.calls
                      for form in shape(patterns.observations, turn.answer or "")}
            self.actions = [form for form in self.actions if form.kind == "call"]
            self.observations = [form for form in self.observations if form.id in called and form.template != "<1>"]
        self.facts = [others(by), legal_actions(sessions)]
        if transitions:
            self.facts = [*facts(sessions, patterns, self.usual), *self.facts]
            self.situations = [] if patterns.calls else _situations(sessions, patterns, self.usual)
            self.kinds = _calls(sessions, patterns) if patterns.calls else _kinds(sessions, patterns, self.usual)
            self.news = self.several and not patterns.calls  # each task has texts of its own
            self.features = {session.id: _features(session, patterns, self.news) for session in sessions}

    def gather(self, budget: int) -> Material:
        """Choose.

        Args:
            budget: tokens that the chosen may have together.
        """
        room, patterns = _Room(budget), self.patterns
        tools = room.take("tools", self.tools, 0.2, len)
        varied = 2 * patterns.distinct_openings > patterns.sessions
        openings = room.take("openings", [(each.value, each.count) for each in patterns.openings]
                             [: OPENINGS if varied else None], 0.05 if patterns.calls else 0.25,
                             lambda each: len(each[0].removeprefix(self.introduction)))
        room.left_out["openings"] = patterns.distinct_openings - len(openings)
        material = Material(
            family=family(patterns), facts=self.facts, introduction=self.introduction, characters=self.characters,
            longest=self.longest, tools=tools, system="", openings=openings,
            opening_forms=room.take("opening_forms", self.opening_forms, 0.15, _size),
            actions=room.take("actions", list(map(_shown, self.actions)), 0.15, _size), observations=[],
            sessions=[], situations=[], steps=[], absences=[], left_out=room.left_out, names={},
        )
        if not self.transitions:
            return material
        system = self.system[: int(0.15 * room.characters)]
        room.characters -= len(system)
        observations = room.take("observations", [shown for shown in map(_shown, self.observations)
                                                  if shown.template not in self.introduction], 0.15, _size)
        situations = room.take("situations", self.situations, 0.4, _size)
        whole = self._whole(room)
        known: set[tuple[str | None, str]] = {(each.before, action) for each in situations for action, _ in each.led}
        known |= {(step.before, step.action) for session in whole for step in session.steps}
        rare = room.take("steps", [step for step in self.kinds if (step.before, step.action) not in known], 0.85, _size)
        # Which actions were tried on which text, the situations tell.
        absent = [f"{each.what} (of {each.of:,})" for each in patterns.never_observed if each.kind != "pair"]
        material = material._replace(
            system=system, observations=observations, situations=situations, sessions=whole, steps=rare,
            absences=room.take("absences", absent, 1.0, len),
        )
        again = [text for text, count in Counter(material.all_told()).items() if count >= AGAIN and len(text) >= LONG]
        return material._replace(names={text: Written(f"TEXT_{number}") for number, text in enumerate(again, start=1)})

    def _whole(self, room: "_Room") -> list[Session]:
        """The best, the worst and the longest session, then those with most that was not yet shown for their length."""
        size = {session.id: _size([(turn.action.text, turn.answer or "") for turn in session.turns])
                for session in self.sessions}
        allowed = 0.6 * room.characters
        chosen, seen = list[Session](), set[object]()
        waiting = {session.id: session for session in self.sessions}

        def add(session: Trajectory, turns: int) -> None:
            nonlocal allowed
            del waiting[session.id]
            seen.update(self.features[session.id])
            chosen.append(_session(session, len(chosen) + 1, turns, self.usual, self.several))
            allowed -= size[session.id]
            room.characters -= size[session.id]

        for session in self._extremes(size, allowed):
            if session.id in waiting and size[session.id] <= allowed:
                add(session, len(session.turns))
        while waiting and (self.news or len(chosen) < WHOLE):
            best = max(waiting.values(), key=lambda each: len(self.features[each.id] - seen) / (1 + size[each.id]))
            if not self.features[best.id] - seen or size[best.id] > allowed:
                break
            add(best, len(best.turns))
        if not chosen:  # none fits: the begin of the shortest
            shortest, turns, needed = min(self.sessions, key=lambda each: size[each.id]), 0, 0
            while turns < len(shortest.turns) and needed < allowed:
                needed += _size((shortest.turns[turns].action.text, shortest.turns[turns].answer or ""))
                turns += 1
            add(shortest, turns)
        room.left_out["sessions"] = len(waiting)
        return chosen

    def _extremes(self, size: dict[str, int], allowed: float) -> list[Trajectory]:
        """The shortest of the best, the most various of the worst, the longest that fits."""
        ended = [session for session in self.sessions if session.turns[-1].terminated] or self.sessions
        outcome = {session.id: session.outcome or 0.0 for session in ended}
        fitting = [session for session in self.sessions if size[session.id] <= allowed] or self.sessions
        return [min(ended, key=lambda each: (-outcome[each.id], size[each.id])),
                min(ended, key=lambda each: (outcome[each.id], -len(self.features[each.id]), size[each.id])),
                max(fitting, key=lambda each: len(each.turns))]


class _Room:
    """Characters that are left; `left_out` counts what found no room."""

    def __init__(self, tokens: int):
        self.characters = float(CHARACTERS * tokens)
        self.left_out: dict[str, int] = {}

    def take(self, name: str, items: Sequence[Item], share: float, size: Callable[[Item], int]) -> list[Item]:
        """The items, in their order, for which a share of what is left has room."""
        allowed, taken = share * self.characters, list[Item]()
        for item in items:
            if (needs := MARKS + size(item)) <= allowed:
                allowed -= needs
                self.characters -= needs
                taken.append(item)
        self.left_out[name] = len(items) - len(taken)
        return taken


def _size(item: object) -> int:
    """Characters of everything in an item, and of what stands around it."""
    if isinstance(item, str):
        return MARKS + len(item) + 5 * item.count("\n") + item.count('"')
    return sum(map(_size, item)) if isinstance(item, Iterable) else 2


def _shown(form: Form) -> Shown:
    return Shown(form.template[:LONGEST], form.count, described(form))


def _introduction(sessions: Sequence[Trajectory]) -> str:
    """The paragraphs, or else the lines, that all sessions begin with, if these say much."""
    first = {session.observation.text for session in sessions}
    low, high = min(first), max(first)  # what these have in common, all have
    common = next((at for at, (one, other) in enumerate(zip(low, high, strict=False)) if one != other), len(low))
    ends = [common] if len(first) == 1 else [low.rfind(mark, 0, common) + len(mark) for mark in ("\n\n", "\n")]
    return next((low[:end] for end in ends if end >= INTRODUCTION), "")


def note(turn: Turn, usual: float) -> Written:
    said = [] if turn.reward in (None, usual) else [f"reward {turn.reward!r}"]
    said += ["END"] if turn.terminated else ["CUT"] if turn.truncated else []
    said += ["the answer was not logged"] if turn.answer is None else []
    return Written(f"   [{', '.join(said)}]" if said else "")


def step_of(session: Trajectory, number: int, usual: float, count: int = 1) -> Step:
    turn, before = session.turns[number], texts(session)[number]
    return Step(session.turns[number - 1].action.text if number else None, before, turn.action.text,
                None if turn.answer == before else turn.answer or "", note(turn, usual), count)


def _situations(sessions: Sequence[Trajectory], patterns: Patterns, usual: float) -> list[Situation]:
    """What each action led to on each text, the commonest text first: all of it where that is little and came again and
    again; else, where there is chance, what was answered in several ways."""
    led: defaultdict[tuple[str | None, str], defaultdict[str, Counter[tuple[str | None, Written]]]]
    led = defaultdict(lambda: defaultdict(Counter))
    for session in sessions:
        for before, turn, text in steps(session):
            led[session.task, before][turn.action.text][None if text == before else text, note(turn, usual)] += 1
    pairs = sum(map(len, led.values()))
    everything = pairs <= TABLE and patterns.turns >= OFTEN * pairs
    if not (everything or patterns.chance):
        return []
    found = []
    for (_, before), actions in led.items():
        told = [(action, [Step(None, None, action, *answer, count) for answer, count in answers.most_common()])
                for action, answers in actions.items() if everything or len(answers) > 1]
        if told:
            found.append((sum(step.times for _, answers in told for step in answers), Situation(before, told)))
    return [situation for _, situation in sorted(found, key=lambda each: -each[0])]


def _session(session: Trajectory, number: int, turns: int, usual: float, several: bool) -> Session:
    outcome = "unknown" if session.outcome is None else repr(session.outcome)
    task = f", task {literal(session.task[:LONG])}" if several and session.task else ""
    title = Written(f"Session {number}: {len(session.turns):,} turns, outcome {outcome}{task}")
    return Session(title, session.observation.text, [step_of(session, turn, usual) for turn in range(turns)],
                   len(session.turns) - turns)


def _features(session: Trajectory, patterns: Patterns, news: bool) -> set[object]:
    """Kinds of its steps: forms of the action and of the answer, reward, end; and its texts, where these are news."""
    kinds: set[object] = {
        (shape(patterns.actions, turn.action.text), shape(patterns.observations, text), text == before, turn.reward,
         turn.terminated) for before, turn, text in steps(session) if turn.action.calls or not patterns.calls}
    return kinds | ({(session.task, text) for text in texts(session)} if news else set())


def _calls(sessions: Sequence[Trajectory], patterns: Patterns) -> list[Step]:
    """Different calls with their answers: the commonest of each tool and form of answer, then the second of each, …"""
    counts: defaultdict[object, Counter[tuple[str, str]]] = defaultdict(Counter)
    for session in sessions:
        for _, turn, text in steps(session):
            if turn.action.calls:
                names = tuple(call.name for call in turn.action.calls)
                counts[names, shape(patterns.observations, text)][turn.action.text, text] += 1
    ordered = sorted(counts.values(), key=lambda calls: -calls.total())
    steps_of = [[Step(None, None, action, text, Written(""), times) for (action, text), times in calls.most_common()]
                for calls in ordered]
    return [step for turn in zip_longest(*steps_of) for step in turn if step is not None]


def _kinds(sessions: Sequence[Trajectory], patterns: Patterns, usual: float) -> list[Step]:
    """One step of each kind: events and ends first, then new messages, then the commonest."""
    by_id = {session.id: session for session in sessions}
    told, rest, messages, signs = list[Step](), list[Step](), set[object](), set[str]()
    for kind in sorted(patterns.transitions,
                       key=lambda kind: (not kind.end and kind.reward in (None, usual), -kind.count)):
        place = kind.examples[0]
        if place.turn is None:
            continue
        step = step_of(by_id[place.session], place.turn, usual, kind.count)
        message = step.note, step.answer is None, shape(patterns.observations, step.answer or "")
        (rest if message in messages and signs.issuperset(step.answer or "") else told).append(step)
        messages.add(message)
        signs.update(step.answer or "")
    return told + rest
