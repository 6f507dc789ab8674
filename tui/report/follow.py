"""Follows a session by its report, which is made anew whenever the session has moved on."""

from collections.abc import Callable
from typing import Protocol

from orchestrion.tui.report.build import build
from orchestrion.tui.report.gather import Views
from orchestrion.tui.report.model import Report
from orchestrion.tui.work import over

WAIT_SECONDS = 0.25


class Followed(Views, Protocol):
    """What following needs of `projections.Store` beyond asking."""

    def follow(self, seconds: float) -> bool: ...


def follow(
    store: Followed, session: str, keep: Callable[[Report], object], *, going: Callable[[], bool] = lambda: True
) -> Report:
    """Give `keep` the session's report, and a newer one whenever it has moved on, until it is over or `going` says no.

    Nothing of the clock goes into a report, so the last that is kept is what a later report says, byte for byte. Raises
    NotFound for an unknown session.
    """
    report = build(store, session)
    keep(report)
    while not _over(report) and going():
        if not store.follow(WAIT_SECONDS):
            continue
        newer = build(store, session)
        if newer.last != report.last:
            report = newer
            keep(report)
    return report


def _over(report: Report) -> bool:
    return report.ended or over(report.header["status"].value, report.header["ended_at"].value)
