"""Serves MCP: over stdio to one client, or over streamable HTTP on loopback to those that have the token."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from orchestrion.cli.mcp_server.acting import leave
from orchestrion.cli.mcp_server.building import built
from orchestrion.cli.mcp_server.identity import SESSION_HEADER, STDIO, Identities, bearer_of
from orchestrion.cli.mcp_server.office import Office
from orchestrion.cli.options import LOOPBACK
from orchestrion.cli.wiring import Home
from orchestrion.domain.errors import OrchestrionError, Refused, RuleBroken

PATH = "/mcp"
MAX_BODY_BYTES = 4_000_000
GONE = "its connection ended"
Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]


async def over_stdio(home: Home, version: str) -> None:
    """Serve the one client at our standard input and output until it goes. Raises RuleBroken for a wrong run token."""
    identities = Identities(home.path)
    async with Office(home) as office:
        identities.proves()
        try:
            await built(office, identities, version).run_stdio_async()
        finally:
            await _gone(office, identities, STDIO)


async def over_http(home: Home, version: str, *, host: str, port: int, ready: Callable[[str, str], None]) -> None:
    """Serve until stopped; `ready` is told the address and the token. Raises Refused."""
    import uvicorn
    from mcp.server.transport_security import TransportSecuritySettings

    identities = Identities(home.path)
    hosts = [f"{name if ':' not in name else f'[{name}]'}:*" for name in LOOPBACK]
    async with Office(home) as office:
        app = built(office, identities, version).streamable_http_app(
            streamable_http_path=PATH,
            host=host,
            max_request_body_size=MAX_BODY_BYTES,
            transport_security=TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=[]),
        )
        config = uvicorn.Config(_Door(app, office, identities), host=host, port=port, log_level="critical")
        server = uvicorn.Server(config)
        try:
            await _served(server, host, lambda address: ready(address, identities.server_token()))
        finally:
            for key in identities.all():
                await _gone(office, identities, key)


async def _served(server: Any, host: str, ready: Callable[[str], None]) -> None:
    serving = asyncio.ensure_future(server.serve())
    try:
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        if server.started:
            port = server.servers[0].sockets[0].getsockname()[1]
            ready(f"http://{f'[{host}]' if ':' in host else host}:{port}{PATH}")
        await serving
    except SystemExit as error:  # uvicorn's way to say that it cannot listen
        raise Refused(
            f"cannot listen at {host}: the port is in use or not allowed; choose another with --port"
        ) from error
    finally:
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError, SystemExit):
            await serving


class _Door:
    """Lets nobody in without a token, and notices who goes."""

    def __init__(self, app: App, office: Office, identities: Identities) -> None:
        self._app, self._office, self._identities = app, office, identities

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Pass on, or answer 401."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            token = bearer_of(headers)
            if token is None:
                raise RuleBroken("an `Authorization: Bearer` header is needed; `orchestrion mcp --http` shows it")
            self._identities.bearer(token)
        except OrchestrionError as refused:
            await _refuse(send, str(refused))
            return
        await self._app(scope, receive, send)
        if scope["method"] == "DELETE" and (key := headers.get(SESSION_HEADER)):
            await _gone(self._office, self._identities, key)


async def _refuse(send: Any, why: str) -> None:
    from starlette.responses import JSONResponse

    response = JSONResponse({"error": why}, status_code=401, headers={"WWW-Authenticate": "Bearer"})
    await response({"type": "http", "method": "GET"}, _nothing, send)


async def _nothing() -> dict[str, Any]:
    return {"type": "http.disconnect"}


async def _gone(office: Office, identities: Identities, key: str) -> None:
    """A connection has ended: so does the run that registered on it."""
    speaker = identities.leaves(key)
    if speaker is not None and speaker.registered:
        await office.do(lambda: leave(office, speaker, "interrupted", GONE))
