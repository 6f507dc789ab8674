"""Stands before the page: the right address, the right token, nothing but reading, and headers that forbid the rest."""

import asyncio
import ipaddress
from base64 import b64decode
from binascii import Error as NotBase64
from dataclasses import dataclass
from hmac import compare_digest
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
READING = frozenset({"GET", "HEAD"})
WRONG_PASSWORD_SECONDS = 1.0
"""A wrong password is answered this late."""
REALM = "orchestrion"

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""The page's content-security policy: its own files alone, and no text of any kind may become HTML or script."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class Door:
    """Who may come in: by which address, with which token, and with which password where one is set."""

    token: str
    host: str
    port: int
    password: str | None = None

    @property
    def loopback(self) -> bool:
        """Whether only this machine can come to it."""
        return is_loopback(self.host)

    def address(self) -> str:
        """The URL that opens the page."""
        return f"http://{_bracketed(_reachable(self.host))}:{self.port}/{self.token}/"

    def knows_host(self, header: str | None) -> bool:
        """Whether a `Host` header names us. Other names that lead here are an attacker's (DNS rebinding)."""
        try:
            parts = urlsplit(f"//{header or ''}")
            name, port = parts.hostname or "", parts.port or 80
        except ValueError:
            return False
        if port != self.port:
            return False
        if self.loopback:
            return name in LOOPBACK_NAMES
        return name == self.host.lower() or name in LOOPBACK_NAMES or _is_address(name)

    def knows_origin(self, origin: str | None, host: str | None) -> bool:
        """Whether a request comes from our own page; one that names no origin is a navigation or no browser."""
        return origin is None or origin == f"http://{host}"

    def knows_token(self, given: str) -> bool:
        """Whether the first part of a path is our token; takes the same time for every wrong one."""
        return compare_digest(given.encode("utf-8", "replace"), self.token.encode())

    def knows_password(self, authorization: str | None) -> bool:
        """Whether a Basic `Authorization` header (RFC 7617, any user name) brings the password, if there is one."""
        if self.password is None:
            return True
        scheme, _, value = (authorization or "").partition(" ")
        try:
            said = b64decode(value, validate=True).partition(b":")[2] if scheme.lower() == "basic" else b""
        except NotBase64:
            said = b""
        return compare_digest(said, self.password.encode())


def is_loopback(host: str) -> bool:
    """Whether `host` is an address or name of this machine's loopback."""
    return host in LOOPBACK_NAMES or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


class Guard:
    """ASGI: lets a request through to `app` with the token taken off its path, or answers why not."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self.app, self.door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        guarded = _with_headers(send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        refusal = await self._refusal(scope)
        if refusal is not None:
            return await refusal(scope, receive, guarded)
        prefix = f"/{self.door.token}"
        inner = {**scope, "root_path": scope.get("root_path", "") + prefix}
        return await self.app(inner, receive, guarded)

    async def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers, door = Headers(scope=scope), self.door
        host = headers.get("host")
        if not door.knows_host(host):
            return _refuse(403, "This is not the name of this server; open the address that `orchestrion web` printed.")
        if not door.knows_origin(headers.get("origin"), host):
            return _refuse(403, "Another page asked for this; only our own may.")
        if scope["method"] not in READING:
            return _refuse(405, "This page only reads.", Allow="GET, HEAD")
        if not door.knows_password(headers.get("authorization")):
            if "authorization" in headers:
                await asyncio.sleep(WRONG_PASSWORD_SECONDS)
            challenge = f'Basic realm="{REALM}", charset="UTF-8"'
            return _refuse(
                401, "The password of `orchestrion web --password` is needed.", **{"WWW-Authenticate": challenge}
            )
        if not door.knows_token(scope["path"].split("/", 2)[1] if scope["path"].startswith("/") else ""):
            return _refuse(404, "Open the address that `orchestrion web` printed; its token is missing here.")
        return None


def _refuse(status: int, sentence: str, **headers: str) -> PlainTextResponse:
    return PlainTextResponse(sentence + "\n", status, headers)


def _with_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Content-Security-Policy", PAGE_POLICY)
        await send(message)

    return guarded


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _reachable(host: str) -> str:
    """The address to open for a host that means every interface."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - compared, not bound


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
