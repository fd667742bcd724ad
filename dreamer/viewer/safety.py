"""Who may ask, and what a page may do in a browser.

Logged text and authored code are hostile: pages escape them, and no script runs that is not a file of ours. A site on
the web must not reach the viewer through a reader's browser: a request is answered only where it names this machine as
its host (which a name bound to another address does not), and only where it comes from a page of this host.
"""

import ipaddress
import secrets
import socket

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
          "form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
HEADERS = {
    "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guarded:
    """An application that answers only its own pages on its own machine.

    Args:
        app: what answers.
        host: the address that it is served at.
    """

    def __init__(self, app: ASGIApp, host: str):
        self.app = app
        self.names = {name.lower() for name in ("localhost", host, socket.gethostname())}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._known(host):
            await PlainTextResponse(f"this is not {host}\n", 421, HEADERS)(scope, receive, send)
            return
        # Another site may link here, and neither frame our pages nor ask for them behind a reader's back.
        own = headers.get("sec-fetch-site", "none") in ("same-origin", "none")
        followed = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        if not (own or followed) or (origin is not None and origin != f"{scope['scheme']}://{host}"):
            await PlainTextResponse("pages of other sites may not ask here\n", 403, HEADERS)(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"],
                                      *((name.lower().encode(), value.encode()) for name, value in HEADERS.items())]
            await send(message)

        await self.app(scope, receive, guarded)

    def _known(self, host: str) -> bool:
        """Whether a Host header names this machine: an address does, and of names only its own."""
        name = (host.rsplit(":", 1)[0] if not host.endswith("]") else host).lower()
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return name in self.names
        return True


def new_token() -> str:
    """What whoever may act knows.

    It stands behind the # of the address that the terminal prints, which browsers send to nobody; a script of ours
    keeps it for this site alone, which a cookie, that knows no ports, would not.
    """
    return secrets.token_urlsafe(24)


def knows(token: str, said: str | None) -> bool:
    """Whether somebody knows the token."""
    return said is not None and secrets.compare_digest(token.encode(), said.encode())
