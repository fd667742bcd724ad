"""ATIF, the Agent Trajectory Interchange Format of the Harbor framework, v1.0 to v1.8: one document a file.

    {"schema_version": "ATIF-v1.7", "session_id", "agent": {…}, "steps": [{"step_id", "source", "message", …}, …]}

A step of the agent is one message of it, and the results in its observation are what came back; steps of users and of
the system stand between. The agent's tool definitions are the tools, its model the policy. A subagent's trajectory
that is embedded becomes a trajectory of its own, "parent/its id"; one that is only referred to is not looked for. Steps
copied from an earlier trajectory (`is_copied_context`) are kept, and marked in `extra`. The id is `trajectory_id`, else
`session_id`; of a document that is continued in another, which may share these, with what it is continued in.

The document is scanned step by step, so that each step's line is known; memory holds it whole, up to `LARGEST`. All of
it is kept and written again, metrics and `extra` included; only subagents that never speak, and with them references
to nobody, are not.

A conversation from another format has its own roles, names, and whether a result failed in `extra`, as
{"role", "name", "is_error"}; what no call of the latest step asked for stands in a step of the system. Lost are the
order between words and calls, the borders between several thoughts, and which image is no JPEG, PNG, GIF or WebP.
Arguments that are no object become {"input": …}.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rollout.formats.conversation import conversation, dumped, image, loaded
from rollout.formats.files import RESULT, file_for, messages_for
from rollout.log import Log, SessionError, deep
from rollout.trajectory import Call, Image, Message, Other, Part, Reasoning, Text, Trajectory

LOSES = "task, outcome, rewards, ends, legal actions, the order of words and calls in one message"
EXPECTED = 'an ATIF document: {"schema_version": "ATIF-v1.7", "agent": {"name", "version"}, "steps": […]}'
LARGEST = 512 * 2**20  # bytes
VERSION = "ATIF-v1.7"
SPACE = re.compile(r"[ \t\r\n]*")
SOURCES = {"system": "system", "user": "user", "agent": "assistant"}
PICTURES = ("image/jpeg", "image/png", "image/gif", "image/webp")
NOBODY = "unknown"
FIELDS = (
    "schema_version", "session_id", "trajectory_id", "agent", "steps",
    "step_id", "timestamp", "source", "message", "reasoning_content", "tool_calls", "observation",
)


def recognises(log: Log, head: bytes, first: Any) -> bool:
    if isinstance(first, dict):
        return str(first.get("schema_version", "")).startswith("ATIF-")
    return re.match(rb'\s*\{', head) is not None and re.search(rb'"schema_version"\s*:\s*"ATIF-', head) is not None


def read(log: Log) -> Iterator[Trajectory]:
    scan = _Scan(log)
    while scan.more():
        line = scan.line
        yield from _sessions(log, scan.document(), line, None)


class _Scan:
    """A JSON text from its beginning to its end, with the line that is reached."""

    def __init__(self, log: Log):
        self.log = log
        text = bytearray()
        last = 0
        for number, line in log.lines():
            text += b"\n" * (number - last - 1) + line  # blank lines count too
            last = number
            if len(text) > LARGEST:
                raise log.refuse(
                    number, f"a document of more than {LARGEST // 2**20} MiB",
                    "Split it with `continued_trajectory_ref`, and keep images in files",
                )
        try:
            self.text = text.decode()
        except UnicodeDecodeError as error:
            broken = text.count(b"\n", 0, error.start) + 1
            raise log.refuse(broken, f"not UTF-8 at byte {error.start + 1}", "Convert the file to UTF-8") from None
        self.place, self.line = 0, 1
        self.decoder = json.JSONDecoder(parse_constant=self._constant)

    def _constant(self, name: str) -> Any:
        raise json.JSONDecodeError(f"{name} is no number in JSON", self.text, self.place)

    def refuse(self, problem: str, remedy: str = f"Expected {EXPECTED}") -> SessionError:
        return self.log.refuse(self.line, problem, remedy)

    def to(self, place: int) -> None:
        """Go on to a place, and over the space there."""
        space = SPACE.match(self.text, place)
        place = space.end() if space else place
        self.line += self.text.count("\n", self.place, place)
        self.place = place

    def more(self) -> bool:
        self.to(self.place)
        return self.place < len(self.text)

    def take(self, *expected: str) -> str:
        """One of some characters."""
        found = self.text[self.place : self.place + 1]
        if found not in expected:
            wanted = " or ".join(map(repr, expected))
            problem = f"{found!r} where {wanted} belongs" if found else "the document breaks off"
            raise self.refuse(problem, "Is the file cut off? Record the session again")
        self.to(self.place + 1)
        return found

    def value(self) -> Any:
        begin, line = self.place, self.line
        try:
            value, end = self.decoder.raw_decode(self.text, begin)
            if "\\ud" in self.text[begin:end].lower():
                json.dumps(value, ensure_ascii=False).encode()
            if isinstance(value, dict | list) and deep(value):
                raise RecursionError
        except json.JSONDecodeError as error:
            self.line += self.text.count("\n", begin, error.pos)
            raise self.refuse(f"not JSON ({error.msg})", "Is the file cut off? Record the session again") from None
        except RecursionError:
            raise self.refuse("nested too deeply") from None
        except UnicodeEncodeError:
            raise self.log.refuse(
                line, "half of a character: a lone surrogate escape",
                r"Write whole characters, or replace the \ud800-\udfff escape",
            ) from None
        except ValueError as error:
            raise self.refuse(f"a number that is too long ({error})"[:200]) from None
        self.to(end)
        return value

    def document(self) -> dict[str, Any]:
        """A trajectory; its steps and subagents come with their lines."""
        document: dict[str, Any] = {}
        self.take("{")
        mark = "," if self.text[self.place : self.place + 1] != "}" else self.take("}")
        while mark == ",":
            key = self.value()
            if not isinstance(key, str):
                raise self.refuse(f"the key {key!r}"[:200])
            self.take(":")
            listed = key in ("steps", "subagent_trajectories") and self.text[self.place : self.place + 1] == "["
            document[key] = list(self.items(key)) if listed else self.value()
            mark = self.take(",", "}")
        return document

    def items(self, key: str) -> Iterator[tuple[int, Any]]:
        self.take("[")
        mark = "," if self.text[self.place : self.place + 1] != "]" else self.take("]")
        while mark == ",":
            line = self.line
            yield line, self.value() if key == "steps" else self.document()
            mark = self.take(",", "]")


def _sessions(log: Log, document: dict[str, Any], line: int, parent: str | None) -> Iterator[Trajectory]:
    def refuse(line: int, problem: str) -> SessionError:
        return log.refuse(line, problem[:300], f"Expected {EXPECTED}")

    version, agent, steps = (document.get(key) for key in ("schema_version", "agent", "steps"))
    if not isinstance(version, str) or not re.fullmatch(r"ATIF-v1\.\d+", version):
        raise refuse(line, f"`schema_version` is {version!r}, not one of ATIF-v1")
    if not isinstance(agent, dict) or not isinstance(steps, list):
        raise refuse(line, "no `agent` or no list `steps`")
    messages: list[Message] = []
    lines: list[int] = []
    for place, step in steps:
        new = _heard(log, lambda problem, place=place: refuse(place, problem), step)
        messages += new
        lines += [place] * len(new)
    name = document.get("trajectory_id") or document.get("session_id") or log.name
    if document.get("continued_trajectory_ref"):
        name = f"{name}:{document['continued_trajectory_ref']}"
    id = f"{parent}/{name}" if parent else str(name)
    tools = agent.get("tool_definitions")
    subagents = document.get("subagent_trajectories")
    kept = {key: each for key, each in document.items() if key not in ("steps", "subagent_trajectories")}
    kept["agent"] = {key: each for key, each in agent.items() if key != "tool_definitions" or not tools}
    extra: dict[str, Any] = {"document": kept, **({"parent": parent} if parent else {})}
    if subagents is not None and not subagents:
        kept["subagent_trajectories"] = subagents
    if tools is not None and not isinstance(tools, list):
        raise refuse(line, "`tool_definitions` that are no list")
    if subagents is not None and not isinstance(subagents, list):
        raise refuse(line, "`subagent_trajectories` that are no list")
    model = agent.get("model_name")
    session = conversation(
        log, line, messages, lines=lines, format="atif", id=id, tools=tuple(tools) if tools else None,
        policy=model if isinstance(model, str) else None, extra=extra,
    )
    if session is not None:
        yield session
    for place, subagent in subagents or ():
        yield from _sessions(log, subagent, place, id)


def _heard(log: Log, refuse: Any, step: Any) -> list[Message]:
    """A step's message, and the results that came back."""
    if not isinstance(step, dict) or str(step.get("source")) not in SOURCES:
        raise refuse(f"a step whose source is {step.get('source') if isinstance(step, dict) else step!r}")
    role, said, calls = SOURCES[step["source"]], step.get("message"), step.get("tool_calls")
    rest = dict(step)
    parts: list[Part] = []
    form: dict[str, Any] = {}
    if isinstance(thought := step.get("reasoning_content"), str):
        parts += [Reasoning(text=rest.pop("reasoning_content"))]
    results: list[Message] = []
    match step.get("observation"):
        case {"results": list(found), **more}:
            results, rest["observation"] = [_result(log, refuse, result) for result in found], more
        case None:
            pass
        case _:
            raise refuse("an observation without a list `results`")
    if isinstance(said, str):
        del rest["message"]
        silent = thought or calls or (results and role != "assistant")
        parts += [Text(text=said)] if said or not silent else []
    elif isinstance(said, list):
        del rest["message"]
        parts += [_part(log, refuse, part) for part in said]
        form = {"parts": True}
    elif said is not None:
        raise refuse(f"a message of type {type(said).__name__}, not text or a list of parts")
    if calls:
        parts += [_call(refuse, call) for call in (calls if isinstance(calls, list) else [calls])]
        del rest["tool_calls"]
    extra = {"step": rest, **form}
    if results and not parts and role != "assistant":  # only something came back
        first = results[0]
        return [first.model_copy(update={"extra": {**(first.extra or {}), **extra}}), *results[1:]]
    about: Any = step.get("extra") if isinstance(step.get("extra"), dict) else {}
    if role != "assistant" and isinstance(about.get("role"), str):
        role = about["role"]
    name = about.get("name")
    plain = parts[0].text if isinstance(said, str) and len(parts) == 1 and isinstance(parts[0], Text) else None
    return [Message(
        role=role, content=tuple(parts) if plain is None else plain, extra=extra,
        name=name if isinstance(name, str) else None,
    ), *results]


