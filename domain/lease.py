"""The rules of a session's lease: one conductor at a time, and a dead one's place may be taken."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from orchestrion.domain import events as e
from orchestrion.domain.errors import RuleBroken


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds a session, and until when if nothing more is heard of it."""

    holder: str | None = None
    pid: int = 0
    born: str = ""
    host: str = ""
    seconds: int = 0
    until: datetime | None = None
    version: int = 0
    """How many facts led here."""
    lapsed: bool = False
    """Whether it was found to be over."""


@dataclass(frozen=True, slots=True)
class Take:
    """Hold the session. `alive` is what is known of the present holder's process: None if nothing can be."""

    session: str
    holder: str
    pid: int
    born: str
    host: str
    seconds: int
    alive: bool | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Renew:
    """Say that the holder lives."""

    session: str
    holder: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Lapse:
    """Somebody looks whether it is over. `alive` as in `Take`."""

    session: str
    alive: bool | None
    at: datetime


Command = Take | Renew | Lapse


def evolve(lease: Lease, event: e.Event) -> Lease:
    """The lease after `event`."""
    lease = replace(lease, version=lease.version + 1)
    match event:
        case e.LeaseTaken(happened_at=at, lease_seconds=seconds):
            until = at + timedelta(seconds=seconds) if at else None
            return Lease(event.holder, event.pid, event.born, event.host, seconds, until, lease.version)
        case e.LeaseRenewed(happened_at=at):
            return replace(lease, until=at + timedelta(seconds=lease.seconds) if at else None, lapsed=False)
        case e.LeaseLapsed():
            return replace(lease, lapsed=True)
        case _:
            return lease


def decide(lease: Lease, command: Command) -> Iterator[e.Event]:
    """What follows from `command`. Raises RuleBroken."""
    match command:
        case Take():
            _refuse_while_held(lease, command)
            yield e.LeaseTaken(
                source="conductor",
                happened_at=command.at,
                session=command.session,
                holder=command.holder,
                pid=command.pid,
                born=command.born,
                host=command.host,
                lease_seconds=command.seconds,
            )
        case Renew(at=at):
            if lease.holder != command.holder:
                raise RuleBroken(f"session {command.session} was taken over by another conductor")
            yield e.LeaseRenewed(source="conductor", happened_at=at, session=command.session, holder=command.holder)
        case Lapse(at=at):
            over = lease.until is not None and at >= lease.until
            if lease.holder is not None and over and not command.alive and not lease.lapsed:
                yield e.LeaseLapsed(source="conductor", happened_at=at, session=command.session, holder=lease.holder)


def _refuse_while_held(lease: Lease, command: Take) -> None:
    if lease.holder is None or command.alive is False:
        return
    who = f"session {command.session} is conducted by process {lease.pid} on {lease.host}"
    if command.alive:
        raise RuleBroken(f"{who}; let it end, or stop it with: orchestrion cancel {command.session}")
    if lease.until is not None and command.at < lease.until:
        raise RuleBroken(f"{who}, which may be alive; its lease ends at {lease.until:%Y-%m-%d %H:%M:%S} UTC")
