"""Inspect's logs (`.eval`, a zip; or one JSON document), read and written by the library `inspect_ai`.

Each sample of each epoch is a session: its `messages`, which are what the model saw last where the history was
compacted. The outcome is the value of the first scorer that gave one number or one of Inspect's letters (C 1, P 0.5,
I and N 0); all scores stay in `extra`. What a failed tool said is its error's message, since that is what the model
was told. Samples of a `.eval` are read a few at a time; a JSON log is one document, which the library reads whole.

Kept in `extra`: everything else that Inspect says of a sample (input, target, metadata, store, output, scores, usage,
times, error, limit) and what was evaluated. Not kept: events (which alone define the tools), timelines, plan,
results and statistics of the whole eval, bytes and media types of inline images, numbers that are not finite outside
scores, and samples in which the agent never speaks (counted).

Writing holds the log's samples in memory, since the library wants them together; sessions of several evals become one
log under the first one's name. A session from elsewhere becomes a sample whose score `reward` is its outcome; rewards
of single turns have no place there, task and tools are metadata, developers speak as the system, and arguments that are
no JSON object stand as `input` beside a parse error.
"""

import os
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import Any

from rollout.formats.conversation import conversation, dumped, image, loaded
from rollout.log import Log, SessionError
from rollout.trajectory import Call, Image, Message, Other, Part, Reasoning, Text, Trajectory, messages_of

LOSES = "rewards of single turns, ends, legal actions"
EXPECTED = "an Inspect log: a .eval file, or JSON with `eval` and `samples`"
WORDS = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0, "yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
TOGETHER = 16  # samples: the library reads the directory of the zip again for each batch
ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool",
         "function": "tool"}
SHAPELESS = "the arguments are no JSON object"
EVENTS = {"events", "timelines"}
LEFT_OUT = {*EVENTS, "events_data", "attachments"}
ABOUT = {*LEFT_OUT, "messages"}
# What is said of an eval that never was; the clock would tell when it was written, not when it was played.
NOTHING: dict[str, Any] = {
    "eval_id": "sessions", "task": "sessions", "model": "none", "created": "1970-01-01T00:00:00+00:00", "dataset": {},
    "config": {},
}
ZIP = b"PK\x03\x04"


def recognises(log: Log, head: bytes, first: Any) -> bool:
    if head.startswith(ZIP):
        return log.path.suffix == ".eval" or b"_journal/" in head or b"samples/" in head
    start = head.lstrip()[:4096]
    return start.startswith(b"{") and all(key in start for key in (b'"version"', b'"status"', b'"eval"'))


def read(log: Log) -> Iterator[Trajectory]:
    library, path = _library(log.path), str(log.path)
    with log.open() as stream:
        packed = stream.read(len(ZIP)) == ZIP
    with _explained(log, "the log"):
        if packed:
            header = library.read_eval_log(path, header_only=True, format="eval")
            known = [(each.id, each.epoch) for each in library.read_eval_log_sample_summaries(path, format="eval")]
        else:
            with log.open() as stream:
                header = library.read_eval_log(stream, resolve_attachments=True, format="json")
    about = _dumped(header.eval)
    for number, sample in enumerate(_samples(library, log, known) if packed else header.samples or (), 1):
        session = trajectory(log, number, about, _dumped(sample, LEFT_OUT))
        if session is not None:
            yield session


def _samples(library: Any, log: Log, known: list[tuple[Any, int]]) -> Iterator[Any]:
    """The samples of a zip; one by one where a batch is broken, so that it can be said which it is."""
    for start in range(0, len(known), TOGETHER):
        batch = known[start : start + TOGETHER]
        try:
            found = _batch(library, log, batch)
        except SessionError:
            found = (sample for each in batch for sample in _batch(library, log, [each]))
        yield from found


def _batch(library: Any, log: Log, batch: list[tuple[Any, int]]) -> Iterable[Any]:
    with _explained(log, ", ".join(f"sample {id!r} of epoch {epoch}" for id, epoch in batch)):
        samples: Iterable[Any] = library.read_eval_log_samples_by_id(
            str(log.path), batch, resolve_attachments=True, format="eval", exclude_fields=EVENTS
        )
        return samples


