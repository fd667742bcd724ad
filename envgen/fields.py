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
from collections.abc import Callable, Iterable, Iterator, Sequence
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
SAMPLE = 2000  # templates from which the first round proposes
BESIDE = 4  # how many followers in an order a template is compared with
ALIGNED, FEWEST = 20_000, 3  # pairs aligned in a round, and pairs of a template that are aligned however many there are
FITTED = 500_000  # lines that a round holds against templates
MOST_PAIRS = 200  # of equal tokens, from which on lines are not aligned
DOUBTFUL = 16  # templates that another asks for one by one

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


@lru_cache(maxsize=65536)
def framed(template: Tokens) -> float:
    """Bits of the literal tokens, less those that end sentences."""
    return sum(bits(token) for token in template if token[-1:] != MASK and bits(token) != STOP_BITS)


@lru_cache(maxsize=65536)
def spelling(value: str) -> tuple[int, float, frozenset[str]]:
    """How many tokens a value has, their bits, and its words."""
    tokens = value.split(JOINT)
    return len(tokens), sum(map(bits, tokens)), frozenset(token.strip() for token in tokens)


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


def align(one: Tokens, other: Tokens) -> Iterator[Tokens]:
    """The templates that both fit with the most literal bits, for every price of opening a slot (`GAPS`).

    Needleman and Wunsch's alignment with affine gaps, over the pairs of equal tokens alone, so that lines with little
    in common cost little (Hunt and Szymanski, 1977). No template if nothing literal would be left.
    """
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    end = 0
    while end < min(len(one), len(other)) - start and one[-1 - end] == other[-1 - end]:
        end += 1
    a, b = one[start : len(one) - end], other[start : len(other) - end]
    places: defaultdict[str, list[int]] = defaultdict(list)
    for j, token in enumerate(b):
        places[token].append(j)
    pairs = [(i, j) for i, token in enumerate(a) if token in places for j in places[token]]
    if len(pairs) > MOST_PAIRS:
        return
    chains = {_chain(a, pairs, (len(a), len(b)), gap): None for gap in GAPS}
    for chain in chains:
        blocks: list[tuple[list[str], list[str]] | str] = list(one[:start])
        i = j = 0
        for next_i, next_j in (*chain, (len(a), len(b))):
            if next_i > i or next_j > j:
                blocks.append((list(a[i:next_i]), list(b[j:next_j])))
            blocks += a[next_i : next_i + 1]
            i, j = next_i + 1, next_j + 1
        common = _closed([*blocks, *one[len(one) - end :]])
        if common is not None:
            yield common


def _chain(
    a: Tokens, pairs: Sequence[tuple[int, int]], ends: tuple[int, int], gap: float
) -> tuple[tuple[int, int], ...]:
    """The pairs, rising on both sides, with the most bits, where a jump costs `gap` bits."""
    best: list[tuple[float, int]] = [(0.0, -1)] * len(pairs)  # from a pair on, and which pair is next
    top = (-gap, -1)
    for place in range(len(pairs) - 1, -1, -1):
        i, j = pairs[place]
        after = (0.0 if (i + 1, j + 1) == ends else -gap, -1)
        for later in range(len(pairs) - 1, place, -1):
            k, m = pairs[later]
            if k > i and m > j:
                score = best[later][0] - (0.0 if k == i + 1 and m == j + 1 else gap)
                if score >= after[0]:
                    after = (score, later)
        best[place] = (after[0] + max(bits(a[i]), 1.0), after[1])
        score = best[place][0] - (0.0 if i == j == 0 else gap)
        if score >= top[0]:
            top = (score, place)
    chain = []
    place = top[1]
    while place >= 0:
        chain.append(pairs[place])
        place = best[place][1]
    return tuple(chain)


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


def partners(pool: Sequence[Tokens], orders: Iterable[Sequence[Tokens]], most: int) -> list[tuple[int, int]]:
    """Pairs of templates that stand beside each other in some order: for each the `most` that have most in common."""
    words = [frozenset(template) for template in pool]
    weights = [sum(map(bits, tokens)) for tokens in words]
    met: dict[tuple[int, int], float] = {}
    for order in orders:
        row = sorted(range(len(pool)), key=lambda number: (order[number], number))
        for place, number in enumerate(row):
            for other in row[place + 1 : place + 1 + BESIDE]:
                pair = (number, other) if number < other else (other, number)
                if pair not in met:
                    shared = sum(map(bits, words[number] & words[other]))
                    met[pair] = shared / (weights[number] + weights[other] - shared) if (
                        shared >= ALIKE * min(weights[number], weights[other])) else 0.0
    taken = [0] * len(pool)
    pairs = []
    for (number, other), _ in sorted(((pair, alike) for pair, alike in met.items() if alike > 0.0),
                                     key=lambda item: (-item[1], item[0])):
        if min(taken[number], taken[other]) < most:
            taken[number] += 1
            taken[other] += 1
            pairs.append((number, other))
    return pairs


