"""Claude Code session logs: one session a file, one record a line, tied into a tree by `uuid` and `parentUuid`.

    {"type": "user" | "assistant" | …, "uuid", "parentUuid", "sessionId", "timestamp", "message": {…}, …}

Lines with one `message.id` are one message of the agent, and what answers its calls, however it hangs in the tree, is
one observation. Each leaf of the tree is a trajectory, walked from its root: a retry or a rewind shares its beginning
with its siblings. The branch that was written last has the session's id, the others add their leaf's uuid; that of a
subagent (`isSidechain`) is "session/agent" and a trajectory of its own. A record whose parent is not in the file begins
one too, and is counted. Over a compaction the session goes on: the summary is heard as the user's message that it is,
and what the compaction preserved by tying it below the summary comes after it.

Records by which the harness talks to the model (`isMeta`) are users' messages, and so are commands typed while it
worked (`queued_command`). What no model said (`isApiErrorMessage`, the model `<synthetic>`), system records and other
attachments are no part of the conversation; they are counted, and written again where they stand between messages.
Progress, snapshots, summaries, titles and records of unknown types are left out and counted, and whoever hung on one
of them then hangs on the message before. Everything else of a record is kept in `extra`, and comes out again in the
log's order where the sessions of a file come one after the other. Inline images and documents become digests.

A conversation from another format gets made-up uuids and times. The format has no place for a system prompt and tools:
the one goes into a system record of the subtype `system_prompt`, the others into the first record as `tools`, which
other readers pass over. Arguments that are no object become {"input": …}; a result that answers no call becomes a
user's message; names are lost.
"""

import heapq
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from rollout.formats.claude_record import EXPECTED, agent_parts, block_of, result_block, world_messages
from rollout.formats.conversation import conversation
from rollout.formats.files import RESULT, appended, file_for, messages_for
from rollout.log import Log, dump
from rollout.trajectory import Call, Message, Other, Part, Text, Trajectory

LOSES = "task, outcome, rewards, ends, legal actions"
START = "1970-01-01T00:00:00.000Z"


def recognises(log: Log, head: bytes, first: Any) -> bool:
    if not isinstance(first, dict) or not isinstance(first.get("type"), str) or "payload" in first:
        return False
    named = first.keys() & {"sessionId", "leafUuid", "messageId"}
    return bool(named) or first.keys() >= {"uuid", "parentUuid"}


@dataclass(eq=False, slots=True)
class _Node:
    """A record in the tree, without what only its message needs.

    Attributes:
        spoken: part of the conversation.
        aside: a subagent's.
        record: what is written again though it is no part of the conversation; None where it is not kept.
        knot: where it, or what it hangs on, belongs.
    """

    line: int
    uuid: str
    parent: str | None
    session: str | None
    agent: str | None
    aside: bool
    spoken: bool
    record: dict[str, Any] | None = None
    knot: "_Knot | None" = None


@dataclass(eq=False, slots=True)
class _Knot:
    """Records that stand together: one message of the agent, all answers to its calls, or one other record.

    Attributes:
        id: of the agent's message.
        parts: of the agent's message.
        messages: of anyone else.
        open: ids of its calls that are not answered yet.
        asked: of answers: the agent's message.
        answers: to the agent's message.
    """

    above: "_Knot | None"
    first: _Node
    last: _Node
    id: str | None = None
    parts: list[Part] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    open: set[str] = field(default_factory=set)
    asked: "_Knot | None" = None
    answers: "_Knot | None" = None
    leaf: bool = True


def read(log: Log) -> Iterator[Trajectory]:
    leaves = sorted((knot for knot in _tied(log) if knot.leaf), key=lambda knot: knot.last.line)
    if not leaves:
        return
    chains = [_chain(leaf) for leaf in leaves]
    names = [_name(log, chain) for chain in chains]
    file = next((name for name, leaf in zip(names[::-1], leaves[::-1], strict=True) if not leaf.last.aside), names[-1])
    for place, (name, chain) in enumerate(zip(names, chains, strict=True)):
        messages: list[Message] = []
        lines: list[int] = []
        for knot in chain:
            new = [Message(role="assistant", content=tuple(knot.parts))] if knot.parts else knot.messages
            messages += new
            lines += [knot.first.line] * len(new)
        record: Any = (messages[0].extra or {}).get("record", {})
        session = conversation(
            log, chain[0].first.line, messages, lines=lines, format="claude_code", policy=_model(messages),
            id=name if name not in names[place + 1 :] else f"{name}:{chain[-1].last.uuid}",
            tools=tuple(record["tools"]) if isinstance(record.get("tools"), list) else None,
            extra={"file": file},
        )
        if session is not None:
            yield session


