"""Which sessions may train: decided by a person or by the sessions' own labels, and kept on record.

The world that sessions show is the same whoever acted in it, so every session that was not rejected teaches authors.
What the agent did in it becomes evidence for weights only where it is approved. Decisions are appended to a ledger
beside the logs, one JSON object a line; the last one about a session stands. A session is known by the digest of
what was said in it, so that a copy or another format needs no second approval, and an edited log needs one.
"""

import fnmatch
import hashlib
import math
import operator
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

import orjson
from pydantic import ValidationError

from rollout.errors import UserError
from rollout.trajectory import Record, Trajectory, messages_of

Condition = Callable[[Trajectory], bool]
Verdict = Literal["approved", "rejected"]

NUMBERS: dict[str, Callable[[Trajectory], float | None]] = {
    "outcome": lambda session: session.outcome,
    "turns": lambda session: len(session.turns),
}
WORDS: dict[str, Callable[[Trajectory], str | None]] = {
    "id": lambda session: session.id,
    "task": lambda session: session.task,
    "policy": lambda session: session.policy,
    "stop": lambda session: session.stop,
    "format": lambda session: session.format,
    "file": lambda session: session.pointer.file if session.pointer else None,
}
COMPARISONS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "!=": operator.ne,
               "=": operator.eq}
AND = re.compile(r"\s+and\s+(?=\w+\s*(?:>=|<=|!=|==?|>|<))", re.IGNORECASE)  # not inside a text
TERM = re.compile(r"\s*(\w+)\s*(>=|<=|!=|==?|>|<)\s*(.+?)\s*")


class ApprovalError(UserError):
    """A condition or a ledger cannot be understood."""


class Decision(Record):
    """One decision about some sessions.

    Attributes:
        by: who decided.
        rule: what they were chosen by: "all", a condition, or "one by one".
        at: when, ISO 8601.
        sessions: digests.
    """

    version: Literal[1] = 1
    verdict: Verdict
    by: str
    rule: str
    at: str
    sessions: tuple[str, ...]


class Ledger:
    """The decisions made so far.

    Args:
        path: of the file; it need not exist yet.

    Raises:
        ApprovalError: a line is no decision.
    """

    def __init__(self, path: Path):
        self.path = path
        self._last: dict[str, Decision] = {}
        lines = path.read_bytes().splitlines() if path.exists() else []
        for number, line in enumerate(lines, start=1):
            try:
                self._note(Decision.model_validate_json(line, strict=True))
            except ValidationError as error:
                raise ApprovalError(
                    f"{path}, line {number}: no decision ({error.errors()[0]['msg']}); "
                    "remove the line and approve again"
                ) from None

    def decision(self, session: Trajectory) -> Decision | None:
        """The decision that stands about a session."""
        return self._last.get(digest(session))

    def append(self, decision: Decision) -> None:
        """Make a decision."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "ab", buffering=0) as stream:
            line, before = orjson.dumps(decision.model_dump()) + b"\n", stream.tell()
            try:
                if stream.write(line) != len(line):
                    raise OSError("no space left for the decision")
            except OSError:
                stream.truncate(before)  # half a decision would block all later ones
                raise
        self._note(decision)

    def _note(self, decision: Decision) -> None:
        self._last |= dict.fromkeys(decision.sessions, decision)


def digest(session: Trajectory) -> str:
    """What was said, in 16 hexadecimal digits; how a log labels it is not part of it."""
    said = [(message.role, message.text) for message in messages_of(session)]
    return hashlib.sha256(orjson.dumps(said)).hexdigest()[:16]


def condition(rule: str) -> Condition:
    """What a rule says of a session: "all", or comparisons joined by "and", such as "outcome >= 1 and task = book*".

    Texts are compared as shell patterns. A session that lacks what is compared does not fulfil the rule.

    Raises:
        ApprovalError: the rule cannot be understood.
    """
    if rule.strip() == "all":
        return lambda session: True
    terms = [_term(term, rule) for term in AND.split(rule)]
    return lambda session: all(term(session) for term in terms)


def _term(term: str, rule: str) -> Condition:
    found = TERM.fullmatch(term)
    if found is None or found[1] not in NUMBERS | WORDS:
        raise ApprovalError(
            f"{rule!r} is no rule; write all, or comparisons of {', '.join([*NUMBERS, *WORDS])} such as 'outcome >= 1'"
        )
    name, sign, value = found[1], found[2].replace("==", "="), found[3].strip("'\"")
    compare = COMPARISONS[sign]
    if name in NUMBERS:
        try:
            bound = float(value)
            if not math.isfinite(bound):
                raise ValueError
        except ValueError:
            raise ApprovalError(f"{rule!r}: {value!r} is no number to compare {name} with") from None
        number = NUMBERS[name]
        return lambda session: (known := number(session)) is not None and bool(compare(known, bound))
    if sign not in ("=", "!="):
        raise ApprovalError(f"{rule!r}: {name} is a text; compare it by = or !=")
    word = WORDS[name]
    return lambda session: (known := word(session)) is not None and (
        fnmatch.fnmatchcase(known, value) is (sign == "=")
    )


def approve(sessions: Iterable[Trajectory], ledger: Ledger, rule: str | None) -> tuple[list[Trajectory], int]:
    """Say of each session by whom it may train.

    Args:
        rule: the configuration's: what it says is approved unless someone decided otherwise.

    Returns:
        The sessions that were not rejected, `approval` set where they are approved; and how many were rejected.
    """
    holds = condition(rule) if rule else lambda session: False
    kept, rejected = [], 0
    for session in sessions:
        decision = ledger.decision(session)
        if decision is not None and decision.verdict == "rejected":
            rejected += 1
            continue
        by = f"{decision.by}: {decision.rule}" if decision else f"rule: {rule}" if holds(session) else None
        kept.append(session.model_copy(update={"approval": by}))
    return kept, rejected
