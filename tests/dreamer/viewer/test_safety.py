"""The viewer against those who should not be answered."""

import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from httpx import Response
from starlette.testclient import TestClient

from dreamer.config import Config
from dreamer.files import StoreError
from dreamer.records import Validated
from dreamer.sections import Sessions
from dreamer.store import Store
from dreamer.viewer.app import application
from dreamer.viewer.site import Site

HOME = "http://127.0.0.1:7860"
TOKEN = "known to the terminal"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that has just begun, in a folder with a hostile name."""
    folder = tmp_path / "<img src=x onerror=alert(1)>&'\"#-001"
    config = Config(name="<script>alert(2)</script>", folder=tmp_path, sessions=Sessions(files=("x",)))
    Store.open(folder, config, resume=False)
    return folder


@pytest.fixture
def client(run: Path) -> Iterator[TestClient]:
    with TestClient(application(Site([run]), "127.0.0.1", TOKEN), HOME, follow_redirects=False) as opened:
        yield opened


class Tags(HTMLParser):
    """The elements of a page, each with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, [name for name, _ in attrs]))


def test_pages_escape_what_is_hostile_and_forbid_scripts_that_are_not_ours(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    tags = Tags()
    tags.feed(page.text)
    assert not [name for _, names in tags.seen for name in names if name.startswith("on") or name == "style"]
    assert all("src" in names for tag, names in tags.seen if tag == "script")
    night = re.search(r'href="(/[^"]+night-001)"', page.text)
    assert night
    assert client.get(night[1]).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "", "localhost.evil"])
def test_another_host_is_not_answered(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["LocalHost:7860", "127.0.0.1", "[::1]:7860"])
def test_this_machine_is(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 200


def test_pages_of_other_sites_may_not_ask(client: TestClient) -> None:
    assert client.get("/", headers={"origin": "https://evil.example"}).status_code == 403
    assert client.get("/", headers={"origin": "null"}).status_code == 403
    image = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    assert client.get("/", headers=image).status_code == 403
    frame = {"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}
    assert client.get("/", headers=frame).status_code == 403
    assert client.get("/", headers=frame | {"sec-fetch-dest": "document"}).status_code == 200


def test_a_stream_of_a_run_that_is_not_here_is_refused(client: TestClient) -> None:
    assert client.get("/events/elsewhere").status_code == 404


@pytest.mark.parametrize("path", [
    "/../../../etc/passwd", "/..%2f..%2fetc/passwd", "/static/../app.py", "/static/..%2fapp.py",
    "/static/%2e%2e/app.py",
    "/%2e%2e/night-001", "/x/night-001/environments/..%2f..%2fconfig.json", f"/x/night-{'9' * 5000}", "/%00",
])
def test_no_path_leads_out_of_the_run(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (400, 404)
    assert "root:" not in answer.text
    assert "def application" not in answer.text


def test_only_who_knows_the_token_acts_and_only_on_what_the_page_showed(client: TestClient, run: Path) -> None:
    action = f"/actions/{quote(run.name)}/rollback"
    told = {"token": TOKEN, "policy": "0123456789abcdef"}

    def act(said: dict[str, str], **headers: str) -> Response:
        return client.post(action, content=urlencode(said), headers=headers)

    assert act({}).status_code == 403
    assert act({}, origin=HOME).status_code == 403
    assert act(told | {"token": "guessed"}, origin=HOME).status_code == 403
    assert act(told).status_code == 403  # no page of ours asked
    assert act(told, origin="http://evil.example").status_code == 403
    assert act(told, origin=f"{HOME}0").status_code == 403
    assert act(told | {"more": "x" * 100_000}, origin=HOME).status_code == 403
    assert client.get(action).status_code in (404, 405)
    answer = act(told, origin=HOME)
    assert answer.status_code == 409
    assert "the page showed policy 0123456789abcdef, and now it is None" in answer.text
    store = Store(run)
    with store.hold():
        assert "another process is dreaming" in act(told, origin=HOME).text
    for digest in ("a" * 16, "b" * 16):
        store.promote(digest, by="somebody")
    assert act(told | {"policy": "a" * 16}, origin=HOME).status_code == 409
    assert store.promoted == "b" * 16
    assert act(told | {"policy": "b" * 16}, origin=HOME).status_code == 303
    assert store.promoted == "a" * 16
    assert not client.get("/").headers.get("set-cookie")


def test_what_is_no_run_is_said_in_words(tmp_path: Path, run: Path) -> None:
    with pytest.raises(StoreError, match="no folder"):
        Site([tmp_path / "nowhere"])
    with pytest.raises(StoreError, match="no run folder and holds none"):
        Site([Path(__file__).parent])
    assert [*Site([tmp_path]).runs.values()] == [run]


def test_a_run_that_begins_later_is_shown(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    with TestClient(application(Site([runs]), "127.0.0.1", TOKEN), HOME) as client:
        assert "No night has been dreamed here yet" in client.get("/").text
        config = Config(name="later", folder=tmp_path, sessions=Sessions(files=("x",)))
        Store.open(runs / "later-001", config, resume=False)
        assert "later-001, night 1" in client.get("/").text
        assert client.get("/later-001/night-001").status_code == 200


def test_a_record_that_is_damaged_or_newer_is_said_in_words(client: TestClient, run: Path) -> None:
    night = next(run.glob("night-001"))
    address = re.search(r'href="(/[^"]+night-001)"', client.get("/").text)
    assert address
    (night / "report.json").write_text('{"verdict": "enlightened", "dreams": 7}')
    answer = client.get(address[1])
    assert answer.status_code == 500
    assert "report.json is no record of this version" in answer.text
    assert "report.json is no record of this version" in client.get("/").text
    (night / "report.json").unlink()
    (run / "events.jsonl").write_text('{"event": "begin", "stage"\n7\n{"event": "begin"}\n{}\n{"event": "night"}\n')
    assert client.get(address[1]).status_code == 200
    store = Store(run)
    store.save("validate", Validated(judged=(), looks=0))
    assert client.get(address[1]).status_code == 200
    (night / "config.json").write_text("{}")
    assert "not a run folder of this version" in client.get(address[1]).text


def test_a_run_that_is_moved_away_is_said_in_words(client: TestClient, run: Path) -> None:
    address = re.search(r'href="(/[^"]+night-001)"', client.get("/").text)
    assert address
    shutil.rmtree(run)
    assert client.get(address[1]).status_code in (404, 500)
    assert client.get("/").status_code == 200
