"""Makes `inspect.eval` and `inspect_samples.jsonl` with inspect_ai 0.3.285 itself, where it is installed.

The first is a log. The second holds its samples as the library reads them, one a line, so that the tests of what a
sample means need no library.
"""

import json
from pathlib import Path
from typing import Any

from inspect_ai import log as logs
from inspect_ai import model, scorer, tool
from inspect_ai.model import ChatMessageAssistant, ChatMessageTool, ChatMessageUser, ContentImage, ContentText

HERE = Path(__file__).parent
PNG = "data:image/png;base64," + "iVBORw0KGgo" * 80
LONG = "A long text, which Inspect keeps as an attachment. " * 40


def samples() -> list[logs.EvalSample]:
    system = model.ChatMessageSystem(id="m0", content="Be brief.", source="input")
    asked = ChatMessageUser(id="m1", source="input", content=[
        ContentText(text="1+2? See"), ContentImage(image=PNG, detail="low"),
        ContentImage(image="https://example.org/a.png"), model.ContentAudio(audio="a.mp3", format="mp3"),
        model.ContentDocument(document="report.pdf"),
    ])
    calls = [
        tool.ToolCall(id="c0", function="add",
                      arguments={"y": None, "x": 2**70, "f": 0.1, "s": "\u00fc\U0001f600\u0000"}),
        tool.ToolCall(id="c1", function="add", arguments={}, parse_error="not JSON: {x"),
        tool.ToolCall(id="c2", function="bash", arguments={"input": "ls"}, type="custom"),
    ]
    thinking = ChatMessageAssistant(id="m2", source="generate", model="small", tool_calls=calls, content=[
        model.ContentReasoning(reasoning="Sum them.", signature="s1"),
        ContentText(text="Let me add.", internal={"k": 1}),
        model.ContentReasoning(reasoning="opaque", redacted=True, summary="Hidden."), ContentText(text="Now."),
        model.ContentData(data={"provider": [1, None]}),
    ])
    told = [
        ChatMessageTool(id="m3", tool_call_id="c1", function="add", content="",
                        error=tool.ToolCallError("parsing", "Arguments are not JSON.")),
        ChatMessageTool(id="m4", tool_call_id="c0", function="add",
                        content=[ContentText(text="3"), ContentImage(image=PNG)]),
        ChatMessageTool(id="m5", tool_call_id="c2", function="bash", content=LONG, metadata={"code": 0}),
    ]
    done = ChatMessageAssistant(id="m6", source="generate", content="It is 3.")
    long = logs.EvalSample(
        id="sum 1", epoch=1, input=[system, asked], target=["3", "three"],
        messages=[system, asked, thinking, *told, done],
        output=model.ModelOutput(model="small", completion="It is 3.",
                                 usage=model.ModelUsage(input_tokens=5, output_tokens=7)),
        scores={"notes": scorer.Score(value={"a": 1.0, "b": None}),
                "match": scorer.Score(value="C", answer="3", explanation="equal"),
                "grade": scorer.Score(value=0.25, metadata={"by": "judge"})},
        metadata={"level": 3, "none": None}, store={"seen": [1, 2]}, uuid="u-long", total_time=1.5, working_time=1.0,
        started_at="2025-01-02T03:04:05+00:00", completed_at="2025-01-02T03:04:06+00:00", turn_count=2,
    )
    silent = ChatMessageAssistant(id="n2", content="",
                                  tool_calls=[tool.ToolCall(id="d0", function="look", arguments={})])
    cut = logs.EvalSample(
        id="sum 1", epoch=2, input="2+2?", target="4", uuid="u-cut",
        scores={"match": scorer.Score.unscored(reason="refusal")},
        messages=[ChatMessageUser(id="n1", content="2+2?"), silent,
                  ChatMessageTool(id="n3", tool_call_id="d0", function="look", content="Nothing.")],
        limit=logs.EvalSampleLimit(type="message", limit=3),
    )
    failed = logs.EvalSample(
        id=7, epoch=1, input="3+3?", target="6", messages=[ChatMessageUser(id="o1", content="3+3?"),
                                                           ChatMessageAssistant(id="o2", content="Six")],
        error=logs.EvalError(message="ConnectionError()", traceback="tb", traceback_ansi="tb"), uuid="u-failed",
        scores={"match": scorer.Score(value="P")},
    )
    mute = logs.EvalSample(id=7, epoch=2, input="?", target="",
                           messages=[ChatMessageUser(id="p1", content="?")], uuid="u-mute")
    return [long, cut, failed, mute]


def log() -> logs.EvalLog:
    spec = logs.EvalSpec(
        eval_id="e", run_id="r", task_id="t", created="2025-01-02T03:04:05+00:00", task="sums", model="mock/small",
        dataset=logs.EvalDataset(name="sums", samples=2, sample_ids=["sum 1", 7]), config=logs.EvalConfig(epochs=2),
    )
    return logs.EvalLog(status="success", eval=spec, samples=samples())


def plain(record: Any) -> Any:
    without = {"events", "events_data", "timelines", "attachments"}
    return {key: value for key, value in record.model_dump(mode="json", exclude=without).items() if value is not None}


if __name__ == "__main__":
    path = HERE / "inspect.eval"
    logs.write_eval_log(log(), str(path))
    about = plain(logs.read_eval_log(str(path), header_only=True).eval)
    samples_read = logs.read_eval_log_samples(str(path), resolve_attachments=True)
    lines = [json.dumps({"eval": about, "sample": plain(each)}) + "\n" for each in samples_read]
    (HERE / "inspect_samples.jsonl").write_text("".join(lines))
