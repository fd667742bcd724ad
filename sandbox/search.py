"""Guided search: the scripts of draws that give one logged answer, where all scripts are too many to run.

Draws mostly show one by one in the text. A *sweep* therefore decides them one after another, each later draw falling
as a fixed noise says meanwhile, and keeps the beginnings whose text comes nearest to the logged one: the best, evenly
among equals, and a part by probability alone, for a draw that shows late or nowhere looks like every other. Scripts
that agree are then varied (a *flood*), one draw or the order of two, which finds what the text does not tell. Sweeps
get wider until one has found nothing new, or three nothing at all. A tree that a few probes say is small is run whole
instead.

Every run is one leaf of the tree, and each leaf is counted once, so the sum over those that agree is a lower bound of
the answer's probability, and exact where the search says that it was exhaustive. What it did not meet may be estimated
by sampling (`estimate.py`); the search then ends early, for it need but know where the scripts lie that agree.

Left out of the bound: hidden orders written out by hand, of which a budget's worth is found (`decks.py` has the
others); sums of more draws than the budget enumerates, where no draw shows by itself.
"""

import heapq
import math
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sandbox.chance import Generator
from sandbox.copies import Copy
from sandbox.estimate import Estimate
from sandbox.guided import NOTHING, Guided
from sandbox.likeness import NOWHERE, VIEWS, Likeness, Nearness
from sandbox.trial import Gathered, Trial

PROBES = 8
VISITS = 8  # draws of agreeing leaves looked at, for every run of the budget; few of them need a run
FIRST_WIDTH = 4
SWAPS = 16  # orders of two draws tried in one place before it may be given up
SELDOM = 8  # a kind of variation of which fewer than one in so many agree is put off
RARELY = 64  # and given up
GAIN = 1.002  # a sweep that adds less to the mass has found nothing


class Leaf:
    """One run: what was chosen of how many, and how near its answer came."""

    __slots__ = ("addresses", "agrees", "choices", "near", "probability", "trail", "widths")

    def __init__(self, script: Guided, near: Nearness, agrees: bool) -> None:
        self.choices, self.widths, self.trail = script.choices, script.widths, script.trail
        self.addresses = script.addresses
        self.probability = script.probability
        self.near = near
        self.agrees = agrees

    def decided(self, depth: int) -> float:
        """The probability of the choices up to and with that at `depth`."""
        return self.trail[depth + 1] if depth + 1 < len(self.trail) else self.probability


