"""Self-distillation in whole nights: with a teacher that can read, and with one that cannot."""

import json
from itertools import pairwise, product
from pathlib import Path

import pytest

from dreamer.policy import train_tokenizer
from dreamer.store import Store
from dreamer.teaching.contexts import Examples, TeachingError, privileged
from dreamer.teaching.gap import with_context
from dreamer.teaching.lesson import lessons
from dreamer.teaching.transcript import transcript
from rollout.chat import Chat
from rollout.episode import Episode, Tokens
from rollout.trajectory import Message, Trajectory, Turn
from tests.dreamer.conftest import DREAM
from tests.dreamer.doors import record
from tests.dreamer.teaching.readers import cloned

DISTIL = ("--set", "learning.method=distillation")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy that goes through the doors at random, but for what it is told of them."""
    sessions = []
    for number, right in enumerate(product(("left", "right"), repeat=3)):
        wins = [session for session in record(60, number, right, 0.95) if session.outcome]
        bare = record(30, 100 + number, right, 0.5)
        sessions += [*bare, *(with_context(session, transcript(other)) for session, other in pairwise(wins))]
    return cloned(sessions, 100, tmp_path_factory.mktemp("reader"))


def night(reader: Path) -> list[str]:
    return ["night.toml", "--json", "--set", f"policy.model={reader}", "--set", "learning.learning_rate=0.001", "--set",
            "learning.rounds=40", "--set", "distillation.gap=64"]


def better(figures: dict[str, dict[str, float]]) -> bool:
    return figures["real_success_before"]["high"] + 0.1 < figures["real_success_after"]["low"]


def test_sessions_alone_teach_by_a_teacher_that_has_seen_another(reader: Path, project: Path, dream: DREAM) -> None:
    lines = [session.model_dump_json(exclude_none=True) for session in record(150, skill=0.8)]
    (project / "sessions.jsonl").write_text("\n".join(lines))
    code, out, _ = dream("distill", *night(reader))
    report = json.loads(out)
    assert (code, report["verdict"]) == (0, "promoted")
    assert better(report["figures"])
    assert report["figures"]["privileged_gap"]["unit"] == "nats a token"
    assert not list(Path(report["run"]).glob("environments/*"))
    played = Path(report["run"], "night-001", "round-000", "episodes.jsonl").read_text()
    learnt = [json.loads(line) for line in played.splitlines()]
    assert {turn.get("observation") for each in learnt for turn in each["turns"][-1:]} == {None}
    tokens = Store(Path(report["run"])).load_learnt("round-000")
    assert {piece.advantages for pieces in tokens.values() for piece in pieces} == {None}
    assert tokens.keys() <= {each["id"] for each in learnt}
    assert "single actions" in Path(report["policy"], "README.md").read_text()


def test_in_the_dream_the_teacher_looks_at_whole_episodes(reader: Path, project: Path, dream: DREAM) -> None:
    code, out, _ = dream("run", *night(reader), *DISTIL, "--set", "distillation.context=rehearsal", "--set",
                         "rehearsal.episodes=64")
    report = json.loads(out)
    assert (code, report["verdict"]) == (0, "promoted")
    assert better(report["figures"])
    assert report["figures"]["privileged_gap"]["low"] > 0.3
    assert report["curves"]["divergence"][-1] < 0.7 * report["curves"]["divergence"][0]


@pytest.mark.parametrize(("command", "measured"), [(("run", *DISTIL), "in rehearsal success"),
                                                   (("distill",), "in held-out sessions the log-probability")])
def test_a_useless_teacher_is_refused(project: Path, dream: DREAM, command: tuple[str, ...], measured: str) -> None:
    lines = [session.model_dump_json(exclude_none=True) for session in record(150, skill=0.8)]
    (project / "sessions.jsonl").write_text("\n".join(lines))
    verb, *settings = command
    code, out, _ = dream(verb, "night.toml", "--json", *settings, "--set", "distillation.gap=32")
    report = json.loads(out)
    assert (code, report["verdict"], report["policy"]) == (1, "refused", None)
    assert f"does not help it: {measured}" in report["reason"]
    assert not list(Path(report["run"]).glob("promoted.json"))
    assert len(list(Path(report["run"]).glob("policies/*"))) == 1


def test_there_must_be_someone_to_learn_from(project: Path, dream: DREAM) -> None:
    code, _, err = dream("distill", "night.toml", "--set", "distillation.context=rehearsal")
    assert code == 2
    assert "plays no rehearsals" in err
    code, _, err = dream("distill", "night.toml", "--set", "sessions.held_out=0.05", "--set", "cloning.steps=1")
    assert code == 2
    assert "too few to see whether" in err


def test_the_teacher_hears_everything_and_that_it_may_be_wrong() -> None:
    told = privileged("Play.", "Holes: {{ 3 }}.")
    assert told.startswith("Play.\n\nWhat follows")
    assert "wrong" in told
    assert told.endswith("\n\nHoles: {{ 3 }}.")
    assert privileged(None, "x").startswith("What follows")


def session(name: str, task: str | None, observation: str, outcome: float) -> Trajectory:
    return Trajectory(id=name, source="real", task=task, observation=observation, turns=(Turn(action=name),),
                      outcome=outcome)


def examples(*sessions: Trajectory) -> Examples:
    return Examples(sessions, lambda outcome: outcome > 0, lambda text: len(text) < 100, 0)


def test_examples_are_of_the_same_task_another_session_and_won() -> None:
    mine, lost, won = (session(name, "t", "A.", outcome) for name, outcome in (("a", 1), ("b", 0), ("c", 1)))
    elsewhere, untold = session("d", "u", "B.", 1), session("e", "t", "A." * 99, 1)
    told = examples(mine, lost, won, elsewhere, untold)
    assert {told.draw("A.", mine) for _ in range(9)} == {transcript(won)}
    assert {told.draw("A.") for _ in range(20)} == {transcript(mine), transcript(won)}
    assert told.draw("B.") == transcript(elsewhere)
    assert examples(mine, lost).draw("A.", mine) == transcript(lost)
    assert examples(session("x", None, "A.", 0), session("y", None, "B.", 1)).draw("A.") == "A.\n> x\nOutcome: 0"


def test_nothing_to_tell_is_told() -> None:
    alone = session("a", None, "A.", 1)
    for sessions, words in (((), "approve sessions"), ((session("b", None, "B" * 200, 1),), "raise")):
        with pytest.raises(TeachingError, match=words):
            examples(*sessions)
    with pytest.raises(TeachingError, match="but one session"):
        examples(alone).draw("A.", alone)


def test_a_lesson_is_what_the_student_said_behind_what_the_teacher_is_told() -> None:
    chat = Chat(train_tokenizer(record(40), 300))
    prompt, system = chat.prompt("Room 1.", "Play."), privileged("Play.", "Left.")
    later = chat.follow(prompt, chat.say("left"), "Room 2.")  # as where a template rewrites earlier turns
    pieces = tuple(Tokens(seen, chat.say("right"), [1, 1], [0.0, 0.0]) for seen in (prompt, later))
    taught = lessons(Episode(0, session("a", None, "Room 1.", 0).model_copy(
        update={"system": Message(role="system", content="Play.")}), pieces), chat, "Left.")
    assert [each.tokens for each in taught] == list(pieces)
    told = chat.prompt("Room 1.", system)
    assert [each.teacher_prompt for each in taught] == [told, chat.follow(told, chat.say("left"), "Room 2.")]
