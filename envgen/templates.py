"""Templates of sentences by minimum description length.

A template explains a set of lines: it pays for its literal tokens once, for every slot, and for every different value
of a slot. The proposal that saves the most bits a line is taken, over and over, on lines first and then on templates.
Two lines that differ in two places at once therefore stay two lines until values recur. What a template fits never
changes, so proposals are kept, and reckoned again only when one of their lines has changed its template.

Left out: slots that may be empty, and repetitions inside a line (a list of things is one slot). Of more lines than
`SAMPLE`, those that share no promising template with another are looked at once.
"""

import heapq
import math
from collections import Counter
from collections.abc import Sequence

from envgen.index import Index
from envgen.proposals import propose
from envgen.tokens import (
    JOINT,
    SLOT,
    SUBJECTS,
    Rows,
    Tokens,
    bits,
    framed,
    is_letter,
    phrases,
    specificity,
    spelling,
    torn,
)

TEMPLATE_BITS, SLOT_BITS, VALUE_BITS, KNOWN_BITS, NOVEL_BITS = 8.0, 10.0, 6.0, 3.0, 9.0
LENGTH_BITS, TORN_BITS = 2.0, 24.0
MANY = 8  # values, after which another one is no surprise
ROUNDS = 20
SAMPLE = 2000  # templates from which the first round proposes
FITTED = 500_000  # lines that a round holds against templates
LETTERS = 26
DOUBTFUL = 16  # templates that another asks for one by one


class Cluster:
    """A template, the values of its slots for each of its lines, and what both cost."""

    def __init__(self, template: Tokens, rows: Rows, cost: float):
        self.template, self.rows, self.cost = template, rows, cost


