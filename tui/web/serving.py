"""Serves an application on a socket of this machine until it is stopped."""

import errno
import secrets
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from orchestrion.domain.errors import CannotRun, Refused
from orchestrion.tui.large import Blob
from orchestrion.tui.web.app import application
from orchestrion.tui.web.guard import Door, is_loopback
from orchestrion.tui.web.hub import Hub, Views

TOKEN_BYTES = 24
GRACE_SECONDS = 2
BACKLOG = 128


def serve(
    views: Views, blob: Blob, *, host: str, port: int, password: str | None, ready: Callable[[str], None]
) -> None:
    """Serve the page for `views` and what the log keeps beside them until interrupted.

    `ready` is told the URL once it can be opened. Port 0 takes a free one. Raises Refused for a host beyond this
    machine without a password, CannotRun if the port cannot be had.
    """
    require_password(host, password)
    with bound(host, port) as listener:
        door = Door(secrets.token_urlsafe(TOKEN_BYTES), host, listener.getsockname()[1], password)
        Server(views, blob, door, ready).run(sockets=[listener])


def require_password(host: str, password: str | None) -> None:
    """Raise Refused if others than this machine could come in without a password."""
    if password is not None and not password:
        raise Refused("--password is empty: give one of at least one character")
    if password is None and not is_loopback(host):
        raise Refused(f"--host {host} lets other machines in: give a --password, or stay on 127.0.0.1")


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens on `host` and `port`. Raises CannotRun, saying what stands in the way."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        reason = (
            "is in use by another program" if error.errno == errno.EADDRINUSE else f"cannot be had ({error.strerror})"
        )
        raise CannotRun(f"port {port} of {host} {reason}; give another --port, or 0 for any free one") from error
    return listener


class Server(uvicorn.Server):
    """Tells its URL when it is up, and ends the open streams when it stops: they would never end by themselves."""

    def __init__(self, views: Views, blob: Blob, door: Door, ready: Callable[[str], None]) -> None:
        self.hub, self.door, self.ready = Hub(views, blob), door, ready
        config = uvicorn.Config(
            application(self.hub, door),
            log_level="warning",
            access_log=False,  # it would write the token down
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            ws="none",
        )
        super().__init__(config)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, then tell the URL."""
        await super().startup(sockets)
        if self.started:
            self.ready(self.door.address())

    def stop(self) -> None:
        """End, from any thread."""
        self.should_exit = True
        self.hub.close_soon()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End, by a signal."""
        super().handle_exit(sig, frame)
        self.hub.close_soon()
