"""Counter-examples of an environment, numbered through all kinds: pages link to each other by these numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from dreamer.records import Judged
from envgen.counterexamples import Counterexamples, Mismatch


@dataclass(frozen=True)
class Case:
    """A counter-example: one step of a held-out session that the dream got wrong.

    Attributes:
        number: over all kinds, from 0.
    """

    number: int
    kind: Counterexamples
    mismatch: Mismatch


def cases(judged: Judged | None) -> list[Case]:
    """All that are known of an environment; none where nobody judged it."""
    kinds = judged.report.counterexamples if judged and judged.report else ()
    pairs = [(kind, mismatch) for kind in kinds for mismatch in kind.examples]
    return [Case(number, kind, mismatch) for number, (kind, mismatch) in enumerate(pairs)]


def by_kind(found: Sequence[Case]) -> list[tuple[Counterexamples, list[Case]]]:
    """Cases by their kinds."""
    kinds: list[tuple[Counterexamples, list[Case]]] = []
    for case in found:
        if not kinds or kinds[-1][0] is not case.kind:
            kinds.append((case.kind, []))
        kinds[-1][1].append(case)
    return kinds
