"""Between words and token ids, through a tokenizer's own chat template.

An episode is one growing list of ids: the world speaks as `user`, the agent as `assistant`, and nothing that was
tokenised once is tokenised again. What the template writes around a message is found once, by rendering
placeholders; the message itself is tokenised with special tokens switched off, so that logged text cannot pose as
the end of a turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from rollout.errors import UserError
from rollout.trajectory import Trajectory

SYSTEM, FIRST, ACTION, SECOND = "⟦s⟧", "⟦a⟧", "⟦b⟧", "⟦c⟧"


class TemplateError(UserError):
    """The chat template cannot be used for episodes that only grow."""


@dataclass(frozen=True)
class Tokens:
    """The ids of one episode.

    Attributes:
        prompt: what the policy was given before its first action.
        completion: everything after, actions and answers, in order.
        mask: 1 where `completion` holds a token of the policy.
        logprobs: log-probability of each completion token under the policy that acted; 0 where mask is 0.
    """

    prompt: list[int]
    completion: list[int]
    mask: list[int]
    logprobs: list[float]


class Chat:
    """Renders episodes for one tokenizer.

    Raises:
        TemplateError: the tokenizer has no chat template, or one that rewrites earlier turns.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase):
        if tokenizer.chat_template is None or tokenizer.eos_token_id is None:
            raise TemplateError(
                f"{tokenizer.name_or_path or 'the tokenizer'} has no chat template or no end-of-turn token; "
                "choose an instruct model"
            )
        self.tokenizer = tokenizer
        self.stop = int(tokenizer.eos_token_id)
        self._opening, self._before_action = self._around(system=False)[:2]
        self._system = self._around(system=True)[0] if self._accepts_system() else None
        self._after_action = self._around(system=False)[2]

    def prompt(self, observation: str, system: str | None = None) -> list[int]:
        """What the policy sees before its first action."""
        if system is not None and self._system is not None:
            before, after = self._system.split(SYSTEM)
            opening = self._marks(before) + self._words(system) + self._marks(after)
        elif system is not None:  # a template without a system role: it goes before the first observation
            opening = self._marks(self._opening) + self._words(system + "\n\n")
        else:
            opening = self._marks(self._opening)
        return opening + self._words(observation) + self._marks(self._before_action)

    def answer(self, observation: str, closed: bool) -> list[int]:
        """What comes between one action and the next.

        Args:
            observation: the world's answer.
            closed: whether the action's last id already was the end of the turn.
        """
        marks = self._marks(self._after_action)
        if closed and marks[0] == self.stop:
            marks = marks[1:]
        return marks + self._words(observation) + self._marks(self._before_action)

    def action(self, ids: Sequence[int]) -> str:
        """The words of an action; its end-of-turn mark is not part of them."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True)).strip()

    def say(self, action: str) -> list[int]:
        """The ids of an action given in words, closed."""
        return [*self._words(action), self.stop]

    def tokens(self, trajectory: Trajectory) -> Tokens:
        """A finished session, for learning from it."""
        completion: list[int] = []
        mask: list[int] = []
        for number, turn in enumerate(trajectory.turns):
            said = self.say(turn.action.text)
            completion += said
            mask += [1] * len(said)
            if number + 1 < len(trajectory.turns):
                heard = self.answer(turn.answer or "", closed=True)
                completion += heard
                mask += [0] * len(heard)
        prompt = self.prompt(trajectory.observation.text, trajectory.system.text if trajectory.system else None)
        return Tokens(prompt, completion, mask, [0.0] * len(completion))

    def _words(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])

    def _marks(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _render(self, system: bool) -> str:
        messages = [{"role": "system", "content": SYSTEM}] if system else []
        messages += [
            {"role": "user", "content": FIRST},
            {"role": "assistant", "content": ACTION},
            {"role": "user", "content": SECOND},
        ]
        return str(self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))

    def _accepts_system(self) -> bool:
        try:
            return self._around(system=True)[0].count(SYSTEM) == 1
        except Exception:  # templates refuse a role by raising whatever their author chose
            return False

    def _around(self, system: bool) -> tuple[str, str, str]:
        """What the template writes before the first words, before an action, and after one."""
        text = self._render(system)
        for mark in (FIRST, ACTION, SECOND):
            if text.count(mark) != 1:
                raise TemplateError("the chat template drops or repeats messages; episodes need every turn once")
        opening, rest = text.split(FIRST)
        before, rest = rest.split(ACTION)
        after, last = rest.split(SECOND)
        if last != before:
            raise TemplateError(
                "the chat template writes something else before a later turn than before the first "
                f"({last!r}, not {before!r}), so earlier turns would have to be rewritten"
            )
        alone = [{"role": "user", "content": FIRST}]
        if not system and self.tokenizer.apply_chat_template(
            alone, tokenize=False, add_generation_prompt=True
        ) != opening + FIRST + before:
            raise TemplateError("the chat template writes a last turn otherwise, so earlier turns would be rewritten")
        return opening, before, after
