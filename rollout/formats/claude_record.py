"""One record of a Claude Code log and what it says: content blocks into parts and messages, and back.

Everything else of a record goes, once, into the `extra` of the first that it says: "record", "line", and "before",
the records that stand between it and the message before. "block" holds the rest of a block.
"""

import hashlib
import re
from typing import Any

from rollout.formats.conversation import dumped, image, loaded
from rollout.log import Log
from rollout.trajectory import Call, Image, Message, Other, Part, Reasoning, Text

EXPECTED = 'a Claude Code log: {"type": "user" | "assistant", "uuid", "parentUuid", "sessionId", "message"} a line'
CALLS = ("tool_use", "server_tool_use", "mcp_tool_use")
INLINE = re.compile(r"[A-Za-z0-9+/=\s]{512,}")  # base64 that is kept by its digest


def agent_parts(log: Log, line: int, record: dict[str, Any], start: dict[str, Any]) -> list[Part]:
    """What the agent said in a record."""
    content = record["message"].get("content")
    parts = [_part(log, block) for block in _blocks(log, line, content or [])]
    if not parts or isinstance(parts[0], Other):  # something must hold the record
        parts.insert(0, Reasoning(text="", extra={"holder": True}))
    first = parts[0]
    assert not isinstance(first, Other)
    extra = {**start, "record": _envelope(log, record, content), **(first.extra or {})}
    return [first.model_copy(update={"extra": extra}), *parts[1:]]


def world_messages(log: Log, line: int, record: dict[str, Any], start: dict[str, Any]) -> list[Message]:
    """What the agent heard in a record: each result of a tool, and what stands between them, is one message."""
    if record["type"] == "system":
        extra = {**start, "record": {key: each for key, each in record.items() if key != "content"}}
        return [Message(role=str(record.get("role", "system")), content=record["content"], extra=extra)]
    queued = record["type"] == "attachment"
    content = record["attachment"]["prompt"] if queued else record["message"].get("content")
    messages: list[Message] = []
    if isinstance(content, str):
        messages = [Message(role="user", content=content)]
    elif not content:
        messages = [Message(role="user", content=())]
    run: list[Part] | None = None
    for block in _blocks(log, line, content) if not messages else ():
        if block.get("type") != "tool_result" or not isinstance(block.get("tool_use_id"), str):
            run = [*(run or ()), _part(log, block)]
            messages[-1 if len(run) > 1 else len(messages) :] = [Message(role="user", content=tuple(run))]
            continue
        run, answer, failed = None, block.get("content"), block.get("is_error")
        about = {key: each for key, each in block.items() if key not in ("type", "tool_use_id")}
        if isinstance(answer, str) or (isinstance(answer, list) and answer):
            del about["content"]
        heard = answer if isinstance(answer, str) else [_part(log, each) for each in _blocks(log, line, answer or [])]
        messages.append(Message(
            role="tool", call=block["tool_use_id"], content=heard if isinstance(heard, str) else tuple(heard),
            failed=failed if isinstance(failed, bool) else None, extra={"block": about} if about else None,
        ))
    extra = {**start, "record": _envelope(log, record, content)}
    return [
        message.model_copy(update={"extra": {**(extra if place == 0 else {"joined": True}), **(message.extra or {})}})
        for place, message in enumerate(messages)
    ]


def _blocks(log: Log, line: int, content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise log.refuse(line, f"content that is no text or list of blocks: {content!r}"[:200], f"Expected {EXPECTED}")
    return content


def _envelope(log: Log, record: dict[str, Any], content: Any) -> dict[str, Any]:
    """A record without what was said; `content` in it tells of which form that was."""
    form = "" if isinstance(content, str) else [] if content else content
    kept = {**record, **({"toolUseResult": _short(record["toolUseResult"])} if "toolUseResult" in record else {})}
    if record["type"] == "attachment":
        return {**kept, "attachment": {**record["attachment"], "prompt": form}}
    return {**kept, "message": {**record["message"], "content": form}}


def _part(log: Log, block: dict[str, Any]) -> Part:
    def rest(*keys: str) -> dict[str, Any]:
        return {"block": {key: each for key, each in block.items() if key not in keys}}

    match block:
        case {"type": "text", "text": str(text)}:
            return Text(text=text, extra=rest("text"))
        case {"type": "thinking", "thinking": str(text)}:
            return Reasoning(text=text, extra=rest("thinking"))
        case {"type": "redacted_thinking"}:
            return Reasoning(text="", extra=rest())
        case {"type": str(kind), "name": str(name), "input": arguments, "id": str(id)} if kind in CALLS:
            return Call(name=name, arguments=dumped(arguments), id=id, extra=rest("name", "input", "id"))
        case {"type": "image", "source": {"type": "base64", "data": str(data)} as source}:
            about = {"block": {**block, "source": {key: source[key] for key in source.keys() - {"data"}}}}
            data = data if data.startswith("sha256:") else f"base64,{data}"
            return image(log, data, _kind(source), about)
        case {"type": "image", "source": {"type": "url", "url": str(address)} as source}:
            about = {"block": {**block, "source": {key: source[key] for key in source.keys() - {"url"}}}}
            return image(log, address, _kind(source), about)
    return Other(value=_short(block))


def _kind(source: dict[str, Any]) -> str | None:
    kind = source.get("media_type")
    return kind if isinstance(kind, str) else None


def _short(value: Any) -> Any:
    """A value with what it holds inline, as base64, kept by its digest."""
    match value:
        case dict():
            return {
                key: f"sha256:{hashlib.sha256(each.encode()).hexdigest()}"
                if key in ("data", "base64") and isinstance(each, str) and INLINE.fullmatch(each) else _short(each)
                for key, each in value.items()
            }
        case list():
            return [_short(each) for each in value]
    return value


def result_block(message: Message) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": message.call}
    if message.content != ():
        content = message.content
        block["content"] = content if isinstance(content, str) else [block_of(part) for part in content]  # type: ignore
    if message.failed is not None:
        block["is_error"] = message.failed  # type: ignore
    about: Any = (message.extra or {}).get("block", {})
    return {**block, **about}


def block_of(part: Part) -> dict[str, Any]:
    about: Any = {} if isinstance(part, Other) else (part.extra or {}).get("block", {})
    match part:
        case Text():
            return {"type": "text", **about, "text": part.text}
        case Reasoning():
            if about.get("type") == "redacted_thinking":
                return dict(about)
            return {"type": "thinking", "signature": "", **about, "thinking": part.text}
        case Call():
            arguments = loaded(part.arguments)
            if not about and not isinstance(arguments, dict):
                arguments = {"input": arguments}
            return {"type": "tool_use", **about, "id": part.id, "name": part.name, "input": arguments}
        case Image():
            inline = part.reference.startswith("sha256:")
            source = {"type": "base64" if inline else "url", ("data" if inline else "url"): part.reference}
            source |= {"media_type": part.media_type} if part.media_type else {}
            return {"type": "image", **about, "source": {**source, **about.get("source", {})}}
        case Other():
            return dict(part.value) if isinstance(part.value, dict) else {"type": "text", "text": str(part.value)}