class Search:
    """Looks for one answer of one trial.

    Args:
        trial: the step or reset.
        target: the answer.
        budget: most runs.
        width: beginnings that a sweep keeps at most.
        most: outcomes to keep copies of.
        samples: runs by which to estimate what the search has not met; 0 for a lower bound.
        seed: of the samples.

    Attributes:
        gathered: the outcomes that agree.
        runs: made so far.
        error: standard error of the probability; 0 for a lower bound.
        undetermined: runs among them whose chance no script decides.
    """

    def __init__(self, trial: Trial, target: Likeness, budget: int, width: int, most: int, samples: int = 0,
                 seed: int = 0) -> None:  # fmt: skip
        self._trial = trial
        self._target = target
        self._budget = budget
        self._width = width
        self._samples = samples
        self._seed = seed
        self._script = Guided(Generator(0))
        self._ran: set[bytes] = set()
        self._met = 0.0  # probability of all leaves run
        self._nearest = NOWHERE
        self._open: list[tuple[float, int, Leaf]] = []  # leaves that agree and have not been varied
        self._agreeing: list[tuple[float, int, Leaf]] = []
        self._seldom = SELDOM
        self._tried: dict[tuple[str, int], int] = {}
        self._held: dict[tuple[str, int], int] = {}
        self._visits = 0
        self.gathered = Gathered(most)
        self.runs = 0
        self.undetermined = 0
        self.error = 0.0

    def report(self, keep: Callable[[Sequence[Copy | None]], list[int | None]]) -> list[Any]:
        outcomes = self.gathered.outcomes(iter(keep(self.gathered.forks())))
        if self.gathered.total > 1.0:  # an estimate may be
            for outcome in outcomes:
                outcome[0] /= self.gathered.total
        return [outcomes, min(self.gathered.total, 1.0), self._whole(), self.runs, self.undetermined, self.error]

    def work(self) -> Iterator[None]:
        """Yields between runs."""
        yield from self._scripts()
        if self._samples and not self._whole() and self.undetermined < self.runs:
            met = [(leaf.addresses, leaf.choices, leaf.probability) for _, _, leaf in self._agreeing]
            estimate = Estimate(self._trial, self._target, self._script, met, self._ran, self._samples, self._seed,
                                self.gathered)  # fmt: skip
            yield from estimate.work()
            self.error = estimate.error
            self.runs += estimate.runs
            self.undetermined += estimate.undetermined

    def _scripts(self) -> Iterator[None]:
        """Follows scripts one by one, within the budget."""
        sizes = []
        for _ in range(min(PROBES, self._budget)):
            leaf = self._run(())
            sizes.append(math.inf if leaf is None else math.prod(leaf.widths))
            self._script.renew()
            yield
        small = min(self._samples or self._budget, self._budget - self.runs)
        if math.fsum(sizes) / PROBES <= small:
            yield from self._everything(self.runs + small)
        width, idle = min(FIRST_WIDTH, self._width), 0
        while self._spare() and not self._whole() and idle < (1 if self.gathered.total else 3):
            if self._samples and self.gathered.total:
                return
            before, nearest, runs = self.gathered.total, self._nearest, self.runs
            self._script.renew()
            yield from self._sweep(width)
            if self._samples and self.gathered.total:
                self._budget = min(self._budget, self.runs + self._samples // 4)
            yield from self._flood()
            better = self.gathered.total > before * GAIN or self._nearest != nearest
            idle = 0 if better else idle + 1
            if runs == self.runs:
                break
            width = min(4 * width, self._width)
        self._seldom, self._open = RARELY, sorted(self._agreeing)
        self._tried, self._held = {}, {}
        yield from self._flood()

    def _whole(self) -> bool:
        """Whether every leaf has been run."""
        return self._met > 1.0 - 1e-9

    def _spare(self) -> bool:
        return self.runs < self._budget

    def _run(self, plan: Sequence[int], first: bool = False, others: Mapping[int, int] = NOTHING) -> Leaf | None:
        """Follows a plan; None where no script decides its chance."""
        script = self._script
        script.plan(plan, first, others)
        self.runs += 1
        ended = self._trial.follow(script)
        if ended is None:
            self.undetermined += 1
            return None
        answer, fork = ended
        fault = isinstance(answer, dict)
        agrees = not fault and self._target.agrees(answer)
        leaf = Leaf(script, NOWHERE if fault else self._target.nearness(answer), agrees)
        self._nearest = max(self._nearest[0], leaf.near[0]), max(self._nearest[1], leaf.near[1])
        key = array("H", leaf.choices).tobytes()
        if key not in self._ran:
            self._ran.add(key)
            self._met += leaf.probability
            if agrees:
                self.gathered.add(leaf.probability, answer, fork)
                self._agreeing.append((-leaf.probability, self.runs, leaf))
                heapq.heappush(self._open, self._agreeing[-1])
        return leaf

    def _fresh(self, plan: Sequence[int]) -> bool:
        return array("H", plan).tobytes() not in self._ran

    def _everything(self, most: int) -> Iterator[None]:
        """Depth first, up to so many runs in all."""
        plan: list[int] = []
        while self.runs < most:
            leaf = self._run(plan, first=True)
            if leaf is None:
                return
            place = len(leaf.choices) - 1
            while place >= 0 and leaf.choices[place] + 1 == leaf.widths[place]:
                place -= 1
            if place < 0:
                return
            plan = [*leaf.choices[:place], leaf.choices[place] + 1]
            yield

    def _sweep(self, width: int) -> Iterator[None]:
        """Decides draw after draw, keeping the beginnings that come nearest."""
        first = self._run(())
        beam = [first] if first is not None and first.choices else []
        depth, allowed = 0, self.runs + max(1, (self._budget - self.runs) // 2)
        while beam and self.runs < allowed:
            found: list[Leaf] = []
            for leaf in beam:
                found.append(leaf)
                for way in range(leaf.widths[depth]):
                    plan = [*leaf.choices[:depth], way]
                    if way == leaf.choices[depth] or self.runs >= allowed:
                        continue
                    other = self._run(plan)
                    if other is not None:
                        found.append(other)
                    yield
            depth += 1
            found = [leaf for leaf in found if len(leaf.choices) > depth]
            if not found:
                return
            left = max(len(leaf.choices) - depth for leaf in found)
            cost = left * max(leaf.widths[depth] for leaf in found)
            beam = chosen(found, max(1, min(width, (allowed - self.runs) // cost)), depth - 1)

    def _flood(self) -> Iterator[None]:
        """Varies every leaf that agrees: one draw, or the order of two, where that often enough changes nothing."""
        while self._open and self._spare() and self._visits < VISITS * self._budget:
            leaf = heapq.heappop(self._open)[2]
            for depth, count in enumerate(leaf.widths):
                self._visits += 1
                yield
                address = leaf.addresses[depth]
                yield from self._vary(("swap", address), SWAPS, swapped(leaf.choices, leaf.widths, depth))
                others = dict(zip(leaf.addresses, leaf.choices, strict=True))
                for way in range(count):
                    if way != leaf.choices[depth]:
                        others[address] = way
                        plans = self._variations(leaf, depth, way)
                        yield from self._vary(("draw", address), 2 * count, plans, depth + 1, others)

    def _vary(self, kind: tuple[str, int], patience: int, plans: Iterator[list[int]], cut: int | None = None,
              others: Mapping[int, int] = NOTHING) -> Iterator[None]:  # fmt: skip
        """Follows plans until one agrees, unless more than `patience` variations of this kind seldom did.

        Of the first plan only the draws before the `cut` fall in order, the `others` by their addresses, for there may
        be more of them or fewer.
        """
        tried, held = self._tried.get(kind, 0), self._held.get(kind, 0)
        if tried > patience and held * self._seldom < tried:
            return
        for number, plan in enumerate(plans):
            if not self._fresh(plan) or not self._spare():
                return
            if number == 0:
                self._tried[kind] = tried + 1
            leaf = self._run(plan[:cut], others=others)
            cut, others = None, NOTHING
            yield
            if leaf is not None and leaf.agrees:
                self._held[kind] = held + 1
                return

    def _variations(self, leaf: Leaf, depth: int, way: int) -> Iterator[list[int]]:
        """Plans in which one draw falls otherwise and the later ones mean the same as before."""
        choices, widths = leaf.choices, leaf.widths
        plan = [*choices[:depth], way, *choices[depth + 1 :]]
        yield plan
        longer = len(self._script.choices) > len(choices)
        pops = depth + 1 < len(widths) and widths[depth + 1] == widths[depth] - 1
        if pops:
            # Draws from a list that shrinks: what stood behind the item taken has moved up.
            yield shifted(choices, widths, depth, way)
        if longer:
            yield [*choices[:depth], way, *choices[depth:]]


def swapped(choices: Sequence[int], widths: Sequence[int], depth: int) -> Iterator[list[int]]:
    """The plan in which a draw and the next take each other's items, if they are from the same."""
    if depth + 1 == len(choices) or not 0 <= widths[depth] - widths[depth + 1] <= 1:
        return
    one, other = choices[depth], choices[depth + 1]
    if widths[depth + 1] < widths[depth]:  # from a list that shrinks
        other += other >= one
        one -= one > other
    if other != choices[depth]:
        yield [*choices[:depth], other, one, *choices[depth + 2 :]]


def shifted(choices: Sequence[int], widths: Sequence[int], depth: int, way: int) -> list[int]:
    """Places in a list from which `way` is taken instead, such that later draws take the items that they took."""
    old, new = choices[depth], way
    out = [*choices[:depth], way]
    for place in range(depth + 1, len(choices)):
        choice = choices[place]
        if widths[place] != widths[place - 1] - 1:
            return [*out, *choices[place:]]
        # `old` is back in the list, `new` is gone: compare in the list that has both.
        item = choice + (choice >= old)
        if item == new:  # gone, and its place is taken by the item that is back: from here on the lists are equal
            return [*out, old - (old > new), *choices[place + 1 :]]
        out.append(item - (item > new))
        old, new = old - (item < old), new - (item < new)
    return out


def chosen(leaves: list[Leaf], count: int, depth: int) -> list[Leaf]:
    """Three parts of four by nearness, evenly among equals; the rest by the probability of their beginnings."""
    left, out = leaves, list[Leaf]()
    for view in range(VIEWS):
        room = max(1, 3 * count // (4 * VIEWS))
        if len(left) <= room:
            return out + left
        ranked = sorted(left, key=lambda leaf: -leaf.near[view])
        edge = ranked[room].near[view]
        best = [leaf for leaf in ranked if leaf.near[view] > edge]
        best += spread([leaf for leaf in ranked if leaf.near[view] == edge], room - len(best), depth)
        taken = set(map(id, best))
        out += best
        left = [leaf for leaf in left if id(leaf) not in taken]
    return out + spread(left, max(0, count - len(out)), depth)


def spread(leaves: list[Leaf], count: int, depth: int) -> list[Leaf]:
    """A systematic sample, in proportion to the probability of what has been decided."""
    if len(leaves) <= count:
        return leaves
    total = math.fsum(leaf.decided(depth) for leaf in leaves)
    if count == 0 or total == 0.0:
        return leaves[:count]
    out: list[Leaf] = []
    reached, step = 0.0, total / count
    following = step / 2
    for leaf in leaves:
        reached += leaf.decided(depth)
        if reached > following:
            out.append(leaf)
            following += step * max(1, math.ceil((reached - following) / step))
    return out
