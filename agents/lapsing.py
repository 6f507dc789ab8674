"""Notices that a conductor is gone: a lease that is over becomes a fact, so that what it left open shows as lost.

Views never look at the clock, so a log into which nobody writes would show a session as running for ever. Whoever opens
the log therefore looks at the sessions that left a working copy behind, which are few.
"""

from contextlib import suppress
from pathlib import Path

from orchestrion.agents.holding import alive
from orchestrion.agents.journal import Clock, SteadyClock
from orchestrion.domain import lease as leases
from orchestrion.domain.deciding import replay
from orchestrion.domain.errors import Conflict, LogUnavailable
from orchestrion.domain.events import SessionEnded
from orchestrion.domain.ports import Log

WORKSPACES = "workspaces"


def note_lapsed(log: Log, home: Path, clock: Clock | None = None) -> list[str]:
    """Say of every session of `home` whose lease is over, and whose conductor is not alive here, that it is; which."""
    folders = home / WORKSPACES
    names = sorted(folder.name for folder in folders.iterdir()) if folders.is_dir() else []
    return [name for name in names if _lapses(log, name, clock or SteadyClock())]


def _lapses(log: Log, session: str, clock: Clock) -> bool:
    stream = f"lease-{session}"
    records = log.read_stream(stream)
    lease = replay(leases.evolve, leases.Lease(), [record.event for record in records])
    now = clock()
    if lease.until is None or now < lease.until or lease.lapsed:
        return False
    if any(isinstance(record.event, SessionEnded) for record in log.read_stream(f"session-{session}")):
        return False
    events = list(leases.decide(lease, leases.Lapse(session, alive(lease), now)))
    with suppress(Conflict, LogUnavailable):  # somebody else said it or took the session; or the log can only be read
        if events:
            log.append(stream, events, expect=lease.version)
    return bool(events)