def write(sessions: Iterable[Trajectory], path: Path) -> None:
    """Write one `.eval`; the same sessions give the same bytes."""
    library = _library(path)
    about: dict[str, Any] = {}
    samples: dict[tuple[Any, int], dict[str, Any]] = {}
    for session in sessions:
        value = sample(session)
        about = about or _about(session)
        while (value["id"], value["epoch"]) in samples:  # of another eval
            value["epoch"] += 1
        samples[value["id"], value["epoch"]] = value
    about, ids = about or NOTHING, list(dict.fromkeys(id for id, _ in samples))
    epochs = max((epoch for _, epoch in samples), default=1)
    about = {**about, "dataset": {**about["dataset"], "samples": len(ids), "sample_ids": ids},
             "config": {**about["config"], "epochs": epochs}}
    whole = library.EvalLog.model_validate(
        {"status": "success", "eval": about, "samples": list(samples.values())},
        context={"deserializing": True},  # else the library makes up an id where there is none
    )
    library.write_eval_log(whole, str(path), format="eval")
    _still(path)


def trajectory(log: Log, number: int, about: dict[str, Any], sample: dict[str, Any]) -> Trajectory | None:
    """A sample as a session; None, and noted, where the agent never spoke.

    Args:
        number: of the sample in its log.
        about: what was evaluated: Inspect's `EvalSpec` as JSON.
        sample: Inspect's `EvalSample` as JSON.
    """
    limit, error = sample.get("limit"), sample.get("error")
    task, tools = f"{about['task']}/{sample['id']}", None
    if about.get("eval_id") == NOTHING["eval_id"]:
        task, tools = (sample.get("metadata", {}).get(key) for key in ("task", "tools"))
    session = conversation(
        log, number, [_message(log, each) for each in sample["messages"]], format="inspect",
        id=sample.get("uuid") or f"{log.name}:{sample['id']}:{sample['epoch']}", task=task,
        tools=tuple(tools) if tools else None, outcome=_outcome(sample.get("scores") or {}), policy=about.get("model"),
        stop=f"error: {error['message']}" if error else f"{limit['type']} limit" if limit else None,
        extra={"sample": _plain(log, {key: each for key, each in sample.items() if key not in ABOUT}), "eval": about},
    )
    if session is None:
        return None
    ended = {"terminated": None if error else not limit, "truncated": True if limit else None}
    return session.model_copy(update={"turns": (*session.turns[:-1], session.turns[-1].model_copy(update=ended))})


def sample(session: Trajectory) -> dict[str, Any]:
    """The reverse of `trajectory`: a session as Inspect's `EvalSample` in JSON."""
    messages = [_written(message, session.format == "inspect") for message in messages_of(session)]
    if session.format == "inspect" and session.extra and isinstance(known := session.extra.get("sample"), dict):
        scores: Any = known.get("scores") or {}
        unscored = {name: {**score, "value": float("nan")} for name, score in scores.items() if score["value"] is None}
        return {**known, **({"scores": scores | unscored} if unscored else {}), "messages": messages}
    value: dict[str, Any] = {"id": session.id, "epoch": 1, "input": session.observation.text, "target": ""}
    value["metadata"] = {key: each for key in ("task", "tools") if (each := getattr(session, key)) is not None}
    if session.outcome is not None:
        value["scores"] = {"reward": {"value": session.outcome}}
    if session.turns[-1].truncated:
        value["limit"] = {"type": "custom", "limit": 0.0, "reason": session.stop}
    return {**value, "messages": messages}


def _about(session: Trajectory) -> dict[str, Any]:
    known = session.extra.get("eval") if session.format == "inspect" and session.extra else None
    return dict(known) if isinstance(known, dict) else NOTHING | {"model": session.policy or NOTHING["model"]}


def _message(log: Log, value: dict[str, Any]) -> Message:
    role, content, error = value["role"], value["content"], value.get("error")
    extra = {
        key: each for key, each in value.items() if key not in ("role", "content", "tool_calls") and each is not None
    }
    if error:
        extra["content"], content = content, error["message"]
    elif isinstance(content, list):
        extra["content"] = "parts"
    words: list[Part] = [Text(text=content)] if isinstance(content, str) and content else []
    parts = [*([_part(log, part) for part in content] if isinstance(content, list) else words),
             *map(_call, value.get("tool_calls") or ())]
    named = {key: extra.pop(key) for key in ("tool_call_id", "function") if isinstance(extra.get(key), str)}
    return Message(
        role=role, content=content if isinstance(content, str) and parts == words else tuple(parts),
        call=named.get("tool_call_id"), name=named.get("function"), failed=True if error else None,
        extra=_plain(log, extra) or None,
    )


def _part(log: Log, value: dict[str, Any]) -> Part:
    rest = {key: each for key, each in value.items() if each is not None and key not in ("type", value["type"])}
    match value["type"]:
        case "text":
            return Text(text=value["text"], extra=rest or None)
        case "reasoning":
            return Reasoning(text=value["reasoning"], extra=rest or None)
        case "image":
            return image(log, value["image"], extra=rest or None)
    return Other(value=_plain(log, value))


