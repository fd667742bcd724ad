'''heapq, bisect, itertools, sets, sorting with keys.'''
import bisect
import heapq
from itertools import chain, combinations, groupby, islice, product, zip_longest

import gymnasium as gym

MAP = ["S.#.", "..#.", ".#..", "...G"]
STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))


def distance(start, goal):
    heap, best = [(0, start)], {start: 0}
    while heap:
        cost, (r, c) = heapq.heappop(heap)
        if (r, c) == goal:
            return cost
        for dr, dc in STEPS:
            nr, nc = r + dr, c + dc
            if 0 <= nr < len(MAP) and 0 <= nc < len(MAP[0]) and MAP[nr][nc] != "#":
                if cost + 1 < best.get((nr, nc), 10**9):
                    best[nr, nc] = cost + 1
                    heapq.heappush(heap, (cost + 1, (nr, nc)))
    return None


class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.scores = []
        return "\n".join(MAP), {"cells": sum(1 for r, c in product(range(4), repeat=2) if MAP[r][c] == ".")}

    def step(self, action):
        a, b = (int(x) for x in action.split())
        if not (0 <= a < 4 and 0 <= b < 4):
            return "outside", -1.0, False, False, {"actions": ["0 0"]}
        d = distance((a, b), (3, 3))
        bisect.insort(self.scores, d if d is not None else -1)
        runs = [(k, len(list(g))) for k, g in groupby(chain.from_iterable(MAP))]
        pairs = list(islice(combinations(self.scores, 2), 3))
        zipped = [p for p in zip_longest(self.scores, "ab", fillvalue="-")]
        first = min(enumerate(self.scores), key=lambda p: (p[1], -p[0]))
        return f"{d} {self.scores} {runs[:4]} {pairs} {zipped} {first}", 0.0, d == 0, False, {}
