"""Stops a session from outside its conductor: asks by a fact, and sees to it when nobody is there to hear."""

import time
from dataclasses import dataclass
from pathlib import Path

from orchestrion.agents.closing import close
from orchestrion.agents.holding import Holding, alive
from orchestrion.agents.journal import Clock, Journal, SteadyClock
from orchestrion.agents.orphans import end_orphans
from orchestrion.agents.past import Past, recall
from orchestrion.agents.watching import cancellation, why
from orchestrion.agents.workspace import reopened
from orchestrion.domain.errors import Conflict, OrchestrionError, RuleBroken
from orchestrion.domain.events import CancelRequested, SessionEnded
from orchestrion.domain.ports import Log

PATIENCE_SECONDS = 1.5
"""A conductor that has not ended its session by then has its processes ended by us."""
WAIT_SECONDS = 10.0
"""For the session's end."""


@dataclass(frozen=True)
class Cancelled:
    """How a cancelled session ended, and who saw to it."""

    session: str
    status: str
    reason: str | None
    by_conductor: bool
    processes_ended: int

    def as_json(self) -> dict[str, object]:
        """As plain values."""
        return {
            "session": self.session,
            "status": self.status,
            "reason": self.reason,
            "by_conductor": self.by_conductor,
            "processes_ended": self.processes_ended,
        }


def cancel(
    log: Log, home: Path, session: str, *, by: str, reason: str | None = None, clock: Clock | None = None
) -> Cancelled:
    """Stop `session`: every process of it is gone when this returns. Blocks for at most some seconds.

    Raises NotFound, Refused (recorded elsewhere), RuleBroken (ended already), and OrchestrionError if a conductor
    that cannot be reached, on another machine or stopped, did not end it.
    """
    now = clock or SteadyClock()
    past = recall(log, session)
    if past.end is not None:
        raise RuleBroken(f"session {session} has ended already ({past.end.status})")
    _ask(log, CancelRequested(source="user", happened_at=now(), session=session, by=by, reason=reason))
    if alive(past.lease) is False:
        return _end_ourselves(log, home, past, now)
    ended = _end_of(log, session, PATIENCE_SECONDS)
    processes = 0
    if ended is None:
        processes = len(end_orphans(session, recall(log, session).events))
        ended = _end_of(log, session, WAIT_SECONDS)
    if ended is None:
        past = recall(log, session)
        if alive(past.lease) is False:
            return _end_ourselves(log, home, past, now)
        where = f"process {past.lease.pid} on {past.lease.host}"
        raise OrchestrionError(
            f"session {session} is asked to stop and its processes here are ended, but its conductor ({where}) has not "
            "answered; look at that process"
        )
    return Cancelled(session, ended.status, ended.reason, True, processes)


def _ask(log: Log, request: CancelRequested) -> None:
    """The request becomes a fact, once: a second one is answered by the first."""
    session = request.session or ""
    if cancellation(log, session) is None:
        try:
            log.append(f"cancel-{session}", [request], expect=0)
        except Conflict:
            return  # somebody else asked in this moment


def _end_of(log: Log, session: str, seconds: float) -> SessionEnded | None:
    """How the session ended, waiting for it."""
    until = time.monotonic() + seconds
    while True:
        head = log.head()
        for record in log.read_stream(f"session-{session}"):
            if isinstance(record.event, SessionEnded):
                return record.event
        if (left := until - time.monotonic()) <= 0:
            return None
        log.wait(head, min(left, 0.5))


def _end_ourselves(log: Log, home: Path, past: Past, now: Clock) -> Cancelled:
    """Nobody conducts it: take its lease and say how everything in it ended."""
    session = past.session
    holding = Holding(log, session, now)
    holding.take(past.lease)
    try:
        past = recall(log, session)
        ended = end_orphans(session, past.events)
        asked = past.cancelled
        reason = why(asked) if asked else "cancelled"
        close(Journal(log, now, past=past), past, "cancelled", reason)
        place = reopened(Path(past.start.workspace or "."), home, session)
        if place is not None:
            place.close()
        return Cancelled(session, "cancelled", reason, False, len(ended))
    finally:
        holding.forget()
