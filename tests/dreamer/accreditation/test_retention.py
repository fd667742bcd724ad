"""What counts as kept."""

import pytest

from dreamer.accreditation.retention import lost_task, lost_text
from dreamer.records import KeptTask, KeptText
from rollout.figure import Figure, apart, paired, proportion


def task(before: int, after: int, count: int) -> KeptTask:
    old, new = ([number < won for number in range(count)] for won in (before, after))
    return KeptTask(name="lake", before=proportion(before, count), after=proportion(after, count),
                    change=paired(new, old))


def test_only_what_is_shown_to_be_kept_counts_as_kept() -> None:
    assert lost_task(task(900, 895, 1000), 0.05) is None
    assert lost_task(task(900, 1000, 1000), 0.05) is None
    lost = lost_task(task(900, 800, 1000), 0.05)
    assert lost is not None
    assert lost.startswith("lake: success changed by -0.100 [")
    assert "would show it kept" not in lost


def test_small_losses_that_add_up_are_a_loss() -> None:
    kept = task(860, 855, 1000)
    lost = lost_task(kept.model_copy(update={"since": apart(kept.after, proportion(930, 1000))}), 0.05)
    assert lost_task(kept, 0.05) is None
    assert lost is not None
    assert lost.startswith("lake: since it was first on record, success changed by -0.075 [")


@pytest.mark.parametrize("count", [2, 10, 30])
def test_too_few_episodes_are_refused_for_that_reason(count: int) -> None:
    """However well they went."""
    lost = lost_task(task(count, count, count), 0.05)
    assert lost is not None
    wanted = int(lost.split("about ")[1].split(" episodes")[0].replace(",", ""))
    assert wanted > count
    assert lost_task(task(500, 500, 500), 0.05) is None


def text(value: float, half: float, n: int = 50) -> KeptText:
    return KeptText(name="a.jsonl", change=Figure(value=value, low=value - half, high=value + half, n=n))


def test_a_text_may_not_become_more_surprising() -> None:
    assert lost_text(text(0.02, 0.03), 0.1) is None
    assert lost_text(text(-0.5, 0.3), 0.1) is None
    for lost, words in ((lost_text(text(0.2, 0.05), 0.1), "upper bound above 0.1 (retention.loss)"),
                        (lost_text(text(0.06, 0.08), 0.1), "about 200 sessions would show it kept"),
                        (lost_text(text(0.0, 0.0, n=3), 0.1), "3 sessions are too few")):
        assert lost is not None
        assert words in lost
