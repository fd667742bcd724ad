"""Models behind an endpoint: what is tried again, what becomes a message, what is kept, and when it stops."""

from pathlib import Path

import pytest

from envgen.models.correspondence import BudgetSpent, Correspondence, StaleRecording
from envgen.models.endpoint import Endpoint
from envgen.models.engine import EngineModel
from envgen.models.model import ModelError, Prompt
from envgen.models.reply import NoCode, code
from envgen.models.settings import ModelSettings
from tests.envgen.endpoint import Refusal, Served, fenced, serve

PROMPT = Prompt(kind="draft", system="Be brief.", user="Write a world.")


def settings(served: Served | None = None, **given: object) -> ModelSettings:
    base = served.base_url if served else "http://127.0.0.1:9/v1"
    return ModelSettings.model_validate({"model": "small", "base_url": base, "retries": 1, **given})


def test_a_reply_comes_with_what_it_cost() -> None:
    with serve("A world.") as served:
        reply = Endpoint(settings(served, temperature=0.5, reply_tokens=77)).reply(PROMPT)
    assert (reply.text, reply.prompt_tokens, reply.reply_tokens, reply.cut) == ("A world.", 1000, 100, False)
    (asked,) = served.asked
    assert asked["messages"] == [{"role": "system", "content": "Be brief."},
                                 {"role": "user", "content": "Write a world."}]
    assert (asked["temperature"], asked["max_completion_tokens"]) == (0.5, 77)


@pytest.mark.parametrize("refusal", [Refusal(429), Refusal(500), Refusal(503), Refusal(pause=1.5)])
def test_what_is_refused_for_now_is_asked_again(refusal: Refusal) -> None:
    with serve(refusal, "A world.") as served:
        assert Endpoint(settings(served, timeout=0.7)).reply(PROMPT).text == "A world."
    assert len(served.asked) == 2


@pytest.mark.parametrize(("refusals", "words"), [
    ([Refusal(429)] * 2, ["refused for now", "2 times", "not now", "retries", "same command"]),
    ([Refusal(500)] * 2, ["failed 2 times (500)", "same command"]),
    ([Refusal(pause=1.5)] * 2, ["within 0.7 seconds", "`timeout`"]),
    ([Refusal(401)], ["refused the key in SOME_KEY"]),
    ([Refusal(404)], ["knows no model 'small'", "it has small"]),
    ([Refusal(400)], ["refuses the request", "prompt_tokens"]),
    ([Refusal(200, body=b"<html>")], ["no chat completion", "/v1"]),
    ([Refusal(200, body=b"{}")], ["/v1"]),
])
def test_what_cannot_be_had_is_said_with_a_remedy(refusals: list[Refusal], words: list[str]) -> None:
    with serve(*refusals) as served, pytest.raises(ModelError) as told:
        Endpoint(settings(served, timeout=0.7, key="SOME_KEY")).reply(PROMPT)
    assert all(word in str(told.value) for word in words), str(told.value)


def test_an_endpoint_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelError, match=r"127\.0\.0\.1:9/v1 cannot be reached"):
        Endpoint(settings(retries=0)).reply(PROMPT)


def test_the_key_comes_from_the_environment_and_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "secret-key")
    with serve("A world.") as served:
        chosen = settings(served, key="SOME_KEY")
        Correspondence(Endpoint(chosen), tmp_path, chosen).ask(PROMPT)
    assert served.keys == ["Bearer secret-key"]
    assert not any("secret-key" in file.read_text() for file in tmp_path.iterdir())


def test_a_missing_key_is_named_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ModelError, match="OPENAI_API_KEY is not set"):
        Endpoint(ModelSettings(model="small"))


def test_everything_is_kept_and_a_second_search_asks_nobody(tmp_path: Path) -> None:
    with serve("First.", "Second.") as served:
        chosen = settings(served, prices=(1.0, 10.0))
        first = Correspondence(Endpoint(chosen), tmp_path, chosen)
        assert [first.ask(PROMPT).text, first.ask(PROMPT).text] == ["First.", "Second."]  # asked again: another draft
    again = Correspondence(None, tmp_path, chosen)
    assert [again.ask(PROMPT).text, again.ask(PROMPT).text] == ["First.", "Second."]
    assert again.tokens == 2200
    assert again.dollars == pytest.approx(0.004)
    names = sorted(file.name.split("-")[0] + file.name[20:] for file in tmp_path.iterdir())
    assert names == ["001.prompt.md", "001.reply.md", "002.prompt.md", "002.reply.md", "exchanges.jsonl"]
    assert "Be brief." in next(tmp_path.glob("001*.prompt.md")).read_text()