def propose(pool: Sequence[Tokens], met: set[tuple[Tokens, Tokens]]) -> Iterator[Tokens]:
    """Templates worth a look: frames of frequent tokens, and what neighbours in several orders share.

    Pairs that were `met` before are not aligned again.
    """
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
    for number, other in partners(pool, orders, max(FEWEST, ALIGNED // max(1, len(pool)))):
        pair = (pool[number], pool[other])
        if pair not in met:
            met.add(pair)
            yield from align(*pair)


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


class Index:
    """Lines by their tokens, and written with two signs a token (white space, token) for regular expressions."""

    def __init__(self, lines: Sequence[Tokens]):
        self.lines = lines
        self.size = len(lines)
        self.where: defaultdict[str, set[int]] = defaultdict(set)
        for number, line in enumerate(lines):
            for token in line:
                self.where[token].add(number)
        self.sets: dict[str, int] = {}  # of frequent tokens: sets of lines as the bits of a number
        self.signs: dict[str, str] = {}
        for token in sorted(token for token, numbers in self.where.items() if len(numbers) > 1):
            space = token[: len(token) - len(token.lstrip())]
            self.signs[token] = self.signs.setdefault(f"{space}{SLOT}", self._sign()) + self._sign()
        self.written = ["".join(self.signs.get(token) or self._rare(token) for token in line) for line in lines]

    def _sign(self) -> str:
        place = 256 + 2 * len(self.signs)
        return chr(min(place + 0x800 * (place >= 0xD800), 0x10FFFF))

    def _rare(self, token: str) -> str:
        return self.signs.get(f"{token[: len(token) - len(token.lstrip())]}{SLOT}", "\x01") + "\x02"

    def fits(self, template: Tokens, numbers: Iterable[int]) -> Rows:
        """The values of a template's slots in those lines that it fits, each as short as can be."""
        slots = [token[:-1] for token in template if token[-1:] == SLOT]
        pattern = "".join(self.signs.get(token, "\x00") + (f"(.(?:..){{0,{LONGEST_VALUE - 1}}}?)"
                                                           if token[-1:] == SLOT else "") for token in template)
        match = re.compile(pattern, re.DOTALL).fullmatch
        rows: Rows = {}
        for number in numbers:
            if found := match(self.written[number]):
                line = self.lines[number]
                spans = (found.span(group + 1) for group in range(len(slots)))
                rows[number] = tuple(JOINT.join(line[start // 2 : (end + 1) // 2])[len(space) :]
                                     for space, (start, end) in zip(slots, spans, strict=True))
        return rows

    def having(self, tokens: Iterable[str]) -> list[int]:
        """The lines that have all the tokens, sorted."""
        ordered = sorted(set(tokens), key=lambda token: (len(self.where.get(token, ())), token))
        if not ordered or ordered[0] not in self.where:
            return []
        if len(self.where[ordered[0]]) <= max(200, self.size // 50):
            return sorted(self.where[ordered[0]].intersection(*(self.where[token] for token in ordered[1:])))
        common = -1
        for token in ordered:
            common &= self._set(token)
        digits = bin(common)[:1:-1]
        found, place = [], digits.find("1")
        while place >= 0:
            found.append(place)
            place = digits.find("1", place + 1)
        return found

    def _set(self, token: str) -> int:
        if token not in self.sets:
            row = bytearray(self.size // 8 + 1)
            for number in self.where[token]:
                row[number >> 3] |= 1 << (number & 7)
            self.sets[token] = int.from_bytes(row, "little")
        return self.sets[token]


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
        if len(numbers) < 2 or framed(template) < 0.4 * slots * need(len(numbers)):
            return {}
        self.fitted += len(numbers)
        return self.index.fits(template, numbers)

    def _hopeless(self, template: Tokens, rows: Rows) -> bool:
        """Whether the template fits too few lines, or says too little for a slot even if all values were known."""
        if len(rows) < 2 or (template[1:2] and template[1][-1] == SLOT and template[0].lower() in SUBJECTS):
            return True
        needs = [need(len(set(column))) for column in zip(*rows.values(), strict=True)]
        return framed(template) < max(0.4 * sum(needs), min(7.0, max(needs)))

    def _cost(self, template: Tokens, rows: Rows, most: float = math.inf) -> float:
        """Bits of a template and of the choices that tell its lines apart; infinite where the frame says too little.

        What costs `most` or more need not be reckoned to the end: it may cost as much as infinitely many.
        """
        cost = TEMPLATE_BITS + sum(map(bits, template))
        frame = framed(template)
        if template[1:2] and template[1][-1] == SLOT and template[0].lower() in SUBJECTS:
            return math.inf
        columns = [set(column) for column in zip(*rows.values(), strict=True)]
        if frame < 0.4 * sum(need(len(values)) for values in columns):
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
            demand = need(len(values)) * (0.4 + 0.6 * len(fresh) / len(values))
            needed, highest = needed + demand, max(highest, demand, min(7.0, need(len(values))))
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
        """Whether a value consists of phrases that other slots have."""
        found = phrases(value)
        return bool(found) and self.known.issuperset(found)

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
        self.fits: dict[int, Callable[[str], re.Match[str] | None]] = {}
        for number, template in enumerate(templates):
            literals = [token for token in template if SLOT not in token and MASK not in token]
            if len(literals) == len(template):
                self.exact.setdefault(JOINT.join(template), number)
            else:
                self.fits[number] = re.compile(expression(template), re.DOTALL).fullmatch
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
