"""Where the fields of texts are: lines of tokens become templates with slots by minimum description length.

A line is a sequence of tokens; those that contain a digit are masked from the start. A template explains a set of
lines: it pays for its literal tokens once, for every slot, and for every different value of a slot. Templates are
proposed from lines that stand beside each other in several orders (aligned, so that a slot may span several tokens)
and from frames of frequent tokens; the proposal that saves the most bits a line is taken, over and over, on lines
first and then on templates. Two lines that differ in two places at once therefore stay two lines until values recur.

Left out: slots that may be empty, and repetitions inside a line (a list of things is one slot).
"""

import heapq
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Literal

from rollout.trajectory import Record

Kind = Literal["integer", "number", "time", "identifier", "choice", "text", "true or false", "nothing"]
NUMBER = re.compile(r"[-+]?\d[\d,]*(\.\d+)?([eE][-+]?\d+)?")
TIME = re.compile(r"\d{4}-\d\d-\d\d.*|\d{1,2}:\d\d.*")
KEPT = 1000  # different values a field remembers
CHOICES = 20  # a field with more values than this is no choice
JOINT = "\x1f"  # between the tokens of a line, so that regular expressions can match whole lines
SLOT, MASK = "\x01", "\x02"
TOKEN = re.compile(r"""\s*(?:
    https?://[^\s"'<>)\]]+ | [\w.+-]+@[\w-]+(?:\.[\w-]+)+
  | \d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?)?(?!\w) | \d{1,2}:\d\d(?::\d\d)?(?:\s?[AaPp][Mm]\b)?(?!\w)
  | (?<![\w)\].])[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\w,])
  | \d+(?:\.\d+){2,}(?!\w) | (?<![\w)\].])[-+]?\d+(?:\.\d+)?(?!\w)
  | \w+(?:['’-]\w+)* | [-=*\#~+<>|/\\]+ | .)""", re.VERBOSE | re.DOTALL)
# Words that hold sentences together: they say little about which sentence it is. Other languages pay full price.
FUNCTION = frozenset((
    "a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "can't", "cannot", "could", "did", "do",
    "does", "don't", "for", "from", "had", "has", "have", "he", "her", "his", "i", "if", "in", "into", "is",
    "isn't", "it", "it's", "its", "my", "no", "nor", "not", "of", "on", "onto", "or", "our", "out", "she", "so",
    "some", "than", "that", "the", "their", "them", "then", "there", "there's", "these", "they", "this", "those",
    "to", "too", "up", "us", "was", "we", "were", "will", "with", "would", "you", "you're", "your",
))
ARTICLES, LISTING, STOPS = frozenset(("a", "an", "some", "the")), frozenset(("and", "or", ",")), frozenset(",:;")
JOINING = ARTICLES | LISTING  # between the phrases of a list
LINKS = JOINING | frozenset((  # no phrase ends with these
    "are", "at", "for", "from", "has", "have", "in", "into", "is", "of", "on", "onto", "to", "was", "were", "with",
))
SUBJECTS = frozenset(("i", "you", "he", "she", "it", "we", "they"))  # what follows these says what happened: no field
CONTENT_BITS, FUNCTION_BITS, MASK_BITS, SIGN_BITS, STOP_BITS = 8.0, 3.0, 2.0, 4.0, 1.0
TEMPLATE_BITS, SLOT_BITS, VALUE_BITS, KNOWN_BITS, NOVEL_BITS = 8.0, 10.0, 6.0, 3.0, 9.0
LENGTH_BITS, TORN_BITS = 2.0, 24.0
MANY = 8  # values, after which another one is no surprise
LONGEST_VALUE = 30  # tokens
GAPS = (2.0, 12.0)  # more and shorter slots, or fewer and longer ones
ROUNDS = 20
ALIKE = 0.25  # share of bits that two templates have in common before they are aligned
LOOKED_AT = 2000  # templates from which a round proposes
BESIDE = 4  # how many followers in an order a line is aligned with