class Templates:
    """Lines (masked, distinct, sorted) and the templates that explain them.

    Attributes:
        found: the templates, the most specific first.
    """

    def __init__(self, lines: Sequence[Tokens]):
        self.index = Index(lines)
        self.fitted = 0  # lines held against templates
        self.owner = [Cluster(line, {n: ()}, TEMPLATE_BITS + sum(map(bits, line))) for n, line in enumerate(lines)]
        self.changed = [0] * len(lines)  # when a line last changed its owner
        self.clock = 0
        self.proposals: dict[Tokens, Rows] = {}
        self.saved: dict[Tokens, tuple[float, int]] = {}  # bits a line, and when that was reckoned
        self.refused: set[Tokens] = set()
        self.met: set[tuple[Tokens, Tokens]] = set()
        self.known: set[str] = set()
        pool = list(self.owner)
        for turn in range(ROUNDS):
            step = 1 if turn else -(-len(pool) // SAMPLE) or 1
            if not self._round([cluster.template for cluster in pool[::step]]) and step == 1:
                break
            pool = list(dict.fromkeys(self.owner))
            columns = [set(column) for cluster in pool for column in zip(*cluster.rows.values(), strict=True)]
            self._learn({phrase for column in columns if len(column) > 2 for value in column
                         for phrase in phrases(value)}, pool)
            if turn and len(pool) > SAMPLE:  # who found no partner is not looked at again
                live = {number for rows in self.proposals.values() for number in rows}
                pool = [cluster for cluster in pool if not live.isdisjoint(cluster.rows)]
            pool.sort(key=lambda cluster: cluster.template)
        self.found = sorted((self._final(cluster) for cluster in dict.fromkeys(self.owner)), key=specificity)

    def _learn(self, known: set[str], clusters: Sequence[Cluster]) -> None:
        """Know other phrases than before; what they make cheaper or dearer is reckoned again."""
        news = known ^ self.known
        self.known = known
        self.clock += 1
        for cluster in clusters:
            if len(cluster.rows) > 1:
                cost = self._cost(cluster.template, cluster.rows)
                if cost != cluster.cost:
                    cluster.cost = cost
                    for number in cluster.rows:
                        self.changed[number] = self.clock
        for template, rows in self.proposals.items():
            if any(not news.isdisjoint(phrases(value)) for values in rows.values() for value in values):
                self.saved.pop(template, None)

    def _round(self, pool: Sequence[Tokens]) -> bool:
        """Take proposals while one saves bits; whether any was taken."""
        proposed = {template for template in propose(pool, self.met)
                    if template not in self.proposals and template not in self.refused}
        most = self.fitted + FITTED
        for template in sorted(proposed, key=specificity):
            if self.fitted < most:
                rows = self._match(template)
                if self._hopeless(template, rows):
                    self.refused.add(template)
                else:
                    self.proposals[template] = rows
        for template, rows in self.proposals.items():
            if template not in self.saved or self._is_stale(rows, self.saved[template][1]):
                self.saved[template] = self._saved(template, rows), self.clock
        queue = [(-saved, template, clock) for template, (saved, clock) in self.saved.items() if saved > 0]
        heapq.heapify(queue)
        taken = False
        while queue:
            _, template, scored = heapq.heappop(queue)
            rows = self.proposals[template]
            if self._is_stale(rows, scored):
                saved = self._saved(template, rows)
                self.saved[template] = saved, self.clock
                if saved > 0:
                    heapq.heappush(queue, (-saved, template, self.clock))
                continue
            self._take(template, rows)
            taken = True
        return taken

    def _is_stale(self, rows: Rows, clock: int) -> bool:
        return any(self.changed[number] > clock for number in rows)

    def _match(self, template: Tokens) -> Rows:
        """The values of the slots of every line that the template fits; none if they could not be worth it."""
        slots = sum(token[-1:] == SLOT for token in template)
        numbers = self.index.having(token for token in template if token[-1:] != SLOT) if slots else []
        if len(numbers) < 2 or framed(template) < 0.4 * slots * need(max(len(numbers), LETTERS)):
            return {}
        self.fitted += len(numbers)
        return self.index.fits(template, numbers)

    def _hopeless(self, template: Tokens, rows: Rows) -> bool:
        """Whether the template fits too few lines, or says too little for a slot even if all values were known."""
        if len(rows) < 2 or (template[1:2] and template[1][-1] == SLOT and template[0].lower() in SUBJECTS):
            return True
        columns = [set(column) for column in zip(*rows.values(), strict=True)]
        return framed(template) < max(0.4 * sum(map(wanted, columns)), max(map(least, columns)))

    def _cost(self, template: Tokens, rows: Rows, most: float = math.inf) -> float:
        """Bits of a template and of the choices that tell its lines apart; infinite where the frame says too little.

        What costs `most` or more need not be reckoned to the end: it may cost as much as infinitely many.
        """
        cost = TEMPLATE_BITS + sum(map(bits, template))
        frame = framed(template)
        if template[1:2] and template[1][-1] == SLOT and template[0].lower() in SUBJECTS:
            return math.inf
        columns = [set(column) for column in zip(*rows.values(), strict=True)]
        if frame < 0.4 * sum(map(wanted, columns)):
            return math.inf
        if cost + sum(SLOT_BITS + KNOWN_BITS * len(values) for values in columns) >= most:
            return math.inf
        needed = highest = 0.0
        choices = -len(rows) * math.log2(len(rows))
        for place, values in enumerate(columns):
            leads = place == 0 and template[0][-1:] == SLOT
            if _optional(values):
                return math.inf
            fresh = [value for value in values if not self._knows(value)]
            demand = wanted(values) * (0.4 + 0.6 * len(fresh) / len(values))
            needed, highest = needed + demand, max(highest, demand, least(values))
            if frame < max(highest, needed):
                return math.inf
            spelt = [spelling(value) for value in fresh]
            words = set[str]().union(*(word for _, _, word in spelt))
            listed = SLOT_BITS + VALUE_BITS * min(len(fresh), MANY) + KNOWN_BITS * max(0, len(fresh) - MANY)
            length = sum(length for length, _, _ in spelt)
            listed += LENGTH_BITS * (length - len(fresh)) + NOVEL_BITS * max(0, len(words) - len(fresh))
            listed += sum(said for _, said, _ in spelt)
            if len(fresh) < len(values):
                listed += sum(KNOWN_BITS - 1.0 + len(phrases(value)) for value in values.difference(fresh))
            listed += TORN_BITS * sum(torn(value, leads) for value in values)
            cost += listed
            if cost >= most:
                return math.inf
            # a value is a choice from the list, or spelled out again where that is shorter
            choices += min(len(rows) * math.log2(len(values)), (len(rows) / len(values) - 1) * listed)
        return cost + max(0.0, choices)

    def _knows(self, value: str) -> bool:
        """Whether a value consists of phrases that other slots have, or is a letter."""
        found = phrases(value)
        return is_letter(value) or (bool(found) and self.known.issuperset(found))

    def _gather(self, template: Tokens, rows: Rows) -> tuple[Sequence[Cluster], Rows, float]:
        """The clusters that the template should take, their rows, and the bits it saves.

        It takes those that it fits as a whole; templates among them only if they are not better off alone.
        """
        sizes = Counter(self.owner[number] for number in rows)
        whole = [cluster for cluster, size in sizes.items() if size == len(cluster.rows)]
        if not whole or (len(whole) == 1 and whole[0].template == template):
            return whole, {}, 0.0
        best = self._picked(template, rows, whole)
        alone = [cluster for cluster in whole if len(cluster.rows) == 1]
        doubtful = sorted((cluster for cluster in whole if len(cluster.rows) > 1),
                          key=lambda cluster: specificity(cluster.template))
        while doubtful and len(alone) < 2:
            alone.append(doubtful.pop())  # the least specific first
        if doubtful:
            some = self._picked(template, rows, alone)
            for cluster in doubtful[:-1 - DOUBTFUL : -1]:
                more = self._picked(template, rows, [*some[0], cluster])
                some = more if more[2] > some[2] else some
            best = some if some[2] > best[2] else best
        return best

    def _picked(
        self, template: Tokens, rows: Rows, clusters: Sequence[Cluster]
    ) -> tuple[Sequence[Cluster], Rows, float]:
        now = sum(cluster.cost for cluster in clusters)
        if now <= TEMPLATE_BITS + sum(map(bits, template)):
            return clusters, {}, -math.inf
        picked = {number: rows[number] for cluster in clusters for number in cluster.rows}
        return clusters, picked, now - self._cost(template, picked, now)

    def _saved(self, template: Tokens, rows: Rows) -> float:
        """Bits a line that the template would save."""
        _, picked, saved = self._gather(template, rows)
        return saved / len(picked) if picked else 0.0

    def _take(self, template: Tokens, rows: Rows) -> None:
        _, rows, _ = self._gather(template, rows)
        cost = self._cost(template, rows)
        narrow, inner = self._narrowed(template, rows)
        if narrow != template and self._cost(narrow, inner) <= cost:
            template, rows, cost = narrow, inner, self._cost(narrow, inner)
        self.clock += 1
        cluster = Cluster(template, rows, cost)
        for number in rows:
            self.owner[number] = cluster
            self.changed[number] = self.clock

    def _final(self, cluster: Cluster) -> Tokens:
        """The template with the shared ends of its values as literals, unless that would tear lists."""
        template = cluster.template
        if len(cluster.rows) == 1:
            return template
        narrow, inner = self._narrowed(template, cluster.rows)
        longer = sum(map(bits, narrow)) - sum(map(bits, template))
        return narrow if self._cost(narrow, inner) <= self._cost(template, cluster.rows) + longer else template

    def _narrowed(self, template: Tokens, rows: Rows) -> tuple[Tokens, Rows]:
        """Tokens that all values of a slot begin or end with become literal."""
        columns = iter(list(zip(*rows.values(), strict=True)))
        narrow: list[str] = []
        for token in template:
            if token[-1:] != SLOT:
                narrow.append(token)
                continue
            values = [[token[:-1] + value.split(JOINT)[0], *value.split(JOINT)[1:]] for value in next(columns)]
            before: list[str] = []
            after: list[str] = []
            while min(map(len, values)) > 1 and len({value[0] for value in values}) == 1:
                before.append(values[0][0])
                values = [value[1:] for value in values]
            while min(map(len, values)) > 1 and len({value[-1] for value in values}) == 1:
                after.insert(0, values[0][-1])
                values = [value[:-1] for value in values]
            spaces = {value[0][: len(value[0]) - len(value[0].lstrip())] for value in values}
            narrow += [*before, spaces.pop() + SLOT, *after] if len(spaces) == 1 else [token]
        if tuple(narrow) == template:
            return template, rows
        matched = self._match(tuple(narrow))
        if not set(rows) <= set(matched):
            return template, rows
        return tuple(narrow), {number: matched[number] for number in rows}


def need(values: int) -> float:
    """Bits of words that a frame must have for a slot with so many values: the fewer values, the more frame."""
    if values <= 3:
        return 24.0 if values <= 2 else 12.0
    return min(7.0, max(4.0, 7.0 - 1.5 * (math.log2(values) - 3.0)))


def wanted(values: set[str]) -> float:
    """What a slot with these values needs; letters are as good as all of the alphabet."""
    return need(LETTERS if all(map(is_letter, values)) else len(values))


def least(values: set[str]) -> float:
    """What a frame must have for a slot with these values even if they are known."""
    return 0.0 if all(map(is_letter, values)) else min(7.0, need(len(values)))


def _optional(values: set[str]) -> bool:
    """Whether some value is nothing but the token that all others begin or end with: a slot that may be empty."""
    single = min(values, key=lambda value: (value.count(JOINT), value))
    return JOINT not in single and len(values) > 1 and (
        all(value.split(JOINT)[-1].strip() == single for value in values) or
        all(value.split(JOINT)[0] == single for value in values))