def _call(refuse: Any, call: Any) -> Call:
    match call:
        case {"function_name": str(name), "arguments": arguments, "tool_call_id": str(id), **about}:
            return Call(name=name, arguments=dumped(arguments), id=id, extra={"call": about})
    raise refuse(f"a tool call without tool_call_id, function_name and arguments: {call!r}")


def _result(log: Log, refuse: Any, result: Any) -> Message:
    if not isinstance(result, dict):
        raise refuse(f"a result that is no object: {result!r}")
    rest, said, call = dict(result), result.get("content"), result.get("source_call_id")
    content: str | tuple[Part, ...] = ()
    if isinstance(said, str) or (isinstance(said, list) and said):
        content = rest.pop("content")
        content = content if isinstance(content, str) else tuple(_part(log, refuse, part) for part in said)
    elif said:
        raise refuse(f"a result whose content is of type {type(said).__name__}, not text or a list of parts")
    about: Any = result.get("extra") if isinstance(result.get("extra"), dict) else {}
    if isinstance(call, str):
        del rest["source_call_id"]
    else:
        call = about.get("source_call_id")
    failed = about.get("is_error", about.get("tool_result_is_error"))  # the latter is Harbor's, for Claude Code
    return Message(
        role="tool", content=content, call=call if isinstance(call, str) else None,
        failed=failed if isinstance(failed, bool) else None, extra={"result": rest},
    )


