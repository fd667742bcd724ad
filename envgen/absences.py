"""What no session shows. An author who knows it can mark it as a guess; one who does not will invent it unawares.

Every statement is checked against all steps of the sessions, so that nothing that was observed is ever listed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from envgen.forms import Forms
from envgen.steps import Place, place, steps, texts
from envgen.tasks import succeeds
from envgen.transitions import shape
from rollout.sessions import answers, may_be_failure
from rollout.trajectory import Record, Trajectory

PAIRS = 2000  # different (observation, action) pairs up to which those never tried are looked for
LISTED = 50  # statements of one kind
OFTEN = 3  # times an action was tried, from which on what never followed is worth saying
SPAN = 50  # of an integer field, up to which its missing values are listed


class Absence(Record):
    """One thing that was never observed.

    Attributes:
        kind: of thing.
        what: in words.
        of: how many observations could have shown it.
        example: where one of these stands, if it helps.
    """

    kind: Literal["outcome", "end", "reward", "tool", "action", "failure", "standstill", "effect", "pair", "value"]
    what: str
    of: int
    example: Place | None = None


def absences(
    sessions: Sequence[Trajectory], actions: Forms, observations: Forms, success: float | None, ends_inferred: int
) -> tuple[Absence, ...]:
    """Everything of these kinds that no session shows."""
    found = [
        *_outcomes(sessions, success), *([] if ends_inferred else _ends(sessions)), *_rewards(sessions),
        *_unused(sessions), *_failures(sessions), *_effects(sessions, actions), *_pairs(sessions),
        *_missing(actions, "action"), *_missing(observations, "observation"),
    ]
    counts: Counter[str] = Counter()
    kept = []
    for absence in found:
        counts[absence.kind] += 1
        if counts[absence.kind] <= LISTED:
            kept.append(absence)
    kept += [Absence(kind=kind, what=f"{count - LISTED} more of this kind", of=count)
             for kind, count in counts.items() if count > LISTED]
    return tuple(kept)


def _outcomes(sessions: Sequence[Trajectory], success: float | None) -> Iterator[Absence]:
    known = [session.outcome for session in sessions if session.outcome is not None]
    bound = "above 0" if success is None else f"of at least {success:g}"
    if not known:
        yield Absence(kind="outcome", what="an outcome: no session says how well it went", of=len(sessions))
    elif not any(succeeds(outcome, success) for outcome in known):
        yield Absence(kind="outcome", what=f"a success, an outcome {bound}", of=len(known))
    elif all(succeeds(outcome, success) for outcome in known):
        yield Absence(kind="outcome", what=f"a failure, an outcome not {bound}", of=len(known))


def _ends(sessions: Sequence[Trajectory]) -> Iterator[Absence]:
    """Only where the logs say how every session ended; what is inferred is no observation."""
    last = [session.turns[-1] for session in sessions]
    if not any(turn.terminated for turn in last):
        yield Absence(kind="end", what="an end of the world", of=len(last))
    if not any(turn.truncated for turn in last):
        yield Absence(kind="end", what="a session cut off from outside", of=len(last))


def _rewards(sessions: Sequence[Trajectory]) -> Iterator[Absence]:
    rewards = [turn.reward for session in sessions for turn in session.turns if turn.reward is not None]
    if not rewards:
        yield Absence(kind="reward", what="a reward: the logs have none", of=sum(len(each.turns) for each in sessions))
        return
    if not any(reward > 0 for reward in rewards):
        yield Absence(kind="reward", what="a reward above zero", of=len(rewards))
    if not any(reward < 0 for reward in rewards):
        yield Absence(kind="reward", what="a reward below zero", of=len(rewards))


def _unused(sessions: Sequence[Trajectory]) -> Iterator[Absence]:
    """Tools that were offered and legal actions that were listed, but that nobody took."""
    offered = Counter(name for session in sessions for tool in session.tools or () if (name := _name(tool)))
    called = {call.name for session in sessions for turn in session.turns for call in turn.action.calls}
    for name, count in sorted(offered.items()):
        if name not in called:
            yield Absence(kind="tool", what=f"a call of {name}", of=count)
    legal = Counter(action for session in sessions for turn in session.turns for action in turn.actions or ())
    said = {turn.action.text for session in sessions for turn in session.turns}
    for action, count in sorted(legal.items()):
        if action not in said:
            yield Absence(kind="action", what=f"the action {action!r}, which was legal", of=count)


def _name(tool: Any) -> str | None:
    """The name in a tool's definition, in OpenAI's or Anthropic's shape."""
    inner = tool.get("function", tool) if isinstance(tool, dict) else {}
    name = inner.get("name") if isinstance(inner, dict) else None
    return name if isinstance(name, str) else None


