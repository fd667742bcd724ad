"""Everything that was asked and answered, kept in a folder: the transcript, and what a stopped search goes on from.

A prompt that was answered before is answered from the folder, and counts towards the budget as it did then, so that a
search that was stopped and begun again does what it would have done. Without a model the folder alone answers, which
is how recordings are replayed.
"""

import hashlib
import os
from collections import Counter
from itertools import zip_longest
from pathlib import Path

from pydantic import ValidationError

from envgen.models.model import Model, ModelError, Prompt, Reply
from envgen.models.settings import ModelSettings
from rollout.trajectory import Record


class BudgetSpent(ModelError):
    """Nothing more may be asked; the message says which bound was met."""


class StaleRecording(ModelError):
    """There is no model, and no recorded reply to this prompt."""


class Exchange(Record):
    """One prompt and its reply, as a line of `exchanges.jsonl`; the texts lie beside it.

    Attributes:
        number: in the order in which the folder was filled, from 1.
        digest: of the prompt, the settings that shape the reply, and how often this was asked before.
        dollars: what it cost; None where no prices are given.
    """

    number: int
    digest: str
    kind: str
    model: str
    prompt_tokens: int
    reply_tokens: int
    seconds: float
    cut: bool
    dollars: float | None = None

    @property
    def name(self) -> str:
        """Of its files."""
        return f"{self.number:03d}-{self.digest}"


class Correspondence:
    """A model that is asked within a budget, and whose every reply is kept.

    Args:
        model: None answers from the folder alone.
        folder: of the transcript; made if it is missing.
        settings: the budget, and what shapes the replies.

    Attributes:
        asked: the exchanges of this search in their order, also those that the folder answered.

    Raises:
        ModelError: the folder holds something else.
    """

    def __init__(self, model: Model | None, folder: Path, settings: ModelSettings):
        self.model, self.folder, self.settings = model, folder, settings
        self.log = folder / "exchanges.jsonl"
        self.asked: list[Exchange] = []
        self.known: dict[str, Exchange] = {}
        self.repeats: Counter[str] = Counter()
        folder.mkdir(parents=True, exist_ok=True)
        for number, line in enumerate(self.log.read_text().splitlines() if self.log.exists() else (), start=1):
            try:
                exchange = Exchange.model_validate_json(line)
            except ValidationError as error:
                raise ModelError(f"{self.log}, line {number}: {error.errors()[0]['msg']}; remove the line") from None
            self.known[exchange.digest] = exchange

    @property
    def tokens(self) -> int:
        """Read and written so far."""
        return sum(each.prompt_tokens + each.reply_tokens for each in self.asked)

    @property
    def dollars(self) -> float | None:
        """Spent so far; None where no prices are given."""
        return sum(each.dollars or 0.0 for each in self.asked) if self.settings.prices else None

    def ask(self, prompt: Prompt) -> Reply:
        """The reply to a prompt; asked again, another one.

        Raises:
            BudgetSpent: the budget allows no further call.
            StaleRecording: only the folder may answer, and it cannot.
            ModelError: the model cannot be asked.
        """
        self._check(prompt)
        digest = self._digest(prompt)
        exchange = self.known.get(digest)
        if exchange is None:
            if self.model is None:
                raise StaleRecording(self._stale(prompt, digest))
            exchange = self._keep(prompt, self.model.reply(prompt), digest)
        self.repeats[_digest(prompt.system, prompt.user)] += 1
        self.asked.append(exchange)
        text = (self.folder / f"{exchange.name}.reply.md").read_text()
        return Reply(text=text, prompt_tokens=exchange.prompt_tokens, reply_tokens=exchange.reply_tokens,
                     seconds=exchange.seconds, cut=exchange.cut)

    def _check(self, prompt: Prompt) -> None:
        """Whether the budget allows this call; the reply is taken to be as long as it may be, where that is known."""
        settings = self.settings
        if len(self.asked) >= settings.calls:
            raise BudgetSpent(f"all {settings.calls} calls are made; the setting `calls` allows more")
        longest = settings.reply_tokens or 0
        if settings.tokens is not None and self.tokens + prompt.tokens + longest > settings.tokens:
            raise BudgetSpent(f"{self.tokens:,} of {settings.tokens:,} tokens are spent, too many for another call of "
                              f"about {prompt.tokens + longest:,}; the setting `tokens` allows more")
        price = _price(settings, prompt.tokens, longest)
        if settings.dollars is not None and (self.dollars or 0.0) + (price or 0.0) > settings.dollars:
            raise BudgetSpent(f"${self.dollars:.2f} of ${settings.dollars:.2f} are spent, too much for another call of "
                              f"about ${price:.2f}; the setting `dollars` allows more")

    def _digest(self, prompt: Prompt) -> str:
        settings = self.settings
        repeat = self.repeats[_digest(prompt.system, prompt.user)]
        return _digest(settings.model, str(settings.temperature), str(settings.reply_tokens), str(repeat),
                       prompt.system, prompt.user)

    def _keep(self, prompt: Prompt, reply: Reply, digest: str) -> Exchange:
        """Texts first, then the line that says that they are whole."""
        exchange = Exchange(
            number=1 + max((each.number for each in self.known.values()), default=0), digest=digest, kind=prompt.kind,
            model=self.settings.model, dollars=_price(self.settings, reply.prompt_tokens, reply.reply_tokens),
            **reply.model_dump(exclude={"text"}),
        )
        for side, text in (("prompt", f"{prompt.system}\n\n{prompt.user}"), ("reply", reply.text)):
            # surrogates are not written as UTF-8; a model that sends one meant nothing by it
            (self.folder / f"{exchange.name}.{side}.md").write_text(text, errors="replace", newline="")
        with open(self.log, "a") as log:
            log.write(exchange.model_dump_json() + "\n")
            log.flush()
            os.fsync(log.fileno())
        self.known[digest] = exchange
        return exchange

    def _stale(self, prompt: Prompt, digest: str) -> str:
        """That a recording is stale, since where, and how to record again."""
        number, asked = len(self.asked) + 1, f"{prompt.system}\n\n{prompt.user}"
        where = "it was never recorded that far"
        for exchange in self.known.values():
            file = self.folder / f"{exchange.name}.prompt.md"
            if exchange.number == number and file.exists():
                pairs = zip_longest(asked.splitlines(), file.read_text().splitlines(), fillvalue="")
                differing = ((line, *pair) for line, pair in enumerate(pairs, start=1) if pair[0] != pair[1])
                line, now, then = next(differing, (0, "", ""))
                where = f"line {line} of {file.name} was {then[:160]!r} and is {now[:160]!r}"
        return (f"{self.folder} holds no reply of {self.settings.model} to prompt {number} ({prompt.kind}, {digest}): "
                f"the recording is stale; {where}. Record again: remove the folder, then `dream author SESSIONS… "
                f"--model {self.settings.model} --base-url URL --replies {self.folder}`")


def _price(settings: ModelSettings, read: int, written: int) -> float | None:
    if settings.prices is None:
        return None
    return (read * settings.prices[0] + written * settings.prices[1]) / 1e6


def _digest(*parts: str) -> str:
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode(errors="surrogatepass")
        whole.update(len(data).to_bytes(8) + data)
    return whole.hexdigest()[:16]


