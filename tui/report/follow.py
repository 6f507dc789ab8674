"""Writes a report live: the file is replaced whole whenever the session has moved on, never seen half written."""

import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from orchestrion.domain.errors import Refused
from orchestrion.tui.report.build import build
from orchestrion.tui.report.gather import Views
from orchestrion.tui.report.model import Report
from orchestrion.tui.work import OPEN

WAIT_SECONDS = 0.25
RESTED = timedelta(hours=1)
"""A session that was imported and has not gone on for so long is not waited for."""


class Followed(Views, Protocol):
    """What following needs of `projections.Store` beyond asking."""

    def follow(self, seconds: float) -> bool: ...


def follow(
    store: Followed,
    session: str,
    path: Path,
    render: Callable[[Report], str],
    *,
    going: Callable[[], bool] = lambda: True,
    written: Callable[[Report], object] | None = None,
) -> Report:
    """Keep `path` what `render` makes of the session, until the session has ended or `going` says no.

    Nothing of the clock goes into a report, so what stands in the file at the end is what a later report says, byte
    for byte. Raises NotFound for an unknown session, Refused if the file cannot be written.
    """
    report = build(store, session)
    replace(path, render(report))
    if written:
        written(report)
    while not _over(report) and going():
        if not store.follow(WAIT_SECONDS):
            continue
        newer = build(store, session)
        if newer.last == report.last:
            continue
        report = newer
        replace(path, render(report))
        if written:
            written(report)
    return report


def _over(report: Report) -> bool:
    """Whether nothing is to be expected any more: it has ended, its conductor is dead, or it is somebody else's (whose
    end nobody tells) and has rested for long.
    """
    status, last = report.header["status"].value, report.header["ended_at"].value
    rested = last is not None and datetime.now(UTC).replace(tzinfo=None) - last > RESTED
    return report.ended or status == "lost" or (status not in OPEN and rested)


def replace(path: Path, text: str) -> None:
    """Put `text` (UTF-8) in the place of `path` in one step. Raises Refused, naming the path."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode("utf-8", "backslashreplace"))
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise Refused(f"the report cannot be written to {path}: {error.strerror}") from error
