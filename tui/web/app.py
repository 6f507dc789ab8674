"""The web application: the page's own files, the API, the live stream, all behind the guard."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from orchestrion.tui.web.api import Api, answering
from orchestrion.tui.web.guard import Door, Guard
from orchestrion.tui.web.hub import Hub
from orchestrion.tui.web.stream import Streams

PAGE = "index.html"
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
SHARED_STYLES = ("colours.css", "timeline.css")
"""Style sheets of the report that the page uses too."""


def application(hub: Hub, door: Door) -> ASGIApp:
    """The whole application for what `hub` shows, to be entered by `door` alone."""
    api, streams = Api(hub), Streams(hub)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        hub.start()
        try:
            yield
        finally:
            hub.stop()

    routes = [
        Route("/", _file),
        Route("/api/status", answering(api.status)),
        Route("/api/sessions", answering(api.sessions)),
        Route("/api/session", answering(api.session)),
        Route("/api/events", answering(api.events)),
        Route("/api/commentary", answering(api.commentary)),
        Route("/api/bounds", answering(api.bounds)),
        Route("/api/stream", streams.endpoint),
        Route("/report", answering(api.report)),
        Route("/{name}", _file),
    ]
    return Guard(Starlette(routes=routes, lifespan=lifespan), door)


async def _file(request: Request) -> Response:
    """One of the page's own files; there are no others."""
    name = request.path_params.get("name", PAGE)
    found = _page_files().get(name)
    if found is None:
        return PlainTextResponse("There is nothing here.\n", 404)
    return Response(found.read_bytes(), media_type=TYPES["." + name.rpartition(".")[2]])


@cache
def _page_files() -> dict[str, Traversable]:
    page = files("orchestrion.tui.web").joinpath("page")
    shared = files("orchestrion.tui.report")
    found = {file.name: file for file in page.iterdir() if "." + file.name.rpartition(".")[2] in TYPES}
    return found | {name: shared.joinpath(name) for name in SHARED_STYLES}
