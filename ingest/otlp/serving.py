"""Serves the collector's port from a thread of its own, until it is told to stop."""

import errno
import socket
import threading
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette

from orchestrion.domain.errors import CannotRun

GRACE_SECONDS = 2
BACKLOG = 128


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens on `port` of `host`. Raises CannotRun, saying what stands in the way."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        taken = error.errno == errno.EADDRINUSE
        reason = "is in use by another program" if taken else f"cannot be had ({error.strerror})"
        raise CannotRun(f"port {port} of {host} {reason}; give another --port, or 0 for any free one") from error
    return listener


class Serving:
    """Answers on `listener`, which is listening already, as long as the context lasts."""

    def __init__(self, app: Starlette, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,  # it would write the token down
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            lifespan="off",
            ws="none",
        )
        self._server, self._listener = uvicorn.Server(config), listener
        self._thread = threading.Thread(target=self._run, name="collector", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._listener])
