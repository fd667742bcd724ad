"""The same pages as a folder of files that needs no server, and no network."""

import os
import posixpath
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, urlencode

from markupsafe import Markup
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from dreamer.files import StoreError
from dreamer.viewer.app import STATIC
from dreamer.viewer.routes import find, show
from dreamer.viewer.site import NotThere, Place, Site

LONGEST = 200  # bytes of the name of a file


class Copy(Site):
    """Pages that link to each other as files.

    Attributes:
        wanted: the paths that pages linked to, in the order in which they did.
    """

    static = True

    def __init__(self, folders: Sequence[Path], unsafe: bool = False):
        super().__init__(folders, unsafe)
        self.wanted = {"": None}

    def link(self, place: Place, path: str, query: Mapping[str, object] | None = None, fragment: str = "") -> str:
        """See `Site.link`; what records call a page and is none leads nowhere, and above all not out of the folder."""
        if path not in self.wanted:
            try:
                find(path)
            except NotThere:
                return "#"
            if any(part in ("", ".", "..") or len(part.encode()) > LONGEST for part in path.split("/")):
                return "#"
        self.wanted.setdefault(path)
        asked = f"?{urlencode(query, doseq=True)}" if query else ""
        return f"{_way(place, file_of(path))}{asked}{f'#{quote(fragment)}' if fragment else ''}"

    def file(self, place: Place, name: str) -> str:
        return _way(place, f"static/{name}")

    def script(self, place: Place, name: str) -> Markup:
        """Browsers load modules from servers only; `_static` makes them plain scripts."""
        return Markup('defer src="{}"').format(self.file(place, name))


def file_of(path: str) -> str:
    """The file that a page is written to."""
    if path.endswith(".json"):
        return path
    return f"{path}.html" if path else "index.html"


def _way(place: Place, file: str) -> str:
    """From a page to a file, as an address."""
    return quote(posixpath.relpath(file, posixpath.dirname(file_of(place.path)) or "."))


def write_site(folders: Sequence[Path], to: Path, unsafe: bool, console: Console) -> None:
    """Write the pages of runs, every page that another links to.

    Args:
        to: a folder that is not there yet, or is empty.
        console: where progress is shown.

    Raises:
        StoreError: there is something in the folder, or a run is none.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise StoreError(f"{to} is there already; choose another folder with --export, or remove it")
    site = Copy(folders, unsafe)
    writing = to.with_name(f".{to.name}.writing")
    shutil.rmtree(writing, ignore_errors=True)
    try:
        _static(writing / "static")
        written = 0
        with Progress(SpinnerColumn(), TextColumn("export"), MofNCompleteColumn(), TextColumn("pages"),
                      TimeElapsedColumn(), console=console) as progress:
            task = progress.add_task("export")
            while written < len(site.wanted):
                for path in [*site.wanted][written:]:
                    file = writing / file_of(path)
                    file.parent.mkdir(parents=True, exist_ok=True)
                    content = show(site, Place(path))[1]
                    file.write_bytes(content.encode() if isinstance(content, str) else content)
                    written += 1
                    progress.update(task, completed=written, total=len(site.wanted))
        if to.exists():
            to.rmdir()
        os.replace(writing, to)
    finally:
        site.close()
        shutil.rmtree(writing, ignore_errors=True)
    console.print(f"{written:,} pages; open {to / 'index.html'} in a browser", highlight=False, markup=False)


def _static(folder: Path) -> None:
    """The files that pages need. A module becomes a function of its own, for plain scripts share their names."""
    folder.mkdir(parents=True)
    for file in STATIC.iterdir():
        text = file.read_text()
        (folder / file.name).write_text(f"(() => {{\n{text}}})();\n" if file.suffix == ".js" else text)
