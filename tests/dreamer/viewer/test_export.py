"""The pages as files."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from rich.console import Console

from dreamer.config import Config
from dreamer.files import StoreError
from dreamer.records import Authored, Candidate
from dreamer.sections import Sessions
from dreamer.store import Store
from dreamer.viewer.export import write_site
from rollout.figure import Figure

HREF = re.compile(r'(?:href|src)="([^"#?]*)')


def test_every_link_of_an_export_leads_to_a_file_in_it(tmp_path: Path) -> None:
    run = tmp_path / "100 % & more-001"
    Store.open(run, Config(name="x", folder=tmp_path, sessions=Sessions(files=("x",))), resume=False)
    write_site([run], tmp_path / "site", False, Console(quiet=True))
    pages = [*(tmp_path / "site").rglob("*.html")]
    assert len(pages) > 2
    for page in pages:
        for address in HREF.findall(page.read_text()):
            if address:
                assert not address.startswith(("/", "http")), f"{page}: {address}"
                assert (page.parent / unquote(address).replace("&amp;", "&")).resolve().exists(), f"{page}: {address}"


def test_an_export_overwrites_nothing_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    run, to = tmp_path / "x-001", tmp_path / "site"
    Store.open(run, Config(name="x", folder=tmp_path, sessions=Sessions(files=("x",))), resume=False)
    to.mkdir()
    (to / "thesis.tex").write_text("three years")
    with pytest.raises(StoreError, match="there already"):
        write_site([run], to, False, Console(quiet=True))
    with pytest.raises(StoreError, match="no run folder"):
        write_site([to], tmp_path / "other", False, Console(quiet=True))
    assert [each.name for each in to.iterdir()] == ["thesis.tex"]
    assert not (tmp_path / "other").exists()


def test_records_lead_an_export_nowhere_else(tmp_path: Path) -> None:
    run, elsewhere = tmp_path / "x-001", tmp_path / "elsewhere.html"
    store = Store.open(run, Config(name="x", folder=tmp_path, sessions=Sessions(files=("x",))), resume=False)
    unknown = Figure(value=None, n=0)
    digests = "../../../../elsewhere", "../../../../../elsewhere", "/etc", "a" * 300
    store.save("author", Authored(candidates=tuple(
        Candidate(environment=digest, author="x", states=None, lines=1, step_probability=unknown, nats_per_step=unknown)
        for digest in digests)))
    elsewhere.write_text("precious")
    write_site([run], tmp_path / "site", False, Console(quiet=True))
    assert elsewhere.read_text() == "precious"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["elsewhere.html", "site", "x-001"]
