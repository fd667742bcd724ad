"""Proposals: which templates are worth a look.

Frames of frequent tokens; lists as one slot; and what lines share that stand beside each other in some order, of which
each is aligned with few. The work is near-linear in the number of lines, as sorting is.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from envgen.alignment import align
from envgen.tokens import ARTICLES, JOINING, MASK, SLOT, Tokens, bits

ALIKE = 0.25  # share of bits that two templates have in common before they are aligned
BESIDE = 4  # how many followers in an order a template is compared with
ALIGNED, FEWEST = 10_000, 3  # pairs aligned in a round, and pairs of a template that are aligned however many there are


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
