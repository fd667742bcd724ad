"""What a model was asked and answered while it wrote an environment, from the transcript in the run folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from dreamer.store import Store
from envgen.models.correspondence import Exchange

LONGEST = 300_000  # characters of a text that a page shows


@dataclass(frozen=True)
class Letter:
    """One prompt and its reply.

    Attributes:
        prompt, reply: as they were sent; None where the file is missing.
    """

    exchange: Exchange
    prompt: str | None
    reply: str | None


def letters(store: Store, digests: Sequence[str]) -> list[Letter]:
    """The exchanges of these digests, in their order; those that the transcript does not hold are left out."""
    known = {exchange.digest: exchange for exchange in _exchanges(store.correspondence / "exchanges.jsonl")}
    return [Letter(known[digest], _text(store, f"{known[digest].name}.prompt.md"),
                   _text(store, f"{known[digest].name}.reply.md")) for digest in digests if digest in known]


def _exchanges(log: Path) -> Iterator[Exchange]:
    """All that the transcript holds; a line that is none is passed over."""
    for line in log.read_bytes().splitlines() if log.exists() else ():
        try:
            yield Exchange.model_validate_json(line)
        except ValidationError:
            continue


def _text(store: Store, name: str) -> str | None:
    path = store.correspondence / name
    # A digest with a path in it is none.
    if path.parent != store.correspondence or not path.is_file() or not store.holds(path):
        return None
    with open(path, encoding="utf-8", errors="replace") as stream:
        text = stream.read(LONGEST + 1)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n… the rest is in {path}"
