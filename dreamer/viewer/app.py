"""The viewer as a web application: pages, files, a stream of what changes, and two actions."""

import asyncio
import getpass
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from dreamer.accreditation.consent import approve_candidate, candidate
from dreamer.accreditation.promotions import PromotionError
from dreamer.store import Store
from dreamer.viewer.routes import show, trouble
from dreamer.viewer.safety import Guarded, knows
from dreamer.viewer.site import NotThere, Place, Site
from rollout.errors import UserError

STATIC = Path(__file__).parent / "static"
PAUSE = 0.4  # seconds between two looks at a run that goes on
FORM = 10_000  # bytes of a form
LARGE = 4 * 2**20  # bytes of a file that a browser shows
SILENCE = 15.0  # seconds after which a stream says that it is still there


def application(site: Site, host: str, token: str) -> Starlette:
    """The viewer.

    Args:
        site: what is shown.
        host: the address that it is served at.
        token: who knows it may approve and roll back.
    """

    async def page(request: Request) -> Response:
        path = request.path_params["path"].strip("/")
        place = Place(path, dict(request.query_params), _values(request.query_params))
        status, content = await run_in_threadpool(show, site, place)
        if isinstance(content, str):
            return HTMLResponse(content, status)
        shown = "inline" if len(content) <= LARGE else "attachment"  # browsers choke on what is longer
        return Response(content, status, {"Content-Disposition": shown}, "application/json")

    async def events(request: Request) -> Response:
        run = request.path_params.get("run")
        if run is not None and run not in site.runs:
            return PlainTextResponse(f"no run {run!r} is shown here\n", 404)
        return StreamingResponse(_changes(site, run, request), media_type="text/event-stream")

    async def act(request: Request) -> Response:
        run, what = request.path_params["run"], request.path_params["what"]
        said = {name: values[-1] for name, values in parse_qs((await _body(request)).decode(errors="replace")).items()}
        if not knows(token, said.get("token")) or request.headers.get("origin") is None:
            words = "Open the address that dream view printed, with its token; then approve and roll back from there."
            return HTMLResponse(trouble(site, Place(run), "Not yours to decide", words), 403)
        return await run_in_threadpool(_act, site, Place(run), run, what, said)

    return Starlette(
        routes=[
            Mount("/static", StaticFiles(directory=STATIC)),
            Route("/events", events),
            Route("/events/{run}", events),
            Route("/actions/{run}/{what}", act, methods=["POST"]),
            Route("/{path:path}", page),
        ],
        middleware=[Middleware(Guarded, host=host)],
    )


def _act(site: Site, place: Place, run: str, what: str, said: Mapping[str, str]) -> Response:
    """Approve the last candidate of a run, or roll its last promotion back: what the page showed, and nothing newer.

    Args:
        said: by the form; the policy that is to be approved, or to be taken back, among it.
    """
    try:
        store = site.nights(run)[-1]
        with store.hold():
            match what:
                case "approve":
                    _, update, _ = candidate(store)
                    _check(update.policy, said)
                    approve_candidate(store.root, getpass.getuser())
                case "rollback":
                    _check(store.promoted, said)
                    store.roll_back(getpass.getuser())
                case _:
                    raise NotThere(f"nobody can {what} here")
    except NotThere as error:
        return HTMLResponse(trouble(site, place, "Not here", str(error)), 404)
    except (UserError, OSError) as error:
        return HTMLResponse(trouble(site, place, "That is not possible", str(error)), 409)
    return RedirectResponse(site.link(place, f"{run}/{store.folder.name}"), 303)


def _check(policy: str | None, said: Mapping[str, str]) -> None:
    if policy != said.get("policy"):
        raise PromotionError(f"the page showed policy {said.get('policy')}, and now it is {policy}; look again")


async def _body(request: Request) -> bytes:
    """What a form says; no more of it than a form of ours has."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > FORM:
            return b""
    return body


def _values(query: QueryParams) -> Mapping[str, list[str]]:
    return {name: query.getlist(name) for name in query}


async def _changes(site: Site, run: str | None, request: Request) -> AsyncIterator[str]:
    """An event whenever something happened in a run, or in any of them."""
    seen, silent = None, 0.0
    while not await request.is_disconnected():
        now = {name: Store(root).pulse() for name, root in site.runs.items() if run in (None, name)}
        if now != seen:
            if seen is not None:
                yield "data: changed\n\n"
            seen, silent = now, 0.0
        elif silent >= SILENCE:
            yield ": still here\n\n"
            silent = 0.0
        await asyncio.sleep(PAUSE)
        silent += PAUSE
