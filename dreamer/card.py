"""What a checkpoint was made from, in words, beside its weights."""

from typing import TYPE_CHECKING

from dreamer.records import Accreditation, Logs, Update, Validated
from dreamer.store import Store
from templates import render

if TYPE_CHECKING:
    from dreamer.run import Run

HEADING = "## Accreditation"


def card(
    run: "Run", logs: Logs, base: str | None = None, cloned_steps: int | None = None,
    validated: Validated | None = None, update: Update | None = None,
) -> str:
    """A model card.

    Args:
        logs: the sessions, with whose approval they trained.
        base: the policy it was made from: a digest, or a model's name.
        cloned_steps: how long it imitated the approved sessions.
        validated, update: what it rehearsed in, and what rehearsal made of it.
    """
    return render(
        "card.md.jinja", config=run.config, night=run.store.night, logs=logs, base=base, cloned_steps=cloned_steps,
        validated=validated, update=update, gap=run.records.get("gap") if update else None,
        gathered=run.records.get("experience") if update else None,
    )


def accredited(store: Store, digest: str, accreditation: Accreditation) -> None:
    """Add to a candidate's card how it was judged, in the place of what an earlier judging said."""
    made, _, _ = store.load_card(digest).partition(HEADING)
    store.save_card(digest, made.rstrip() + "\n\n" + HEADING + render(
        "accreditation.md.jinja", accreditation=accreditation))
