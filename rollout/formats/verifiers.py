"""verifiers (v1) `traces.jsonl`: an episode a line, its traces, each a graph of messages; or a trace a line.

    {"id", "task", "env", "traces": [{"id", "task", "agent", "nodes": [{"parent", "message", "sampled"}], "rewards"}]}

A way from a root to a leaf of the graph is a branch, and each branch is a session; all branches of a trace have its
reward, the weighted sum that verifiers trains with. Nodes, traces and episodes find together again when consecutive
sessions of theirs are written. Assistant messages that no model sampled, such as examples in a prompt, are turns like
others (`extra.sampled` tells). Metrics, info, task, agent, calls, usage and times are kept in `extra`.

Not kept: the token columns (ids, masks, log probabilities, advantages, experts; counted), messages of branches in
which the agent never speaks (counted), bytes and media types of inline images, and whether a key was absent or null.
What comes from another format loses what verifiers cannot say: rewards of single turns, failures of tools, and the
order of an agent's thoughts, words and calls; several thoughts or texts of one of its messages become one, and its
images words. Developers speak as the system.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from math import isfinite
from pathlib import Path
from typing import Any

from rollout.formats.conversation import conversation, image
from rollout.log import Log, SessionError, dump
from rollout.trajectory import Call, Image, Message, Part, Reasoning, Text, Trajectory, messages_of

LOSES = "rewards of single turns, ends, legal actions, which results failed, tools of other formats"
EXPECTED = 'one episode a line: {"task", "traces": [{"nodes": [{"parent", "message"}], "rewards"}]}, or one trace'
TOKENS = (
    "token_ids", "mask", "is_content", "logprobs", "advantages", "reference_logprobs", "trainer_logprobs", "entropies",
    "loss_weights", "routed_experts", "sampling_mask",
)
LIMITS = ("max_turns", "max_input_tokens", "max_output_tokens", "max_total_tokens", "compaction_failed", "truncated")
ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool",
         "function": "tool"}
Refuse = Callable[[str], SessionError]


def recognises(log: Log, head: bytes, first: Any) -> bool:
    return isinstance(first, dict) and (
        (isinstance(first.get("traces"), list) and "task" in first)
        or (isinstance(first.get("nodes"), list) and "agent" in first)
    )


def read(log: Log) -> Iterator[Trajectory]:
    for number, value in log.records():
        if not isinstance(value, dict):
            raise log.refuse(number, "not an episode", f"Expected {EXPECTED}")
        if "traces" not in value and "nodes" not in value:
            log.skip(number, "neither an episode nor a trace")
            continue
        traces = value.get("traces", [value])
        if not isinstance(traces, list) or not all(isinstance(trace, dict) for trace in traces):
            raise log.refuse(number, "`traces` is no list of traces", f"Expected {EXPECTED}")
        if not traces:
            log.skip(number, "an episode without a trace")
        episode = {key: each for key, each in value.items() if key != "traces"} if "traces" in value else None
        for place, trace in enumerate(traces):
            yield from _sessions(log, number, place, trace, {} if episode is None else {"episode": episode})


def write(sessions: Iterable[Trajectory], path: Path) -> None:
    """Write sessions; those of one trace, and those of one episode, must come one after the other."""
    with open(path, "wb") as stream:
        for _, members in groupby(sessions, lambda session: _origin(session, "episode")):
            pairs = [_written(list(branches)) for _, branches in groupby(members, lambda each: _origin(each, "trace"))]
            episode, traces = pairs[0][0], [trace for _, trace in pairs]
            for value in traces if episode is None else [{**episode, "traces": traces}]:
                stream.write(dump(value))


def _sessions(log: Log, number: int, place: int, trace: dict[str, Any], about: dict[str, Any]) -> Iterator[Trajectory]:
    def refuse(problem: str) -> SessionError:
        return log.refuse(
            number, f"traces[{place}] {problem}"[:300],
            f"The trace was damaged or edited: have verifiers write it again. Expected {EXPECTED}",
        )

    nodes = trace.get("nodes")
    if not isinstance(nodes, list) or not all(isinstance(node, dict) for node in nodes):
        raise refuse("has no list `nodes`")
    messages = [_message(log, number, refuse, index, node) for index, node in enumerate(nodes)]
    branches = _branches(refuse, nodes)
    task, model = _object(trace.get("task")), _object(_object(trace.get("agent")).get("config")).get("model")
    data = _object(task.get("data"))
    names = [task.get("key"), data.get("id"), data.get("name"), data.get("idx")]
    asked = next((str(name) for name in names if name is not None), None)
    id = str(trace.get("id") or f"{log.name}:{number}:{place}")
    about = {**about, "trace": {key: each for key, each in trace.items() if key != "nodes"}}
    for branch, path in enumerate(branches):
        tools = nodes[path[0]].get("tools") or trace.get("tools")
        session = conversation(
            log, number, [messages[index] for index in path], outcome=_reward(refuse, trace.get("rewards")),
            format="verifiers", id=id if len(branches) == 1 else f"{id}/{branch}", task=asked,
            tools=tuple(tools) if isinstance(tools, list) and tools else None, stop=trace.get("stop_condition"),
            policy=model if isinstance(model, str) else None, extra=about,
        )
        if session is not None:
            yield _ended(session, trace)


def _branches(refuse: Refuse, nodes: list[dict[str, Any]]) -> list[list[int]]:
    """The ways from a root to a leaf, by leaf.

    Raises:
        SessionError: a parent does not exist, or a node is its own ancestor.
    """
    parents: list[int | None] = [node.get("parent") for node in nodes]
    for index, parent in enumerate(parents):
        if parent is not None and (type(parent) is not int or not 0 <= parent < len(nodes)):
            raise refuse(f"nodes[{index}] has the parent {parent!r}, and there are {len(nodes)} nodes")
    rooted: set[int | None] = {None}
    for index in range(len(nodes)):
        way: dict[int, None] = {}
        above: int | None = index
        while above not in rooted:
            assert above is not None
            if above in way:
                raise refuse(f"nodes[{above}] is its own ancestor")
            way[above] = None
            above = parents[above]
        rooted |= way.keys()
    found = []
    for leaf in sorted(set(range(len(nodes))) - set(parents)):
        path = [leaf]
        while (parent := parents[path[-1]]) is not None:
            path.append(parent)
        found.append(path[::-1])
    return found


def _message(log: Log, line: int, refuse: Refuse, index: int, node: dict[str, Any]) -> Message:
    value = node.get("message")
    if not isinstance(value, dict) or not isinstance(value.get("role"), str):
        raise refuse(f"nodes[{index}] has no message with a role")
    if any(node.get(key) for key in TOKENS):
        log.skip(line, "token columns of a message")
    about = {key: each for key, each in node.items() if key not in ("parent", "message", *TOKENS) and each is not None}
    rest = {key: each for key, each in value.items() if key != "role" and each is not None}
    parts: list[Part] = []
    if isinstance(rest.get("reasoning_content"), str):
        parts.append(Reasoning(text=rest.pop("reasoning_content")))
    content = rest.pop("content", None)
    if isinstance(content, str):
        parts.append(Text(text=content))
    elif isinstance(content, list):
        parts += [_part(log, refuse, index, part) for part in content]
        about["content"] = "parts"
    elif content is not None:
        raise refuse(f"nodes[{index}] has content of type {type(content).__name__}, not text, parts or null")
    calls = rest.pop("tool_calls", [])
    for call in calls if isinstance(calls, list) else [calls]:
        match call:
            case {"name": str(name), "arguments": str(arguments)}:
                extra = {key: each for key, each in call.items() if key not in ("name", "arguments", "id")}
                parts.append(Call(name=name, arguments=arguments, id=call.get("id"), extra=extra))
            case _:
                raise refuse(f"nodes[{index}] has a tool call without name and arguments")
    named = {key: rest.pop(key) for key in ("tool_call_id", "name") if isinstance(rest.get(key), str)}
    return Message(
        role=value["role"], content=content if isinstance(content, str) and len(parts) == 1 else tuple(parts),
        call=named.get("tool_call_id"), name=named.get("name"),
        extra={**about, "node": index, **({"message": rest} if rest else {})},
    )


def _part(log: Log, refuse: Refuse, index: int, value: Any) -> Part:
    match value:
        case {"type": "text", "text": str(words)}:
            return Text(text=words)
        case {"type": "image_url", "image_url": {"url": str(address)}}:
            return image(log, address)
    raise refuse(f"nodes[{index}] has a part that is neither text nor image_url")


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _reward(refuse: Refuse, rewards: Any) -> float | None:
    """The sum of what was scored, by weight; None where nothing was."""
    try:
        scored = [each["score"] * each.get("weight", 1.0) for each in (rewards or {}).values() if each is not None]
    except (AttributeError, KeyError, TypeError):
        raise refuse(f"has rewards {rewards!r}, not a score and a weight each") from None
    if not all(map(isfinite, scored)):
        raise refuse("has a reward that is no finite number")
    return float(sum(scored)) if scored else None


def _ended(session: Trajectory, trace: dict[str, Any]) -> Trajectory:
    """Says at its last turn how a trace ended, where it says so itself."""
    calls = [call for call in trace.get("calls") or [] if isinstance(call, dict) and not call.get("error")]
    cut = bool(trace.get("is_timeout")) or trace.get("stop_condition") in LIMITS or (
        bool(calls) and calls[-1].get("finish_reason") == "length"
    )
    ended = True if trace.get("is_completed") and trace.get("ok") and not cut else False if cut else None
    last = session.turns[-1].model_copy(update={"terminated": ended, "truncated": cut or None})
    return session.model_copy(update={"turns": (*session.turns[:-1], last)})


def _origin(session: Trajectory, what: str) -> Any:
    """What a session was a part of: equal for two that came from the same episode or trace."""
    extra = session.extra or {} if session.format == "verifiers" else {}
    known = extra.get(what) or extra.get("trace")
    return (known.get("id") or session.id) if isinstance(known, dict) else session.id


def _written(branches: list[Trajectory]) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The branches of a trace as a trace, with the episode it belongs to, if any."""
    first = branches[0]
    if first.format == "verifiers" and first.extra and isinstance(first.extra.get("trace"), dict):
        about: dict[str, Any] = dict(first.extra["trace"])  # type: ignore[arg-type]
        episode: dict[str, Any] | None = first.extra.get("episode")  # type: ignore[assignment]
    else:
        about, episode = _described(first)
    nodes: dict[int, dict[str, Any]] = {}
    for session in branches:
        above = None
        for place, message in enumerate(messages_of(session)):
            node: dict[str, Any] = {"node": place, "sampled": message.role == "assistant", "timestamp": 0.0}
            own = session.format == "verifiers" and message.extra is not None
            if own:
                node = dict(message.extra or {})
            index, form, rest = node.pop("node"), node.pop("content", None), node.pop("message", {})
            nodes[index] = {"parent": above, **node, "message": {**_said(message, own, form == "parts"), **rest}}
            above = index
    # A branch without an agent was not read: the others close ranks.
    places = {index: place for place, index in enumerate(sorted(nodes))}
    for node in nodes.values():
        node["parent"] = places.get(node["parent"])
        if links := node.get("semantic_parents"):
            node["semantic_parents"] = [
                {**link, "node": places[link["node"]]} for link in links if link["node"] in places
            ]
    if calls := about.get("calls"):
        about["calls"] = [{**call, "node": places.get(call.get("node"))} for call in calls]
    return episode, {**about, "nodes": [nodes[index] for index in sorted(nodes)]}


