"""The policy's own engine as a model, in this process."""

import time

from envgen.models.model import Prompt, Reply
from rollout.chat import Chat
from rollout.engine import Engine, Sampling


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
        self.engine.forget()
        said = self.engine.generate({0: ids}, self.sampling)[0].ids
        return Reply(text=self.chat.action(said), prompt_tokens=len(ids), reply_tokens=len(said),
                     seconds=time.monotonic() - began, cut=self.chat.stop not in said[-1:])
