"""The runs that are shown, how their pages link to each other, and how they are written.

A page is a function from the site, the place and the parts of its address to HTML. It reads what the run folder holds
now, every time, so that one function serves a night under way, a night that is over, and the static export.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import BoundedSemaphore
from urllib.parse import quote, urlencode

import jinja2
from markupsafe import Markup

from dreamer.files import StoreError
from dreamer.records import Authored, Validated
from dreamer.store import Store
from dreamer.viewer.words import FILTERS
from envgen.author import Environment
from rollout.errors import UserError
from sandbox import Sandbox, SandboxError

WAIT = 4.0  # seconds that a page waits for authored code that runs for another
WAITING = 8  # pages that may, the one that it runs for included; other pages and files need threads too
TAKEN = ("static", "events", "actions", "compare")  # addresses that are no run's


class NotThere(UserError):
    """There is no such page; the message says what there is instead."""


@dataclass(frozen=True)
class Place:
    """Where a reader is.

    Attributes:
        path: of the page, without a slash at the begin: `lake-001/night-001/patterns`.
        query: what was asked of it; the last of values of the same name.
        values: all values of a name.
    """

    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Site:
    """Run folders as pages.

    Args:
        folders: of runs, or of many; those that begin later are shown as soon as they have.
        unsafe: play and compare even where the kernel cannot confine authored code.

    Attributes:
        static: whether pages are written for a site without a server.

    Raises:
        StoreError: one is none of either.
    """

    static = False

    def __init__(self, folders: Sequence[Path], unsafe: bool = False):
        self.folders, self.unsafe = folders, unsafe
        for folder in folders:
            if not folder.is_dir():
                raise StoreError(f"{folder} is no folder; give one that dream run wrote, such as runs/NAME-001")
            if not _runs(folder) and any(folder.iterdir()):
                raise StoreError(f"{folder} is no run folder and holds none; give one that dream run wrote, such as "
                                 "runs/NAME-001")
        self._sandbox: Sandbox | None = None
        self._waiting, self._running = BoundedSemaphore(WAITING), BoundedSemaphore(1)
        self._pages = jinja2.Environment(
            loader=jinja2.PackageLoader("templates", "viewer"), autoescape=True, undefined=jinja2.StrictUndefined,
            trim_blocks=True, lstrip_blocks=True)
        self._pages.filters.update(FILTERS)

    @property
    def runs(self) -> dict[str, Path]:
        """The folders of the runs that there are now, by the names in addresses."""
        found: dict[str, Path] = {}
        for run in (run for folder in self.folders for run in _runs(folder)):
            name = run.resolve().name
            found[f"{name}-{len(found) + 1}" if name in found or name in TAKEN else name] = run
        return found

    def nights(self, run: str) -> list[Store]:
        """The nights of a run that were begun, the first first."""
        runs = self.runs
        if run not in runs:
            raise NotThere(f"no run {run!r} is shown here; there are: {', '.join(runs) or 'none yet'}")
        latest = Store.latest(runs[run])
        return [*latest.earlier, latest]

    def store(self, run: str, night: int) -> Store:
        """A night of a run.

        Raises:
            NotThere: there is none.
        """
        nights = self.nights(run)
        if not 1 <= night <= len(nights):
            raise NotThere(f"{run} has no night {night}; it has {len(nights)}")
        return nights[night - 1]

    @contextmanager
    def sandbox(self) -> Iterator[Sandbox]:
        """Where authored code runs, for one page at a time.

        Raises:
            SandboxError: it runs for other pages all the while, or the kernel cannot confine it.
        """
        with _taken(self._waiting, 0), _taken(self._running, WAIT):
            if self._sandbox is None:
                self._sandbox = Sandbox(unsafe=self.unsafe)
            yield self._sandbox

    def close(self) -> None:
        """End what runs authored code."""
        with self._running:
            if self._sandbox is not None:
                self._sandbox.close()
                self._sandbox = None

    def link(self, place: Place, path: str, query: Mapping[str, object] | None = None, fragment: str = "") -> str:
        """The address of a page.

        Args:
            place: where the link stands.
            path: of the page.
        """
        asked = f"?{urlencode(query, doseq=True)}" if query else ""
        return f"/{quote(path)}{asked}{f'#{quote(fragment)}' if fragment else ''}"

    def file(self, place: Place, name: str) -> str:
        """The address of a file in `static/`."""
        return f"/static/{name}"

    def script(self, place: Place, name: str) -> Markup:
        """The attributes of a `script` element for a module in `static/`."""
        return Markup('type="module" src="{}"').format(self.file(place, name))

    def render(self, place: Place, template: str, **facts: object) -> str:
        """A page.

        Args:
            template: below `templates/viewer/`.
            facts: everything it mentions; `title` among them.
        """
        def link(path: str, query: Mapping[str, object] | None = None, fragment: str = "") -> str:
            return self.link(place, path, query, fragment)

        return self._pages.get_template(template).render(
            site=self, place=place, link=link, file=lambda name: self.file(place, name),
            script=lambda name: self.script(place, name), here=self.whereabouts(place), **facts)

    def whereabouts(self, place: Place) -> "Whereabouts | None":
        """What of a run the page at a place is about; None where it is about none."""
        run, _, rest = place.path.partition("/")
        name, _, page = rest.partition("/")
        number = name.removeprefix("night-")
        try:
            nights = self.nights(run)
        except NotThere:
            return None
        if not number.isdecimal() or len(number) > 9 or not 1 <= int(number) <= len(nights):
            return None
        store = nights[int(number) - 1]
        kind, _, named = page.partition("/")
        named = named.partition("/")[0]
        looked_at = named if kind == "environments" and named.isalnum() else best(store)
        return Whereabouts(run, store, f"{run}/{store.folder.name}", page, len(nights), looked_at)


@contextmanager
def _taken(places: BoundedSemaphore, wait: float) -> Iterator[None]:
    """One of some places, if one is free within some seconds.

    Raises:
        SandboxError: none is.
    """
    if not places.acquire(timeout=wait):
        raise SandboxError("the sandbox is busy with another page; load this one again", "busy")
    try:
        yield
    finally:
        places.release()


@dataclass(frozen=True)
class Whereabouts:
    """What of a run a page is about.

    Attributes:
        run: its name.
        path: of the night's page.
        page: what follows it in the address.
        nights: how many the run has.
        environment: the digest of the environment that is looked at, else of the best of the night, if it has any yet.
    """

    run: str
    store: Store
    path: str
    page: str
    nights: int
    environment: str | None


def _runs(folder: Path) -> list[Path]:
    """A run folder, or those in a folder of runs."""
    if (folder / "config.json").exists():
        return [folder]
    return sorted(config.parent for config in folder.glob("*/config.json"))


def best(store: Store) -> str | None:
    """The environment of a night that a reader wants to see first: the first member, else the best draft."""
    try:
        validated = store.load("validate", Validated)
        if validated is not None and validated.judged:
            return validated.best.environment
        authored = store.load("author", Authored)
    except StoreError:  # the page that needs the record says what is wrong with it
        return None
    return authored.candidates[0].environment if authored else None


def environment_of(store: Store, digest: str) -> Environment:
    """An environment of a run.

    Raises:
        NotThere: the run has none of this name.
        StoreError: its file is damaged.
    """
    if not store.has_environment(digest):
        raise NotThere(f"this run holds no environment {digest!r}; those it has are listed on the page of the night")
    return store.load_environment(digest)
