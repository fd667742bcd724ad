"""The page of an environment: code by support, fidelity, revisions, prompts, disagreement; and what differs."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dreamer.records import Authored, Validated
from dreamer.store import Store
from dreamer.viewer.authored import ensemble
from dreamer.viewer.authored.fidelity import groups
from dreamer.viewer.routes import show
from dreamer.viewer.site import Place, Site
from envgen.author import Environment, Lineage
from envgen.gate import Gate
from envgen.models.author import ModelAuthor
from envgen.models.endpoint import Endpoint
from envgen.models.settings import ModelSettings
from rollout.episode import Episode, Tokens
from sandbox import Sandbox
from tests.dreamer.viewer.conftest import Window
from tests.dreamer.viewer.nights import bare_night, judged_night, only, read, said
from tests.envgen import endpoint, worlds
from tests.games import Corridor, record

EVIL = "</code><script>alert(1)</script> \x1b[31m ' \" &amp;"
HOSTILE = worlds.CORRIDOR.replace("The corridor, exactly.", EVIL.replace('"', "'")).replace(
    "    def step(self, action):", '''
    def step(self, action):
        if action == "fly":
            return "The sky.", 0.0, False, False, {}''')
RUN = "corridor/night-001/environments"


@pytest.fixture(scope="session")
def corridor(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A night in which a model wrote a world, and revised it; and people wrote others."""
    folder, sessions = tmp_path_factory.mktemp("environment"), record(Corridor(), 40)
    with endpoint.serve(*map(endpoint.fenced, (worlds.PAYS_ALWAYS, HOSTILE))) as served, Sandbox() as sandbox:
        settings = ModelSettings.model_validate({"model": "<b>small</b>", "base_url": served.base_url, "drafts": 1})
        author = ModelAuthor(Endpoint(settings), settings, folder / "replies", sandbox, sessions[20:22], Gate())
        written = list(author.drafts(sessions[20:]))
    right, wrong = written
    store = judged_night(folder / "corridor", [right, worlds.CORRIDOR, wrong, worlds.BREAKS], sessions)
    store.save_environment(Environment(source=worlds.PAYS_NEVER, author="by hand, unjudged.py"))
    shutil.copytree(folder / "replies", store.correspondence)
    return store


@pytest.fixture(scope="session")
def site(corridor: Store) -> Iterator[Site]:
    opened = Site([corridor.root])
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def digests(corridor: Store) -> list[str]:
    """The revision, a world by hand, what the model drafted first, and one that breaks."""
    authored = corridor.load("author", Authored)
    assert authored is not None
    return [each.environment for each in authored.candidates]


def test_code_counts_and_fidelity_stand_on_the_page(site: Site, digests: list[str]) -> None:
    words = read(site, f"{RUN}/{digests[0]}")
    assert "passed the gate" in words
    assert "vouched for, by how many of 20 shown sessions" in words
    assert "step 20 def step(self, action):" in words
    assert "imagined raise ValueError" in words
    assert "probability that it gives a logged answer step_probability 1.000" in words
    assert "lower end at least 0.9" in words
    assert "Nowhere on the held-out sessions." in words
    _, html = show(site, Place(f"{RUN}/{digests[0]}"))
    assert '<li id="L9"' in html
    assert 'href="#L9"' not in html  # thousands of stops for who goes by keyboard
    assert "2 members passed the gate" in words


def test_a_refused_one_says_why_and_where(site: Site, digests: list[str]) -> None:
    _, html = show(site, Place(f"{RUN}/{digests[2]}"))
    assert "The gate refuses it:" in html
    assert "another reward or end than the logged one" in html
    assert re.search(rf'href="/{RUN}/{digests[2]}/divergence/0"', html)
    assert "reward" in said(html[html.index('id="wrong"'):])


def test_every_figure_of_a_report_is_told_in_words(corridor: Store) -> None:
    validated = corridor.load("validate", Validated)
    assert validated is not None
    assert validated.best.report is not None
    told_of = groups(validated.best.report, Gate())
    assert "Others" not in told_of
    assert all(row.words for rows in told_of.values() for row in rows)


def test_revisions_are_a_tree_with_their_cost(site: Site, digests: list[str]) -> None:
    _, html = show(site, Place(f"{RUN}/{digests[0]}"))
    tree = html[html.index('class="tree"'):]
    assert "1 call, 1,100 tokens" in said(tree)
    assert tree.index(digests[2]) < tree.index("<ul>", tree.index("<ul>") + 1) < tree.index('aria-current="page"')
    assert f'href="/{RUN}/{digests[0]}/from/{digests[2]}"' in tree


def test_prompt_and_reply_of_a_revision_are_there_as_text(site: Site, digests: list[str]) -> None:
    _, html = show(site, Place(f"{RUN}/{digests[0]}"))
    letters = html[html.index('id="letters"'):]
    assert "Prompt of revision 2" in said(letters)
    assert "Reply of revision 2" in said(letters)
    assert "This is the world." in letters
    assert "&lt;b&gt;small&lt;/b&gt;" in letters
    assert "Prompts and replies" not in read(site, f"{RUN}/{digests[1]}")


def test_nothing_of_the_code_is_obeyed(site: Site, digests: list[str]) -> None:
    for path in (digests[0], f"{digests[0]}/from/{digests[1]}", f"{digests[1]}/from/{digests[0]}"):
        _, html = show(site, Place(f"{RUN}/{path}"))
        assert "alert(1)" in html
        assert "<script>alert" not in html
        assert "\x1b" not in html


