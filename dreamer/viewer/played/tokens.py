"""What is known of each token that a policy emitted in a rehearsed episode: in numbers, and in shades of a colour."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from math import exp, isfinite
from pathlib import Path

from pyarrow import ArrowException
from tokenizers import Tokenizer

from dreamer.files import StoreError
from dreamer.records import Base
from dreamer.store import DIGEST, Store
from dreamer.viewer.words import number
from rollout.episode import Learnt, Tokens
from rollout.trajectory import Trajectory

SHADES = 10
MOST = 3000  # tokens on a page


@dataclass(frozen=True)
class Measure:
    """Something that is measured of a token.

    Attributes:
        words: what it is.
        full: the least value that has the darkest shade; more where a token has more.
        signed: whether its sign says something.
    """

    name: str
    words: str
    full: float
    signed: bool = False


MEASURES = (  # the first that is known is shown at first
    Measure("advantage", "advantage", 1.0, signed=True),
    Measure("kl", "KL that the update made, nats", 0.1),
    Measure("entropy", "entropy after the update, nats", 1.0),
    Measure("logprob", "log-probability when emitted, nats", 2.0),
    Measure("reward", "reward of its turn", 1.0, signed=True),
)


@dataclass(frozen=True)
class Cell:
    """One number of a token."""

    name: str
    text: str
    shade: int
    below: bool


@dataclass(frozen=True)
class Token:
    """One token."""

    text: str
    cells: list[Cell]


@dataclass(frozen=True)
class Measured:
    """The tokens of an episode.

    Attributes:
        turns: tokens by the number of their turn, from 1.
        measures: what is known of them.
        notes: what is not, and why.
        full: what has the darkest shade, by measure.
    """

    turns: dict[int, list[Token]] = field(default_factory=dict)
    measures: list[Measure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    full: dict[str, float] = field(default_factory=dict)


def measured(store: Store, part: str, session: Trajectory, first: int, rewards: Sequence[float | None]) -> Measured:
    """The tokens of an episode.

    Args:
        part: where it is.
        session: with the turns that are shown.
        first: the number of the first of them, from 0.
        rewards: of all its turns.
    """
    try:
        pieces = store.load_pieces(part, session.id)
        learnt = store.load_learnt(part).get(session.id, [])
    except (OSError, ArrowException) as error:
        return Measured(notes=[f"The files of its tokens cannot be read: {error}."])
    if not pieces:
        return Measured()
    runs = [run for piece in pieces for run in _own(piece)]
    if len(runs) != len(rewards):
        return Measured(notes=[f"Its tokens make {len(runs):,} turns, not {len(rewards):,}: they are not shown."])
    values = _values(runs, rewards, learnt)
    notes = [*_notes(learnt, bool(values["advantage"]))]
    known = [measure for measure in MEASURES if any(value is not None for value in values[measure.name])]
    full = {each.name: max(each.full, *(abs(value) for value in values[each.name]
                                        if value is not None and isfinite(value))) for each in known}
    tokenizer = None
    try:
        tokenizer = _decoder(store, session)
        if tokenizer is None:
            notes.append("The tokenizer is not in the run folder, so tokens are shown as their numbers.")
    except Exception as error:  # the library raises nothing more special
        notes.append(f"The tokenizer cannot be read ({error}), so tokens are shown as their numbers.")
    turns: dict[int, list[Token]] = {}
    at = sum(len(run) for run in runs[:first])
    shown = 0
    for turn, run in enumerate(runs[first:first + len(session.turns)], start=first + 1):
        if shown + len(run) > MOST:
            notes.append(f"A page shows {MOST:,} tokens; those from turn {turn} on are left out.")
            break
        turns[turn] = [
            Token(_seen(tokenizer, id), [_cell(each, values[each.name][at + place], full[each.name]) for each in known])
            for place, (id, _) in enumerate(run)]
        at, shown = at + len(run), shown + len(run)
    return Measured(turns, known, notes, full)


def _own(piece: Tokens) -> Iterator[list[tuple[int, float]]]:
    """The policy's own tokens, turn by turn, with their log-probabilities."""
    columns = zip(piece.completion, piece.mask, piece.logprobs, strict=True)
    for own, run in groupby(columns, key=lambda each: each[1]):
        if own:
            yield [(id, logprob) for id, _, logprob in run]


def _values(runs: list[list[tuple[int, float]]], rewards: Sequence[float | None], learnt: list[Learnt]
            ) -> dict[str, Sequence[float | None]]:
    """What is known of each token, in their order; nothing at all where it was not measured."""
    before = [logprob for run in runs for _, logprob in run]
    values: dict[str, Sequence[float | None]] = {
        "logprob": before, "reward": [reward for run, reward in zip(runs, rewards, strict=True) for _ in run],
        "advantage": [], "kl": [], "entropy": [],
    }
    after = [value for piece in learnt for value in piece.logprobs]
    if len(after) == len(before):
        values["kl"] = [_k3(new - old) for new, old in zip(after, before, strict=True)]
        values["entropy"] = [value for piece in learnt for value in piece.entropies]
        values["advantage"] = [value for piece in learnt for value in piece.advantages or ()]
    return {name: column if len(column) == len(before) else [] for name, column in values.items()}


def _k3(difference: float) -> float:
    """An estimate of KL that is never below zero (Schulman 2020, "Approximating KL Divergence")."""
    return exp(min(difference, 50.0)) - 1 - difference


def _notes(learnt: list[Learnt], advantage: bool) -> Iterator[str]:
    if not learnt:
        yield ("Advantage, KL and entropy were not measured for this episode: they are kept for the first episodes of "
               "a round that something was learnt from.")
    elif not advantage:
        yield "There is no advantage in the way that this night learns."


def _cell(measure: Measure, value: float | None, full: float) -> Cell:
    if value is None:
        return Cell(measure.name, "–", 0, False)
    if not isfinite(value):
        return Cell(measure.name, str(value), 0, False)
    text = f"{value:+.2f}" if measure.signed and value else number(value, 3 if measure.name == "kl" else 2)
    return Cell(measure.name, text, min(SHADES - 1, int(SHADES * abs(value) / full)), measure.signed and value < 0)


def _decoder(store: Store, session: Trajectory) -> Tokenizer | None:
    """The tokenizer of the policy that acted, or of the one that the night began with: they have the same."""
    digests = [session.policy]
    try:
        base = store.load("clone", Base)
        digests.append(base.policy if base else None)
    except StoreError:
        pass
    paths = [store.policy(digest) / "tokenizer.json" for digest in digests if digest and DIGEST.fullmatch(digest)]
    return next((_tokenizer(path) for path in paths if path.exists()), None)


@lru_cache(maxsize=4)
def _tokenizer(path: Path) -> Tokenizer:
    return Tokenizer.from_file(str(path))


def _seen(tokenizer: Tokenizer | None, id: int) -> str:
    """A token in which white space can be seen."""
    if tokenizer is None:
        return f"#{id}"
    text = tokenizer.decode([id], skip_special_tokens=False) or tokenizer.id_to_token(id) or f"#{id}"
    return text.translate({10: "⏎", 9: "⇥"} if text.strip() else {10: "⏎", 9: "⇥", 32: "␣"})
