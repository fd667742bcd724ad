"""The viewer as a web application: pages, files, a stream of what changes, and two actions."""

import asyncio
import getpass
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from dreamer.accreditation.consent import approve_candidate
from dreamer.store import Store
from dreamer.viewer.routes import show, trouble
from dreamer.viewer.safety import Guarded, cookie, knows
from dreamer.viewer.site import NotThere, Place, Site
from rollout.errors import UserError

STATIC = Path(__file__).parent / "static"
PAUSE = 0.4  # seconds between two looks at a run that goes on
LARGE = 4 * 2**20  # bytes of a file that a browser shows
SILENCE = 15.0  # seconds after which a stream says that it is still there


def application(site: Site, host: str, token: str) -> Starlette:
    """The viewer.

    Args:
        site: what is shown.
        host: the address that it is served at.
        token: who knows it may approve and roll back.
    """

    def acting(request: Request) -> bool:
        return knows(token, request.cookies.get(cookie(request.url.port)))

    async def page(request: Request) -> Response:
        path = request.path_params["path"].strip("/")
        if "token" in request.query_params:
            return _with_token(request, token)
        place = Place(path, dict(request.query_params), _values(request.query_params), acting(request))
        status, content = await run_in_threadpool(show, site, place)
        if isinstance(content, str):
            return HTMLResponse(content, status)
        shown = "inline" if len(content) <= LARGE else "attachment"  # browsers choke on what is longer
        return Response(content, status, {"Content-Disposition": shown}, "application/json")

    async def events(request: Request) -> Response:
        try:
            store = site.nights(request.path_params["run"])[-1]
        except NotThere as error:
            return PlainTextResponse(f"{error}\n", 404)
        return StreamingResponse(_changes(store, request), media_type="text/event-stream")

    async def act(request: Request) -> Response:
        run, what = request.path_params["run"], request.path_params["what"]
        place = Place(run, acting=acting(request))
        if not place.acting or request.headers.get("origin") is None:
            words = "Open the address that dream view printed, with its token; then approve and roll back from there."
            return HTMLResponse(trouble(site, place, "Not yours to decide", words), 403)
        return await run_in_threadpool(_act, site, place, run, what)

    return Starlette(
        routes=[
            Mount("/static", StaticFiles(directory=STATIC)),
            Route("/events/{run}", events),
            Route("/actions/{run}/{what}", act, methods=["POST"]),
            Route("/{path:path}", page),
        ],
        middleware=[Middleware(Guarded, host=host)],
    )


def _act(site: Site, place: Place, run: str, what: str) -> Response:
    """Approve the last candidate of a run, or roll its last promotion back."""
    try:
        store = site.nights(run)[-1]
        match what:
            case "approve":
                approve_candidate(store.root, getpass.getuser())
            case "rollback":
                store.roll_back(getpass.getuser())
            case _:
                raise NotThere(f"nobody can {what} here")
    except NotThere as error:
        return HTMLResponse(trouble(site, place, "Not here", str(error)), 404)
    except (UserError, OSError) as error:
        return HTMLResponse(trouble(site, place, "That is not possible", str(error)), 409)
    return RedirectResponse(site.link(place, f"{run}/{store.folder.name}"), 303)


def _with_token(request: Request, token: str) -> Response:
    """Remember the token of an address, if it is the right one, and go where the address points."""
    query, path = request.query_params, f"/{request.url.path.strip('/')}"  # two slashes would lead to another host
    rest = QueryParams([(name, value) for name, value in query.multi_items() if name != "token"])
    response = RedirectResponse(f"{path}?{rest}" if rest else path, 303)
    if knows(token, query["token"]):
        response.set_cookie(cookie(request.url.port), token, httponly=True, samesite="strict")
    return response


def _values(query: QueryParams) -> Mapping[str, list[str]]:
    return {name: query.getlist(name) for name in query}


async def _changes(store: Store, request: Request) -> AsyncIterator[str]:
    """An event whenever something happened in a run."""
    seen, silent = None, 0.0
    while not await request.is_disconnected():
        now = store.pulse()
        if now != seen:
            if seen is not None:
                yield "data: changed\n\n"
            seen, silent = now, 0.0
        elif silent >= SILENCE:
            yield ": still here\n\n"
            silent = 0.0
        await asyncio.sleep(PAUSE)
        silent += PAUSE
