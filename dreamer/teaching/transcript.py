"""A session as a person or a model reads it: what was told, and after `>` what was done."""

from rollout.trajectory import Trajectory


def transcript(session: Trajectory) -> str:
    """The session's words, without its system prompt; the outcome, where it is known, in a last line."""
    lines = [session.observation.text]
    for turn in session.turns:
        lines.append(f"> {turn.action.text}")
        lines += [] if turn.answer is None else [turn.answer]
    lines += [] if session.outcome is None else [f"Outcome: {session.outcome:g}"]
    return "\n".join(lines)
