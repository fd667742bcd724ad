"""Nothing is promoted by its own dream: evidence from outside it decides, or a person, and the guards have a veto.

Whatever the evidence, a candidate must stay within two budgets of divergence, from the promoted policy and from the
original one, and keep what the policy knew (see `retention`). What is refused changes nothing.
"""

from functools import partial

from dreamer.accreditation.evidence import gather
from dreamer.accreditation.retention import retain, tasks_to_keep
from dreamer.card import accredited
from dreamer.learning.divergence import divergence, log_probabilities
from dreamer.learning.update import histories
from dreamer.learning.watch import exceeds
from dreamer.policy import load_model
from dreamer.records import SOURCES, Accreditation, Base, Evidence, Logs, Update
from dreamer.run import Run
from rollout.figure import Figure

HISTORIES = 256  # at most, that policies are compared on


def accredit(run: Run, logs: Logs, base: Base, update: Update) -> Accreditation:
    """Judge the candidate, and promote it where the evidence is for it and all bounds hold."""
    steps, guards = run.real_steps, run.config.guards
    found = gather(run, logs, base, update)
    evidence = found if isinstance(found, Evidence) else None
    promoted_kl, original_kl = divergences(run, base, update)
    retained = retain(run, tasks_to_keep(run, logs), on_record(run), base.policy, update.policy)
    refusals = [
        f"KL({name}‖candidate) is {apart} nats a token, upper bound above guards.{name}_kl = {budget:g}"
        for name, apart, budget in (("promoted", promoted_kl, guards.promoted_kl),
                                    ("original", original_kl, guards.original_kl)) if exceeds(apart, budget)]
    refusals += retained.refusals
    if update.policy == base.policy:
        refusals.append("nothing was learnt: the candidate is the policy that the night began with")
    promoted = evidence is not None and evidence.better and not refusals
    reason = "; ".join([str(found), *refusals])
    if update.stopped:
        reason += f"; learning was stopped: {update.stopped}"
    standing = run.store.promotions.standing
    if promoted and evidence is not None:
        run.store.promote(update.policy, by=SOURCES[evidence.source])
    elif standing and standing[-1].policy == update.policy != base.policy:
        reason += f"; yet it was promoted by {standing[-1].by}, and is until dream rollback {run.store.root}"
    accreditation = Accreditation(
        evidence=evidence, promoted_kl=promoted_kl, original_kl=original_kl, retained=retained,
        refusals=tuple(refusals), promoted=promoted, reason=reason, real_steps_before=steps)
    accredited(run.store, update.policy, accreditation)
    return accreditation


def divergences(run: Run, base: Base, update: Update) -> tuple[Figure, Figure]:
    """How far the candidate is from the promoted policy and from the original one, where its task leads it."""
    if run.generating is not None:
        run.generating.rest()  # the card is wanted for other weights
    policy = run.policy(update.policy)
    said = histories(run, policy, HISTORIES)

    def apart(digest: str) -> Figure:
        reference = load_model(run.store.policy(digest))
        return divergence(partial(log_probabilities, reference), partial(log_probabilities, policy.model), said)

    promoted, original = apart(base.policy), run.store.original
    return promoted, promoted if original in (None, base.policy) else apart(original)


def on_record(run: Run) -> dict[str, Figure]:
    """Success at each task when an earlier night first had it on record, along the line of policies to tonight's."""
    line = {run.store.original, *(each.policy for each in run.store.promotions.standing)}
    first = dict[str, Figure]()
    for night in run.store.earlier:
        judged, base, update = (night.load("evaluate", Accreditation), night.load("clone", Base),
                                night.load("learn", Update))
        if judged is None or base is None or update is None:
            continue
        if (base.origin or base.policy) in line:
            first = {task.name: task.before for task in judged.retained.tasks} | first
        if update.policy in line and judged.evidence is not None and judged.evidence.source == "production":
            first.setdefault(night.folder.name, judged.evidence.after.success)
    return first
