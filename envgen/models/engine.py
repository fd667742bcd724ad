"""The policy's own engine as a model, in this process."""

import time

from envgen.models.correspondence import BudgetSpent
from envgen.models.model import Prompt, Reply
from rollout.chat import Chat
from rollout.engines import Engine, Sampling, say


class EngineModel:
    """A language model that `rollout.engines` runs.

    Args:
        engine: of the model.
        chat: its tokenizer's.
        sampling: how replies are drawn, and how long they may be.
        length: most tokens of a prompt and its reply.
        asked: how many replies were drawn before. Each has its own seed, so that none is drawn twice.
    """

    def __init__(self, engine: Engine, chat: Chat, sampling: Sampling, length: int, asked: int = 0):
        self.engine, self.chat, self.sampling, self.length, self.asked = engine, chat, sampling, length, asked

    def reply(self, prompt: Prompt) -> Reply:
        """One reply, cut where prompt and reply outgrow the engine.

        Raises:
            BudgetSpent: the prompt leaves less than a quarter of a reply's room.
        """
        began = time.monotonic()
        ids = self.chat.prompt(prompt.user, prompt.system)
        wanted = self.sampling.max_tokens
        room = min(wanted, self.length - len(ids))
        if 4 * room < wanted:
            raise BudgetSpent(
                f"a prompt has {len(ids):,} tokens of this model's (about {prompt.tokens:,} at four characters each), "
                f"and the engine holds {self.length:,}: too few are left for a reply of {wanted:,}; lower prompt_tokens"
            )
        said = say(self.engine, ids, Sampling(self.sampling.temperature, room), seed=self.asked).ids
        self.asked += 1
        return Reply(text=self.chat.action(said), prompt_tokens=len(ids), reply_tokens=len(said),
                     seconds=time.monotonic() - began, cut=self.chat.stop not in said[-1:])