def _part(log: Log, refuse: Any, part: Any) -> Part:
    match part:
        case {"type": "text", "text": str(text), **about}:
            return Text(text=text, extra={"part": about} if about else None)
        case {"type": "image", "source": {"path": str(path), "media_type": str(kind)}} if len(part) == 2:
            return image(log, path, kind)
        case dict():
            return Other(value=part)
    raise refuse(f"a part of type {type(part).__name__}, not an object with a type")


def write(sessions: Iterable[Trajectory], path: Path) -> None:
    """One file a session, with the subagents that follow it, in a folder."""
    family: dict[str, dict[str, Any]] = {}
    for session in sessions:
        document = _document(session)
        parent = (session.extra or {}).get("parent") if session.format == "atif" else None
        if isinstance(parent, str) and parent in family:
            above = family[parent]
            above["subagent_trajectories"] = [*above.get("subagent_trajectories", ()), document]
        else:
            _store(family, path)
            family = {}
        family[session.id] = document
    _store(family, path)


def _store(family: dict[str, dict[str, Any]], path: Path) -> None:
    for id, document in family.items():  # the first holds the others
        text = json.dumps(document, ensure_ascii=False, indent=2)
        file_for(path, id, ".json").write_text(f"{text}\n", encoding="utf-8")
        return


