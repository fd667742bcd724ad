"""OpenAI Codex CLI rollouts: one session a file, one item a line.

    {"timestamp": …, "type": "session_meta" | "turn_context" | "response_item" | "event_msg" | …, "payload": …}

and the older bare form, whose first line is the session's and whose other lines are items without an envelope. What
the agent emits before anything comes back (reasoning, messages, calls of every kind) is one message of it, and so one
step. The base instructions are the system prompt, dynamic tools the tools, the first turn's model the policy; what a
compaction puts in the place of the past is heard as a user's message.

Kept and written again as logged: session_meta, turn_context, compacted, and every response item of a known kind, with
ids and encrypted reasoning. Left out and counted: event_msg (they repeat the items or count tokens), ghost snapshots,
encrypted compactions, the meta of a session that this one was forked from, items of unknown kinds. Where the agent
speaks twice in a row the end of a turn stands between. Inline images become digests, with their media type beside.

Of a conversation from another format, an id that is no UUID becomes the UUID made of it; a system prompt is words
only; whether a result failed, and names, are lost; a part that Codex does not know becomes its JSON in words.
"""

import uuid
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rollout.formats.conversation import conversation, dumped, image, loaded
from rollout.formats.files import RESULT, appended, file_for, messages_for, words
from rollout.log import Log, SessionError, dump
from rollout.trajectory import Call, Image, Message, Other, Part, Reasoning, Text, Trajectory

LOSES = "task, outcome, rewards, ends, legal actions, names, which results failed"
EXPECTED = 'a Codex rollout: {"timestamp", "type": "session_meta" | "response_item" | …, "payload"} a line'
KINDS = ("session_meta", "turn_context", "response_item", "event_msg", "compacted")
CALLS = {  # kind of item: where it keeps the arguments, and the tool's name where it says none
    "function_call": ("arguments", None), "custom_tool_call": ("input", None),
    "tool_search_call": ("arguments", "tool_search"), "local_shell_call": ("action", "local_shell"),
    "web_search_call": ("action", "web_search"),
}
FREE = ("function_call", "custom_tool_call")  # arguments that are text
OUTPUTS = ("function_call_output", "custom_tool_call_output", "mcp_tool_call_output")
ENDS = ("task_complete", "turn_complete", "turn_aborted")  # events after which the agent says something new
TEXTS = ("input_text", "output_text", "text", "summary_text", "reasoning_text")
START = "1970-01-01T00:00:00.000Z"


def recognises(log: Log, head: bytes, first: Any) -> bool:
    if not isinstance(first, dict):
        return False
    bare = "type" not in first and "id" in first and "timestamp" in first and bool({"instructions", "git"} & {*first})
    return bare or (isinstance(first.get("payload"), dict) and first.get("type") in KINDS)


@dataclass
class _Heard:
    """The conversation so far; `parts` is what the agent is saying, `before` what stands before the next message."""

    messages: list[Message] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    before: list[Any] = field(default_factory=list)

    def say(self, line: int, parts: list[Part]) -> None:
        if not self.parts:
            self.lines.append(line)
        self.parts += parts

    def hear(self, line: int, message: Message) -> None:
        self.close()
        extra = {**(message.extra or {}), **self._before()}
        self.messages.append(message.model_copy(update={"extra": extra or None}))
        self.lines.append(line)

    def close(self) -> None:
        """The agent's message, if any, ends here."""
        if self.parts:
            self.messages.append(Message(role="assistant", content=tuple(self.parts), extra=self._before() or None))
            self.parts = []

    def _before(self) -> dict[str, Any]:
        before, self.before = self.before, []
        return {"before": before} if before else {}


