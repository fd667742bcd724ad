"""Tiny policies that can use what they are told."""

from collections.abc import Sequence
from pathlib import Path

from transformers import AddedToken

from dreamer.learning.cloning import clone
from dreamer.policy import build_tiny, save, train_tokenizer
from dreamer.sections import Cloning
from rollout.chat import Chat
from rollout.trajectory import Trajectory


def cloned(sessions: Sequence[Trajectory], steps: int, folder: Path, concepts: Sequence[str] = ()) -> Path:
    """A policy that imitates sessions, some of whose agents were told something; kept in the folder.

    Args:
        concepts: texts that are a token each.
    """
    tokenizer = train_tokenizer(sessions, 300)
    tokenizer.add_tokens([AddedToken(each, normalized=False) for each in concepts])
    model, chat = build_tiny(tokenizer, 2, 32, seed=0), Chat(tokenizer)
    clone(model, tokenizer, [chat.tokens(session) for session in sessions],
          Cloning(steps=steps, batch=16, learning_rate=5e-3), 0)
    save(model, tokenizer, folder)
    return folder
