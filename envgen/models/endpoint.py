"""Any OpenAI-compatible endpoint as a model.

Refusals for now (429, 500 and above, timeouts, lost connections) are tried again by the client library, with growing
pauses; what remains becomes a message that says what to do.
"""

import os
import time
from typing import Any
from urllib.parse import urlsplit

from envgen.models.model import ModelError, Prompt, Reply, estimate
from envgen.models.settings import ModelSettings

HERE = ("localhost", "127.0.0.1", "::1")  # hosts that need no key
LISTED = 10  # models that a message names


class Endpoint:
    """A model behind `base_url`.

    Raises:
        ModelError: the client library or the key is missing.
    """

    def __init__(self, settings: ModelSettings):
        try:
            import openai
        except ImportError:
            need = "asking a model needs the openai package: pip install 'dreaming-simulator[model]'"
            raise ModelError(need) from None
        self.settings, self.openai = settings, openai
        self.place = settings.base_url or "https://api.openai.com/v1"
        where = urlsplit(self.place)
        if where.scheme not in ("http", "https") or not where.hostname:
            raise ModelError(f"{self.place} is no address of an endpoint; give one such as http://127.0.0.1:8000/v1")
        key = os.environ.get(settings.key)
        if not key and where.hostname not in HERE:
            raise ModelError(f"{self.place} wants a key, and the environment variable {settings.key} is not set: "
                             f"export {settings.key}=…, or name another variable with the setting `key`")
        self.client = openai.OpenAI(api_key=key or "none", base_url=self.place, timeout=settings.timeout,
                                    max_retries=settings.retries)

    def reply(self, prompt: Prompt) -> Reply:
        settings, began = self.settings, time.monotonic()
        given: dict[str, Any] = {"temperature": settings.temperature, "max_completion_tokens": settings.reply_tokens}
        try:
            answer = self.client.chat.completions.create(
                model=settings.model, messages=[{"role": "system", "content": prompt.system},
                                                {"role": "user", "content": prompt.user}],
                **{name: value for name, value in given.items() if value is not None},
            )
        except (self.openai.OpenAIError, ValueError) as error:  # ValueError: what came back is no JSON
            raise ModelError(self._explain(error)) from error
        choices = getattr(answer, "choices", None)
        if not choices:
            raise ModelError(f"{self.place} answered something else than a chat completion; base_url should end in /v1")
        text, usage = choices[0].message.content or "", answer.usage
        return Reply(
            text=text, prompt_tokens=usage.prompt_tokens if usage else prompt.tokens,
            reply_tokens=usage.completion_tokens if usage else estimate(text), seconds=time.monotonic() - began,
            cut=choices[0].finish_reason == "length",
        )

    def _explain(self, error: Exception) -> str:
        """What went wrong, and what to do about it."""
        openai, settings, place = self.openai, self.settings, self.place
        again = "what was asked so far is kept, so give the same command again"
        match error:
            case openai.APITimeoutError():
                return (f"{place} did not answer within {settings.timeout:g} seconds, {settings.retries + 1} times: "
                        f"raise the setting `timeout`; {again}")
            case openai.APIConnectionError():
                return (f"{place} cannot be reached ({error.__cause__ or error}): start the server, or correct "
                        f"base_url; {again}")
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                return f"{place} refused the key in {settings.key}: {_said(error)}; check it"
            case openai.NotFoundError():
                return f"{place} knows no model {settings.model!r}: {_said(error)}; {self._known()}"
            case openai.RateLimitError():
                return (f"{place} refused for now, {settings.retries + 1} times: {_said(error)}; wait, or raise the "
                        f"setting `retries`; {again}")
            case openai.BadRequestError():
                return (f"{place} refuses the request: {_said(error)}; if it is too long, lower the settings "
                        "`prompt_tokens` and `reply_tokens`; if the model allows no temperature, leave it out")
            case openai.APIStatusError():
                return f"{place} failed {settings.retries + 1} times ({error.status_code}): {_said(error)}; {again}"
        return f"{place} answered something that is no chat completion ({error}); base_url should end in /v1"

    def _known(self) -> str:
        try:
            names = [model.id for model in self.client.models.list()]
        except (self.openai.OpenAIError, ValueError):
            return "check its name, and that base_url ends in /v1"
        more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
        return f"it has {', '.join(names[:LISTED]) or 'none'}{more}"


def _said(error: Any) -> str:
    """The endpoint's own words, in short."""
    return str(error.message).strip()[:500]