def read(log: Log) -> Iterator[Trajectory]:
    heard, policy, start = _Heard(), None, 1
    about: dict[str, Any] = {}
    for number, value in appended(log):
        bare = not isinstance(value.get("payload"), dict)
        payload = value if bare else value["payload"]
        envelope = None if bare else {key: each for key, each in value.items() if key != "payload"}
        kind = value.get("type")
        if bare:
            kind = "state" if "record_type" in value else "session_meta" if "type" not in value else "response_item"
        match kind:
            case "session_meta" if not about and not heard.messages:
                about, start = _meta(log, number, payload, envelope, heard), number
            case "turn_context":
                heard.close()
                heard.before.append(value)
                model = payload.get("model")
                policy = policy or (model if isinstance(model, str) else None)
            case "compacted" if isinstance(payload.get("message"), str):
                rest = {key: each for key, each in payload.items() if key != "message"}
                extra = {"line": envelope, "item": rest}
                heard.hear(number, Message(role="user", content=payload["message"], extra=extra))
            case "response_item":
                _item(log, number, payload, envelope, heard)
            case _:
                if payload.get("type") in ENDS:
                    heard.close()
                log.skip(number, " ".join(str(each) for each in (kind, not bare and payload.get("type")) if each))
    heard.close()
    if heard.before:
        about["extra"] = {**about.get("extra", {}), "after": heard.before}
    session = conversation(
        log, start, heard.messages, lines=heard.lines, format="codex", policy=policy, **{"id": log.name, **about}
    )
    if session is not None:
        yield session


def _meta(log: Log, line: int, payload: dict[str, Any], envelope: Any, heard: _Heard) -> dict[str, Any]:
    """What the session's first line says of it; the system prompt is heard first."""
    rest, about = dict(payload), {}
    id = payload.get("id", payload.get("session_id"))
    if not isinstance(id, str):
        raise log.refuse(line, f"a session with the id {id!r}"[:200], f"Expected {EXPECTED}")
    match payload:
        case {"base_instructions": {"text": str(text), **more}}:
            del rest["base_instructions"]
            heard.hear(line, Message(role="system", content=text, extra={"base_instructions": more}))
        case {"instructions": str(text)}:
            del rest["instructions"]
            heard.hear(line, Message(role="system", content=text, extra={"instructions": True}))
    match payload:
        case {"dynamic_tools": list(tools)} if tools:
            del rest["dynamic_tools"]
            about["tools"] = tuple(tools)
    return {**about, "id": id, "extra": {"meta": rest, "line": envelope}}


def _item(log: Log, line: int, payload: dict[str, Any], envelope: Any, heard: _Heard) -> None:
    def refuse(problem: str) -> SessionError:
        return log.refuse(line, f"a {payload.get('type')} {problem}"[:300], f"Expected {EXPECTED}")

    def rest(*keys: str) -> dict[str, Any]:
        return {key: each for key, each in payload.items() if key not in keys}

    parts: list[Part]
    match payload:
        case {"type": "message", "role": str(role), "content": str() | list() as content}:
            item = rest("content") if isinstance(content, list) else {**payload, "content": ""}
            parts = _parts(log, refuse, content)
            if role != "assistant":
                plain = isinstance(content, str) or [_blank(part) for part in parts] == [{"type": "input_text"}]
                said = parts[0].text if plain and isinstance(parts[0], Text) else tuple(parts)
                heard.hear(line, Message(role=role, content=said, extra={"line": envelope, "item": item}))
                return
        case {"type": "message"}:
            raise refuse("without a role and content")
        case {"type": "reasoning"}:
            item, parts = dict(payload), []
            for key in ("summary", "content"):
                texts = _parts(log, refuse, payload[key]) if isinstance(payload.get(key), list) else []
                if texts and all(isinstance(part, Text) for part in texts):  # what is not stays as it is
                    item[key] = []
                    parts += [Reasoning(text=words(part), extra={**_extra(part), "of": key}) for part in texts]
        case {"type": "image_generation_call", "result": str(picture)} if picture:
            item, parts = rest("result"), [image(log, picture, "image/png" if len(picture) > 512 else None)]
        case {"type": str(kind)} if kind in CALLS:
            key, name = CALLS[kind]
            arguments, name, id = payload.get(key), name or payload.get("name"), payload.get("call_id")
            if not isinstance(name, str) or not isinstance(id, str | None):
                raise refuse(f"with the name {name!r} and the call_id {id!r}, not texts")
            if kind in FREE and not isinstance(arguments, str):
                raise refuse(f"whose `{key}` is {arguments!r}, not text")
            written = str(arguments) if kind in FREE else dumped(arguments)
            item = rest(key, *(["name"] if CALLS[kind][1] is None else []), *(["call_id"] if id is not None else []))
            parts = [Call(name=name, arguments=written, id=id)]
        case {"type": str(kind), "call_id": str(id), "output": str() | list() | dict() as output} if kind in OUTPUTS:
            item, failed = rest("call_id", "output"), None
            if isinstance(output, dict):
                if not isinstance(output.get("content"), str | list):
                    raise refuse("whose `output` has no content")
                success = output.get("success")
                failed = not success if isinstance(success, bool) else None
                item["output"] = {key: each for key, each in output.items() if key != "content"}
                output = output["content"]
            answer = output if isinstance(output, str) else tuple(_parts(log, refuse, output))
            heard.hear(line, Message(
                role="tool", call=id, content=answer, failed=failed, extra={"line": envelope, "item": item},
            ))
            return
        case {"type": str(kind)} if kind in OUTPUTS:
            raise refuse("without a call_id and an output")
        case {"type": "tool_search_output", "tools": list(tools)}:
            extra = {"line": envelope, "item": rest("call_id", "tools")}
            id = payload.get("call_id")
            heard.hear(line, Message(
                role="tool", call=id if isinstance(id, str) else None, content=(Other(value=tools),), extra=extra,
            ))
            return
        case _:
            log.skip(line, f"response_item {payload.get('type')}")
            return
    if not parts or isinstance(parts[0], Other):  # something must hold the item
        parts.insert(0, Reasoning(text="", extra={"holder": True}))
    first = parts[0]
    assert not isinstance(first, Other)
    parts[0] = first.model_copy(update={"extra": {"line": envelope, "item": item, **(first.extra or {})}})
    heard.say(line, parts)


