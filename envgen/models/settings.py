"""What the author is told that asks a language model."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

POLICY = "policy"
REPLY_TOKENS = 8_192  # of the policy, where nothing is said
Price = Annotated[float, Field(ge=0)]


class ModelSettings(BaseModel):
    """Which model writes environments, and what it may cost.

    Attributes:
        model: its name at the endpoint. In a night's configuration "policy" is the policy before it learns, on its own
            engine: no endpoint is asked, and `base_url`, `key`, `timeout` and `retries` do not matter.
        base_url: of any OpenAI-compatible endpoint; None is OpenAI's own.
        key: the environment variable that holds the key. An endpoint on this machine may do without.
        temperature: of its replies; None leaves it to the endpoint, as some models demand, and is 1 for the
            policy.
        reply_tokens: most tokens of a reply; None leaves it to the endpoint, and is 8,192 for the policy.
        prompt_tokens: how long a prompt may be, at four characters a token. What does not fit is left out, and the
            prompt says so.
        calls: most calls of one authoring, those for repairs and those answered from the transcript included.
        tokens: most tokens of one authoring, read and written; None is no bound.
        dollars: most money; needs `prices`.
        prices: dollars for a million tokens read, and written.
        drafts: independent first drafts before anything is revised.
        members: how many worlds must pass the gate before the search stops.
        repairs: how often in a row a reply that cannot be run is sent back.
        transitions: show what actions led to. Without it the prompt holds the interface, the actions and the openings
            only, and nothing is revised: what a model then writes it remembers.
        timeout: seconds that a call may take.
        retries: of a call that was refused for now, with growing pauses.
        seed: of the choice of what to revise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    base_url: str | None = None
    key: str = "OPENAI_API_KEY"
    temperature: float | None = Field(default=None, ge=0)
    reply_tokens: int | None = Field(default=None, ge=1)
    prompt_tokens: int = Field(default=32_000, ge=6_000)
    calls: int = Field(default=12, ge=1)
    tokens: int | None = Field(default=None, ge=1)
    dollars: float | None = Field(default=None, gt=0)
    prices: tuple[Price, Price] | None = None
    drafts: int = Field(default=2, ge=1)
    members: int = Field(default=1, ge=1)
    repairs: int = Field(default=2, ge=0)
    transitions: bool = True
    timeout: float = Field(default=600, gt=0)
    retries: int = Field(default=5, ge=0)
    seed: int = Field(default=0, ge=0)

    @property
    def length(self) -> int:
        """Tokens of a prompt and its reply."""
        return self.prompt_tokens + (self.reply_tokens or REPLY_TOKENS)

    @model_validator(mode="after")
    def _money_needs_prices(self) -> "ModelSettings":
        if self.dollars is not None and self.prices is None:
            raise ValueError("dollars needs prices: dollars for a million tokens read, and written")
        return self
