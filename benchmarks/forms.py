"""Forms mined from worlds whose grammar is known, beside Drain3 and beside plain masking of numbers and quotes.

    python -m benchmarks.forms --json [--world taxi blackjack] [--mistakes]

A mined form is right if it groups exactly the segments that one true template said and if its literal parts are the
template's. What never varied in the data is literal on both sides, and fields with only white space or one of `-:/.`
between them are one. Precision is right forms over mined ones, recall right forms over true ones, grouping the share
of segments whose form groups exactly the right ones. Ours reads whole texts and finds the segments itself; the others
are handed the true segments as lines. Drain3 (0.9.11, MIT) runs with its default settings; install it to measure it.
"""

import argparse
import random
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

from benchmarks import show
from envgen.forms import Part
from envgen.miner import mine
from rollout.figure import Figure, proportion
from tests.games.grammars import AIRLINE, WORLDS, Text, written
from tests.games.held_out_grammars import HELD_OUT

TARGET = 0.95


class Found(NamedTuple):
    """A segment as one side sees it: which group it is in, where it stands, and where its fields are."""

    group: Hashable
    text: int
    start: int
    end: int
    fields: tuple[tuple[int, int], ...]
    keys: frozenset[str] | None = None  # of JSON, whose literal parts are its keys


def truth(texts: Sequence[Text]) -> list[Found]:
    found = []
    for number, text in enumerate(texts):
        place = 0
        for piece in text:
            said, start, spans = str(piece), place, []
            if piece.raw is None:
                inside = place
                for literal, value in zip(piece.template.split("{}"), piece.values, strict=False):
                    inside += len(literal)
                    spans.append((inside, inside + len(value)))
                    inside += len(value)
            found.append(Found(piece.template, number, start, start + len(said), tuple(spans),
                               piece.keys if piece.raw is not None else None))
            place += len(said) + len(piece.after)
    return found


def ours(texts: Sequence[Text]) -> list[Found]:
    forms = mine((written(text), None) for text in texts)
    found = []
    for number, text in enumerate(texts):
        place = 0
        for part in forms.parse(written(text)):
            kind = None if part.form is None else forms.forms[part.form].kind
            keys = None
            if part.form is not None and kind in ("call", "record", "board"):
                fields = (field.name for field in forms.forms[part.form].fields)
                keys = frozenset(re.sub(r"(?<=\w)[.\[].*|(?<=\])\.(\w+)\W.*", r".\1", name).rstrip(".")
                                 for name in fields) if kind != "board" else frozenset()
            found.append(_located(part, number, place, keys))
            place += len(str(part))
    return found


def _located(part: Part, number: int, place: int, keys: frozenset[str] | None) -> Found:
    whole, spans, inside = str(part), [], 0
    for literal, (_, value) in zip(part.literals, part.values, strict=False):
        inside += len(literal)
        spans.append((place + inside, place + inside + len(value)))
        inside += len(value)
    start = place + len(whole) - len(whole.lstrip())
    return Found(part.form, number, start, place + len(whole.rstrip()), tuple(spans), keys)


def masked(texts: Sequence[Text]) -> list[Found]:
    """Numbers and quoted strings are fields, nothing else is."""
    mask = re.compile(r"""[-+]?\d+(?:[.,:]\d+)*|"[^"]*"|'[^'\s]*'(?!\w)""")
    return _by_lines(texts, lambda lines: [mask.sub("<*>", line) for line in lines],
                     lambda line, _: tuple(found.span() for found in mask.finditer(line)))


def drain(texts: Sequence[Text]) -> list[Found]:
    from drain3 import TemplateMiner
    from drain3.template_miner_config import TemplateMinerConfig

    miner = TemplateMiner(config=TemplateMinerConfig())

    def groups(lines: list[str]) -> list[Hashable]:
        numbers = [miner.add_log_message(line)["cluster_id"] for line in lines]
        clusters = {cluster.cluster_id: cluster.get_template() for cluster in miner.drain.clusters}
        return [(number, clusters[number]) for number in numbers]

    def fields(line: str, group: Hashable) -> tuple[tuple[int, int], ...]:
        assert isinstance(group, tuple)
        words = list(re.finditer(r"\S+", line))
        return tuple(word.span() for word, token in zip(words, group[1].split(), strict=False) if token == "<*>")

    return _by_lines(texts, groups, fields)


def _by_lines(texts: Sequence[Text], groups: Callable[[list[str]], Sequence[Hashable]],
              fields: Callable[[str, Hashable], tuple[tuple[int, int], ...]]) -> list[Found]:
    places = [(number, found) for number, found in enumerate(truth(texts))]
    lines = [written(texts[found.text])[found.start : found.end] for _, found in places]
    return [Found(group, found.text, found.start, found.end,
                  tuple((found.start + a, found.start + b) for a, b in fields(line, group)))
            for (_, found), line, group in zip(places, lines, groups(lines), strict=True)]


def beginning(values: set[str]) -> str:
    """What all values begin with."""
    one, other = min(values), max(values)
    pairs = enumerate(zip(one, other, strict=False))
    return one[: next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))]


