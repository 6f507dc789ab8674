"""Gives the dashboard what it shows: the open views, the people's SQL, and the house's own facts."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from orchestrion.cli.wiring import Home, builder, opened_log

if TYPE_CHECKING:
    from orchestrion.domain.ports import Log
    from orchestrion.projections import Store
    from orchestrion.tui.feed import Feed

QUERIES_NAME = "queries.json"
DUMB = frozenset({"", "dumb", "unknown"})


def fits_a_dashboard(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether there is a terminal that can be drawn on, or (TEXTUAL_DRIVER) a browser that plays one."""
    if environ.get("TEXTUAL_DRIVER"):
        return True
    return sys.stdin.isatty() and sys.stdout.isatty() and environ.get("TERM", "") not in DUMB


@contextmanager
def fed(home: Home) -> "Iterator[tuple[Store, Feed]]":
    """The store, and what the dashboard looks at; it catches up by itself, so the screen stands before all is read."""
    from orchestrion.projections import Store

    with opened_log(home) as log, Store(log, home.projections, build=builder(home)) as store:
        yield store, feed_of(log, store, home)


def feed_of(log: "Log", store: "Store", home: Home) -> "Feed":
    """The feed over an open log and its store."""
    from orchestrion.cli import spool
    from orchestrion.projections import VIEWS, Table, ask
    from orchestrion.projections.saved import defaults
    from orchestrion.tui.feed import Feed

    def asked(sql: str, at: int | None) -> Table:
        return ask(log, home.projections, sql, at=at, params=defaults(sql))

    def house() -> dict[str, object]:
        return {
            "position": log.head(),
            "home": str(home.path),
            "size of the log": f"{sum(p.stat().st_size for p in home.path.glob(f'{home.log.name}*')):,} bytes",
            "spooled files": spool.left(home.path),
        }

    return Feed(store, asked, log.verify, house, VIEWS, home.path / QUERIES_NAME)
