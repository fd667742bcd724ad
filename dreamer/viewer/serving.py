"""Serving the viewer to a browser on this machine."""

import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from rich.console import Console

from dreamer.viewer.app import application
from dreamer.viewer.safety import new_token
from dreamer.viewer.site import Site
from rollout.errors import UserError

SWITCH = 0.0005  # seconds that a page waits, at each of many points, for a thread that fills an index


class AddressError(UserError):
    """The viewer cannot be served there; the message says why."""


def serve(folders: Sequence[Path], host: str, port: int, unsafe: bool, console: Console) -> None:
    """Serve runs until interrupted.

    Args:
        host: the address to listen at.
        port: 0 takes a free one.
        console: is told where the pages are.

    Raises:
        AddressError: somebody else listens there.
        StoreError: a folder is no run folder.
    """
    site = Site(folders, unsafe)
    token = new_token()
    sys.setswitchinterval(SWITCH)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
        except OSError as error:
            raise AddressError(f"{host}:{port}: {error.strerror}; choose another --port or --host") from None
        listening.listen()  # whoever opens the address at once waits until the server is there
        shown = f"[{host}]" if ":" in host else host
        console.print(f"http://{shown}:{listening.getsockname()[1]}/#token={token}", soft_wrap=True, highlight=False,
                      markup=False)
        console.print("anyone on this machine can read it there; who has the whole address may approve and roll back; "
                      "Ctrl-C ends it", style="dim")
        config = uvicorn.Config(application(site, host, token), log_level="error", access_log=False,
                                timeout_graceful_shutdown=1)
        try:
            uvicorn.Server(config).run(sockets=[listening])
        except KeyboardInterrupt:
            pass
        finally:
            site.close()
