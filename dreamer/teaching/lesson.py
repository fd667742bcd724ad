"""What a student did, to be looked at again by one who was told more."""

from dataclasses import dataclass

from dreamer.teaching.contexts import privileged
from rollout.chat import Chat
from rollout.episode import Episode, Tokens


@dataclass(frozen=True)
class Lesson:
    """One sequence of tokens, and what the teacher reads before them.

    Attributes:
        tokens: what the student saw and said; the mask is 1 on its own.
        teacher_prompt: ids of what the teacher sees in place of `tokens.prompt`.
    """

    tokens: Tokens
    teacher_prompt: list[int]


def lessons(episode: Episode, chat: Chat, context: str) -> list[Lesson]:
    """An episode's lessons: one, or one for each action where no sequence holds all that the policy saw.

    Args:
        context: what the teacher is told in its system prompt.
    """
    session = episode.trajectory
    first, system = session.observation.text, session.instructions
    bare, told = chat.opening(first, system), chat.opening(first, privileged(system, context))
    return [Lesson(piece, told + piece.prompt[len(bare):]) for piece in episode.pieces]