Tokens = tuple[str, ...]
Rows = dict[int, tuple[str, ...]]  # the values of its slots for each line


class Field(Record):
    """A place in a form where texts differ.

    Attributes:
        name: a number in a sentence, a key path in JSON.
        kind: what its values have in common; a choice is one of few values that recur.
        count: how many values were read.
        low, high: the range, where all values are numbers.
        values: a choice's values, or else the commonest ones, with counts.
        distinct: how many different values; a lower bound where there are more than `KEPT`.
    """

    name: str
    kind: Kind
    count: int
    low: float | None = None
    high: float | None = None
    values: dict[str, int]
    distinct: int


class Values:
    """Counts of what stood in one place, bounded."""

    def __init__(self) -> None:
        self.count = 0
        self.kinds: Counter[Kind] = Counter()
        self.seen: Counter[str] = Counter()
        self.low, self.high = math.inf, -math.inf

    def add(self, value: str, count: int = 1) -> None:
        self.count += count
        if value not in self.seen:
            kind = kind_of(value)
            self.kinds[kind] += 1
            if kind in ("integer", "number") and len(value) < 300:
                number = float(value.replace(",", ""))
                self.low, self.high = min(self.low, number), max(self.high, number)
            if len(self.seen) >= KEPT:
                return
        self.seen[value] += count

    def merge(self, other: "Values") -> None:
        self.count += other.count
        self.kinds += other.kinds
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        for value, count in sorted(other.seen.items()):
            if value in self.seen or len(self.seen) < KEPT:
                self.seen[value] += count

    def field(self, name: str, listed: int = 10) -> Field:
        """What was counted, as a record."""
        kinds = set(self.kinds)
        kind: Kind = "text"
        if len(kinds) == 1:
            kind = next(iter(kinds))
        elif kinds == {"integer", "number"}:
            kind = "number"
        if kind in ("text", "identifier") and len(self.seen) <= min(CHOICES, self.count / 2):
            kind = "choice"
        numeric = kind in ("integer", "number") and self.low <= self.high
        commonest = sorted(self.seen.items(), key=lambda item: (-item[1], item[0]))
        return Field(name=name, kind=kind, count=self.count, distinct=len(self.seen),
                     low=self.low if numeric else None, high=self.high if numeric else None,
                     values={value[:200]: n for value, n in commonest[: CHOICES if kind == "choice" else listed]})


def kind_of(value: str) -> Kind:
    """The kind of a single value."""
    if NUMBER.fullmatch(value):
        return "number" if any(sign in value for sign in ".eE") else "integer"
    if TIME.fullmatch(value):
        return "time"
    if value in ("true", "false"):
        return "true or false"
    if value == "null":
        return "nothing"
    return "identifier" if " " not in value and any(map(str.isdecimal, value)) else "text"


def tokenise(line: str) -> list[str]:
    """Tokens of a line, each with the white space before it; joined they are the line."""
    return TOKEN.findall(line)


def mask(token: str) -> str:
    """The token, or its white space and `MASK` if it has a digit."""
    if not any(map(str.isdecimal, token)):
        return token
    return token[: len(token) - len(token.lstrip())] + MASK


@lru_cache(maxsize=65536)
def bits(token: str) -> float:
    """What a literal token costs and, as evidence that two lines are one form, is worth."""
    core = token.strip()
    if core == SLOT:
        return 0.0
    if core == MASK:
        return MASK_BITS
    if any(map(str.isalnum, core)):
        return FUNCTION_BITS if core.lower() in FUNCTION else CONTENT_BITS
    return STOP_BITS if core in {".", ",", "!", "?", ";", "'", "’", ""} else SIGN_BITS


def expression(template: Tokens) -> str:
    """The regular expression of a template over joined tokens, a group for every slot and every mask."""
    slot = rf"([^\s\x1f][^\x1f]*(?:\x1f[^\x1f]+){{0,{LONGEST_VALUE - 1}}}?)"
    masked = r"((?=[^\x1f]*[\d\x02])[^\s\x1f][^\x1f]*?)"
    return JOINT.join(re.escape(token).replace(SLOT, slot).replace(MASK, masked) for token in template)


