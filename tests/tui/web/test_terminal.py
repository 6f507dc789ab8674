"""The dashboard itself in a page: a real Chromium, the real command, the real dashboard behind it."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from orchestrion.eventstore import open_log

playwright = pytest.importorskip("playwright.sync_api", reason="no playwright here: uv sync installs it")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if CHROMIUM is None:
    pytest.skip("no Chromium here: apt-get install chromium", allow_module_level=True)
PATIENCE_SECONDS = 60
PICTURES = os.environ.get("ORCHESTRION_PICTURES")


@pytest.fixture
def serving(home: Path, stage: ModuleType) -> Iterator[subprocess.Popen[str]]:
    log = open_log(home)
    for _ in stage.story(stage.Play(log)):
        pass
    log.close()
    command = [sys.executable, "-m", "orchestrion.cli.main", "web", "--terminal", "--home", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.terminate()


@pytest.fixture
def address(serving: subprocess.Popen[str]) -> str:
    assert serving.stdout is not None
    return serving.stdout.readline().strip()


def wait_for(page: Any, true: Any) -> None:
    until = monotonic() + PATIENCE_SECONDS
    while not true():
        assert monotonic() < until, "it did not come"
        page.wait_for_timeout(50)


def test_the_dashboard_is_drawn_in_the_page_takes_keys_and_can_be_closed(address: str) -> None:
    hosts: set[str | None] = set()
    complaints: list[str] = []
    drawn = bytearray()

    def hear(socket: Any) -> None:
        socket.on("framereceived", lambda frame: drawn.extend(frame if isinstance(frame, bytes) else frame.encode()))

    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 640})
        page.on("websocket", hear)
        page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        page.wait_for_selector("body.-first-byte")
        wait_for(page, lambda: b"Sessions" in drawn)
        wait_for(page, lambda: b"Fix security" in drawn)
        if PICTURES:
            page.wait_for_timeout(1000)
            page.screenshot(path=str(Path(PICTURES) / "terminal.png"))
        page.keyboard.press("q")
        page.wait_for_selector("body.-closed .closed:visible", timeout=PATIENCE_SECONDS * 1000)
        browser.close()
    assert complaints == []
    assert hosts == {"127.0.0.1"}


def processes_under(parent: int) -> list[int]:
    """Ids of the processes that `parent` started, and those that these did."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], stdout=subprocess.PIPE, text=True, check=False)
    started = [int(line) for line in listed.stdout.split()]
    return started + [each for process in started for each in processes_under(process)]


def test_a_page_whose_dashboard_was_killed_says_so_and_opens_another(serving: subprocess.Popen[str]) -> None:
    assert serving.stdout is not None
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        page.goto(serving.stdout.readline().strip())
        page.wait_for_selector("body.-first-byte")
        for process in processes_under(serving.pid):
            os.kill(process, signal.SIGKILL)
        page.click("text=Open it again")
        page.wait_for_selector("body.-first-byte:not(.-closed)")
        browser.close()


@pytest.mark.parametrize(("asked", "size"), [("20", 20), ("x", 16), ("0", 6), ("-3", 6), ("500", 72)])
def test_its_letters_have_a_size_that_can_be_read(address: str, asked: str, size: int) -> None:
    page = httpx.get(address, params={"fontsize": asked}, trust_env=False, timeout=PATIENCE_SECONDS).text
    assert f'data-font-size="{size}"' in page


def test_its_socket_is_closed_to_other_pages_and_to_those_without_the_token(address: str) -> None:
    upgrade = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "eA==",
    }
    own = f"http://{urlsplit(address).netloc}"

    def status(url: str, origin: str | None) -> int:
        headers = upgrade if origin is None else {**upgrade, "Origin": origin}
        return httpx.get(url, headers=headers, trust_env=False, timeout=PATIENCE_SECONDS).status_code

    assert status(f"{address}ws", "http://evil.invalid") == 403
    assert status(f"{address}ws", None) == 403
    assert status(f"{own}/wrong/ws", own) == 404
    assert status(f"{own}/ws", own) == 404
