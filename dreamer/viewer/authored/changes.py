"""The page of what differs between two environments, line by line."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

from markupsafe import Markup, escape

from dreamer.records import Authored
from dreamer.store import Store
from dreamer.viewer.authored.source import as_lines, highlighted
from dreamer.viewer.difference import marked
from dreamer.viewer.site import Place, Site
from envgen.author import Environment

CONTEXT = 3  # lines around what differs
ALIKE = 0.5  # from which on two lines are one line that was changed

Lines = tuple[list[str], list[Markup]]  # as they are, and highlighted


@dataclass(frozen=True)
class Pair:
    """A line of each, side by side.

    Attributes:
        old, new: the numbers of the lines, from 1; None where there is none.
        same: whether both say the same.
    """

    old: int | None
    new: int | None
    before: Markup
    after: Markup
    same: bool


@dataclass(frozen=True)
class Hunk:
    """Lines in a row, with what differs among them.

    Attributes:
        passed: lines before it that are the same and left out.
    """

    passed: int
    pairs: list[Pair]


def changes(site: Site, place: Place, store: Store, now: Environment, then: Environment) -> str:
    """The page of what differs in an environment from another one."""
    found, left = hunks(then.source, now.source)
    authored = store.load("author", Authored)
    gone_or_come = [pair for hunk in found for pair in hunk.pairs if not pair.same]
    return site.render(
        place, "changes.html.jinja", title=f"{then.digest[:8]} → {now.digest[:8]}", now=now, then=then, hunks=found,
        left=left, removed=sum(pair.old is not None for pair in gone_or_come),
        added=sum(pair.new is not None for pair in gone_or_come), drafts=authored.candidates if authored else ())


def hunks(then: str, now: str) -> tuple[list[Hunk], int]:
    """What differs between two sources, and how many lines follow that are the same."""
    old, new = _lines(then), _lines(now)
    found, done = [], 0
    for group in SequenceMatcher(None, old[0], new[0]).get_grouped_opcodes(CONTEXT):
        pairs = [pair for tag, first, last, from_, to in group
                 for pair in _pairs(old, new, range(first, last), range(from_, to), tag == "equal")]
        found.append(Hunk(group[0][1] - done, pairs))
        done = group[-1][2]
    return found, len(old[0]) - done


def _lines(source: str) -> Lines:
    return as_lines(source), highlighted(source)


def _pairs(old: Lines, new: Lines, gone: range, come: range, same: bool) -> Iterator[Pair]:
    for one, other in zip_longest(gone, come):
        before = Markup("") if one is None else old[1][one]
        after = Markup("") if other is None else new[1][other]
        if not same and one is not None and other is not None:
            before, after = _words(old[0][one], new[0][other])
        yield Pair(None if one is None else one + 1, None if other is None else other + 1, before, after, same)


def _words(before: str, after: str) -> tuple[Markup, Markup]:
    """Two lines, with the words marked in which they differ; unmarked where they have little in common."""
    if SequenceMatcher(None, before, after, autojunk=False).quick_ratio() < ALIKE:
        return escape(before), escape(after)
    return marked(before, after)
