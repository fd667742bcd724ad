"""What a checkpoint was made from, in words, beside its weights."""

from typing import TYPE_CHECKING

from dreamer.run import Run
from templates import render

if TYPE_CHECKING:
    from dreamer.stages import Authored, Logs, Update


def card(
    run: Run, logs: "Logs", base: str | None = None, cloned_steps: int | None = None,
    environment: "Authored | None" = None, update: "Update | None" = None,
) -> str:
    """A model card.

    Args:
        logs: the sessions, with whose approval they trained.
        base: the policy it was made from: a digest, or a model's name.
        cloned_steps: how long it imitated the approved sessions.
        environment, update: what it rehearsed in, and what rehearsal made of it.
    """
    return render(
        "card.md.jinja", config=run.config, night=run.store.night, logs=logs, base=base, cloned_steps=cloned_steps,
        environment=environment, update=update,
    )
