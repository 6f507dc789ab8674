"""The terminal dashboard in a browser, through textual-serve, with our own page and behind the same door."""

import secrets
import shlex
from collections.abc import Callable, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import aiohttp_jinja2
from aiohttp import web
from aiohttp.typedefs import Handler
from textual_serve.app_service import AppService
from textual_serve.server import Server, to_int

from orchestrion.domain.errors import Refused
from orchestrion.tui.web.guard import HEADERS, Door, is_loopback
from orchestrion.tui.web.serving import TOKEN_BYTES, bound

FONT_PIXELS = 16
SMALLEST_FONT_PIXELS, LARGEST_FONT_PIXELS = 6, 72
SIZE = {"width": 80, "height": 24}
"""In columns and lines, of a page that does not say how large it is."""
BEAT_SECONDS = 15.0
"""A socket that does not answer a ping sent this often is closed."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The terminal widget makes style elements of its own; everything else is as strict as the page's policy."""


def serve_terminal(command: Sequence[str], *, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve `command` (a Textual app, started anew for each page) until interrupted; `ready` is told the URL.

    Raises Refused for a host beyond this machine: whoever opens the page has the dashboard's keyboard.
    """
    if not is_loopback(host):
        raise Refused(f"--terminal gives its page a keyboard and stays on this machine: not --host {host}")
    page = files("orchestrion.tui.web").joinpath("terminal_page")
    with bound(host, port) as listener, as_file(page) as templates:
        door = Door(secrets.token_urlsafe(TOKEN_BYTES), host, listener.getsockname()[1])
        server = Terminal(shlex.join(command), door, str(templates), ready)
        web.run_app(server.guarded(), sock=listener, print=None, access_log=None)


class Dashboard(AppService):
    """A dashboard in a process of its own; its page learns when that ends, also where it was killed or failed."""

    async def run(self) -> None:
        """Pass on what it draws until it ends, then close the socket."""
        await super().run()
        await self.remote_close()


class Terminal(Server):
    """textual-serve's server with our page, without its banner, and with a guard in front."""

    def __init__(self, command: str, door: Door, templates: str, ready: Callable[[str], None]) -> None:
        super().__init__(command, host=door.host, port=door.port, title="Orchestrion", templates_path=templates)
        self.door, self.ready = door, ready

    async def guarded(self) -> web.Application:
        """The application: everything under the token, everything through the guard."""
        outer = web.Application(middlewares=[self._guard])
        inner = await self._make_app()
        inner.router.add_get("/focus.js", self._focus)
        outer.add_subapp(f"/{self.door.token}/", inner)
        return outer

    async def on_startup(self, _: web.Application) -> None:
        """Tell the URL, in the place of the library's banner."""
        self.ready(self.door.address())

    async def handle_index(self, request: web.Request) -> web.StreamResponse:
        """Our page; the address of its socket is that of the page itself, however that was reached."""
        size = to_int(request.query.get("fontsize", ""), FONT_PIXELS)
        size = min(max(size, SMALLEST_FONT_PIXELS), LARGEST_FONT_PIXELS)
        socket = f"ws://{request.host}/{self.door.token}/ws"
        context: dict[str, Any] = {"title": self.title, "websocket": socket, "font_size": size}
        return aiohttp_jinja2.render_template("app_index.html", request, context)

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """A dashboard for this socket: both end with whichever ends first."""
        socket = web.WebSocketResponse(heartbeat=BEAT_SECONDS)
        await socket.prepare(request)

        async def close() -> None:
            await socket.close()

        dashboard = Dashboard(
            self.command,
            write_bytes=socket.send_bytes,
            write_str=socket.send_str,
            close=close,
            download_manager=self.download_manager,
        )
        width, height = (to_int(request.query.get(name, ""), usual) for name, usual in SIZE.items())
        await dashboard.start(width, height)
        try:
            await self._process_messages(socket, dashboard)
        finally:
            await dashboard.stop()
        return socket

    async def _focus(self, _: web.Request) -> web.StreamResponse:
        return web.FileResponse(Path(self.templates_path) / "focus.js")

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        door, host, origin = self.door, request.headers.get("Host"), request.headers.get("Origin")
        if not door.knows_host(host):
            raise web.HTTPForbidden(text="This is not the name of this server.\n", headers=HEADERS)
        if not door.knows_origin(origin, host) or ("Upgrade" in request.headers and origin is None):
            raise web.HTTPForbidden(text="Another page asked for this; only our own may.\n", headers=HEADERS)
        if not door.knows_token(request.path.split("/", 2)[1]):
            raise web.HTTPNotFound(text="Open the address that `orchestrion web` printed.\n", headers=HEADERS)
        response = await handler(request)
        if not response.prepared:
            response.headers.update({**HEADERS, "Content-Security-Policy": POLICY})
        return response
