"""The composition root: finds the home, opens the log and its store, and gives each room what it needs of another."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from orchestrion.cli import spool
from orchestrion.domain.errors import LogUnavailable, NotFound, OrchestrionError

if TYPE_CHECKING:
    from subprocess import Popen

    from orchestrion.domain.ports import Log, Redactor
    from orchestrion.domain.prices import PriceTable
    from orchestrion.projections import Store

HOME_VARIABLES = ("ORCHESTRION_HOME", "CLAUDE_LOG_DIR")
LOG_NAME = "log.db"
PROJECTIONS_NAME = "projections"
BUILD_SECONDS = 600
LAPSES_SECONDS = 5.0
"""Between two looks for conductors that died, while somebody watches."""


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of the log, and what named it."""

    path: Path
    origin: str

    @property
    def log(self) -> Path:
        return self.path / LOG_NAME

    @property
    def projections(self) -> Path:
        return self.path / PROJECTIONS_NAME

    def exists(self) -> bool:
        """Whether a log was begun here."""
        return self.log.exists()


def home_of(option: Path | None, environ: Mapping[str, str] = os.environ) -> Home:
    """The home: `option`, else the environment's, else the platform's folder for user data.

    Raises LogUnavailable if that is no folder: neither a log nor a hook's payload can ever be in it.
    """
    home = _named(option, environ)
    with suppress(OSError):  # who may not even look is told so when he opens the log
        if home.path.exists() and not home.path.is_dir():
            raise LogUnavailable(f"{home.path} is no folder, so no log can be in it; choose another with --home")
    return home


def _named(option: Path | None, environ: Mapping[str, str]) -> Home:
    if option is not None:
        return Home(option.expanduser().absolute(), "--home")
    for variable in HOME_VARIABLES:
        if environ.get(variable):
            return Home(Path(environ[variable]).expanduser().absolute(), variable)
    from platformdirs import user_data_path

    return Home(user_data_path("orchestrion", appauthor=False), "default")


@contextmanager
def opened_log(home: Home) -> "Iterator[Log]":
    """The log that is there, with what hooks have left. Raises NotFound for a home without any: asking begins none."""
    with _opened(home, create=spool.waiting(home.path)) as log:
        spool.bring_in(home.path, log)
        _note_lapsed(home, log)
        yield log


@contextmanager
def untouched_log(home: Home) -> "Iterator[Log]":
    """The log as it stands, to which nothing is appended: not even what hooks have left. Raises NotFound."""
    with _opened(home) as log:
        spool.tell(home.path)
        yield log


@contextmanager
def _opened(home: Home, *, create: bool = False) -> "Iterator[Log]":
    if not home.exists() and not create:
        raise NotFound(f"there is no log in {home.path} yet; `orchestrion demo`, `run` or `import` begins one")
    from orchestrion.eventstore import open_log

    log = open_log(home.path, create=create)
    try:
        yield log
    finally:
        log.close()


def _note_lapsed(home: Home, log: "Log") -> None:
    """Sessions that a conductor left behind, if there are any, are looked at."""
    left = home.path / "workspaces"
    if left.is_dir() and any(left.iterdir()):
        from orchestrion.agents.lapsing import note_lapsed

        note_lapsed(log, home.path)


@contextmanager
def lapses_noted(home: Home, log: "Log") -> "Iterator[None]":
    """While somebody watches, look now and then for sessions whose conductor died: nobody else may come to do so."""
    left = Event()

    def look() -> None:
        while not left.wait(LAPSES_SECONDS):
            with suppress(OrchestrionError, OSError):  # whoever follows the log tells of its troubles; next time, then
                _note_lapsed(home, log)

    looking = Thread(target=look, name="lapses", daemon=True)
    looking.start()
    try:
        yield
    finally:
        left.set()
        looking.join()


@contextmanager
def written_log(home: Home) -> "Iterator[tuple[Log, Redactor]]":
    """The log to append to, begun if need be, and its own redactor."""
    from orchestrion.eventstore import open_log, secret_redactor

    redactor = secret_redactor(home.path, os.environ)
    log = open_log(home.path, redactor=redactor)
    try:
        spool.bring_in(home.path, log)
        yield log, redactor
    finally:
        log.close()


@contextmanager
def stored(log: "Log", home: Home) -> "Iterator[Store]":
    """The store that answers from `log`, caught up."""
    from orchestrion.projections import Store

    with Store(log, home.projections, build=builder(home)) as store:
        store.catch_up()
        yield store


def prices_of(home: Home) -> "PriceTable":
    """What tokens cost, for whoever keeps a budget. Raises BadDefinition."""
    from orchestrion.projections.pricing import prices_beside

    return prices_beside(home.projections)


@contextmanager
def opened(home: Home) -> "Iterator[tuple[Log, Store]]":
    """The log that is there, and the store that answers from it."""
    with opened_log(home) as log, stored(log, home) as store:
        yield log, store


@contextmanager
def asked(home: Home) -> "Iterator[Store]":
    """The store alone, for commands that only ask."""
    with opened(home) as (_, store):
        yield store


def builder(home: Home, begun: "Callable[[Popen[str]], object]" = bool) -> Callable[[], None]:
    """Takes a snapshot in a process of its own, where alone the second SQLite (ADBC's) may open the log.

    `begun` is told of that process, which whoever cannot wait for it may kill.
    """

    def build() -> None:
        import subprocess

        # -P: a project's own files must not stand before our modules.
        command = [sys.executable, "-P", "-m", "orchestrion.cli.builder", "--home", str(home.path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            begun(child)
            try:
                said = child.communicate(timeout=BUILD_SECONDS)[1]
            finally:
                child.kill()
        if child.returncode:
            raise OrchestrionError(f"the snapshot builder failed ({child.returncode}): {said.strip()[-500:]}")

    return build