def _chain(leaf: _Knot) -> list[_Knot]:
    chain: list[_Knot] = []
    knot: _Knot | None = leaf
    while knot is not None:
        chain.append(knot)
        knot = knot.above
    return chain[::-1]


def _name(log: Log, chain: list[_Knot]) -> str:
    leaf = chain[-1].last
    name = leaf.session or log.name
    return f"{name}/{leaf.agent or chain[0].first.uuid}" if leaf.aside else name


def _model(messages: list[Message]) -> str | None:
    """Who acted: the model of the agent's first message."""
    for message in messages:
        if message.role == "assistant" and not isinstance(first := message.parts[0], Other):
            record: Any = (first.extra or {}).get("record")
            model = record["message"].get("model")
            return model if isinstance(model, str) else None
    return None


def _tied(log: Log) -> list[_Knot]:
    """The tree's knots.

    Raises:
        SessionError: a line cannot be understood, or records are their own ancestors.
    """
    nodes: dict[str, _Node] = {}
    records: dict[str, dict[str, Any]] = {}
    for line, record in appended(log):
        if (node := _node(log, line, record, nodes)) is not None:
            nodes[node.uuid] = node
            if node.spoken:
                records[node.uuid] = record
    children: dict[str, list[_Node]] = {}
    ready: list[tuple[int, str]] = []
    for node in nodes.values():
        above = nodes.get(node.parent) if node.parent else None
        if node.parent and above is None:
            log.skip(node.line, "a parent that is not in the file: a session of its own begins")
        if above is None or node.aside != above.aside:
            node.parent = None
            ready.append((node.line, node.uuid))
        else:
            children.setdefault(above.uuid, []).append(node)
    heapq.heapify(ready)
    knots: list[_Knot] = []
    while ready:  # parents before children, and otherwise in the log's order
        node = nodes[heapq.heappop(ready)[1]]
        for child in children.pop(node.uuid, ()):
            heapq.heappush(ready, (child.line, child.uuid))
        before = []
        above = nodes[node.parent] if node.parent else None
        node.knot = above.knot if above else None
        while node.spoken and above is not None and not above.spoken:
            before += [[above.line, above.record]] if above.record is not None else []
            above = nodes[above.parent] if above.parent else None
        if node.spoken:
            knot = _tie(log, node, records.pop(node.uuid), before[::-1])
            if knot.first is node:
                knots.append(knot)
    if children:
        circle = min(each.line for waiting in children.values() for each in waiting)
        raise log.refuse(circle, "a record that is its own ancestor", "Correct the uuids in `parentUuid`")
    return knots


def _node(log: Log, line: int, record: dict[str, Any], known: dict[str, _Node]) -> _Node | None:
    """A record's place in the tree; None, and noted, where it has none."""
    kind, id, message, attached = (record.get(key) for key in ("type", "uuid", "message", "attachment"))
    spoken = kind in ("user", "assistant")
    if spoken and not (isinstance(id, str) and isinstance(message, dict)):
        raise log.refuse(line, f"a record of type {kind!r} without uuid and message", f"Expected {EXPECTED}")
    if not isinstance(id, str) or id in known:
        log.skip(line, "a second record with one uuid" if isinstance(id, str) else str(kind))
        return None
    parent, aside = record.get("parentUuid"), bool(record.get("isSidechain"))
    if parent is None and record.get("subtype") == "compact_boundary":
        # What the compaction preserved is tied below its summary, and may be what it names.
        parent = record.get("logicalParentUuid")
        earlier = (each.uuid for each in reversed(known.values()) if each.aside == aside)
        parent = parent if not isinstance(parent, str) or parent in known else next(earlier, parent)
    session, agent = record.get("sessionId"), record.get("agentId")
    if not isinstance(parent, str | None) or not isinstance(session, str | None):
        raise log.refuse(line, f"`parentUuid` {parent!r}, `sessionId` {session!r}"[:200], "Expected texts or null")
    reason = None
    match record:
        case {"isApiErrorMessage": True} | {"message": {"model": "<synthetic>"}}:
            reason = "what no model said"
        case {"type": "attachment", "attachment": {"type": "queued_command", "prompt": str() | list()}}:
            spoken = True
        case {"type": "system", "subtype": "system_prompt", "content": str()}:
            spoken = True
        case _ if not spoken:
            about = attached.get("type") if isinstance(attached, dict) else record.get("subtype")
            reason = " ".join(str(each) for each in (kind, about) if each)
    if reason is not None:
        log.skip(line, reason)
    kept = record if reason is not None and kind in ("user", "assistant", "system", "attachment") else None
    return _Node(
        line, id, parent, session, agent if isinstance(agent, str) else None, aside, reason is None, kept,
    )


