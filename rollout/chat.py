"""Between words and token ids, through a tokenizer's own chat template.

An episode is one growing list of ids: the world speaks as `user`, the agent as `assistant`, and nothing that was
tokenised once is tokenised again. What the template writes around a message is found once, by rendering
placeholders; the message itself is tokenised with special tokens switched off, so that logged text cannot pose as
the end of a turn.

Models that think are the exception: their templates may drop the reasoning of earlier turns. What the policy emitted
is then cut, never tokenised anew, and `follow` gives the prompts that the template would. Templates that rewrite
anything else are refused.
"""

from collections.abc import Sequence
from functools import lru_cache, partial

from transformers import PreTrainedTokenizerBase

from rollout.episode import Tokens
from rollout.errors import UserError
from rollout.thinking import CLOSE, OPEN, differ_in_thought, opens, spoken, without_marks
from rollout.trajectory import Trajectory

SYSTEM, FIRST, ACTION, SECOND, THOUGHT = "⟦s⟧", "⟦a⟧", "⟦b⟧", "⟦c⟧", "⟦t⟧"
GAP = "\n\n"  # what models write between thought and words


REMEMBERED = 4096  # texts and their ids


class TemplateError(UserError):
    """The chat template cannot be used for episodes that only grow."""


class Chat:
    """Renders episodes for one tokenizer.

    Args:
        tokenizer: of an instruct model.
        keep_reasoning: let episodes only grow, even if the template would drop the reasoning of earlier turns.

    Attributes:
        strips: whether the reasoning of earlier turns is dropped, so that `follow` does not only append.

    Raises:
        TemplateError: the tokenizer has no chat template, or one that rewrites more of earlier turns than reasoning.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, keep_reasoning: bool = False):
        if tokenizer.chat_template is None or tokenizer.eos_token_id is None:
            raise TemplateError(
                f"{tokenizer.name_or_path or 'the tokenizer'} has no chat template or no end-of-turn token; "
                "choose an instruct model"
            )
        self.tokenizer = tokenizer
        # Worlds and policies repeat themselves, and templates do nothing else.
        self._said = lru_cache(REMEMBERED)(partial(_encode, tokenizer, split_special_tokens=True))
        self._written = lru_cache(REMEMBERED)(partial(_encode, tokenizer))
        self._acted = lru_cache(REMEMBERED)(lambda ids: self._text(ids[slice(*self._spoken(ids))]))
        self.stop = int(tokenizer.eos_token_id)
        self._opening, self._before_earlier, self._after_action, self._before_action = self._around(system=False)
        self._system = self._around(system=True)[0] if self._accepts_system() else None
        self._opened = opens(self._before_action)
        drops, self._drops_gap = self._reasoning()
        self.strips = drops and not keep_reasoning

    def prompt(self, observation: str, system: str | None = None) -> list[int]:
        """What the policy sees before its first action."""
        return self.opening(observation, system) + self._marks(self._before_action)

    def opening(self, observation: str, system: str | None = None) -> list[int]:
        """What every prompt of an episode begins with: the first text, before anything asks for an action."""
        if system is not None and self._system is not None:
            before, after = self._system.split(SYSTEM)
            opening = self._marks(before) + self._words(system) + self._marks(after)
        elif system is not None:  # a template without a system role: it goes before the first observation
            opening = self._marks(self._opening) + self._words(system + "\n\n")
        else:
            opening = self._marks(self._opening)
        return opening + self._words(observation)

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

    def follow(self, history: list[int], ids: Sequence[int], observation: str) -> list[int]:
        """What the policy sees before its next action.

        Args:
            history: what it saw before this one, from `prompt` or `follow`.
            ids: what it emitted.
            observation: the world's answer.
        """
        if not self.strips:
            return [*history, *ids, *self.answer(observation, closed=bool(ids) and ids[-1] == self.stop)]
        past = self.past(ids)
        if past and past[-1] == self.stop:  # the template may end an earlier turn otherwise than the policy does
            past.pop()
        return self._earlier(history) + past + self.answer(observation, closed=False)

    def past(self, ids: Sequence[int]) -> list[int]:
        """What later prompts hold of an action: all of it or, where the template strips, what follows the thought.

        An approximation of the template in that white space is dropped after the thought only in whole tokens and
        nowhere else; a token in which the end of the thought and the first words meet is dropped; and a second thought
        that was cut is dropped too, where templates would take it for words.
        """
        if not self.strips:
            return list(ids)
        start, end = self._spoken(ids)
        while self._drops_gap and start < end and str(self.tokenizer.decode([ids[start]])).isspace():
            start += 1
        return [*ids[start:end], *([self.stop] if end < len(ids) and ids[-1] == self.stop else [])]

    def action(self, ids: Sequence[int]) -> str:
        """The words of an action; neither its thought nor its end-of-turn mark is part of them."""
        return self._acted(tuple(ids))

    def thought(self, ids: Sequence[int]) -> str | None:
        """The words of an action's reasoning; None where there are none."""
        start, end = self._spoken(ids)
        parts = [without_marks(self._text(part)) for part in (ids[:start], ids[end:])]
        return "\n".join(filter(None, parts)) or None

    def say(self, action: str) -> list[int]:
        """The ids of an action given in words, closed."""
        return [*self._words(action), self.stop]

    def tokens(self, trajectory: Trajectory) -> Tokens:
        """A finished session, for learning from it.

        Every action stands as the template writes it once the conversation has gone on, so without reasoning: where
        the generation prompt is not what precedes an earlier action, the policy was asked otherwise.
        """
        completion: list[int] = []
        mask: list[int] = []
        for number, turn in enumerate(trajectory.turns):
            said = self.say(turn.action.text)
            completion += said
            mask += [1] * len(said)
            if number + 1 < len(trajectory.turns):
                heard = self._earlier(self.answer(turn.answer or "", closed=True))
                completion += heard
                mask += [0] * len(heard)
        prompt = self.prompt(trajectory.observation.text, trajectory.instructions)
        return Tokens(self._earlier(prompt), completion, mask, [0.0] * len(completion))

    def _earlier(self, prompt: list[int]) -> list[int]:
        """A prompt as the template begins it once the action that it asks for lies back."""
        asked = self._marks(self._before_action)
        if prompt[-len(asked):] != asked:
            raise ValueError("the prompt does not end where an action is asked for")
        return prompt[:-len(asked)] + self._marks(self._before_earlier)

    def _spoken(self, ids: Sequence[int]) -> tuple[int, int]:
        pieces = self.tokenizer.convert_ids_to_tokens(list(ids))
        return spoken([piece or "" for piece in pieces], self._opened)  # models may emit ids that stand for nothing

    def _text(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True)).strip()

    def _words(self, text: str) -> list[int]:
        return list(self._said(text))

    def _marks(self, text: str) -> list[int]:
        return list(self._written(text))

    def _render(self, *messages: dict[str, str], asking: bool = True) -> str:
        return str(self.tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=asking))

    def _accepts_system(self) -> bool:
        try:
            return self._around(system=True)[0].count(SYSTEM) == 1
        except Exception:  # templates refuse a role by raising whatever their author chose
            return False

    def _around(self, system: bool) -> tuple[str, str, str, str]:
        """What the template writes before the first words, before an earlier action, after one, and to ask for one."""
        told = [{"role": "system", "content": SYSTEM}] if system else []
        first, action = {"role": "user", "content": FIRST}, {"role": "assistant", "content": ACTION}
        text = self._render(*told, first, action, {"role": "user", "content": SECOND})
        for mark in (FIRST, ACTION, SECOND):
            if text.count(mark) != 1:
                raise TemplateError("the chat template drops or repeats messages; episodes need every turn once")
        opening, rest = text.split(FIRST)
        before, rest = rest.split(ACTION)
        after, last = rest.split(SECOND)
        if last != before and not differ_in_thought(last, before):
            raise TemplateError(
                "the chat template writes something else before a later turn than before the first "
                f"({last!r}, not {before!r}), so earlier turns would have to be rewritten"
            )
        if not system and self._render(first) != opening + FIRST + last:
            raise TemplateError("the chat template writes a last turn otherwise, so earlier turns would be rewritten")
        return opening, before, after, last

    def _reasoning(self) -> tuple[bool, bool]:
        """Whether the template drops the reasoning of earlier turns, and whether the white space after it as well."""
        first, second = {"role": "user", "content": FIRST}, {"role": "user", "content": SECOND}
        inline = {"role": "assistant", "content": f"{OPEN}\n{THOUGHT}\n{CLOSE}{GAP}{ACTION}"}
        apart = {"role": "assistant", "content": ACTION, "reasoning_content": THOUGHT}
        takes_apart = CLOSE in self._render(first, apart, asking=False).partition(THOUGHT)[2]
        ways = [
            self._render(first, action, second).partition(FIRST)[2].partition(ACTION)[0] for action in (inline, apart)
        ]
        kept = ways[takes_apart]
        grows = self._before_action == self._before_earlier or kept.startswith(self._before_action)
        if THOUGHT in kept and grows:
            return False, False
        past = next((way for way in ways if THOUGHT not in way), None)
        if past not in (self._before_earlier, self._before_earlier + GAP):
            raise TemplateError(f"the chat template puts something in the place of earlier reasoning ({past!r})")
        return True, past == self._before_earlier


def _encode(tokenizer: PreTrainedTokenizerBase, text: str, **options: bool) -> tuple[int, ...]:
    return tuple(tokenizer(text, add_special_tokens=False, **options)["input_ids"])
