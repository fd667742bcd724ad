"""The policy's own engine as a model, in this process."""

import time

from envgen.models.model import Prompt, Reply
from rollout.chat import Chat
from rollout.engines import Engine, Sampling, say


class EngineModel:
    """A language model that `rollout.engine` runs.

    Args:
        engine: of the model.
        chat: its tokenizer's.
        sampling: how replies are drawn, and how long they may be.
    """

    def __init__(self, engine: Engine, chat: Chat, sampling: Sampling):
        self.engine, self.chat, self.sampling = engine, chat, sampling

    def reply(self, prompt: Prompt) -> Reply:
        began = time.monotonic()
        ids = self.chat.prompt(prompt.user, prompt.system)
        said = say(self.engine, ids, self.sampling).ids
        return Reply(text=self.chat.action(said), prompt_tokens=len(ids), reply_tokens=len(said),
                     seconds=time.monotonic() - began, cut=self.chat.stop not in said[-1:])
