"""What a checkpoint was made from, in words, beside its weights."""

from typing import TYPE_CHECKING

from dreamer.run import Run
from templates import render

if TYPE_CHECKING:
    from dreamer.authoring import Validated
    from dreamer.reading import Logs
    from dreamer.stages import Update


def card(
    run: Run, logs: "Logs", base: str | None = None, cloned_steps: int | None = None,
    validated: "Validated | None" = None, update: "Update | None" = None,
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
        validated=validated, update=update,
    )