def _document(session: Trajectory) -> dict[str, Any]:
    kept: dict[str, Any] = {"schema_version": VERSION, "session_id": session.id, "agent": {}}
    if session.format == "atif":
        about: Any = session.extra
        kept = dict(about["document"])
    else:
        kept["agent"] = {"name": NOBODY, "version": NOBODY}
        kept["agent"] |= {"model_name": session.policy} if session.policy is not None else {}
    if session.tools is not None:
        kept["agent"] = {**kept["agent"], "tool_definitions": list(session.tools)}
    steps: list[dict[str, Any]] = []
    for message in messages_for(session, "atif"):
        extra: Any = message.extra or {}
        result = "result" in extra or (not extra and message.role in RESULT)
        last = steps[-1] if steps and "step" not in extra else {}
        asked = {call["tool_call_id"] for call in last.get("tool_calls") or ()}
        if result and last and ("result" in extra or (last["source"] == "agent" and message.call in {None, *asked})):
            about = last.get("observation") or {}
            last["observation"] = {**about, "results": [*about.get("results", ()), _written_result(message, True)]}
            continue
        step = dict(extra.get("step", {"step_id": len(steps) + 1, "source": _source(message.role, result)}))
        if result:
            about = step.get("observation") or {}
            step |= {"message": ""} if "message" not in step else {}
            step["observation"] = {**about, "results": [_written_result(message, "result" in extra)]}
        else:
            step |= _written(message)
        if (observation := step.get("observation")) is not None and "results" not in observation:
            step["observation"] = {**observation, "results": []}
        steps.append(step)
    return _ordered({**kept, "steps": [_ordered(step) for step in steps]})


def _ordered(value: dict[str, Any]) -> dict[str, Any]:
    """A document's or a step's fields, as one would read them."""
    return {key: value[key] for key in sorted(value, key=lambda key: FIELDS.index(key) if key in FIELDS else 99)}


def _source(role: str, result: bool) -> str:
    known = {"assistant": "agent", "system": "system", "developer": "system"}
    return "system" if result else known.get(role, "user")


def _written(message: Message) -> dict[str, Any]:
    """What was said, as fields of a step."""
    extra: Any = message.extra or {}
    step: dict[str, Any] = {}
    said = [part for part in message.parts if not isinstance(part, Reasoning | Call)]
    thoughts = [part.text for part in message.parts if isinstance(part, Reasoning) and (part.text or extra)]
    if "message" not in extra.get("step", {}):
        words = [part.text for part in said if isinstance(part, Text)]
        plain = len(said) == len(words) < 2 and "parts" not in extra
        step["message"] = "".join(words) if plain else [_written_part(part) for part in said]
    if thoughts:
        step["reasoning_content"] = "\n\n".join(thoughts)
    if message.calls:
        step["tool_calls"] = [_written_call(call) for call in message.calls]
    about = {key: each for key, each in (("role", message.role), ("name", message.name)) if each}
    about = {key: each for key, each in about.items() if key != "role" or each not in SOURCES.values()}
    return step if extra or not about else {**step, "extra": about}


def _written_call(call: Call) -> dict[str, Any]:
    arguments: Any = loaded(call.arguments)
    about: Any = (call.extra or {}).get("call")
    if about is None and not isinstance(arguments, dict):
        arguments = {"input": arguments}
    return {"tool_call_id": call.id, "function_name": call.name, "arguments": arguments, **(about or {})}


def _written_result(message: Message, asked: bool) -> dict[str, Any]:
    """A result; whether its call is one of the step that it stands in."""
    extra: Any = message.extra or {}
    result: dict[str, Any] = {}
    about: dict[str, Any] = {}
    if message.call is not None:
        (result if asked else about)["source_call_id"] = message.call
    if message.content != ():
        content = message.content
        result["content"] = content if isinstance(content, str) else [_written_part(part) for part in content]
    if "result" in extra:
        kept = extra["result"]
        ours = isinstance(kept.get("extra"), dict) and "source_call_id" in kept["extra"]
        return {**({key: result[key] for key in result if key != "source_call_id"} if ours else result), **kept}
    about |= {"is_error": message.failed} if message.failed is not None else {}
    return {**result, "extra": about} if about else result


def _written_part(part: Part) -> Any:
    match part:
        case Other():
            return part.value
        case Image():
            kind = part.media_type if part.media_type in PICTURES or part.extra else None
            return {"type": "image", "source": {"media_type": kind or "image/png", "path": part.reference}}
        case Text():
            return {"type": "text", "text": part.text, **((part.extra or {}).get("part") or {})}  # type: ignore[dict-item]
    raise TypeError(part.type)
