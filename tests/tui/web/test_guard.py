"""Nobody comes in by another name, from another page, without the token, or to write."""

import asyncio
from base64 import b64encode
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route, Router

from orchestrion.domain.errors import CannotRun, Refused
from orchestrion.tui.web import guard
from orchestrion.tui.web.guard import Door, Guard
from orchestrion.tui.web.serving import bound, require_password

HERE = "http://127.0.0.1:8123"


async def secret(request):  # type: ignore[no-untyped-def]
    return PlainTextResponse("the secret")


class Client:
    """Asks the guarded application without a network."""

    def __init__(self, door: Door, address: str) -> None:
        self.app, self.address = Guard(Router([Route("/here", secret)]), door), address

    def request(self, method: str, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return asyncio.run(self._request(method, path, headers))

    async def _request(self, method: str, path: str, headers: dict[str, str] | None) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url=self.address) as client:
            return await client.request(method, path, headers=headers)

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return self.request("GET", path, headers)


def client(door: Door, address: str = HERE) -> Client:
    return Client(door, address)


@pytest.fixture
def door() -> Door:
    return Door("right", "127.0.0.1", 8123)


def test_the_right_address_with_the_right_token_comes_in(door: Door) -> None:
    assert client(door).get("/right/here").text == "the secret"


@pytest.mark.parametrize("path", ["/here", "/wrong/here", "/", "/right/../wrong/here", "//right/here", "/righ/here"])
def test_without_the_token_nothing_is_told(door: Door, path: str) -> None:
    answer = client(door).get(path)
    assert answer.status_code == 404
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "host",
    ["evil.invalid:8123", "127.0.0.1", "127.0.0.1:80", "127.0.0.1.evil.invalid:8123", "", "[::1", "10.0.0.1:8123"],
)
def test_a_name_that_is_not_ours_is_refused_against_dns_rebinding(door: Door, host: str) -> None:
    assert client(door).get("/right/here", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1:8123", "localhost:8123", "[::1]:8123"])
def test_every_name_of_loopback_is_ours(door: Door, host: str) -> None:
    assert client(door).get("/right/here", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.invalid", "null", "https://127.0.0.1:8123", "http://127.0.0.1:9"])
def test_another_page_is_refused(door: Door, origin: str) -> None:
    assert client(door).get("/right/here", headers={"Origin": origin}).status_code == 403


def test_our_own_page_is_not(door: Door) -> None:
    assert client(door).get("/right/here", headers={"Origin": HERE}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_written(door: Door, method: str) -> None:
    answer = client(door).request(method, "/right/here")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"


def test_every_answer_forbids_the_browser_everything_else(door: Door) -> None:
    for path in ("/right/here", "/wrong"):
        headers = client(door).get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "trusted-types 'none'" in policy
        assert "unsafe" not in policy
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_a_web_socket_is_closed(door: Door) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Guard(Router(), door)({"type": "websocket", "path": "/right/here", "headers": []}, None, send))  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close", "code": 1008}]


def basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"anyone:{password}".encode()).decode()}


def test_with_a_password_the_token_alone_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "WRONG_PASSWORD_SECONDS", 0.0)
    page = client(Door("right", "0.0.0.0", 8123, "open: sésame"), "http://10.1.2.3:8123")  # noqa: S104
    assert page.get("/right/here").headers["www-authenticate"].startswith("Basic realm=")
    for wrong in ("", "open: sesame", "x"):
        assert page.get("/right/here", headers=basic(wrong)).status_code == 401
    assert page.get("/right/here", headers={"Authorization": "Basic !!!"}).status_code == 401
    assert page.get("/wrong/here", headers=basic("open: sésame")).status_code == 404
    assert page.get("/right/here", headers=basic("open: sésame")).text == "the secret"
    named = {"Host": "evil.invalid:8123", **basic("open: sésame")}
    assert page.get("/right/here", headers=named).status_code == 403


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "::", "example.org"])  # noqa: S104
def test_beyond_this_machine_a_password_is_a_must(host: str) -> None:
    with pytest.raises(Refused, match=r"give a --password, or stay on 127\.0\.0\.1"):
        require_password(host, None)
    require_password(host, "one")


def test_an_empty_password_is_none() -> None:
    with pytest.raises(Refused, match="--password is empty"):
        require_password("0.0.0.0", "")  # noqa: S104


def test_a_port_in_use_is_said_in_one_sentence() -> None:
    with bound("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            CannotRun, match=rf"port {port} of 127\.0\.0\.1 is in use by another program; give another --port"
        ):
            bound("127.0.0.1", port)


def test_the_address_names_a_place_that_can_be_opened() -> None:
    assert Door("t", "0.0.0.0", 80).address() == "http://127.0.0.1:80/t/"  # noqa: S104
    assert Door("t", "::1", 80).address() == "http://[::1]:80/t/"
