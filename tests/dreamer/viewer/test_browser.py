"""The viewer as people use it, in a real browser: every page, by mouse and by keyboard, live and as an export."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import pytest
from rich.console import Console

from dreamer.records import Accreditation
from dreamer.store import Store
from dreamer.viewer.export import write_site
from rollout.trajectory import Turn
from tests.dreamer.viewer.conftest import TOKEN, Dreaming, Window
from tests.dreamer.viewer.nights import judged_night
from tests.envgen import worlds
from tests.games import Corridor, record

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NIGHT = "lake-001/night-001"
Open = Callable[[str], Window]
EVIL = "</script><script>window.taken = 1</script><img src=x onerror='window.taken = 1'><svg onload=window.taken=1>"
# What a mouse can reach and a keyboard cannot.
UNREACHED = """[...document.querySelectorAll("a[href], button, input, select, summary")].filter((each) =>
  each.checkVisibility() && !each.disabled && each.tabIndex < 0).map((each) => each.outerHTML)"""


@pytest.mark.slow
def test_a_night_under_way_is_told_without_a_reload(
        dreaming: Dreaming, serve: Callable[[list[Path]], str], window: Open) -> None:
    folder, process = dreaming
    while not (folder / "events.jsonl").exists():
        assert process.poll() is None
    page = window(serve([folder])).open(NIGHT)
    page.evaluate("window.untouched = true")
    page.locator(".headline .badge", has_text="under way").wait_for(timeout=60_000)
    page.locator(".stage.done .name", has_text="read").wait_for(timeout=60_000)
    page.locator(".stage", has_text="clone").locator("progress").wait_for(timeout=60_000)
    page.locator("figure.chart", has_text="Success in the dream").wait_for(timeout=120_000)
    page.locator(".headline .badge", has_text=re.compile("promoted|refused")).wait_for(timeout=120_000)
    assert page.evaluate("window.untouched")


@pytest.fixture(scope="module")
def home(lake: Path, corrupted: Path, serve: Callable[[list[Path]], str]) -> str:
    """Both nights, served."""
    return serve([lake, corrupted])


def test_the_first_divergence_is_two_clicks_away_and_the_next_a_key(home: str, window: Open) -> None:
    page = window(home).open("")
    page.get_by_role("row", name="corrupted-001").get_by_role("link", name=re.compile("night 1")).first.click()
    page.get_by_role("link", name="where the dream is wrong").click()
    difference = page.locator("#first-difference")
    difference.wait_for()
    step = page.locator(".step.focus")
    assert "reward" in difference.inner_text()
    for side, reward in (("Real session", "0"), ("Dream", "1")):
        told = step.locator(".half", has_text=side).inner_text()
        assert "You fell into a hole." in told
        assert f"reward {reward}" in told
    assert "ANSWERS" in step.inner_text()  # the line that pays for it
    address = page.url
    page.keyboard.press("n")
    page.wait_for_url("**/divergence/1")
    page.keyboard.press("p")
    page.wait_for_url(re.compile(r"/divergence(/0)?$"))
    assert page.url.split("#")[0].removesuffix("/0") == address.split("#")[0]


def test_three_moves_are_played_and_the_address_is_the_game(home: str, window: Open) -> None:
    tab = window(home)
    page = tab.open(NIGHT)
    page.keyboard.press("6")
    for action in ("down", "down", "right"):
        page.locator(".offers").get_by_role("link", name=re.compile(f"^{action}")).click()
        page.wait_for_url(re.compile(f"a={action}(#|$|&)"))
    told = page.locator(".game").inner_text()
    assert "Row 3, column 2." in told
    assert "the dream says what a real session saw" in told
    again = tab.open(page.url.removeprefix(home)).locator(".game").inner_text()
    assert again == told
    page.get_by_role("link", name="Undo").click()
    page.get_by_label("Anything else").fill("open the door")
    page.keyboard.press("Enter")
    page.get_by_text("No real session did this where it was shown the same words.").wait_for()


def test_trajectories_are_filtered_and_the_address_is_shared(home: str, window: Open) -> None:
    tab = window(home)
    page = tab.open(f"{NIGHT}/trajectories")
    page.get_by_label("where").select_option("held_out")
    page.wait_for_url("**part=held_out**")
    page.get_by_label("result").select_option("won")
    page.wait_for_url("**outcome=won**")
    page.locator("tbody tr", has_text="✗").first.wait_for(state="detached")
    rows = page.locator(".trajectories tbody tr").all_inner_texts()
    assert rows
    assert tab.open(page.url.removeprefix(home)).locator(".trajectories tbody tr").all_inner_texts() == rows
    page.locator(".trajectories tbody a").first.click()
    page.get_by_text("You reached the goal.").first.wait_for()


@pytest.mark.slow
def test_an_export_needs_no_server_and_no_network(corrupted: Path, tmp_path: Path, browser: "Browser") -> None:
    write_site([corrupted], tmp_path / "site", False, Console(quiet=True))
    context = browser.new_context(offline=True)
    window = Window(context.new_page(), f"file://{tmp_path}/site/")
    page = window.open("index.html")
    page.get_by_role("row", name="corrupted-001").get_by_role("link", name=re.compile("kinds? of step")).click()
    page.locator("#first-difference").wait_for()
    page.keyboard.press("n")
    page.wait_for_url("**/divergence/1.html*")
    for name in ("Night", "Environment", "Patterns", "Trajectories", "Play"):
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()
        page.get_by_role("heading", level=1).wait_for()
    page.go_back()
    page.get_by_label("result").select_option("won")
    page.locator(".trajectories tbody tr", has_text="0.00").first.wait_for(state="hidden")
    assert page.locator(".trajectories tbody tr:visible").count() > 0
    context.close()
    assert window.troubles == []


@pytest.fixture(scope="module")
def pages(home: str, lake: Path, browser: "Browser") -> list[str]:
    """One page of each kind."""
    (digest,) = (folder.name for folder in (lake / "environments").iterdir())
    environment = f"{NIGHT}/environments/{digest}"
    return ["", NIGHT, environment, f"{environment}/divergence", f"{environment}/session/held_out/3",
            f"{environment}/play?seed=0&a=left&a=fly", f"{NIGHT}/patterns", f"{NIGHT}/trajectories?outcome=lost",
            f"{NIGHT}/trajectories/round-001/0", f"{NIGHT}/trajectories/held_out/0",
            f"compare/{NIGHT}/corrupted-001/night-001", "corrupted-001/night-001", "nowhere"]


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "width", "rules"), [("light", 1280, None), ("dark", 390, ["color-contrast"])])
def test_everybody_can_use_every_page(scheme: str, width: int, rules: list[str] | None, home: str, pages: list[str],
                                      browser: "Browser") -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
    page = context.new_page()
    for path in pages:
        page.goto(home + path)
        options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
        found = axe.run(page, options=options).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found
                if each["impact"] in ("serious", "critical")] == [], path
        assert page.evaluate(UNREACHED) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than its window"
    context.close()


def test_keys_lead_everywhere_and_say_so(home: str, window: Open) -> None:
    page = window(home).open(NIGHT)
    page.keyboard.press("?")
    said = page.get_by_role("dialog", name="Keys").inner_text()
    for name in ("Environment", "Divergence", "Patterns", "Trajectories", "Play", "all nights"):
        assert name in said
    page.get_by_label("keys other than ? act").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("4")
    page.keyboard.press("?")
    page.get_by_label("keys other than ? act").check()
    page.keyboard.press("Escape")
    assert page.url.endswith(NIGHT)
    for key, heading in (("4", "Patterns"), ("5", "Trajectories"), ("0", "Nights")):
        page.keyboard.press(key)
        page.get_by_role("heading", level=1, name=heading).wait_for()
        page.wait_for_load_state()
    for _ in range(20):  # with Tab alone, too
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.href ?? ''").endswith("/corrupted-001/night-001"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/corrupted-001/night-001")


def test_who_knows_the_token_decides_after_being_asked(
        home: str, lake: Path, window: Open, tmp_path: Path, serve: Callable[[list[Path]], str]) -> None:
    run = tmp_path / "lake-001"
    shutil.copytree(lake, run)
    evaluated = run / "night-001/evaluate.json"
    judged = Accreditation.model_validate_json(evaluated.read_bytes())
    open_to_doubt = judged.model_copy(update={"evidence": None, "refusals": (), "promoted": False})
    evaluated.write_text(open_to_doubt.model_dump_json())
    (run / "promoted.json").unlink(missing_ok=True)
    tab = window(serve([run]))
    assert tab.open(NIGHT).get_by_role("button", name="Approve").count() == 0
    tab.open(f"#token={TOKEN}")
    assert TOKEN not in tab.page.url
    page = tab.open(NIGHT)
    button = page.get_by_role("button", name="Approve")
    page.once("dialog", lambda dialog: dialog.dismiss())
    button.click()
    assert not (run / "promoted.json").exists()
    page.once("dialog", lambda dialog: dialog.accept())
    button.click()
    page.locator(".headline .badge", has_text="promoted").wait_for()
    assert Store(run).promoted



def test_what_is_hostile_is_read_and_not_obeyed(
        tmp_path: Path, serve: Callable[[list[Path]], str], window: Open) -> None:
    sessions = [session.model_copy(update={
        "id": f"{EVIL}{number}", "task": EVIL, "policy": EVIL, "turns": (*session.turns, Turn.model_validate({
            "action": EVIL, "observation": EVIL, "reward": 1.0, "terminated": True}))})
        for number, session in enumerate(record(Corridor(), 8))]
    source = worlds.CORRIDOR.replace("The corridor, exactly.", EVIL).replace("The garden.", EVIL.replace('"', "'"))
    store = judged_night(tmp_path / "a <b> & 'c' #1?", [source, worlds.PAYS_ALWAYS], sessions)
    tab = window(serve([store.root]))
    path = f"{quote(store.root.name)}/{store.folder.name}"
    for digest in (folder.name for folder in (store.root / "environments").iterdir()):
        for page in ("", "/divergence", f"/play?{urlencode({'a': EVIL})}", "/session/shown/0"):
            tab.open(f"{path}/environments/{digest}{page}")
    for page in ("", "/patterns", f"/trajectories?{urlencode({'q': 'script', 'sort': EVIL})}", "/trajectories/shown/0"):
        tab.open(f"{path}{page}")
        assert not tab.page.evaluate("window.taken")
    assert EVIL in tab.page.inner_text("main")
