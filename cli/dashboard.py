"""Gives the dashboard what it shows: the open views, the people's SQL, and the house's own facts."""

import gc
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from orchestrion.cli.wiring import Home, builder, lapses_noted, opened_log, untouched_log
from orchestrion.domain.errors import OrchestrionError

if TYPE_CHECKING:
    from subprocess import Popen

    from orchestrion.domain.ports import Log
    from orchestrion.projections import Store, Table, View
    from orchestrion.tui.app import Dashboard
    from orchestrion.tui.feed import Feed

FRAMES = ("TEXTUAL_FPS", "120")
"""How often a second Textual may draw, if the user says nothing else: what changed waits for that, and to draw sooner
is not to draw more."""
GARBAGE_OBJECTS = 4_000
"""So many objects more than were let go of before Python's collector looks."""
SWITCH_SECONDS = 0.0005
"""How long a thread that asks waits for Python while another runs it: with the 5 ms that are usual, some fifty small
steps of asking take longer than all that DuckDB does."""
QUERIES_NAME = "queries.json"
DUMB = frozenset({"", "dumb", "unknown"})


def fits_a_dashboard(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether there is a terminal that can be drawn on, or (TEXTUAL_DRIVER) a browser that plays one."""
    if environ.get("TEXTUAL_DRIVER"):
        return True
    return sys.stdin.isatty() and sys.stdout.isatty() and environ.get("TERM", "") not in DUMB


@contextmanager
def fed(home: Home, *, replaying: bool = False) -> "Iterator[tuple[Store, Feed]]":
    """The store, and what the dashboard looks at; it catches up by itself, so the screen stands before all is read.

    Who watches brings in what hooks have left, and notes conductors that die; a replay adds nothing to the log.

    Python's collector of garbage rests until `settled`: hardly anything that a start makes is ever thrown away.
    """
    from orchestrion.projections import Store

    os.environ.setdefault(*FRAMES)
    children = Children()
    gc.disable()
    try:
        with ExitStack() as opened:
            log = opened.enter_context(untouched_log(home) if replaying else opened_log(home))
            if not replaying:
                opened.enter_context(lapses_noted(home, log))
            store = opened.enter_context(Store(log, home.projections, build=builder(home, children.begun)))
            opened.enter_context(closing(children))
            _read_ahead(store)
            yield store, feed_of(log, store, home, children)
    finally:
        gc.enable()


def show(home: Home, first: "Callable[[Store, Feed], Dashboard]", *, replaying: bool = False) -> None:
    """Show what `first` makes until it is left; where another log took the place of the one shown, go on with that."""
    make = first
    while True:
        with fed(home, replaying=replaying) as (store, feed):
            app = make(store, feed)
            app.run()
        if not app.replaced:
            return
        make = partial(_anew, app)


def _anew(before: "Dashboard", store: "Store", feed: "Feed") -> "Dashboard":
    store.catch_up()
    known = store.query("SELECT session FROM sessions WHERE session = ?", (before.session or "",)).rows
    return before.anew(feed, before.session if known else None)


def settled() -> None:
    """All screens are made: let the collector begin, and leave out what is there now.

    It would look at all of that each time, which holds up keys and answers for a tenth of a second. What comes later it
    looks through a little at a time, for the same reason.
    """
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, 4, 50)
    gc.enable()
    sys.setswitchinterval(SWITCH_SECONDS)


def _read_ahead(store: "Store") -> None:
    """Let the store catch up while the screens are being loaded; what is wrong, whoever follows the log will tell."""

    def read() -> None:
        with suppress(OrchestrionError, OSError):
            store.catch_up()

    Thread(target=read, name="reader", daemon=True).start()


class Children:
    """The processes that answer for the dashboard; none outlives it, and nobody waits for one."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._living: list[Popen[Any]] = []
        self._left = False

    def begun(self, child: "Popen[Any]") -> None:
        """`child` is one of them."""
        with self._lock:
            self._living = [*(one for one in self._living if one.poll() is None), child]
            if self._left:
                child.kill()

    def close(self) -> None:
        """Kill those that there are, and those that may still come."""
        with self._lock:
            self._left = True
            for child in self._living:
                child.kill()


class Another:
    """Whether another log stands where `log` was: one that can be opened, and that nobody is still putting there."""

    def __init__(self, log: "Log", home: Home) -> None:
        self._log, self._home = log, home
        self._seen: list[tuple[str, int, int]] = []

    def __call__(self) -> bool:
        """Asked now and then; true at the second time at the earliest, when its files are as they were at the first."""
        seen, self._seen = self._seen, self._files()
        return bool(seen) and seen == self._seen and not self._is_back() and self._opens()

    def _files(self) -> list[tuple[str, int, int]]:
        try:
            states = [(path.name, path.stat()) for path in self._home.path.glob(f"{self._home.log.name}*")]
        except OSError:
            return []
        return sorted((name, state.st_size, state.st_mtime_ns) for name, state in states)

    def _is_back(self) -> bool:
        try:
            self._log.head()
        except (OrchestrionError, OSError):
            return False
        return True

    def _opens(self) -> bool:
        from orchestrion.eventstore import open_log

        try:
            open_log(self._home.path, create=False).close()
        except (OrchestrionError, OSError):
            return False
        return True


def feed_of(log: "Log", store: "Store", home: Home, children: Children | None = None) -> "Feed":
    """The feed over an open log and its store; `children` is told of the processes that answer."""
    from orchestrion.cli import spool
    from orchestrion.tui.feed import Feed

    begun = (children or Children()).begun

    def asked(sql: str, at: int | None) -> "Table":
        from orchestrion.projections import ask
        from orchestrion.projections.saved import defaults

        build = builder(home, begun)
        return ask(log, home.projections, sql, at=at, params=defaults(sql), build=build, begun=begun)

    def schema() -> "Sequence[View]":
        from orchestrion.projections import VIEWS

        return VIEWS

    def house() -> dict[str, object]:
        return {
            "position": log.head(),
            "home": str(home.path),
            "size of the log": f"{sum(p.stat().st_size for p in home.path.glob(f'{home.log.name}*')):,} bytes",
            "spooled files": spool.left(home.path),
        }

    another = Another(log, home)
    return Feed(store, asked, log.verify, house, log.blob, schema, home.path / QUERIES_NAME, another)