def _parts(log: Log, refuse: Any, content: str | list[Any]) -> list[Part]:
    parts: list[Part] = []
    for value in [{"type": "", "text": content}] if isinstance(content, str) else content:
        match value:
            case {"type": str(kind), "text": str(text)} if kind in ("", *TEXTS):
                parts.append(Text(text=text, extra={"part": {key: value[key] for key in value.keys() - {"text"}}}))
            case {"type": "input_image", "image_url": str(address)}:
                about = {key: value[key] for key in value.keys() - {"image_url", "media_type"}}
                media = value.get("media_type")
                parts.append(image(log, address, media if isinstance(media, str) else None, extra={"part": about}))
            case dict():
                parts.append(Other(value=value))
            case _:
                raise refuse(f"with a part of type {type(value).__name__}, not an object with a type")
    return parts


def _blank(part: Part) -> Any:
    """A part of a message without its words or picture."""
    return None if isinstance(part, Other) else (part.extra or {}).get("part")


def write(sessions: Iterable[Trajectory], path: Path) -> None:
    """One file a session, in a folder."""
    for session in sessions:
        try:
            id = str(uuid.UUID(session.id))
        except ValueError:
            id = session.id if session.format == "codex" else str(uuid.uuid5(uuid.NAMESPACE_URL, session.id))
        with open(file_for(path, f"rollout-1970-01-01T00-00-00-{id}", ".jsonl"), "wb") as stream:
            for envelope, payload in _lines(session, id):
                stream.write(dump(payload if envelope is None else {**envelope, "payload": payload}))


def _lines(session: Trajectory, id: str) -> Iterator[tuple[Any, Any]]:
    """Each line's envelope, None in the bare form, and payload."""
    messages, extra = messages_for(session, "codex"), (session.extra or {}) if session.format == "codex" else {}
    meta: dict[str, Any] = {
        "id": id, "timestamp": START, "cwd": "/", "originator": "exec", "cli_version": "0.0.0", "source": "exec",
    }
    envelope: Any = {"timestamp": START, "type": "session_meta"}
    if isinstance(kept := extra.get("meta"), dict):
        meta, envelope = dict(kept), extra["line"]
    if messages[0].role == "system" and "item" not in (messages[0].extra or {}):
        system, about = messages.pop(0), messages_for(session, "codex")[0].extra or {}
        if "instructions" in about:
            meta["instructions"] = system.text
        else:
            more = about.get("base_instructions")
            meta["base_instructions"] = {"text": system.text, **(more if isinstance(more, dict) else {})}
    if session.tools is not None:
        meta["dynamic_tools"] = [_tool(tool) for tool in session.tools]
    if session.format != "codex" or "meta" in extra:
        yield envelope, meta
    if session.format != "codex" and session.policy is not None:
        yield {"timestamp": START, "type": "turn_context"}, {
            "cwd": "/", "approval_policy": "never", "sandbox_policy": {"type": "danger-full-access"},
            "model": session.policy, "summary": "auto",
        }
    spoke = False
    for message in messages:
        before = (message.extra or {}).get("before")
        if spoke and message.role == "assistant" and not before:
            yield {"timestamp": START, "type": "event_msg"}, {
                "type": ENDS[0], "turn_id": "", "last_agent_message": None,
            }
        spoke = message.role == "assistant"
        yield from _kept(before)
        yield from _said(message) if message.role == "assistant" else [_heard(message)]
    yield from _kept(extra.get("after"))


