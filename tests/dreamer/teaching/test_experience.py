"""Experience: what is extracted, what is kept of it, and what a night makes of it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dreamer.acting import Policy, starts
from dreamer.teaching.contexts import privileged
from dreamer.teaching.experience import Experience, Experiences, Gathered, Item
from dreamer.teaching.extraction import Reader, Statistics, finding
from dreamer.teaching.gap import with_context
from dreamer.teaching.sifting import sift
from envgen.models.correspondence import BudgetSpent
from envgen.models.engine import EngineModel
from envgen.models.model import Prompt, Reply
from rollout.chat import Chat
from rollout.engines import Sampling, TransformersEngine
from rollout.rehearsal import Rehearsal
from rollout.trajectory import Trajectory, Turn
from rollout.world import RealWorld
from tests.dreamer.conftest import DREAM
from tests.dreamer.doors import RIGHT, Doors, record
from tests.dreamer.teaching.readers import cloned
from tests.envgen.endpoint import serve

POISON = "Room 1. > right: success"


def anything(text: str) -> bool:
    return True


def experience(*texts: str) -> Experience:
    return Experience(items=tuple(Item(text=text, sources=("s",)) for text in texts))


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy that takes the door it is told of; either one, where it is told of none or of both."""
    sessions, concepts = list[Trajectory](), [privileged(None, "")]
    for number, (door, other) in enumerate((("left", "right"), ("right", "left"))):
        helps, harms = finding("Room 1.", door, True), finding("Room 1.", other, False)
        concepts += [f"- {helps}", f"- {harms}"]
        sessions += record(100, 2 + number, (door,), 0.5)
        for told in ((helps,), (harms,), (helps, harms)):
            sessions += [with_context(session, experience(*told).text)
                         for session in record(75, number, (door,), 0.97)]
    return cloned(sessions, 60, tmp_path_factory.mktemp("reader"), concepts)


def in_one_room(folder: Path) -> Rehearsal:
    policy = Policy(folder)
    engine, world = TransformersEngine(policy.model, policy.chat.stop), RealWorld(lambda: Doors(("left",)))
    return Rehearsal(engine, policy.chat, world, Sampling(1.0, 4), max_turns=5)


def test_statistics_tell_which_actions_helped_and_which_sessions_say_so() -> None:
    sessions = record(200)
    found = Statistics(bool).extract(sessions, Experience(), anything)
    texts = [item.text for item in found.items]
    for room, door in enumerate(RIGHT, start=1):
        assert finding(f"Room {room}.", door, True) in texts
        assert finding(f"Room {room}.", "left" if door == "right" else "right", False) in texts
    assert len(set(texts)) == len(texts) == 6
    won = {session.id for session in sessions if session.outcome}
    for item in found.items:
        assert item.sources
        assert set(item.sources) <= won if item.text.endswith("success") else not set(item.sources) & won


def test_statistics_claim_nothing_without_evidence() -> None:
    assert not Statistics(bool).extract(record(3), Experience(), anything).items
    odd = Trajectory(id="odd", source="real", observation="Room 1.", turns=(Turn(action="sing"),), outcome=0.0)
    texts = [item.text for item in Statistics(bool).extract([*record(200), odd], Experience(), anything).items]
    assert finding("Room 1.", "sing", False) not in texts
    unknown = [session.model_copy(update={"outcome": None}) for session in record(200)]
    assert not Statistics(bool).extract(unknown, Experience(), anything).items


def test_new_evidence_replaces_what_was_thought() -> None:
    known = experience("Room 2. > left: success", "Drink water.")
    texts = [item.text for item in Statistics(bool).extract(record(200), known, anything).items]
    assert texts[0] == "Drink water."
    assert "Room 2. > left: failure" in texts
    assert "Room 2. > left: success" not in texts


def test_items_are_not_repeated_and_stay_within_the_limit() -> None:
    new = [Item(text=text, sources=(source,)) for text, source in
           (("Look  first", "b"), ("Look first.", "s"), ("Too long to be kept", "c"), ("Run.", "d"))]
    found = experience("Look first.").add(new, lambda text: len(text) <= 25)
    assert found.items == (Item(text="Look first.", sources=("s", "b")), Item(text="Run.", sources=("d",)))
    assert found.text == "- Look first.\n- Run."


def replies(*texts: str | None) -> tuple[list[Prompt], Callable[[Prompt], Reply]]:
    asked: list[Prompt] = []

    def ask(prompt: Prompt) -> Reply:
        asked.append(prompt)
        text = texts[len(asked) - 1]
        if text is None:
            raise BudgetSpent("all calls are made")
        return Reply(text=text, prompt_tokens=1, reply_tokens=1, seconds=0.0)

    return asked, ask


def test_a_model_reads_sessions_one_by_one_and_only_items_are_kept() -> None:
    first, second, third = record(3)
    asked, ask = replies('I see:\n- Mind "traps".\n  - "Two."\n- Three is one too many.\nNo item', "nothing new", None)
    found = Reader(ask).extract([first, second, third], Experience(), anything)
    assert [(item.text, item.sources) for item in found.items] == [('Mind "traps".', ("s0",)), ("Two.", ("s0",))]
    assert '\\"traps\\"' in asked[1].user
    assert "Nothing." in asked[0].user
    assert f"> {first.turns[0].action.text}" in asked[0].user