def need(values: int) -> float:
    """Bits of words that a frame must have for a slot with so many values: the fewer values, the more frame."""
    if values <= 3:
        return 24.0 if values <= 2 else 12.0
    return min(7.0, max(4.0, 7.0 - 1.5 * (math.log2(values) - 3.0)))


@lru_cache(maxsize=65536)
def phrases(value: str) -> tuple[str, ...]:
    """The phrases that a value lists: "an old chest and a coin" has two."""
    cores = [token.strip().lower() for token in value.split(JOINT)]
    runs = groupby(cores, lambda core: core[:1].isalnum() and core not in JOINING)
    return tuple(" ".join(run) for content, run in runs if content)


@lru_cache(maxsize=65536)
def torn(value: str, leads: bool) -> bool:
    """Whether a value is no whole phrase: cut off at an end, without content, or, where it leads, a clause."""
    words = [token.strip().lower() for token in value.split(JOINT)]
    if words[-1] in LINKS or words[-1] in STOPS or FUNCTION.issuperset(words):
        return True
    if words[0] not in ARTICLES and any(one in LISTING and other in ARTICLES for one, other in pairwise(words)):
        return True  # "key and a coin"
    return leads and (words[0] in LINKS - JOINING or not SUBJECTS.isdisjoint(words))


def align(one: Tokens, other: Tokens, gap: float) -> Tokens | None:
    """The template that both fit with the most literal bits, where opening a slot costs `gap` bits.

    Needleman and Wunsch's recurrence with affine gaps; None if nothing literal would be left.
    """
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    end = 0
    while end < min(len(one), len(other)) - start and one[-1 - end] == other[-1 - end]:
        end += 1
    a, b = one[start : len(one) - end], other[start : len(other) - end]
    if len(a) * len(b) > 900:
        return None
    # steps: None is a token that both share, else a token of one of them inside a gap
    best = [[(0.0, 0.0)] * (len(b) + 1) for _ in range(len(a) + 1)]  # (after a match, inside a gap), from here on
    for i in range(len(a), -1, -1):
        for j in range(len(b), -1, -1):
            if i == len(a) and j == len(b):
                continue
            inside = max(best[i + 1][j][1] if i < len(a) else -math.inf, best[i][j + 1][1] if j < len(b) else -math.inf)
            match = -math.inf
            if i < len(a) and j < len(b) and a[i] == b[j]:
                match = max(bits(a[i]), 1.0) + best[i + 1][j + 1][0]
            best[i][j] = (max(match, inside - gap), max(match, inside))
    blocks: list[tuple[list[str], list[str]] | str] = list(one[:start])
    i = j = 0
    open_gap = False
    while i < len(a) or j < len(b):
        same = i < len(a) and j < len(b) and a[i] == b[j]
        if same and best[i][j][open_gap] == max(bits(a[i]), 1.0) + best[i + 1][j + 1][0]:
            blocks.append(a[i])
            i, j, open_gap = i + 1, j + 1, False
            continue
        if not open_gap:
            blocks.append(([], []))
            open_gap = True
        block = blocks[-1]
        assert isinstance(block, tuple)
        if i < len(a) and best[i + 1][j][1] == best[i][j][1]:
            block[0].append(a[i])
            i += 1
        else:
            block[1].append(b[j])
            j += 1
    return _closed([*blocks, *one[len(one) - end :]])


def _closed(blocks: list[tuple[list[str], list[str]] | str]) -> Tokens | None:
    """Slots for gaps; a gap that is empty on one side takes the literal after it, or before it, along."""
    k = 0
    while k < len(blocks):
        block = blocks[k]
        if isinstance(block, tuple) and not (block[0] and block[1]):
            if k + 1 < len(blocks):
                after = blocks.pop(k + 1)
                for side in (0, 1):
                    block[side].extend([after] if isinstance(after, str) else after[side])
            elif k > 0 and isinstance(blocks[k - 1], str):
                before = str(blocks.pop(k - 1))
                block[0].insert(0, before)
                block[1].insert(0, before)
                k -= 1
            else:
                return None
        else:
            k += 1
    template = []
    for block in blocks:
        if isinstance(block, str):
            template.append(block)
            continue
        spaces = {side[0][: len(side[0]) - len(side[0].lstrip())] for side in block}
        if len(spaces) > 1:
            return None
        template.append(spaces.pop() + SLOT)
    return tuple(template)