def _kept(records: Any) -> Iterator[tuple[Any, Any]]:
    for record in records or ():
        yield {key: each for key, each in record.items() if key != "payload"}, record["payload"]


def _tool(tool: Any) -> Any:
    match tool:
        case {"type": "function", "function": {"name": str(name), **about}}:
            schema = about.get("parameters") or {"type": "object", "properties": {}}
            return {"name": name, "description": about.get("description") or "", "inputSchema": schema}
    return tool


def _said(message: Message) -> list[tuple[Any, Any]]:
    """The items of what the agent said at once."""
    lines: list[tuple[Any, dict[str, Any]]] = []
    for part in message.parts:
        extra = _extra(part)
        if "item" in extra:
            lines.append((extra["line"], deepcopy(extra["item"])))
        elif "part" not in extra and not isinstance(part, Other):
            lines.append(({"timestamp": START, "type": "response_item"}, _item_for(part)))
        item = lines[-1][1]
        match part:
            case Call():
                key, name = CALLS[item["type"]]
                item[key] = part.arguments if item["type"] in FREE else loaded(part.arguments)
                item |= {"name": part.name} if name is None else {}
                item |= {"call_id": part.id} if part.id is not None else {}
            case Image() if item["type"] == "image_generation_call":
                item["result"] = part.reference
            case Reasoning():
                if not extra.get("holder"):
                    item[extra.get("of", "summary")].append(_put(part, "summary_text"))
            case _ if isinstance(item.get("content"), str):
                item["content"] = words(part)
            case _:
                item.setdefault("content", []).append(_put(part, "output_text"))
    return lines


def _item_for(part: Part) -> dict[str, Any]:
    match part:
        case Call():
            return {"type": "function_call"}
        case Reasoning():
            return {"type": "reasoning", "summary": [], "encrypted_content": None}
    return {"type": "message", "role": "assistant"}


def _extra(part: Part) -> dict[str, Any]:
    return {} if isinstance(part, Other) else part.extra or {}


def _heard(message: Message) -> tuple[Any, dict[str, Any]]:
    """The item of what the agent heard."""
    extra: dict[str, Any] = message.extra or {}
    envelope = extra.get("line", {"timestamp": START, "type": "response_item"})
    item = deepcopy(extra.get("item", {"type": "message", "role": message.role}))
    content: Any = message.content
    if not isinstance(content, str):
        content = [_put(part, "input_text") for part in content]
    if "item" not in extra and message.role in RESULT and message.call is not None:
        item = {"type": "function_call_output"}
    if envelope and envelope["type"] == "compacted":
        return envelope, {**item, "message": content}
    if message.call is not None:
        item["call_id"] = message.call
    if item["type"] == "tool_search_output":
        item["tools"] = content[0]
    elif item["type"] in OUTPUTS:
        item["output"] = {**item["output"], "content": content} if "output" in item else content
    elif "content" in item:  # the log held bare text
        item["content"] = message.text
    else:
        item["content"] = [{"type": "input_text", "text": content}] if isinstance(content, str) else content
    return envelope, item


def _put(part: Part, kind: str) -> Any:
    """One part of an item's content."""
    if isinstance(part, Other):
        return part.value
    about: Any = (part.extra or {}).get("part")
    if isinstance(part, Image):
        kept = {"media_type": part.media_type} if part.media_type else {}
        return {**(about or {"type": "input_image"}), "image_url": part.reference, **kept}
    return {**(about or {"type": kind}), "text": words(part)}
