"""OpenAI chat completions and Hugging Face `messages`: one conversation a line, with `tool_calls` and `tools`.

    {"messages": [{"role", "content", "tool_calls", …}, …], "tools": […], "reward": 1.0, "task": …, "id": …}

The agent speaks as `assistant`; what comes between two of its messages is one observation. The reward, which such
logs give for the whole conversation, goes to the last turn. Inline images are replaced by their digests.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from rollout.formats.conversation import conversation, dumped, image, loaded
from rollout.formats.files import messages_for
from rollout.log import Log, SessionError, dump
from rollout.trajectory import Call, Image, Message, Other, Part, Reasoning, Text, Trajectory

LOSES = "rewards of single turns, ends, legal actions, which results failed"
EXPECTED = 'one conversation a line: {"messages": [{"role", "content", "tool_calls"}], "tools", "reward"}'
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
REASONING = ("reasoning_content", "reasoning")  # DeepSeek's and vLLM's names for it
ABOUT = ("messages", "tools")


def recognises(log: Log, head: bytes, first: Any) -> bool:
    return isinstance(first, dict) and "messages" in first


def read(log: Log) -> Iterator[Trajectory]:
    for number, value in log.records():
        if not isinstance(value, dict) or not isinstance(value.get("messages"), list):
            raise log.refuse(number, "no list `messages`", f"Expected {EXPECTED}")
        messages = [_message(log, number, place, message) for place, message in enumerate(value["messages"])]
        reward = value.get("reward")
        if reward is not None and (isinstance(reward, bool) or not isinstance(reward, int | float)):
            raise log.refuse(number, f"`reward` is {reward!r}", "Expected a number or null")
        tools = value.get("tools")
        if tools is not None and not isinstance(tools, list):
            raise log.refuse(number, f"`tools` is {tools!r}"[:200], "Expected a list of tool definitions")
        task, own = value.get("task", value.get("task_id")), value.get("id")
        session = conversation(
            log, number, messages, format="chat", id=f"{log.name}:{number}" if own is None else str(own),
            task=None if task is None else str(task), tools=tools and tuple(tools), outcome=reward,
            extra={key: each for key, each in value.items() if key not in ABOUT} or None,
        )
        if session is not None:
            yield session


def write(sessions: Iterable[Trajectory], path: Path) -> None:
    with open(path, "wb") as stream:
        for session in sessions:
            about = session.extra or {} if session.format == "chat" else None
            if about is None:
                known = {"id": session.id, "task": session.task, "reward": session.outcome}
                about = {key: value for key, value in known.items() if value is not None}
            said = [_written(message) for message in messages_for(session, "chat")]
            value: dict[str, Any] = {"messages": said, **about}
            if session.tools is not None:
                value["tools"] = session.tools
            stream.write(dump(value))


def _message(log: Log, line: int, place: int, value: Any) -> Message:
    def refuse(problem: str) -> SessionError:
        return log.refuse(line, f"messages[{place}] {problem}"[:300], f"Expected {EXPECTED}")

    if not isinstance(value, dict) or value.get("role") not in ROLES:
        role = value.get("role") if isinstance(value, dict) else value
        raise refuse(f"has role {role!r}, not one of {', '.join(ROLES)}")
    role, content = value["role"], value.get("content")
    if len(value) == 2 and isinstance(content, str):
        return Message(role=role, content=content)  # as most are
    extra = {key: each for key, each in value.items() if key not in ("role", "content", "tool_calls")}
    parts: list[Part] = []
    for key in REASONING:
        if isinstance(extra.get(key), str):
            parts.append(Reasoning(text=extra.pop(key), extra={"key": key}))
    if isinstance(content, str):
        parts.append(Text(text=content))
    elif isinstance(content, list):
        parts += [_part(log, refuse, each) for each in content]
        extra["content"] = "parts"
    elif content is not None:
        raise refuse(f"has content of type {type(content).__name__}, not text, a list of parts or null")
    elif "content" not in value:
        extra["content"] = "absent"
    calls = value.get("tool_calls")
    if isinstance(calls, list) and calls:
        parts += [_call(refuse, each) for each in calls]
    elif "tool_calls" in value:
        if calls:
            raise refuse("has tool_calls that are not a list")
        extra["tool_calls"] = calls
    if isinstance(legacy := extra.get("function_call"), dict):
        parts.append(_function(refuse, legacy, {"key": "function_call"}))
        del extra["function_call"]
    named = {key: extra.pop(key) for key in ("tool_call_id", "name") if isinstance(extra.get(key), str)}
    return Message(
        role=role, content=content if isinstance(content, str) and len(parts) == 1 else tuple(parts),
        call=named.get("tool_call_id"), name=named.get("name"), extra=extra or None,
    )


def _part(log: Log, refuse: Callable[[str], SessionError], value: Any) -> Part:
    if not isinstance(value, dict):
        raise refuse(f"has a part of type {type(value).__name__}, not an object with a type")
    match value:
        case {"type": "text", "text": str(words)}:
            return Text(text=words, extra={key: value[key] for key in value.keys() - {"type", "text"}} or None)
        case {"type": "image_url", "image_url": {"url": str(address)}}:
            about = {key: each for key, each in value["image_url"].items() if key != "url"}
            return image(log, address, extra={**value, "image_url": about})
    return Other(value=value)


def _call(refuse: Callable[[str], SessionError], value: Any) -> Call:
    match value:
        case {"function": dict(function)}:
            about = {key: each for key, each in value.items() if key not in ("id", "function")}
            return _function(refuse, function, about, value.get("id"))
        case {"type": "custom", "custom": {"name": str(name), "input": str(words)}}:
            return Call(name=name, arguments=words, id=value.get("id"), extra={"type": "custom"})
    raise refuse("has a tool call without a function")


def _function(refuse: Callable[[str], SessionError], function: dict[str, Any], extra: Any, id: Any = None) -> Call:
    name, arguments = function.get("name"), function.get("arguments")
    if not isinstance(name, str) or not isinstance(id, str | None):
        raise refuse(f"has a tool call with name {name!r} and id {id!r}, not texts")
    if not isinstance(arguments, str):
        extra, arguments = {**extra, "arguments": "object"}, dumped(arguments)
    return Call(name=name, arguments=arguments, id=id, extra=extra)


def _written(message: Message) -> dict[str, Any]:
    extra = dict(message.extra or {})
    form = extra.pop("content", None)
    value: dict[str, Any] = {"role": message.role}
    said = [part for part in message.parts if isinstance(part, Text | Image | Other)]
    if form == "parts" or len(said) > 1 or any(not isinstance(part, Text) for part in said):
        value["content"] = [_written_part(part) for part in said]
    elif form != "absent":
        value["content"] = said[0].text if said and isinstance(said[0], Text) else None
    for part in message.parts:
        if isinstance(part, Reasoning):
            key = str((part.extra or {}).get("key", REASONING[0]))
            value[key] = f"{value[key]}\n\n{part.text}" if key in value else part.text
    for call in message.calls:
        about = dict(call.extra or {"type": "function"})
        arguments = loaded(call.arguments) if about.pop("arguments", None) == "object" else call.arguments
        if about.pop("key", None) == "function_call":
            value["function_call"] = {"name": call.name, "arguments": arguments}
            continue
        if about.get("type") == "custom":
            about["custom"] = {"name": call.name, "input": arguments}
        else:
            about["function"] = {"name": call.name, "arguments": arguments}
        value.setdefault("tool_calls", []).append(about if call.id is None else {"id": call.id, **about})
    if message.call is not None:
        value["tool_call_id"] = message.call
    if message.name is not None:
        value["name"] = message.name
    return {**value, **extra}


def _written_part(part: Text | Image | Other) -> Any:
    match part:
        case Text():
            return {"type": "text", "text": part.text, **(part.extra or {})}
        case Image():
            about: dict[str, Any] = dict(part.extra or {"type": "image_url", "image_url": {}})
            return {**about, "image_url": {"url": part.reference, **about["image_url"]}}
        case Other():
            return part.value