def propose(pool: Sequence[Tokens]) -> Iterator[Tokens]:
    """Templates worth a look: of neighbours in several orders, and frames of frequent tokens."""
    often = Counter(token for template in pool for token in set(template))
    orders: list[list[Tokens]] = [list(pool), [template[::-1] for template in pool]]
    least = 2
    while least <= len(pool):
        frames = [frame(template, often, least) for template in pool]
        yield from (template for template, size in Counter(frames).items() if size > 1)
        orders.append(frames)
        least += least // 2 + 1
    for template in pool:
        yield from listed(template)
    words = [frozenset(template) for template in pool]
    weights = [sum(map(bits, tokens)) for tokens in words]
    met: set[tuple[int, int]] = set()
    for order in orders:
        row = sorted(range(len(pool)), key=lambda number: (order[number], number))
        for place, number in enumerate(row):
            for other in row[place + 1 : place + 1 + BESIDE]:
                if (number, other) not in met:
                    met.add((number, other))
                    shared = sum(map(bits, words[number] & words[other]))
                    if shared < ALIKE * min(weights[number], weights[other]):
                        continue
                    for gap in GAPS:
                        common = align(pool[number], pool[other], gap)
                        if common is not None:
                            yield common


def listed(template: Tokens) -> Iterator[Tokens]:
    """The template with one slot for what may be a list: "a <> #, a <> # and a <> #", or a list of one, "a <>"."""
    def core(place: int) -> str:
        return template[place].strip().lower() if 0 <= place < len(template) else ""

    ends = 0
    for place, token in enumerate(template):
        if token[-1:] != SLOT or place < ends:
            continue
        start = place - (core(place - 1) in ARTICLES)
        ends, following = place + 1, place + 1
        while core(following) == SLOT or core(following) == MASK or core(following) in JOINING:
            following += 1
            if core(following - 1) not in JOINING:
                ends = following
        if ends - start > 1:
            first = template[start]
            yield (*template[:start], first[: len(first) - len(first.lstrip())] + SLOT, *template[ends:])


def frame(template: Tokens, often: Counter[str], least: int) -> Tokens:
    """The template with a slot for every run of tokens that fewer than `least` others share."""
    kept: list[str] = []
    for token in template:
        if token[-1:] != SLOT and often[token] >= least:
            kept.append(token)
        elif not (kept and kept[-1][-1:] == SLOT):
            kept.append(token[: len(token) - len(token.lstrip())] + SLOT)
    return tuple(kept)


