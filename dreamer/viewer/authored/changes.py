"""The page of what differs between two environments, line by line."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

from markupsafe import Markup

from dreamer.records import Authored
from dreamer.store import Store
from dreamer.viewer.authored.source import as_lines, highlighted
from dreamer.viewer.difference import alike, apart, marked
from dreamer.viewer.site import Place, Site
from envgen.author import Environment

CONTEXT = 3  # lines around what differs
ALIKE = 0.5  # from which on two lines are one line that was changed
LINES = 20_000_000  # lines, times those that one side alone has; beyond it lines are compared where they stand
WORDS = 200_000_000  # words between which two lines part, to the third power, summed over lines whose words are marked

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
    pairs = _Pairs(_lines(then), _lines(now))
    found, done = [], 0
    for group in pairs.compared().get_grouped_opcodes(CONTEXT):
        found.append(Hunk(group[0][1] - done, [
            pair for tag, first, last, from_, to in group
            for pair in pairs.between(range(first, last), range(from_, to), tag == "equal")]))
        done = group[-1][2]
    return found, len(pairs.old[0]) - done


def _lines(source: str) -> Lines:
    return as_lines(source), highlighted(source)


class _Pairs:
    """Lines of two sources, compared in bounded time."""

    def __init__(self, old: Lines, new: Lines) -> None:
        self.old, self.new = old, new
        self._left = WORDS

    def compared(self) -> SequenceMatcher[str]:
        """Which lines are the same. Takes as long as there are lines, for each of those that one side alone has."""
        old, new = self.old[0], self.new[0]
        count, other = Counter(old), Counter(new)
        if ((count - other).total() + (other - count).total()) * max(len(old), len(new)) > LINES:
            first = alike(old, new)
            last = alike(old[first:][::-1], new[first:][::-1])
            old, new = ([*each[:first], *[nothing] * (len(each) - first - last), *each[len(each) - last :]]
                        for each, nothing in ((old, "\n−"), (new, "\n+")))  # no line holds what ends lines
        return SequenceMatcher(None, old, new)

    def between(self, gone: range, come: range, same: bool) -> Iterator[Pair]:
        """Lines side by side; of those that are not the same words are marked."""
        for one, other in zip_longest(gone, come):
            before = Markup("") if one is None else self.old[1][one]
            after = Markup("") if other is None else self.new[1][other]
            here = same
            if not same and one is not None and other is not None:
                here = self.old[0][one] == self.new[0][other]
                if not here:
                    before, after = self._words(self.old[0][one], self.new[0][other]) or (before, after)
            yield Pair(None if one is None else one + 1, None if other is None else other + 1, before, after, here)

    def _words(self, before: str, after: str) -> tuple[Markup, Markup] | None:
        """Two lines, with the words marked in which they differ; None with little in common, or where it takes long."""
        if SequenceMatcher(None, before, after, autojunk=False).quick_ratio() < ALIKE:
            return None
        cost = (apart(before, after) + 20) ** 3
        if cost > self._left:
            return None
        self._left -= cost
        return marked(before, after)