@pytest.mark.parametrize(("bound", "calls", "words"), [
    ({"calls": 1}, 1, "all 1 calls"),
    ({"tokens": 1200, "reply_tokens": 100}, 1, "1,100 of 1,200 tokens"),
    ({"dollars": 0.003, "prices": (1.0, 10.0), "reply_tokens": 100}, 1, r"\$0.00 of \$0.00"),
    ({"tokens": 100, "reply_tokens": 100}, 0, "0 of 100 tokens"),
])
def test_no_bound_of_the_budget_is_overstepped(bound: dict[str, object], calls: int, words: str, tmp_path: Path
                                               ) -> None:
    with serve("A.", "B.", "C.") as served:
        chosen = settings(served, **bound)
        letters = Correspondence(Endpoint(chosen), tmp_path, chosen)
        for _ in range(calls):
            letters.ask(PROMPT)
        with pytest.raises(BudgetSpent, match=words):
            letters.ask(PROMPT)
    assert len(served.asked) == calls


def test_a_stale_recording_says_where_it_differs_and_how_to_record_again(tmp_path: Path) -> None:
    with serve("A world.") as served:
        chosen = settings(served)
        Correspondence(Endpoint(chosen), tmp_path, chosen).ask(PROMPT)
    with pytest.raises(StaleRecording) as told:
        Correspondence(None, tmp_path, chosen).ask(PROMPT.model_copy(update={"user": "Write another world."}))
    for words in ("line 3 of 001-", "'Write a world.'", "'Write another world.'", "Record again", "dream author"):
        assert words in str(told.value)


def test_a_broken_transcript_is_named(tmp_path: Path) -> None:
    (tmp_path / "exchanges.jsonl").write_text('{"number": 1,\n')
    with pytest.raises(ModelError, match=r"exchanges\.jsonl, line 1"):
        Correspondence(None, tmp_path, settings())


def test_money_without_prices_is_refused() -> None:
    with pytest.raises(ValueError, match="dollars needs prices"):
        settings(dollars=1.0)


@pytest.mark.parametrize(("text", "source"), [
    (fenced("class A: pass"), "class A: pass\n"),
    ("class A: pass\n", "class A: pass\n"),
    ("~~~py\nclass A: pass\n~~~", "class A: pass\n"),
    ("```\nshort\n```\n```python\nclass A:\n    'long'\n```\n```python\nclass B: 1\n```", "class A:\n    'long'\n"),
])
def test_code_is_found(text: str, source: str) -> None:
    assert code(_said(text)) == source


@pytest.mark.parametrize(("text", "words"), [
    ("I would rather not.", "no Python block"),
    ("", "no Python block"),
    ("```python\nclass A:\n    def step(", "cut off"),
    ("x = 1", "no Python block"),
])
def test_a_reply_without_code_says_so(text: str, words: str) -> None:
    with pytest.raises(NoCode, match=words):
        code(_said(text))


def test_the_policys_own_engine_answers(model: object, chat: object) -> None:
    from rollout.engines import Sampling, TransformersEngine

    engine = TransformersEngine(model, chat.stop)  # type: ignore
    reply = EngineModel(engine, chat, Sampling(temperature=1.0, max_tokens=8), 64_000).reply(PROMPT)  # type: ignore
    assert 0 < reply.reply_tokens <= 8
    assert reply.prompt_tokens > 5


def test_the_policys_own_engine_says_something_else_when_asked_again(model: object, chat: object) -> None:
    from rollout.engines import Sampling, TransformersEngine

    engine = TransformersEngine(model, chat.stop)  # type: ignore
    sampling = Sampling(temperature=1.0, max_tokens=16)
    asked = EngineModel(engine, chat, sampling, 64_000)  # type: ignore
    said = [asked.reply(PROMPT).text for _ in range(2)]
    assert said[0] != said[1]
    assert EngineModel(engine, chat, sampling, 64_000, asked=1).reply(PROMPT).text == said[1]  # type: ignore


def test_a_prompt_that_leaves_no_room_for_a_reply_says_so(model: object, chat: object) -> None:
    from rollout.engines import Sampling, TransformersEngine

    engine = TransformersEngine(model, chat.stop)  # type: ignore
    with pytest.raises(ModelError, match="too few are left for a reply of 8; lower prompt_tokens"):
        EngineModel(engine, chat, Sampling(max_tokens=8), length=6).reply(PROMPT)  # type: ignore


def _said(text: str):  # type: ignore
    from envgen.models.model import Reply

    return Reply(text=text, prompt_tokens=1, reply_tokens=1, seconds=0.0)
