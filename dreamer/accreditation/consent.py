"""A person's word for a candidate, in the place of evidence that is missing or weak."""

from pathlib import Path

from dreamer.accreditation.promotions import PromotionError
from dreamer.card import accredited
from dreamer.records import Accreditation, Base, Report, Update
from dreamer.store import Store


def candidate(store: Store) -> tuple[Accreditation, Update, Report]:
    """The candidate of a run's last night, if a person may promote it: how it was judged, and what it is.

    Raises:
        PromotionError: there is no candidate, a bound does not hold, the evidence is against it, or what it was
            compared with is not what is promoted now.
    """
    night = f"night {store.night} of {store.root}"
    judged, base, update = store.load("evaluate", Accreditation), store.load("clone", Base), store.load("learn", Update)
    report = store.load("report", Report)
    if judged is None or base is None or update is None or report is None:
        raise PromotionError(
            f"{night} has no candidate that was judged; go on with dream run --run {store.root} --resume")
    if store.promoted == update.policy:
        raise PromotionError(f"{update.policy}, the candidate of {night}, is promoted already")
    if judged.refusals:
        raise PromotionError(f"{night} is not approved: {'; '.join(judged.refusals)}")
    if judged.evidence is not None and judged.evidence.worse:
        raise PromotionError(f"{night} is not approved, the candidate is worse: {judged.evidence}")
    if store.promoted not in (None, base.policy, base.origin):
        raise PromotionError(f"{night} is not approved: its candidate was compared with {base.origin or base.policy}, "
                             f"but {store.promoted} is promoted now")
    return judged, update, report


def approve_candidate(root: Path, by: str) -> Report:
    """Promote the candidate of a run's last night, where all bounds hold; the night's report as it now is.

    Args:
        root: the run folder.
        by: who decides.

    Raises:
        StoreError: it is no run folder.
        PromotionError: see `candidate`.
    """
    Store.config(root)
    store = Store.latest(root)
    judged, update, report = candidate(store)
    reason = f"approved by {by}; {judged.reason}"
    judged = judged.model_copy(update={"promoted": True, "approved_by": by, "reason": reason})
    store.promote(update.policy, by=by)
    store.save("evaluate", judged)
    accredited(store, update.policy, judged)
    report = report.model_copy(update={"verdict": "promoted", "reason": reason})
    store.save_report(report, over=True)
    return report
