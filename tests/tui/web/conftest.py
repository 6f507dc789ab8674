"""A real server on a free port of loopback over a real log, and the plays of the report's tests."""

import threading
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from queue import Queue
from types import ModuleType

import pytest

from orchestrion.eventstore import SQLiteLog, open_log
from orchestrion.projections import Store
from orchestrion.tui.web.guard import Door
from orchestrion.tui.web.serving import Server, bound

TOKEN = "a-token-of-the-tests"
START_SECONDS = 30


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
        self.start()

    def start(self) -> None:
        listener = bound("127.0.0.1", self.port)
        self.port = listener.getsockname()[1]
        up: Queue[str] = Queue()
        self.server = Server(self.store, self.log.blob, Door(TOKEN, "127.0.0.1", self.port, self.password), up.put)
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