def test_what_nobody_judged_says_so(site: Site, tmp_path: Path, corridor: Store) -> None:
    words = read(site, f"{RUN}/{Environment(source=worlds.PAYS_NEVER, author='').digest}")
    assert "not judged" in words
    assert "Nobody counted which lines real sessions exercise" in words
    bare = bare_night(tmp_path, worlds.CORRIDOR, record(Corridor(), 2))
    words = read(site, only(site, bare))
    assert "Its drafts are not on record yet" in words
    assert "Nothing has been judged yet." in words


@pytest.mark.parametrize("digest", ["0" * 16, "..", "x", "../../../../etc"])
def test_what_is_not_there(digest: str, site: Site, digests: list[str]) -> None:
    for place in (Place(f"{RUN}/{digest}"), Place(f"{RUN}/{digests[0]}/from/{digest}"),
                  Place(f"{RUN}/{digests[0]}", {"from": digest})):
        status, html = show(site, place)
        assert status == 404
        assert "Not here" in html


def test_damaged_records_are_told(corridor: Store, digests: list[str], tmp_path: Path) -> None:
    store = Store(shutil.copytree(corridor.root, tmp_path / "corridor"))
    log = store.correspondence / "exchanges.jsonl"
    log.write_text("nonsense\n" + log.read_text())
    (tmp_path / "secret.md").write_text("a secret")
    for file in [*store.correspondence.glob("*.reply.md")]:
        file.unlink()
        file.symlink_to(tmp_path / "secret.md")
    shutil.rmtree(store.root / "environments" / digests[1])
    words = read(Site([store.root]), f"{RUN}/{digests[0]}")
    assert "Its file is missing from the transcript." in words
    assert "a secret" not in words
    assert "passed the gate" in words
    outside = Environment(source=worlds.PAYS_DOUBLE, author="x", lineage=Lineage(
        parent=None, calls=1, tokens=1, dollars=1.5, seconds=1.0, exchanges=("/../../config", "unknown")))
    exchange = '{"number":1,"digest":"/../../config","kind":"draft","model":"m","prompt_tokens":1,"reply_tokens":1,'
    log.write_text(exchange + '"seconds":1,"cut":false}\n')
    (store.root / "config.prompt.md").write_text("a secret")
    store.save_environment(outside)
    words = read(Site([store.root]), f"{RUN}/{outside.digest}")
    assert "$1.50" in words
    assert "a secret" not in words
    (store.folder / "validate.json").write_text("{")
    status, html = show(Site([store.root]), Place(f"{RUN}/{digests[0]}"))
    assert status == 500
    assert "is no record of this version" in html


def test_members_disagree_where_episodes_say_so(corridor: Store, digests: list[str], tmp_path: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(shutil.copytree(corridor.root, tmp_path / "corridor"))
    assert "No rehearsed episode says how far" in read(Site([store.root]), f"{RUN}/{digests[0]}")
    session = corridor.load_sessions("shown")[0]
    for name, nats in (("rehearsal", None), ("round-000", 1.0), ("round-001", 3.0)):
        turns = tuple(turn.model_copy(update={"disagreement": nats}) for turn in session.turns)
        episode = session.model_copy(update={"turns": turns, "source": "dreamed"})
        store.save_episodes(name, [Episode(0, episode, (Tokens([1], [2], [1], [0.0]),))])
    with open(store.episodes("round-001"), "a") as stream:
        stream.write("nonsense\n")
    _, html = show(Site([store.root]), Place(f"{RUN}/{digests[0]}"))
    words = said(html)
    assert f"by 2.000 [1.000, 3.000] n = {2 * len(session.turns)} nats a step" in words
    assert "of 3 rehearsed episodes" in words
    limit = len(store.episodes("round-001").read_bytes()) + 1
    monkeypatch.setattr(ensemble, "BYTES", limit)
    assert "of the newest 1 rehearsed episodes" in read(Site([store.root]), f"{RUN}/{digests[0]}")
    assert 'href="/corridor/night-001/trajectories/round-001/0#turn-1"' in html
    monkeypatch.undo()
    elsewhere = store.episodes("round-001").rename(tmp_path / "episodes.jsonl")
    store.episodes("round-001").symlink_to(elsewhere)
    assert "of 2 rehearsed episodes" in read(Site([store.root]), f"{RUN}/{digests[0]}")


def test_two_environments_line_by_line(site: Site, digests: list[str]) -> None:
    words = read(site, f"{RUN}/{digests[0]}", {"from": [digests[2]]})
    assert words == read(site, f"{RUN}/{digests[0]}/from/{digests[2]}")
    assert "− reward = 1.0" in words
    assert "+ reward = 1.0 if end else 0.0" in words
    assert "equal lines" in words
    assert "Nothing: their code is the same." in read(site, f"{RUN}/{digests[0]}/from/{digests[0]}")


def test_the_key_i_goes_from_one_imagined_place_to_the_next(
        corridor: Store, digests: list[str], serve: Callable[[list[Path]], str], window: Callable[[str], Window]
) -> None:
    page = window(serve([corridor.root])).open(f"{RUN}/{digests[0]}")
    stops = page.locator(".source .first").evaluate_all("all => all.map((line) => line.id)")
    assert len(stops) > 1
    for stop in (*stops, stops[0]):
        page.keyboard.press("i")
        page.wait_for_url(f"**#{stop}")
    page.keyboard.press("?")
    assert "next imagined lines" in page.locator("dialog.keys").inner_text()


def test_differing_lines_can_be_read_on_a_phone(
        corridor: Store, digests: list[str], serve: Callable[[list[Path]], str], window: Callable[[str], Window]
) -> None:
    tab = window(serve([corridor.root]))
    tab.page.set_viewport_size({"width": 390, "height": 800})
    page = tab.open(f"{RUN}/{digests[0]}/from/{digests[2]}")
    widths = page.locator(".diff code:visible").evaluate_all("all => all.map((code) => code.offsetWidth)")
    assert min(widths) > 200
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