def literals(texts: Sequence[str], members: Sequence[Found]) -> Hashable:
    """The literal parts of a group, canonical: constant fields and constant ends of fields are literal."""
    if members[0].keys is not None:
        return frozenset.union(*(member.keys or frozenset() for member in members))
    if len({member.fields and len(member.fields) for member in members}) > 1:
        return None
    columns = []
    for place in range(len(members[0].fields)):
        values = {texts[member.text][slice(*member.fields[place])] for member in members}
        before = beginning(values)
        after = beginning({value[len(before) :][::-1] for value in values})[::-1]
        columns.append((before, after, len(values) > 1))
    one, said, done = members[0], "", members[0].start
    for (start, end), (before, after, varies) in zip(one.fields, columns, strict=True):
        said += texts[one.text][done:start] + before + ("\0" if varies else "") + after
        done = end
    return re.sub(r"\0(?:[-:/.\s]?\0)+", "\0", said + texts[one.text][done : one.end])


def compare(texts: Sequence[Text], true: list[Found], mined: list[Found]) -> tuple[dict[str, Figure], list[str]]:
    """Precision, recall and grouping, and what was mined wrong."""
    shown = [written(text) for text in texts]
    sides: list[dict[Hashable, list[Found]]] = []
    for side in (true, mined):
        groups: dict[Hashable, list[Found]] = defaultdict(list)
        for found in side:
            groups[found.group].append(found)
        sides.append(groups)
    places = [{group: frozenset((found.text, found.start, found.end) for found in members)
               for group, members in groups.items()} for groups in sides]
    by_place = {where: group for group, where in places[0].items()}
    right, grouped, wrong = set(), 0, []
    for group, members in sides[1].items():
        template = by_place.get(places[1][group])
        if template is not None:
            grouped += len(members)
            expected = literals(shown, sides[0][template])
            is_json = members[0].keys is None and sides[0][template][0].keys is not None
            if not is_json and literals(shown, members) == expected:
                right.add(template)
                continue
        told = {group for group in sides[0] if places[0][group] & places[1][members[0].group]}
        wrong.append(f"{len(members)} {literals(shown, members)!r} is {sorted(map(str, told))}")
    return {
        "precision": proportion(len(right), len(sides[1]), "share of mined forms"),
        "recall": proportion(len(right), len(sides[0]), "share of true templates"),
        "grouping": proportion(grouped, len(true), "share of segments"),
    }, wrong


def speed() -> dict[str, Figure]:
    """Distinct and repeated texts a second."""
    chance = random.Random(0)
    words = ["".join(chance.choice("bcdfglmnprst") + chance.choice("aeiou") for _ in range(3)) for _ in range(3000)]
    shapes = ("User {} bought {} for {}.", "Error: {} not found in the {} store.", "{} {} shipped to the city {}.")
    lines = [re.sub(r"\{\}", lambda _: chance.choice(words), shapes[number % 3]) for number in range(10_000)]
    begun = time.perf_counter()
    mine((line, None) for line in lines)
    distinct = time.perf_counter() - begun
    begun = time.perf_counter()
    mine((f"Row {number % 400}, column {number % 7}. You are here.", None) for number in range(1_000_000))
    repeated = time.perf_counter() - begun
    return {
        "speed: 10,000 distinct segments": Figure(value=distinct, n=1, target="<= 10", holds=distinct <= 10, unit="s"),
        "speed: 1,000,000 repeated texts": Figure(value=repeated, n=1, target="<= 60", holds=repeated <= 60, unit="s"),
    }


def measure(worlds: Sequence[str], mistakes: bool) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    miners: dict[str, Callable[[Sequence[Text]], list[Found]]] = {"ours": ours, "Drain3": drain, "masked": masked}
    try:
        import drain3  # noqa: F401
    except ImportError:
        print("Drain3 is not measured: `pip install drain3==0.9.11` makes it so", file=sys.stderr)
        del miners["Drain3"]
    for world in worlds:
        if world == "airline" and not AIRLINE.exists():
            print(f"airline is not measured: there is no {AIRLINE}", file=sys.stderr)
            continue
        try:
            texts = [text for text in (WORLDS | HELD_OUT)[world]() if text]
        except ImportError as error:
            print(f"{world} is not measured: {error}", file=sys.stderr)
            continue
        true = truth(texts)
        for miner, run in miners.items():
            said, wrong = compare(texts, true, run(texts))
            for name, figure in said.items():
                if miner == "ours" and name != "grouping":
                    holds = figure.value is not None and figure.value >= TARGET
                    figure = figure.model_copy(update={"target": f">= {TARGET}", "holds": holds})
                held_out = " (held out)" if world in HELD_OUT else ""
                figures[f"{world}{held_out}: {name}, {miner}"] = figure
            if mistakes and miner == "ours":
                kinds = Counter(found.group for found in true)
                print(f"{world}: {len(kinds)} templates", *wrong, sep="\n  ", file=sys.stderr)
    return figures | speed()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object (else a line a figure)")
    parser.add_argument("--world", nargs="+", choices=[*WORLDS, *HELD_OUT], default=[*WORLDS, *HELD_OUT])
    parser.add_argument("--mistakes", action="store_true", help="tell on stderr which forms are wrong")
    options = parser.parse_args()
    figures = measure(options.world, options.mistakes)
    show(figures, options.json)


if __name__ == "__main__":
    main()
