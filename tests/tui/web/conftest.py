"""A real server on a free port of loopback over a real log, a real Chromium, and the plays of the report's tests."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from queue import Queue
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest

from orchestrion.eventstore import SQLiteLog, open_log
from orchestrion.projections import Store
from orchestrion.tui.web.guard import Door
from orchestrion.tui.web.serving import Server, bound

TOKEN = "a-token-of-the-tests"
START_SECONDS = 30
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE_MILLISECONDS = 20_000
PICTURES = os.environ.get("ORCHESTRION_PICTURES")
"""A folder that the stories leave screenshots in, to be looked at."""


def _loaded(name: str) -> ModuleType:
    path = Path(__file__).parents[1] / "report" / f"{name}.py"
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def stage() -> ModuleType:
    return _loaded("session_play")


@pytest.fixture(scope="session")
def hostile() -> ModuleType:
    return _loaded("hostile")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def log(home: Path) -> Iterator[SQLiteLog]:
    log = open_log(home)
    yield log
    log.close()


@pytest.fixture
def store(log: SQLiteLog, home: Path) -> Iterator[Store]:
    with Store(log, home / "projections") as store:
        store.catch_up()
        yield store


class Running:
    """A server in a thread; `stop` and `start` again on the same port with the same token."""

    def __init__(self, store: Store, log: SQLiteLog, password: str | None = None) -> None:
        self.store, self.log, self.password, self.port = store, log, password, 0
        self.token = TOKEN
        self.start()

    def start(self) -> None:
        listener = bound("127.0.0.1", self.port)
        self.port = listener.getsockname()[1]
        up: Queue[str] = Queue()
        self.server = Server(self.store, self.log.blob, Door(self.token, "127.0.0.1", self.port, self.password), up.put)
        self.thread = threading.Thread(target=self._run, args=(listener,))
        self.thread.start()
        self.url = up.get(timeout=START_SECONDS)

    def _run(self, listener) -> None:  # type: ignore[no-untyped-def]
        with listener:
            self.server.run(sockets=[listener])

    def stop(self) -> None:
        self.server.stop()
        self.thread.join(START_SECONDS)
        assert not self.thread.is_alive()


@pytest.fixture
def running(store: Store, log: SQLiteLog) -> Iterator[Running]:
    running = Running(store, log)
    yield running
    running.stop()


class Visit:
    """One page, and everything it asked for, complained of or popped up."""

    def __init__(self, chromium: Any, scheme: str = "light") -> None:
        self.page = chromium.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
        self.page.set_default_timeout(PATIENCE_MILLISECONDS)
        self.hosts: set[str] = set()
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname or request.url[:20]))
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))

    def opens(self, address: str) -> None:
        """Go to a page of ours, and wait until it is live."""
        self.page.goto(address)
        self.live()

    def live(self) -> None:
        self.page.wait_for_selector('#live[data-state="live"]')

    def told(self) -> list[int]:
        """Positions in the running commentary."""
        lines = self.page.locator("#commentary li")
        return [int(position) for position in lines.evaluate_all("lines => lines.map(line => line.dataset.position)")]

    def wait_told(self, position: int) -> None:
        self.page.wait_for_selector(f'#commentary li[data-position="{position}"]')

    def picture(self, name: str) -> None:
        if PICTURES:
            self.page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright here: uv sync installs it")
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visiting(chromium: Any) -> Iterator[Callable[..., Visit]]:
    """Opens pages, and closes them after the test."""
    visits: list[Visit] = []

    def visit(scheme: str = "light") -> Visit:
        visits.append(Visit(chromium, scheme))
        return visits[-1]

    yield visit
    for each in visits:
        each.page.close()


@pytest.fixture
def visit(visiting: Callable[..., Visit]) -> Visit:
    return visiting()
