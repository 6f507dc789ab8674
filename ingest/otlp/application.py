"""The application behind the collector's port: OTLP's three paths, and hooks posted by a client that has the token."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from hmac import compare_digest
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrion.domain.errors import LogUnavailable
from orchestrion.ingest.otlp.answering import accepted, refused
from orchestrion.ingest.otlp.decoding import JSON, MAX_BYTES, Signal, Unacceptable
from orchestrion.ingest.otlp.intake import Arrived, Full, Intake

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
READING_BYTES = 64 * 1024 * 1024
"""Room for bodies that are still being read, of all connections."""
HOOKS = "/hooks"

Handler = Callable[[Request], Awaitable[Response]]


def application(intake: Intake, keep: Callable[[bytes], None], token: str) -> Starlette:
    """Answers exporters out of `intake`; hands the payloads of hooks to `keep`, which must be quick and may raise."""
    bodies = _Bodies()

    def exports(signal: Signal) -> Handler:
        async def export(request: Request) -> Response:
            return await _guarded(request, lambda: _exported(request, bodies, intake, signal))

        return export

    async def hook(request: Request) -> Response:
        if not compare_digest(request.path_params["token"].encode("utf-8", "replace"), token.encode()):
            return refused(404, "no such path; `orchestrion install claude-code --http` knows the right one", "")
        return await _guarded(request, lambda: _hooked(request, bodies, keep))

    paths: Mapping[str, Signal] = {"/v1/traces": "traces", "/v1/logs": "logs", "/v1/metrics": "metrics"}
    routes = [Route(path, exports(signal), methods=["POST"]) for path, signal in paths.items()]
    return Starlette(routes=[*routes, Route(f"{HOOKS}/{{token}}", hook, methods=["POST"])])


async def _guarded(request: Request, go_on: Callable[[], Awaitable[Response]]) -> Response:
    """Refuse what a browser's page or another name for this machine sends; answer every failure of a known kind."""
    kind = request.headers.get("content-type", "")
    if not _knows_host(request.headers.get("host")) or not _knows_origin(request.headers.get("origin")):
        return refused(403, "this collector listens to programs of this machine alone", kind)
    try:
        return await go_on()
    except Unacceptable as error:
        return refused(error.status, error.why, kind)
    except Full:
        return refused(429, "the collector cannot keep up at the moment; try again", kind, retry=True)
    except LogUnavailable as error:
        return refused(503, f"the log cannot be written at the moment: {error}", kind, retry=True)
    except ClientDisconnect:
        return refused(400, "the body was cut off", kind)


async def _exported(request: Request, bodies: "_Bodies", intake: Intake, signal: Signal) -> Response:
    kind = request.headers.get("content-type", "")
    body = await bodies.read(request)
    arrived = Arrived(signal, kind, request.headers.get("content-encoding", ""), body)
    export = await asyncio.wrap_future(intake.put(arrived))
    return accepted(export, kind)


async def _hooked(request: Request, bodies: "_Bodies", keep: Callable[[bytes], None]) -> Response:
    """Keep a hook's payload and answer with an empty object, which is no decision: the agent goes on as it would."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise Unacceptable(415, f"Content-Type must be {JSON}")
    payload = await bodies.read(request)
    await run_in_threadpool(keep, payload)
    return Response(b"{}", media_type=JSON)


class _Bodies:
    """Reads bodies, each and all together of bounded size."""

    def __init__(self) -> None:
        self._held = 0

    async def read(self, request: Request) -> bytes:
        """The body of `request`. Raises Unacceptable (413), Full, ClientDisconnect."""
        said = request.headers.get("content-length", "")
        if said.isdigit() and int(said) > MAX_BYTES:
            raise Unacceptable(413, f"the body has more than {MAX_BYTES} bytes")
        chunks, size = list[bytes](), 0
        try:
            async for chunk in request.stream():
                size += len(chunk)
                self._held += len(chunk)
                if size > MAX_BYTES:
                    raise Unacceptable(413, f"the body has more than {MAX_BYTES} bytes")
                if self._held > READING_BYTES:
                    raise Full
                chunks.append(chunk)
        finally:
            self._held -= size
        return b"".join(chunks)


def _knows_host(header: str | None) -> bool:
    """Whether a `Host` header names this machine. Other names that lead here are an attacker's (DNS rebinding)."""
    try:
        return urlsplit(f"//{header or ''}").hostname in LOOPBACK_NAMES
    except ValueError:
        return False


def _knows_origin(header: str | None) -> bool:
    """Whether no page of a browser sends this, or one of this machine."""
    if header is None:
        return True
    try:
        return urlsplit(header).hostname in LOOPBACK_NAMES
    except ValueError:
        return False
