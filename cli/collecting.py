"""Collects for the command line: rounds of looking at session files and the spool, until somebody stops it."""

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrion.cli import spool
from orchestrion.cli.receiving import receiving
from orchestrion.cli.show import say
from orchestrion.cli.wiring import Home, written_log
from orchestrion.domain.errors import LogUnavailable, NotFound

if TYPE_CHECKING:
    from orchestrion.domain.ports import Log
    from orchestrion.ingest.watch import Watch

MEMORY_NAME = "watch.json"
LOCKED_SECONDS = 5.0
"""How long to wait when the log cannot be written."""


def collected(
    home: Home, places: Sequence[tuple[str, Path]], *, go_on: bool, listen: bool = False, port: int | None = None
) -> None:
    """Look at the folders of `places` (none: the usual ones), once or until stopped; then also `listen` on `port`.

    Raises NotFound, and CannotRun for a port that was asked for and cannot be had.
    """
    from orchestrion.ingest import FORMATS
    from orchestrion.ingest.watch import Watch, usual_places

    for name, folder in places:
        if name not in FORMATS:
            raise NotFound(f"there is no format {name!r}; there are {', '.join(sorted(FORMATS))}")
        if not folder.is_dir():
            raise NotFound(f"{folder} is no folder; give a folder of sessions")
    places = [(name, folder.expanduser().absolute()) for name, folder in places or usual_places()]
    with written_log(home) as (log, redactor):
        watch = Watch(log, redactor, places, home.path / MEMORY_NAME)
        if not go_on:
            _told(watch.look(rest_seconds=0).appended)
            return
        for name, folder in places:
            if not folder.is_dir():
                continue  # it is looked for all the same: the agent may be used for the first time
            say(f"Watching {folder} ({name}) and the spool of hooks; Ctrl-C stops.")
        with _stoppable(), receiving(home, redactor, port) if listen else nullcontext():
            _rounds(home, log, watch)


def _rounds(home: Home, log: "Log", watch: "Watch") -> None:
    from orchestrion.ingest.watch import ROUND_SECONDS

    while True:
        try:
            spool.bring_in(home.path, log)
            _told(watch.look().appended)
        except LogUnavailable as error:
            say(f"{error} (trying again)")
            time.sleep(LOCKED_SECONDS)
        time.sleep(ROUND_SECONDS)


def _told(appended: int) -> None:
    if appended:
        say(f"{appended} events")


@contextmanager
def _stoppable() -> Iterator[None]:
    """Ctrl-C and a polite kill end what is inside, and that is how it ends: all that was appended is in the log."""

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        say("Stopped; what was appended is in the log, and the next start goes on from there.")
    finally:
        signal.signal(signal.SIGTERM, before)