def _call(value: dict[str, Any]) -> Call:
    arguments = value["arguments"]
    if value.get("parse_error") == SHAPELESS:
        return Call(name=value["function"], arguments=arguments["input"], id=value["id"])
    rest = {
        key: each for key, each in value.items() if each is not None and key not in ("id", "function", "arguments")
    }
    return Call(name=value["function"], arguments=dumped(arguments), id=value["id"], extra=rest or None)


def _written(message: Message, own: bool) -> dict[str, Any]:
    extra: dict[str, Any] = dict(message.extra or {}) if own else {}
    form = extra.pop("content", "")
    said = [_written_part(part, own) for part in message.parts if not isinstance(part, Call)]
    words = [part["text"] for part in said if part == {"type": "text", "text": part.get("text")}]
    content: Any = said
    if len(words) == len(said) < 2 and form != "parts":
        content = "".join(words)
    value = {"role": message.role if own else ROLES.get(message.role, "user"), "content": content, **extra}
    if message.failed and value["role"] == "tool":
        value["error"] = extra.get("error") or {"type": "unknown", "message": message.text}
        value["content"] = form
    if message.calls:
        value["tool_calls"] = [_written_call(call, own) for call in message.calls]
    if value["role"] == "tool":
        named = {"tool_call_id": message.call, "function": message.name}
        value |= {key: each for key, each in named.items() if each is not None}
    return value


def _written_part(part: Part, own: bool) -> dict[str, Any]:
    extra: dict[str, Any] = (own and not isinstance(part, Other) and part.extra) or {}
    match part:
        case Text():
            return {"type": "text", "text": part.text, **extra}
        case Reasoning():
            return {"type": "reasoning", "reasoning": part.text, **extra}
        case Image():
            return {"type": "image", "image": part.reference, **extra}
        case Other(value=dict(value)) if own:
            return value
    return {"type": "text", "text": Message(role="user", content=(part,)).text}


def _written_call(call: Call, own: bool) -> dict[str, Any]:
    arguments, extra = loaded(call.arguments), (own and call.extra) or {}
    if not isinstance(arguments, dict):
        arguments, extra = {"input": call.arguments}, {"parse_error": SHAPELESS}
    return {"id": call.id or "", "function": call.name, "arguments": arguments, **extra}


def _outcome(scores: dict[str, Any]) -> float | None:
    """The first score that is one number, or a word for one."""
    return next((number for score in scores.values() if (number := _number(score["value"])) is not None), None)


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        value = WORDS.get(value, WORDS.get(value.lower(), value))
    try:
        number = float(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and isfinite(number) else None


def _plain(log: Log, value: Any) -> Any:
    """What JSON can say, with images by their digests: the messages have counted them."""
    match value:
        case dict():
            return {key: _plain(log, each) for key, each in value.items()}
        case list():
            return [_plain(log, each) for each in value]
        case float() if not isfinite(value):
            return None
        case str() if value.startswith("data:") and ";base64," in value[:200]:
            return image(Log(log.path, log.name), value).reference
    return value


def _library(path: Path) -> Any:
    try:
        import inspect_ai.log
    except ImportError:
        raise SessionError(
            str(path), None, "an Inspect log needs the library inspect_ai", "pip install 'dreaming-simulator[inspect]'"
        ) from None
    return inspect_ai.log


@contextmanager
def _explained(log: Log, what: str) -> Iterator[None]:
    """Whatever the library meets becomes an error that says where."""
    try:
        yield
    except SessionError:
        raise
    except Exception as error:
        raise log.refuse(
            None, f"{what} cannot be read ({type(error).__name__}: {error})"[:400],
            f"Copy the log again; was it still being written? Expected {EXPECTED}",
        ) from error


def _dumped(record: Any, without: Iterable[str] = ()) -> dict[str, Any]:
    """A record of Inspect's as JSON, without what it does not say."""
    value = record.model_dump(mode="json", exclude=set(without), warnings=False)
    return {key: each for key, each in value.items() if each is not None}


def _still(path: Path) -> None:
    """The same zip without the hour at which it was packed."""
    beside = path.with_name(f"{path.name}.still")
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(beside, "w") as after:
        for each in before.infolist():
            member = zipfile.ZipInfo(each.filename)
            member.compress_type = each.compress_type
            after.writestr(member, before.read(each))
    os.replace(beside, path)
