"""All pages, by their addresses."""

from collections.abc import Callable
from typing import Any

from starlette.routing import compile_path

from dreamer.viewer.divergence import beside, divergence
from dreamer.viewer.night import night
from dreamer.viewer.play import play
from dreamer.viewer.site import NotThere, Place, Site
from dreamer.viewer.start import start

Page = Callable[..., str]

NIGHT = "{run}/night-{night:int}"
ENVIRONMENT = f"{NIGHT}/environments/{{digest}}"
PAGES: dict[str, Page] = {
    "": start,
    NIGHT: night,
    f"{ENVIRONMENT}/divergence": divergence,
    f"{ENVIRONMENT}/divergence/{{number:int}}": divergence,
    f"{ENVIRONMENT}/session/{{part}}/{{number:int}}": beside,
    f"{ENVIRONMENT}/play": play,
}
_ROUTES = [(*compile_path(f"/{address}"), page) for address, page in PAGES.items()]


def find(path: str) -> tuple[Page, dict[str, Any]]:
    """The page at a path, and the parts of its address.

    Raises:
        NotThere: there is none.
    """
    for pattern, _, convertors, page in _ROUTES:
        if match := pattern.match(f"/{path}"):
            return page, {name: convertors[name].convert(value) for name, value in match.groupdict().items()}
    raise NotThere("there is no such page")


def show(site: Site, place: Place) -> str:
    """A page as HTML.

    Raises:
        NotThere: there is none.
        UserError, SandboxError: it cannot be shown; the message says why.
    """
    page, parts = find(place.path)
    return page(site, place, **parts)
