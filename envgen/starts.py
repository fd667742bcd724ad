"""Whether an environment begins as the world does: drawn starts against logged ones.

Both are parsed into forms and fields; each field, and each pair of fields, is one comparison of two samples. The
statistic is the largest total variation distance over them, and its p-value is found by permuting which text is drawn
and which is logged (Fisher's permutation test; the largest accounts for there being many). An environment that only
replays logged starts passes it, so beside it stands the share of drawn starts that no session began with.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from envgen.belief import FORKS
from envgen.miner import mine
from envgen.scored import FLOOR
from rollout.figure import Figure, mean, proportion
from sandbox import Answer, EnvironmentFault, Reset, Worker

DRAWN = 256  # starts
PERMUTATIONS = 400
PAIRED = 8  # fields whose pairs are compared
LISTED, WIDE = 4, 80  # values of the field that differs most, and characters of each
BINS = 5  # of a field with more different numbers than this
SEEDS = 700_000_000  # first of the seeds drawn with; no rehearsal uses them


def match_starts(worker: Worker, logged: Sequence[str], shown: Sequence[str]) -> tuple[dict[str, Figure], str]:
    """Figures on drawn starts.

    Args:
        logged: the first observations to compare with, of held-out sessions.
        shown: those of the sessions that the author saw.

    Returns:
        `reset_match`, a p-value: small where drawn and logged starts differ; `reset_distance`, the largest total
        variation distance of a field; `reset_novelty`, the share of drawn starts that no shown session began with;
        `reset_surprise`, nats a session of surprise at the logged starts more than the environment expects, where its
        starts can be enumerated. And in words, the field in which they differ most.
    """
    (copy,) = worker.make(1)
    answers = worker.reset_batch([Reset(copy, SEEDS + number) for number in range(DRAWN)])
    worker.drop([copy])
    drawn = [answer.observation if isinstance(answer, Answer) else "" for answer in answers]
    known = set(shown)
    novel = proportion(sum(text not in known for text in drawn), len(drawn), unit="share of drawn starts")
    columns = _columns([*drawn, *logged])
    codes = _encode(columns)
    labels = np.arange(len(codes)) < len(drawn)
    apart = _Distance(codes)
    distance = apart(labels)
    random = np.random.default_rng(0)
    as_far = sum(apart(random.permutation(labels)) >= distance - 1e-12 for _ in range(PERMUTATIONS))
    p = (1 + as_far) / (1 + PERMUTATIONS)
    return {
        "reset_match": Figure(value=p, n=len(logged), unit="p-value"),
        "reset_distance": Figure(value=distance, n=len(logged), unit="total variation"),
        "reset_novelty": novel,
        "reset_surprise": mean(_surprises(worker, logged), unit="nats"),
    }, _furthest(columns, len(drawn))


def _surprises(worker: Worker, logged: Sequence[str]) -> list[float]:
    """For each logged start, its nats less those expected; none where the starts are too many to enumerate."""
    try:
        outcomes = worker.expand_reset(limit=FORKS)
    except EnvironmentFault:
        return []
    if outcomes is None:
        return []
    worker.drop([outcome.id for outcome in outcomes if outcome.id is not None])
    drawn: defaultdict[str, float] = defaultdict(float)
    for outcome in outcomes:
        drawn[outcome.answer.observation if isinstance(outcome.answer, Answer) else ""] += outcome.probability
    expected = -sum(p * float(np.log(p)) for p in drawn.values() if p > 0)
    return [-float(np.log(max(drawn.get(text, 0.0), FLOOR))) - expected for text in logged]


def _columns(texts: Sequence[str]) -> dict[str, list[str]]:
    """The values of each field, a text each; the first is the shape of the text."""
    forms = mine((text, None) for text in texts)
    columns: defaultdict[str, list[str]] = defaultdict(lambda: [""] * len(texts))
    parsed = {text: forms.parse(text) for text in set(texts)}
    for row, text in enumerate(texts):
        parts = parsed[text]
        columns["shape"][row] = " ".join(str(part.form) for part in parts)
        for part in parts:
            for name, value in part.values:
                form = "" if part.form is None else forms.forms[part.form].template
                columns[f"field {name} of {form!r}"][row] += f"{value}\n"
    return columns


def _encode(columns: Mapping[str, list[str]]) -> np.ndarray:
    """Fields and pairs of fields as small integers (texts, fields)."""
    coded = [np.array(_codes(values)) for values in columns.values()]
    varied = [column for column in coded if column.any()][:PAIRED]
    pairs = [one * (int(other.max()) + 1) + other for one, other in combinations(varied, 2)]
    return np.array([*coded, *pairs]).T


def _furthest(columns: Mapping[str, list[str]], drawn: int) -> str:
    """The field in which the first so many texts differ most from the others, and a few of its values."""
    def gaps(values: Sequence[object]) -> dict[object, tuple[float, float]]:
        ours, theirs = Counter(values[:drawn]), Counter(values[drawn:])
        return {value: (ours[value] / drawn, theirs[value] / (len(values) - drawn)) for value in {*ours, *theirs}}

    apart = {name: sum(abs(one - other) for one, other in gaps(_codes(values)).values())
             for name, values in columns.items()}
    name = max(apart, key=lambda each: apart[each])
    values = sorted(gaps(columns[name]).items(), key=lambda item: -abs(item[1][0] - item[1][1]))[:LISTED]
    listed = "; ".join(f"{str(value).strip()[:WIDE]!r} in {one:.0%}, not {other:.0%}" for value, (one, other) in values)
    return f"{name} most: of the drawn starts {listed} as in the logged ones"


def _codes(values: list[str]) -> list[int]:
    """Each different value has a number; many different numbers are put into bins of equal size."""
    distinct = dict.fromkeys(values)
    if len(distinct) > BINS:
        numbers = [_number(value) for value in values]
        known = [number for number in numbers if number is not None]
        if len(known) == len(numbers):
            edges = np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])
            return [int(np.searchsorted(edges, number)) for number in known]
    order = {value: code for code, value in enumerate(distinct)}
    return [order[value] for value in values]


def _number(value: str) -> float | None:
    try:
        return float(value.strip().replace(",", ""))
    except ValueError:
        return None


class _Distance:
    """The largest total variation distance of a field between some of the texts and the others.

    Texts whose fields are all equal are counted as one; where there are few different ones, that is quick.

    Args:
        codes: of the fields (texts, fields).
    """

    def __init__(self, codes: np.ndarray):
        rows, self.row, self.counts = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
        self.row = self.row.ravel()
        columns = [np.unique(column, return_inverse=True)[1] for column in rows.T]
        self.first = np.cumsum([0, *(int(column.max()) + 1 for column in columns[:-1])])
        self.places = (np.column_stack(columns) + self.first).ravel()

    def __call__(self, some: np.ndarray) -> float:
        """The distance between the texts that a mask (texts,) picks and the others."""
        picked = np.bincount(self.row[some], minlength=len(self.counts))
        gaps = picked / some.sum() - (self.counts - picked) / (~some).sum()
        shares = np.bincount(self.places, weights=np.repeat(gaps, len(self.first)))
        return float(np.add.reduceat(np.abs(shares), self.first).max()) / 2