def _failures(sessions: Sequence[Trajectory]) -> Iterator[Absence]:
    """Tools of which no answer can be read as a failure."""
    called: Counter[str] = Counter()
    doubtful: set[str] = set()
    for session in sessions:
        for turn in session.turns:
            for call, message in answers(turn):
                if message is not None:
                    called[call.name] += 1
                    if may_be_failure(message):
                        doubtful.add(call.name)
    for name, count in called.most_common():
        if name not in doubtful:
            yield Absence(kind="failure", what=f"an answer to {name} that says it failed", of=count)


def _effects(sessions: Sequence[Trajectory], actions: Forms) -> Iterator[Absence]:
    """Forms of actions that never left what is seen as it was, or never changed it.

    Where no answer ever repeats the observation before it, as with a clock in every text, that is all there is to say.
    """
    tried: Counter[int] = Counter()
    stood: set[int] = set()
    moved: set[int] = set()
    known: dict[str, set[int]] = {}
    for session in sessions:
        for before, turn, after in steps(session):
            if turn.action.calls:
                continue
            said = turn.action.text
            if said not in known:
                known[said] = {form for form in shape(actions, said) if form is not None}
            for form in known[said]:
                tried[form] += 1
                (stood if before == after else moved).add(form)
    if tried and not stood:
        yield Absence(kind="standstill", what="an answer that repeats the observation before it", of=tried.total())
    for form, count in tried.most_common():
        if count < OFTEN:
            continue
        template = actions.forms[form].template
        if stood and form not in stood:
            yield Absence(kind="standstill", what=f"`{template}` answered by what stood there before", of=count)
        if form not in moved:
            yield Absence(kind="effect", what=f"`{template}` changing what is observed", of=count)


def _pairs(sessions: Sequence[Trajectory]) -> Iterator[Absence]:
    """Actions never tried on an observation that someone acted on, where there are few enough to list."""
    tried: defaultdict[str, Counter[str]] = defaultdict(Counter)
    first: dict[str, Place] = {}
    said: set[str] = set()
    for session in sessions:
        for number, (before, turn) in enumerate(zip(texts(session), session.turns, strict=False)):
            tried[before][turn.action.text] += 1
            said.add(turn.action.text)
            first.setdefault(before, place(session, number))
    pairs, known = len(tried) * len(said), sum(map(len, tried.values()))
    if pairs > PAIRS:
        if known < pairs:
            what = f"{pairs - known:,} of {len(tried):,} × {len(said):,} (observation, action) pairs"
            yield Absence(kind="pair", what=what, of=sum(map(Counter.total, tried.values())))
        return
    for before, counts in tried.items():
        for action in sorted(said - counts.keys()):
            yield Absence(kind="pair", what=f"the action {_short(action)} on {_short(before)}", of=counts.total(),
                          example=first[before])


def _missing(forms: Forms, of: str) -> Iterator[Absence]:
    """Integers between the smallest and the largest of a field that it never had."""
    for form in forms.forms:
        for field in form.fields:
            if field.kind != "integer" or field.low is None or field.high is None or field.distinct > len(field.values):
                continue
            seen = {int(value.replace(",", "")) for value in field.values}
            low, high = min(seen), max(seen)
            absent = set(range(low, high + 1)) - seen if high - low <= SPAN else set()
            if 0 < len(absent) < len(seen):  # a gap in a range that is otherwise full
                what = f"{', '.join(map(str, sorted(absent)))} as <{field.name}> of the {of} `{form.template}`"
                yield Absence(kind="value", what=what, of=form.count)


def _short(text: str, longest: int = 1000) -> str:
    return repr(text if len(text) <= longest else f"{text[:longest]}…")
