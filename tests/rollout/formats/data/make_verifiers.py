"""Makes `verifiers.jsonl` with verifiers 0.4.0 itself: `python make_verifiers.py`, where it is installed.

With a file as argument, says instead whether that file reads as the same episodes, but for what the format's docstring
leaves out.
"""

import json
import sys
from pathlib import Path
from typing import Any

from verifiers.v1 import types
from verifiers.v1.episode import EnvInfo, GroupInfo, WireEpisode
from verifiers.v1.graph import MessageNode
from verifiers.v1.semantic import ParentLink
from verifiers.v1.trace import Error, ModelCall, Reward, TimeSpan, Timing, VersionInfo, WireTrace

HERE = Path(__file__).parent / "verifiers.jsonl"
TOKENS = {"token_ids", "mask", "is_content", "logprobs", "advantages"}
PNG = "data:image/png;base64," + "iVBORw0KGgo" * 80
ADD = types.Tool(name="add", description="Adds.",
                 parameters={"type": "object", "properties": {"x": {"type": "integer"}}})


def node(message: Any, parent: int | None, **about: Any) -> MessageNode:
    return MessageNode(message=message, parent=parent, timestamp=12.5, **about)


def picture(url: str) -> types.ImageUrlContentPart:
    return types.ImageUrlContentPart(image_url=types.ImageUrlSource(url=url))


def sampled(message: types.AssistantMessage, parent: int, **about: Any) -> MessageNode:
    return node(message, parent, sampled=True, token_ids=[5, 6, 7], mask=[False, True, True],
                is_content=[False, True, True], logprobs=[-0.25, -0.5], advantages=[1.0, 1.0], **about)


def trace(id: str, nodes: list[MessageNode], **about: Any) -> WireTrace:
    task = {"type": "Sums", "data": {"id": "sum-1", "idx": 3, "prompt": "1+2?", "answer": "3"}, "key": "sums/1"}
    agent = {"config": {"model": "small", "max_turns": 8}, "name": "solver"}
    return WireTrace(id=id, task=task, agent=agent,
                     verifiers=VersionInfo(version="0.4.0"), timing=Timing(start=10.0), nodes=nodes, **about)


def episodes() -> list[WireEpisode]:
    calls = [types.ToolCall(id="c0", name="add", arguments='{"x": 1,  "y": 2}'),
             types.ToolCall(id="c1", name="add", arguments='{"x": broken'),
             types.ToolCall(id="c2", type="custom", name="shell", namespace="os", arguments="ls -l")]
    forked = trace("t-forked", [
        node(types.SystemMessage(content="Be brief."), None, tools=[ADD]),
        node(types.UserMessage(content=[types.TextContentPart(text="1+2? See"), picture(PNG),
                                        picture("https://example.org/a.png")]), 0),
        sampled(types.AssistantMessage(content=None, reasoning_content="Sum them.", tool_calls=calls), 1),
        node(types.ToolMessage(tool_call_id="c1", content="not JSON", name="add"), 2),
        node(types.ToolMessage(tool_call_id="c0", content=[types.TextContentPart(text="3")]), 3),
        node(types.ToolMessage(tool_call_id="c2", content=""), 4),
        sampled(types.AssistantMessage(content="It is 3.", provider_state=[{"type": "reasoning", "id": "r1"}]), 5),
        sampled(types.AssistantMessage(content="Three — \u00fcber \U0001f600"), 5,
                semantic_parents=[ParentLink(node=6, type="continuation")]),
        node(types.UserMessage(content="Sure?"), 7),
        sampled(types.AssistantMessage(content=""), 8),
    ], tools=[ADD], rewards={"right": Reward(score=1.0, weight=0.5), "brief": Reward(score=0.25), "late": None},
       metrics={"calls": 3.0, "none": None}, info={"judge": {"seen": True}}, is_completed=True, ok=True,
       stop_condition="agent_completed", root_reply="It is 3.",
       calls=[ModelCall(node=2, model="small", finish_reason="tool_calls", time=TimeSpan(start=11.0, end=12.0),
                        usage=types.Usage(prompt_tokens=9, completion_tokens=3)),
              ModelCall(node=9, finish_reason="stop")])
    failed = trace("t-failed", [
        node(types.UserMessage(content="1+2?"), None),
        node(types.AssistantMessage(content="An example."), 0),
        node(types.UserMessage(content="2+2?"), 1),
        sampled(types.AssistantMessage(content="Four, and"), 2),
    ], rewards={"right": None}, stop_condition="max_turns", is_completed=True,
       errors=[Error(type="ToolError", message="no such tool")])
    judge = trace("t-judge", [node(types.UserMessage(content="Grade."), None),
                              sampled(types.AssistantMessage(content="A"), 0)],
                  rewards={"agree": Reward(score=-1.0, weight=2.0)}, is_completed=True, ok=True)
    one = WireEpisode(id="e-1", env=EnvInfo(id="sums"), task=forked.task, group=GroupInfo(id="g"), ok=True,
                      traces=[forked, judge])
    two = WireEpisode(id="e-2", task=failed.task, traces=[failed], ok=False)
    return [one, two]


def kept(line: str) -> Any:
    """What must come back of an episode, as verifiers reads it."""
    if "traces" not in json.loads(line):
        return WireTrace.model_validate_json(line).model_dump(exclude={"nodes": {"__all__": TOKENS}})
    without = {"traces": {"__all__": {"nodes": {"__all__": TOKENS}}}}
    return WireEpisode.model_validate_json(line).model_dump(exclude=without)


if __name__ == "__main__":
    if sys.argv[1:]:
        pairs = zip(HERE.read_text().splitlines(), Path(sys.argv[1]).read_text().splitlines(), strict=True)
        for before, after in pairs:
            print(kept(before) == kept(after.replace(sys.argv[2], PNG) if sys.argv[2:] else after))
    else:
        found = episodes()
        lines = [each.model_dump_json(exclude_none=True) for each in found]
        lines.append(json.dumps(trace("t-bare", [node(types.UserMessage(content="Hi."), None),
                                                 sampled(types.AssistantMessage(content="Hello."), 0)]).to_record()))
        HERE.write_text("\n".join(lines) + "\n")