class Templates:
    """Lines (masked, distinct, sorted) and the templates that explain them, `search`ed once.

    Attributes:
        found: the templates, the most specific first.
    """

    def __init__(self, lines: Sequence[Tokens]):
        self.lines = lines
        self.joined = [JOINT.join(line) for line in lines]
        self.where: dict[str, set[int]] = defaultdict(set)
        for number, line in enumerate(lines):
            for token in line:
                self.where[token].add(number)
        self.clusters: dict[Tokens, Rows] = {line: {n: ()} for n, line in enumerate(lines)}
        self.owner: list[Tokens] = list(lines)
        self.costs: dict[Tokens, float] = {line: self._cost(line, {0: ()}) for line in lines}
        self.matches: dict[Tokens, Rows] = {}
        self.known: set[str] = set()
        for turn in range(ROUNDS):
            if not self._round(turn) and turn >= len(self.clusters) // LOOKED_AT:
                break
            slots = [set(column) for rows in self.clusters.values() for column in zip(*rows.values(), strict=True)]
            self.known = {phrase for slot in slots if len(slot) > 2 for value in slot for phrase in phrases(value)}
            self.costs = {template: self._cost(template, rows) for template, rows in self.clusters.items()}
        self.found = sorted((self._final(*item) for item in self.clusters.items()), key=specificity)

    def _round(self, turn: int) -> bool:
        """Take proposals while one saves bits; whether any was taken."""
        queue = []
        pool = sorted(self.clusters)
        stride = max(1, -(-len(pool) // LOOKED_AT))
        for template in sorted(set(propose(pool[turn % stride :: stride]))):
            saved = self._saved(template)
            if saved > 0:
                queue.append((-saved, template))
        heapq.heapify(queue)
        taken = False
        while queue:
            _, template = heapq.heappop(queue)
            saved = self._saved(template)
            if saved <= 0:
                continue
            if queue and -saved > queue[0][0]:
                heapq.heappush(queue, (-saved, template))
                continue
            self._take(template)
            taken = True
        return taken

    def _match(self, template: Tokens) -> Rows:
        """The values of the slots of every line that the template fits."""
        if template not in self.matches:
            literals = sorted((self.where.get(token, set()) for token in set(template) if token[-1:] != SLOT), key=len)
            rows: Rows = {}
            slots = [token[-1:] == SLOT for token in template if token[-1:] in (SLOT, MASK)]
            if literals and any(slots):
                fits = re.compile(expression(template), re.DOTALL).fullmatch
                for number in sorted(literals[0].intersection(*literals[1:3])):
                    if found := fits(self.joined[number]):
                        rows[number] = tuple(value for value, slot in zip(found.groups(), slots, strict=True) if slot)
            self.matches[template] = rows
        return self.matches[template]

    def _cost(self, template: Tokens, rows: Rows) -> float:
        """Bits of a template and of the choices that tell its lines apart; infinite where the frame says too little."""
        cost = TEMPLATE_BITS + sum(map(bits, template))
        frame = sum(bits(token) for token in template if token[-1:] != MASK and (bits(token) not in (STOP_BITS,)))
        if template[1:2] and template[1][-1] == SLOT and template[0].lower() in SUBJECTS:
            return math.inf
        needed = most = 0.0
        choices = -len(rows) * math.log2(len(rows))
        for place, column in enumerate(zip(*rows.values(), strict=True)):
            values = set(column)
            leads = place == 0 and template[0][-1:] == SLOT
            if _optional(values):
                return math.inf
            fresh = [value.split(JOINT) for value in values if not self._knows(value)]
            demand = need(len(values)) * (0.4 + 0.6 * len(fresh) / len(values))
            needed, most = needed + demand, max(most, demand, min(7.0, need(len(values))))
            words = {word.strip() for value in fresh for word in value}
            listed = SLOT_BITS + VALUE_BITS * min(len(fresh), MANY) + KNOWN_BITS * max(0, len(fresh) - MANY)
            listed += LENGTH_BITS * (sum(map(len, fresh)) - len(fresh)) + NOVEL_BITS * max(0, len(words) - len(fresh))
            listed += sum(bits(token) for value in fresh for token in value)
            listed += sum(KNOWN_BITS - 1.0 + len(phrases(value)) for value in values if self._knows(value))
            listed += TORN_BITS * sum(torn(value, leads) for value in values)
            cost += listed
            # a value is a choice from the list, or spelled out again where that is shorter
            choices += min(len(rows) * math.log2(len(values)), (len(rows) / len(values) - 1) * listed)
        return math.inf if frame < max(most, needed) else cost + max(0.0, choices)

    def _knows(self, value: str) -> bool:
        """Whether a value consists of phrases that other slots have."""
        found = phrases(value)
        return bool(found) and self.known.issuperset(found)

    def _gather(self, template: Tokens) -> tuple[list[Tokens], Rows, float]:
        """The clusters that the template should take, their rows, and the bits it saves.

        It takes those that it fits as a whole; templates among them only if they are not better off alone.
        """
        rows = self._match(template)
        sizes = Counter(self.owner[number] for number in rows)
        whole = [cluster for cluster, size in sizes.items() if size == len(self.clusters[cluster])]
        if not whole or whole == [template]:
            return whole, {}, 0.0
        best = self._picked(template, rows, whole)
        alone = [cluster for cluster in whole if len(self.clusters[cluster]) == 1]
        doubtful = sorted((cluster for cluster in whole if len(self.clusters[cluster]) > 1), key=specificity)
        while doubtful and len(alone) < 2:
            alone.append(doubtful.pop())  # the least specific first
        if doubtful:
            some = self._picked(template, rows, alone)
            for cluster in doubtful[::-1]:
                more = self._picked(template, rows, [*some[0], cluster])
                some = more if more[2] > some[2] else some
            best = some if some[2] > best[2] else best
        return best

    def _picked(self, template: Tokens, rows: Rows, clusters: list[Tokens]) -> tuple[list[Tokens], Rows, float]:
        picked = {number: rows[number] for cluster in clusters for number in self.clusters[cluster]}
        return clusters, picked, sum(self.costs[cluster] for cluster in clusters) - self._cost(template, picked)

    def _saved(self, template: Tokens) -> float:
        """Bits a line that the template would save."""
        _, rows, saved = self._gather(template)
        return saved / len(rows) if rows else 0.0

    def _take(self, template: Tokens) -> None:
        whole, rows, _ = self._gather(template)
        for cluster in whole:
            del self.clusters[cluster]
        narrow, inner = self._narrowed(template, rows)
        if self._cost(narrow, inner) <= self._cost(template, rows):
            template, rows = narrow, inner
        self.clusters[template] = rows
        self.costs[template] = self._cost(template, rows)
        for number in rows:
            self.owner[number] = template

    def _final(self, template: Tokens, rows: Rows) -> Tokens:
        """The template with the shared ends of its values as literals, unless that would tear lists."""
        narrow, inner = self._narrowed(template, rows)
        longer = sum(map(bits, narrow)) - sum(map(bits, template))
        return narrow if self._cost(narrow, inner) <= self._cost(template, rows) + longer else template

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


def specificity(template: Tokens) -> tuple[float, int, Tokens]:
    """Sort key: templates with more literal bits first, then those with fewer slots."""
    return -sum(map(bits, template)), sum(token[-1:] == SLOT for token in template), template


def _optional(values: set[str]) -> bool:
    """Whether some value is nothing but the token that all others begin or end with: a slot that may be empty."""
    single = min(values, key=lambda value: (value.count(JOINT), value))
    return JOINT not in single and len(values) > 1 and (
        all(value.split(JOINT)[-1].strip() == single for value in values) or
        all(value.split(JOINT)[0] == single for value in values))


class Matcher:
    """Finds the most specific of some templates (sorted by `specificity`) that fits a line."""

    def __init__(self, templates: Sequence[Tokens]):
        common = Counter(token for template in templates for token in set(template))
        self.exact: dict[str, int] = {}
        self.anchored: dict[str, list[int]] = defaultdict(list)
        self.fits = []
        for number, template in enumerate(templates):
            self.fits.append(re.compile(expression(template), re.DOTALL).fullmatch)
            literals = [token for token in template if SLOT not in token and MASK not in token]
            if len(literals) == len(template):
                self.exact.setdefault(JOINT.join(template), number)
            else:
                self.anchored[min(literals, key=lambda token: (common[token], token), default="")].append(number)

    def find(self, line: Sequence[str]) -> tuple[int, list[tuple[int, int]]] | None:
        """The number of the template, and where in the line (as characters) the values are."""
        joined = JOINT.join(line)
        if joined in self.exact:
            return self.exact[joined], []
        for number in sorted(n for token in {"", *line} if token in self.anchored for n in self.anchored[token]):
            if found := self.fits[number](joined):
                spans = [found.span(group + 1) for group in range(len(found.groups()))]
                return number, [(a - joined.count(JOINT, 0, a), b - joined.count(JOINT, 0, b)) for a, b in spans]
        return None