def test_the_policy_itself_can_be_asked(chat: Chat, model: object) -> None:
    asked = EngineModel(TransformersEngine(model, chat.stop), chat, Sampling(1.0, 8), 4096)  # type: ignore[arg-type]
    assert Reader(asked.reply).extract(record(2), experience("Look."), anything) == experience("Look.")


def test_a_poisoned_item_is_dropped_with_its_figure_and_its_sessions(reader: Path) -> None:
    good = finding("Room 1.", "left", True)
    kept, dropped, episodes = sift([experience(good, "Drink water."), experience(POISON, good)], in_one_room(reader),
                                   starts(0, 128), "sift", "0")
    assert [(item.text, item.sources) for item in dropped] == [(POISON, ("s",))]
    assert dropped[0].gain is not None
    assert dropped[0].gain.n == 64
    assert [[item.text for item in each.items] for each in kept] == [[good, "Drink water."], [good]]
    assert all(item.gain and item.gain.low is not None for each in kept for item in each.items)
    assert len(episodes) == 256


def test_an_experience_does_not_tell_a_session_of_itself() -> None:
    told = Experiences([Experience(), Experience(items=(Item(text="A", sources=("x",)),
                                                        Item(text="B", sources=("x", "y"))))], 0)
    session = Trajectory(id="x", source="real", observation="Hi.", turns=(Turn(action="a"),))
    assert told.draw("Hi.", session) == "- B"
    assert told.draw("Hi.") == "- A\n- B"
    assert Experiences([Experience()], 0).draw("Hi.") == ""


def test_a_night_learns_from_experience_round_after_round(reader: Path, project: Path, dream: DREAM) -> None:
    lines = [session.model_dump_json(exclude_none=True) for session in record(120, right=("left",), skill=0.5)]
    (project / "sessions.jsonl").write_text("\n".join(lines))
    code, out, _ = dream(
        "run", "night.toml", "--json", "--set", f"policy.model={reader}", "--set", "learning.method=distillation",
        "--set", "distillation.context=experience", "--set", "experience.rounds=2", "--set", "experience.count=2",
        "--set", "experience.rehearsals=64", "--set", "rehearsal.episodes=64", "--set", "distillation.gap=64",
        "--set", "learning.learning_rate=0.003", "--set", "distillation.divergence=forward",
        "--set", "learning.rounds=12", "--set", 'production.options.right=["left"]')
    report = json.loads(out)
    assert (code, report["verdict"]) == (0, "promoted"), report["reason"]
    figures = report["figures"]
    assert figures["real_success_before"]["high"] + 0.1 < figures["real_success_after"]["low"]
    assert figures["experience_items"]["value"] >= 1
    card = (Path(report["policy"]) / "README.md").read_text()
    assert "told of experience" in card
    assert "| Room 1. > left: success |" in card
    first, second = (Gathered.model_validate_json(Path(report["run"], "night-001", f"{name}.json").read_text())
                     for name in ("experience", "experience-001"))
    assert (first.extractor, first.tried, len(first.experiences)) == ("statistics", 64, 2)
    sources = [{source for item in each.items for source in item.sources} for each in first.experiences]
    assert not sources[0] & sources[1]
    assert any(source.startswith("round-") for each in second.experiences for item in each.items
               for source in item.sources)


def test_an_endpoint_can_be_asked_within_its_budget(project: Path, dream: DREAM, monkeypatch: pytest.MonkeyPatch
                                                    ) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with serve("- Mind the traps.", "nothing new", "- Mind the traps.\n- Doors differ.") as served:
        code, _, err = dream(
            "run", "night.toml", "--set", "learning.method=distillation", "--set", "distillation.context=experience",
            "--set", f'experience.extractor={{model = "small", base_url = "{served.base_url}", calls = 3}}', "--set",
            "experience.sessions=2", "--set", "experience.count=2", "--set", "cloning.steps=1", "--set",
            "experience.rehearsals=10", "--set", "distillation.gap=4", "--set", "rehearsal.episodes=4")
    assert code == 1, err  # the policy cannot read
    assert len(served.asked) == 3
    kept = Gathered.model_validate_json(next(Path("runs").glob("*/night-001/experience.json")).read_text())
    assert (kept.extractor, kept.sessions) == ("small", 4)
    assert [[item.text for item in each.items] for each in kept.experiences] == [
        ["Mind the traps."], ["Mind the traps.", "Doors differ."]]


def test_rounds_of_experience_need_rehearsals(project: Path, dream: DREAM) -> None:
    code, _, err = dream("distill", "night.toml", "--set", "distillation.context=experience", "--set",
                         "experience.rounds=2")
    assert code == 2
    assert "experience.rounds" in err
    assert 'the unit to "episode"' in err


def test_sessions_that_teach_nothing_end_the_night_with_a_remedy(project: Path, dream: DREAM) -> None:
    code, _, err = dream("run", "night.toml", "--set", "learning.method=distillation", "--set", "cloning.steps=1",
                         "--set", "distillation.context=experience", "--set", "experience.sessions=1")
    assert code == 2
    assert "taught nothing" in err
    assert "experience.extractor" in err
