"""What holds of all sessions of a world, in sentences for whoever writes it.

Words from logs stand in them as string literals (`templates.quoting`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal

from envgen.forms import Form
from envgen.patterns import Patterns
from envgen.split import By
from envgen.steps import steps, texts
from envgen.values import Field
from rollout.trajectory import Trajectory
from templates.quoting import Written, literal

Family = Literal["tools", "board", "fields", "prose"]

BOARDS = 0.2  # boards in a text, on average, from which on a world is a board
VALUES = 16  # of a field
WIDE = 80  # characters of a value


def family(patterns: Patterns) -> Family:
    """What sort of world sessions come from, by what their texts consist of."""
    if patterns.calls:
        return "tools"
    parts: Counter[str] = Counter()
    for form in patterns.observations.forms:
        numbers = form.kind == "text" and any(field.kind in ("integer", "number") for field in form.fields)
        parts["record" if form.kind in ("record", "call") or numbers else form.kind] += form.count
    if parts["board"] >= BOARDS * patterns.observations.texts:
        return "board"
    return "fields" if parts["record"] > parts.total() / 2 else "prose"


def facts(sessions: Sequence[Trajectory], patterns: Patterns, usual: float) -> Iterator[Written]:
    """Sentences on tasks, rewards, ends, chance, white space and comparison.

    Args:
        usual: the commonest reward.
    """
    yield Written(f"{patterns.sessions:,} sessions with {patterns.turns:,} turns, {patterns.longest:,} in the longest; "
                  f"{patterns.distinct_openings:,} different openings, {patterns.distinct_actions:,} different "
                  f"actions, {patterns.distinct_observations:,} different texts of the world.")
    if len({session.task for session in sessions}) > 1:
        yield Written(f"They come from {len(patterns.tasks):,} tasks, such as {_tasks(patterns)}. What holds in one "
                      "task, such as where something is, need not hold in another.")
    yield from _rewards(sessions, usual)
    yield from _ends(sessions, patterns)
    yield from _chance(sessions, patterns)
    yield from _white_space(sessions)
    yield from _comparison(patterns)


def others(by: By) -> Written:
    """How the sessions that judge differ from those that are shown."""
    return Written({
        "task": "The sessions that judge are of other tasks than all of these.",
        "start": "The sessions that judge begin otherwise than all of these.",
        "session": "The sessions that judge are others of the same kind.",
    }[by])


def legal_actions(sessions: Sequence[Trajectory]) -> Written:
    """Whether the logs list legal actions."""
    if any(turn.actions is not None for session in sessions for turn in session.turns):
        return Written('The logs list the legal actions after each turn: return them as info["actions"], a list.')
    return Written("The logs list no legal actions: return an empty info.")


def describe(field: Field) -> Written:
    """Kind, range and values of a field."""
    ranged = f", {field.low:g} to {field.high:g}" if field.low is not None and field.high is not None else ""
    values = sorted(field.values.items(), key=lambda item: (-item[1], len(item[0]), item[0]))[:VALUES]
    listed = ", ".join(f"{_short(value)} × {count:,}" for value, count in values)
    more = f", … ({field.distinct:,} different)" if field.distinct > len(values) else ""
    return Written(f"{field.kind}{ranged}: {listed}{more}")


def described(form: Form) -> list[tuple[str, Written]]:
    """The fields of a form, with what is known of them."""
    return [(field.name, describe(field)) for field in form.fields]


def _short(text: str) -> str:
    return literal(text) if len(text) <= WIDE else f"{literal(text[:WIDE])}…"


def _rewards(sessions: Sequence[Trajectory], usual: float) -> Iterator[Written]:
    counts = Counter(turn.reward for session in sessions for turn in session.turns)
    if set(counts) == {None}:
        yield Written("The logs state no rewards: return 0.0.")
        return
    listed = ", ".join(f"{value!r} × {count:,}" for value, count in counts.most_common(VALUES) if value is not None)
    more = f", … ({len(counts):,} different)" if len(counts) > VALUES else ""
    unstated = f"; {counts[None]:,} turns state none, and there it is not compared" if counts[None] else ""
    yield Written(f"Rewards of a turn: {listed}{more}{unstated}. Below, a reward of {usual!r} goes without saying.")


def _ends(sessions: Sequence[Trajectory], patterns: Patterns) -> Iterator[Written]:
    ended = [session for session in sessions if session.turns[-1].terminated]
    cut = [len(session.turns) for session in sessions if not session.turns[-1].terminated]
    yield Written(f"The world ended in {len(ended):,} sessions (END below: terminated=True)"
                  + (f"; {len(cut):,} stopped without an end of the world (CUT below), {_after(cut)}." if cut else "."))
    if patterns.ends_inferred:
        yield Written(f"Of {patterns.ends_inferred:,} sessions the log does not say whether the world ended; it was "
                      "inferred from texts after which no session went on.")


def _after(lengths: Sequence[int]) -> str:
    if len(set(lengths)) == 1:
        return f"all of them after {lengths[0]:,} turns"
    return f"after {min(lengths):,} to {max(lengths):,} turns"


def _tasks(patterns: Patterns) -> str:
    return ", ".join(_short(task.name) for task in patterns.tasks[:3])


def _chance(sessions: Sequence[Trajectory], patterns: Patterns) -> Iterator[Written]:
    if patterns.calls:
        yield Written("What people say is not compared. Where a tool was called again, see its answers.")
        return
    if patterns.chance:
        yield Written("There is chance: the same actions from the same opening on were answered differently.")
    else:
        yield Written("No chance was seen once a session had begun: the same actions from the same opening on were "
                      f"never answered differently. That rests on {_repeated(sessions):,} steps for which another "
                      "session had the same actions before.")
    answers: defaultdict[tuple[str | None, str, str], Counter[str]] = defaultdict(Counter)
    for session in sessions:
        for before, turn, text in steps(session):
            answers[session.task, before, turn.action.text][text] += 1
    repeated = [counts for counts in answers.values() if counts.total() > 1]
    if forks := sum(len(counts) > 1 for counts in repeated):
        yield Written(f"Where the same action came again on the same text (in the same task, if these are known), it "
                      f"was answered differently in {forks:,} of {len(repeated):,} cases: by chance, or because the "
                      "text does not say everything.")


def _repeated(sessions: Sequence[Trajectory]) -> int:
    """Steps that came in another session too, after the same actions from the same opening on."""
    histories: Counter[int] = Counter()
    for session in sessions:
        so_far = hash((session.task, session.observation.text))
        for turn in session.turns:
            so_far = hash((so_far, turn.action.text))
            histories[so_far] += 1
    return sum(count - 1 for count in histories.values())


def _white_space(sessions: Sequence[Trajectory]) -> Iterator[Written]:
    said = [text for session in sessions for text in texts(session)]
    endings = Counter(text[len(text.rstrip()):] for text in said)
    beginnings = Counter(text[: len(text) - len(text.lstrip())] for text in said if text.strip())
    for where, counts in (("end", endings), ("begin", beginnings)):
        if set(counts) <= {""}:
            yield Written(f"No text of the world {where}s in white space.")
        else:
            listed = ", ".join(f"{literal(space) if space else 'none'} × {count:,}"
                               for space, count in counts.most_common(6))
            yield Written(f"White space at the {where} of the world's texts: {listed}.")
    within = sum(any(line != line.rstrip() for line in text.split("\n")[:-1]) for text in said)
    if within:
        yield Written(f"{within:,} of {len(said):,} texts have lines within them that end in white space.")


def _comparison(patterns: Patterns) -> Iterator[Written]:
    if all(rule.mode == "exact" for rule in patterns.comparisons):
        yield Written("All texts are compared word for word.")
        return
    forms = patterns.observations.forms
    exact = ", ".join(literal(rule.of) for rule in patterns.comparisons if rule.mode == "exact")
    if exact:
        yield Written(f"Compared word for word: {exact}.")
    for rule in patterns.comparisons:
        if rule.mode == "exact":
            continue
        fields = ", ".join(f"{literal(name)} of {_short(forms[form].template)}" for form, name in rule.fields)
        how = {"tolerance": f"with a tolerance for {fields}", "template": f"in all but {fields}",
               "free": "not at all, for nobody can know them"}[rule.mode]
        yield Written(f"Compared {how}: {literal(rule.of)}.")  # with the name of a tool in it
