"""Alignment of two lines or templates: the templates that both fit."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from envgen.tokens import SLOT, Tokens, bits

GAPS = (2.0, 12.0)  # more and shorter slots, or fewer and longer ones
MOST_PAIRS = 200  # of equal tokens, from which on lines are not aligned


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