def _described(session: Trajectory) -> tuple[dict[str, Any], dict[str, Any]]:
    """What verifiers must know of a session that it did not write, and the episode around it."""
    last = session.turns[-1]
    data = {key: value for key, value in {"id": session.task}.items() if value is not None}
    task = {"type": "Task", "data": data}
    ended = bool(last.terminated)
    trace: dict[str, Any] = {
        "version": 1, "id": session.id, "verifiers": {"version": "0.4.0"}, "task": task,
        "agent": {"config": {} if session.policy is None else {"model": session.policy}},
        "tools": [_tool(tool) for tool in session.tools or ()], "timing": {"start": 0.0},
        "is_completed": ended or bool(last.truncated), "ok": ended,
        "stop_condition": session.stop or ("truncated" if last.truncated else None),
    }
    if session.outcome is not None:
        trace["rewards"] = {"reward": {"score": session.outcome, "weight": 1.0}}
    return trace, {"id": session.id, "task": task, "ok": ended}


def _tool(tool: Any) -> dict[str, Any]:
    match tool:
        case {"function": {"name": str()}}:
            return {"type": "function", **tool["function"]}
        case {"name": str()}:
            return dict(tool)
    return {"type": "other", "name": "", "definition": tool}


def _said(message: Message, own: bool, parts: bool) -> dict[str, Any]:
    role = message.role if own else ROLES.get(message.role, "user")
    said = [part for part in message.parts if not isinstance(part, Reasoning | Call)]
    value: dict[str, Any] = {"role": role}
    if parts or (role != "assistant" and (len(said) > 1 or any(not isinstance(part, Text) for part in said))):
        value["content"] = [
            {"type": "image_url", "image_url": {"url": part.reference}} if isinstance(part, Image)
            else {"type": "text", "text": _words(part)} for part in said
        ]
    else:
        value["content"] = "\n".join(map(_words, said)) if said or role != "assistant" else None
    if thoughts := [part.text for part in message.parts if isinstance(part, Reasoning)]:
        value["reasoning_content"] = "\n\n".join(thoughts)
    if message.calls:
        value["tool_calls"] = [
            {"id": call.id or "", "name": call.name, "arguments": call.arguments, **((own and call.extra) or {})}
            for call in message.calls
        ]
    if role == "tool":
        value["tool_call_id"] = message.call or ""
    if message.name is not None and (own or role == "tool"):
        value["name"] = message.name
    return value


def _words(part: Part) -> str:
    return Message(role="user", content=(part,)).text
