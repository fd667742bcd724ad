"""All pages, by their addresses."""

import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from starlette.routing import compile_path

from dreamer.viewer.pages.compare import chosen, compare
from dreamer.viewer.pages.divergence import beside, divergence
from dreamer.viewer.pages.environment import environment, two_environments
from dreamer.viewer.pages.night import night
from dreamer.viewer.pages.patterns import patterns
from dreamer.viewer.pages.play import play
from dreamer.viewer.pages.start import start
from dreamer.viewer.pages.trajectories import trajectories
from dreamer.viewer.pages.trajectory import raw, trajectory
from dreamer.viewer.site import NotThere, Place, Site
from rollout.errors import UserError
from sandbox import SandboxError

Page = Callable[..., str | bytes]  # HTML, or a file as it is

NIGHT = "{run}/night-{night:int}"
ENVIRONMENT = f"{NIGHT}/environments/{{digest}}"
PAGES: dict[str, Page] = {
    "": start,
    NIGHT: night,
    f"{NIGHT}/trajectories": trajectories,
    f"{NIGHT}/trajectories/{{part}}/{{number:int}}": trajectory,
    f"{NIGHT}/trajectories/{{part}}/{{number:int}}.json": raw,
    f"{NIGHT}/patterns": patterns,
    f"{ENVIRONMENT}/divergence": divergence,
    f"{ENVIRONMENT}/divergence/{{number:int}}": divergence,
    f"{ENVIRONMENT}/session/{{part}}/{{number:int}}": beside,
    f"{ENVIRONMENT}/play": play,
    ENVIRONMENT: environment,
    f"{ENVIRONMENT}/from/{{other}}": two_environments,
    "compare": chosen,
    f"compare/{NIGHT}/{{other}}/night-{{against:int}}": compare,
}
_ROUTES = [(*compile_path(f"/{address}"), page) for address, page in PAGES.items()]


def find(path: str) -> tuple[Page, dict[str, Any]]:
    """The page at a path, and the parts of its address.

    Raises:
        NotThere: there is none.
    """
    for pattern, _, convertors, page in _ROUTES:
        if match := pattern.match(f"/{path}"):
            with suppress(ValueError):  # a number of thousands of digits
                return page, {name: convertors[name].convert(value) for name, value in match.groupdict().items()}
    raise NotThere("there is no such page")


def show(site: Site, place: Place) -> tuple[int, str | bytes]:
    """A page, or one that says why it cannot be shown; with its HTTP status."""
    try:
        page, parts = find(place.path)
        return 200, page(site, place, **parts)
    except NotThere as error:
        return 404, trouble(site, place, "Not here", str(error))
    except (UserError, SandboxError, OSError) as error:
        return 500, trouble(site, place, "This cannot be shown", str(error))
    except Exception as error:  # whatever a record holds, the other pages are shown
        traceback.print_exc()
        return 500, trouble(site, place, "This cannot be shown", f"The viewer did not expect what it found here "
                            f"({type(error).__name__}: {error}); the terminal says more.")


def trouble(site: Site, place: Place, title: str, words: str) -> str:
    """A page that says what is wrong."""
    return site.render(place, "trouble.html.jinja", title=title, words=words)
