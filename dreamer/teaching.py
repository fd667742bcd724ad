"""What a teacher is told that its student is not."""

from templates import render


def privileged(system: str | None, context: str) -> str:
    """The system prompt of a teacher: what everyone is told, and the context, which may be wrong.

    Args:
        system: the student's, if it has one.
        context: what only the teacher knows.
    """
    return render("privileged.md.jinja", system=system, context=context)
