"""The search: drafts, repairs and revisions, what these are told, when it stops, how it goes on and is replayed."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from envgen.author import AuthorError, Lineage
from envgen.comparison import Comparer
from envgen.ends import infer_ends
from envgen.gate import Gate
from envgen.models.author import ModelAuthor, ranked
from envgen.models.correspondence import Correspondence, StaleRecording
from envgen.models.endpoint import Endpoint
from envgen.models.model import ModelError
from envgen.models.prompts import Prompts
from envgen.models.search import Revision, Search
from envgen.models.settings import ModelSettings
from envgen.models.trial import Trial, Tribunal
from envgen.patterns import observe
from rollout.trajectory import Trajectory, Turn
from sandbox import Sandbox
from tests.envgen import worlds
from tests.envgen.endpoint import Refusal, Served, fenced, serve
from tests.games import Corridor, Lottery, record
from tests.sandbox.hostile.corpus import probes

HOSTILE = [probe for probe in probes() if probe.name][::12]


def divided(sessions: list[Trajectory]) -> tuple[list[Trajectory], list[Trajectory]]:
    told, _ = infer_ends(sessions)
    return told[:60], told[60:]


CORRIDOR = divided(record(Corridor(), 80))
LOTTERY = divided(record(Lottery(), 160))


def author(served: Served | None, folder: Path, sandbox: Sandbox, selection: list[Trajectory] = CORRIDOR[1],
           **given: object) -> ModelAuthor:
    base = served.base_url if served else "http://127.0.0.1:9/v1"
    settings = ModelSettings.model_validate({"model": "small", "base_url": base, "retries": 0, **given})
    return ModelAuthor(Endpoint(settings) if served else None, settings, folder, sandbox, selection, Gate())


def written(writer: ModelAuthor, shown: list[Trajectory] = CORRIDOR[0]) -> Iterator[Revision]:
    return writer.revisions(shown, observe(shown))


def test_an_exact_world_is_one_call(tmp_path: Path, sandbox: Sandbox) -> None:
    with serve(fenced(worlds.CORRIDOR)) as served:
        writer = author(served, tmp_path, sandbox)
        (only,) = written(writer)
    assert only.trial.passed
    assert (only.lineage.calls, only.lineage.tokens, only.parent) == (1, 1100, None)
    assert writer.search is not None
    assert writer.search.stopped == "the gate passes"


def test_what_cannot_run_is_sent_back_with_the_reason(tmp_path: Path, sandbox: Sandbox) -> None:
    imports = "import os\n\nHERE = os.getcwd()\n" + worlds.CORRIDOR
    with serve("Gladly!", fenced(imports), fenced(worlds.CORRIDOR)) as served:
        (only,) = written(author(served, tmp_path, sandbox))
    assert only.trial.passed
    assert only.lineage.calls == 3
    first, second, third = (asked["messages"][1]["content"] for asked in served.asked)
    assert second.startswith(first)
    assert "holds no Python block" in second
    assert "import of os is not available" in third
    assert "HERE = os.getcwd()" in third


def test_repairs_end(tmp_path: Path, sandbox: Sandbox) -> None:
    with serve(*["No."] * 6) as served:
        writer = author(served, tmp_path, sandbox, repairs=2, calls=6)
        with pytest.raises(AuthorError, match="small wrote nothing that runs; all 6 calls"):
            list(writer.drafts(CORRIDOR[0]))
    assert len(served.asked) == 6


def test_a_wrong_world_is_revised_by_what_shown_sessions_say(tmp_path: Path, sandbox: Sandbox) -> None:
    replies = [fenced(worlds.PAYS_FOR_THE_WRONG_CELL), fenced(worlds.FORGETS_A_CELL), fenced(worlds.CORRIDOR)]
    with serve(*replies) as served:
        first, second, third = written(author(served, tmp_path, sandbox, selection=CORRIDOR[1]))
    assert [first.parent, second.parent] == [None, None]
    assert third.parent in (1, 2)
    assert third.trial.passed
    assert third.trial.nats == 0.0
    asked = served.asked[2]["messages"][1]["content"]
    assert '× "right": reward' in asked or '× "left"' in asked or '× "right"' in asked
    assert "was answered   [reward 0.0]" in asked
    assert "branches of your file that ran there" in asked
    parent = (first, second)[third.parent - 1]
    assert parent.environment is not None
    assert parent.environment.source.strip() in asked
    assert ranked([first, second, third])[0] is third


def test_drafts_say_what_they_revise_and_what_that_cost(tmp_path: Path, sandbox: Sandbox) -> None:
    with serve("Gladly!", fenced(worlds.FORGETS_A_CELL), fenced(worlds.CORRIDOR)) as served:
        best, first = author(served, tmp_path, sandbox, drafts=1).drafts(CORRIDOR[0])
    assert best.lineage is not None
    assert first.lineage is not None
    assert (first.lineage.parent, first.lineage.calls, first.lineage.tokens) == (None, 2, 2200)
    assert (best.lineage.parent, best.lineage.calls, best.lineage.dollars) == (first.digest, 1, None)
    exchanges = [*first.lineage.exchanges, *best.lineage.exchanges]
    assert sorted(path.name for path in tmp_path.glob("*.reply.md")) == [
        f"{number:03d}-{digest}.reply.md" for number, digest in enumerate(exchanges, 1)]
    assert best.digest == best.model_copy(update={"lineage": None}).digest, "the code alone has a name"


def test_a_revision_may_be_told_as_changes(tmp_path: Path, sandbox: Sandbox) -> None:
    """Wrong changes are sent back with the reason; what was tried in vain is told, with what was said of it."""
    wrong = "text = \"The garden.\" if end else f\"Cell {3 if self.cell == 2 else self.cell}.\""
    right = "text = \"The garden.\" if end else f\"Cell {self.cell}.\""
    change = "I see.\n\n<<<<<<< SEARCH\n{}\n=======\n{}\n>>>>>>> REPLACE\n"
    replies = [fenced(worlds.FORGETS_A_CELL), change.format(f"        {wrong}", "        text = 'Nowhere.'"),
               change.format(f"{wrong}  # no", right), change.format(f"        {wrong}", f"        {right}")]
    with serve(*replies) as served:
        first, second, third = written(author(served, tmp_path, sandbox, drafts=1, seed=1))
    assert [first.parent, second.parent, third.parent] == [None, 1, 1]
    assert second.said == "I see."
    assert third.lineage.calls == 2
    assert third.trial.passed
    asked = [each["messages"][1]["content"] for each in served.asked]
    assert '"I see."' in asked[2]
    assert "fits no places" in asked[3]


def test_selection_sessions_are_never_told(tmp_path: Path, sandbox: Sandbox) -> None:
    marked = [session.model_copy(update={"id": f"kept-{number}", "task": "KEPT SECRET"})
              for number, session in enumerate(CORRIDOR[1])]
    with serve(fenced(worlds.PAYS_ALWAYS), fenced(worlds.PAYS_NEVER), fenced(worlds.CORRIDOR)) as served:
        list(written(author(served, tmp_path, sandbox, selection=marked)))
    assert not any("KEPT SECRET" in asked["messages"][1]["content"] for asked in served.asked)


def test_chance_that_comes_too_seldom_is_told(sandbox: Sandbox) -> None:
    shown, selection = LOTTERY
    trial = Tribunal(sandbox, shown, selection, Gate(), Comparer()).run(worlds.LOTTERY.replace("< 0.7", "< 0.15"))
    assert any("Too often or too seldom" in each for each in trial.complaints)
    assert not trial.passed
    exact = Tribunal(sandbox, shown, selection, Gate(), Comparer()).run(worlds.LOTTERY)
    assert not exact.complaints
    assert exact.nats < trial.nats


def test_a_slip_that_refuses_all_starts_is_told_with_what_it_raises(sandbox: Sandbox) -> None:
    """It looks like a refusal, for it is a ValueError; nothing is searched for it for long."""
    shown, selection = CORRIDOR
    told = '            self.cell = {"Cell 1."'
    slip = worlds.CORRIDOR.replace(told, f'            "%t" % 3\n{told}')
    trial = Tribunal(sandbox, shown, selection, Gate(), Comparer()).run(slip.replace(
        "self.cell = 1\n", "self.cell = 1 + int(self.np_random.integers(1_000_000)) // 999_999\n"))
    (complaint,) = [each for each in trial.complaints if "refuses it" in each]
    assert "'Cell 1.' raises" in complaint
    assert "unsupported format character 't'" in complaint


def test_listed_starts_are_complained_of_where_others_are_new(sandbox: Sandbox) -> None:
    began = [session.model_copy(update={"observation": Turn(action="x", observation=f"Table {number}.").observation})
             for number, session in enumerate(record(Lottery(), 80))]
    source = worlds.LOTTERY.replace("import gymnasium as gym", "import gymnasium as gym\n\nTABLES = 60")
    source = source.replace('return f"{self.ball}.", {}', 'return f"Table {self.np_random.integers(TABLES)}.", {}')
    told, _ = infer_ends(began)
    trial = Tribunal(sandbox, told[:60], told[60:], Gate(), Comparer()).run(source)
    assert any("do not list them" in each for each in trial.complaints)


@pytest.mark.parametrize("probe", HOSTILE, ids=[probe.name for probe in HOSTILE])
def test_hostile_code_in_a_reply_is_contained(probe, tmp_path: Path, sandbox: Sandbox) -> None:  # type: ignore
    with serve(fenced(probe.source), fenced(worlds.CORRIDOR)) as served:
        revisions = list(written(author(served, tmp_path, sandbox, repairs=1, calls=2)))
    assert all(each.usable or each.trial.problem for each in revisions)
    assert len(served.asked) == 2
    assert revisions[-1].trial.passed


def test_a_search_that_was_stopped_goes_on_where_it_was(tmp_path: Path, sandbox: Sandbox) -> None:
    replies = [fenced(worlds.PAYS_ALWAYS), fenced(worlds.PAYS_NEVER), fenced(worlds.CORRIDOR)]
    with serve(replies[0], Refusal(400)) as served, pytest.raises(ModelError, match="refuses the request"):
        list(written(author(served, tmp_path, sandbox)))
    with serve(*replies[1:]) as served:
        resumed = list(written(author(served, tmp_path, sandbox)))
    assert len(served.asked) == 2
    assert [each.usable for each in resumed] == [True, True, True]
    again = list(written(author(None, tmp_path, sandbox)))
    assert [each.environment for each in again] == [each.environment for each in resumed]
    assert [each.lineage for each in again] == [each.lineage for each in resumed]


def test_other_sessions_make_a_recording_stale(tmp_path: Path, sandbox: Sandbox) -> None:
    with serve(fenced(worlds.CORRIDOR)) as served:
        list(written(author(served, tmp_path, sandbox)))
    with pytest.raises(StaleRecording, match="Record again"):
        list(written(author(None, tmp_path, sandbox), CORRIDOR[0][:30]))


def test_members_come_from_independent_drafts(tmp_path: Path, sandbox: Sandbox) -> None:
    other = worlds.CORRIDOR.replace("The corridor, exactly.", "Another one.")
    with serve(fenced(worlds.CORRIDOR), fenced(worlds.PAYS_NEVER), fenced(other)) as served:
        revisions = list(written(author(served, tmp_path, sandbox, members=2)))
    assert [each.trial.passed for each in revisions] == [True, False, True]
    assert revisions[2].parent == 2  # what passed is not revised


def test_what_is_better_is_revised_more_often_but_not_alone(tmp_path: Path, sandbox: Sandbox) -> None:
    shown, selection = CORRIDOR
    tribunal = Tribunal(sandbox, shown, selection, Gate(), Comparer())
    good, bad = tribunal.run(worlds.FORGETS_A_CELL), tribunal.run(worlds.ENDS_ALWAYS)
    assert good.nats < bad.nats
    settings = ModelSettings(model="small")
    prompts = Prompts(shown, observe(shown), "session", settings)
    search = Search(Correspondence(None, tmp_path, settings), prompts, tribunal, settings)
    search.revisions = [_revision(1, good), _revision(2, bad)]
    drawn = Counter(search._parent().number for _ in range(2000))  # type: ignore
    assert drawn[1] > 2 * drawn[2] > 0


def test_without_transitions_nothing_is_revised(tmp_path: Path, sandbox: Sandbox) -> None:
    with serve(fenced(worlds.PAYS_NEVER), fenced(worlds.PAYS_ALWAYS)) as served:
        writer = author(served, tmp_path, sandbox, transitions=False)
        revisions = list(written(writer))
    assert [each.parent for each in revisions] == [None, None]
    assert writer.search is not None
    assert "nothing is revised" in writer.search.stopped


def _revision(number: int, trial: Trial) -> Revision:
    return Revision(number=number, parent=None, environment=None, trial=trial,
                    lineage=Lineage(calls=1, tokens=1, dollars=None, seconds=0.0, exchanges=()))