def _tie(log: Log, node: _Node, record: dict[str, Any], before: list[Any]) -> _Knot:
    """Put what was said where it belongs: with what the agent said or heard at once, or below it."""
    above = node.knot
    agent = above if above is None or above.asked is None else above.asked
    start: dict[str, Any] = {"line": node.line, **({"before": before} if before else {})}
    parts, messages = [], []
    if record["type"] == "assistant":
        parts = agent_parts(log, node.line, record, start)
    else:
        messages = world_messages(log, node.line, record, start)
    id = record["message"].get("id") if parts else None
    answered = {message.call for message in messages if message.call is not None}
    if agent and parts and isinstance(id, str) and agent.id == id:
        knot = agent
    elif agent and answered and answered <= agent.open:
        if agent.answers is None:
            agent.answers = _Knot(agent, node, node, asked=agent)
            agent.leaf = False
        knot = agent.answers
        agent.open -= answered
    else:
        knot = _Knot(above, node, node, id=id if isinstance(id, str) else None)
        if above is not None:
            above.leaf = False
    knot.last = node
    knot.parts += parts
    knot.messages += messages
    knot.open |= {part.id for part in parts if isinstance(part, Call) and part.id is not None}
    node.knot = knot
    return knot


def write(sessions: Iterable[Trajectory], path: Path) -> None:
    """One file a log's sessions, in a folder."""
    for name, group in groupby(sessions, key=_file):
        records: dict[str, tuple[int, dict[str, Any]]] = {}
        for session in group:
            previous: str | None = None
            told = list(_kept(session) if session.format == "claude_code" else _made(session))
            known = {record["uuid"] for _, record in told}
            for line, record in told:
                id, above = record["uuid"], record.get("parentUuid") or record.get("logicalParentUuid")
                if previous is not None and above not in known and id not in records:
                    # It hung on a record that is left out.
                    key = "logicalParentUuid" if record.get("subtype") == "compact_boundary" else "parentUuid"
                    record = {**record, key: previous}
                records.setdefault(id, (line, record))
                previous = id
        with open(file_for(path, name, ".jsonl"), "wb") as stream:
            for _, record in sorted(records.values(), key=lambda each: each[0]):
                stream.write(dump(record))


def _file(session: Trajectory) -> str:
    return str((session.extra or {}).get("file", session.id)) if session.format == "claude_code" else session.id


def _kept(session: Trajectory) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records that a session of this format was read from, with their lines."""
    content: list[Any] = []
    for message in messages_for(session, "claude_code"):
        agent = message.role == "assistant"
        for said in message.parts if agent else (message,):
            extra: Any = {} if isinstance(said, Other) else said.extra or {}
            if "record" in extra:
                record, content = dict(extra["record"]), []
                yield from extra.get("before", ())
                key = "attachment" if record["type"] == "attachment" else "message"
                inner = "prompt" if key == "attachment" else "content"
                if record["type"] == "system":
                    record["content"] = message.text
                elif record[key].get(inner) == "":
                    record[key] = {**record[key], inner: said.text if isinstance(said, Text) else message.text}
                elif isinstance(record[key].get(inner), list):
                    record[key] = {**record[key], inner: content}
                yield extra["line"], record
            if extra.get("holder"):
                continue
            if isinstance(said, Message):
                content += [result_block(said)] if said.role == "tool" else [block_of(part) for part in said.parts]
            else:
                content.append(block_of(said))


def _made(session: Trajectory) -> Iterator[tuple[int, dict[str, Any]]]:
    """A record for each message of another format's session."""
    above: str | None = None
    for place, message in enumerate(messages_for(session, "claude_code")):
        id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{session.id}/{place}"))
        record: dict[str, Any] = {
            "parentUuid": above, "isSidechain": False, "userType": "external", "cwd": "/", "sessionId": session.id,
            "version": "0.0.0", "gitBranch": "", "type": "user", "uuid": id, "timestamp": START,
        }
        blocks: str | list[Any] = message.content if isinstance(message.content, str) else [
            block_of(part) for part in message.parts
        ]
        if message.role == "assistant":
            record |= {"type": "assistant", "message": {
                "id": f"msg_{id}", "type": "message", "role": "assistant", "model": session.policy or "unknown",
                "content": [block_of(part) for part in message.parts], "stop_reason": None, "stop_sequence": None,
                "usage": {"input_tokens": 0, "output_tokens": 0},
            }}
        elif message.role in ("system", "developer"):
            record |= {"type": "system", "subtype": "system_prompt", "content": message.text, "role": message.role}
        elif message.role in RESULT and message.call is not None:
            record["message"] = {"role": "user", "content": [result_block(message)]}
        else:
            record["message"] = {"role": "user", "content": blocks}
        if place == 0 and session.tools is not None:
            record["tools"] = session.tools
        yield place, record
        above = id
