"""A conductor's hold on its session: taken with the session's first facts, renewed while it lives, never shared."""

from orchestrion.agents.identity import is_alive, myself
from orchestrion.agents.journal import Clock
from orchestrion.domain import lease as leases
from orchestrion.domain.deciding import replay
from orchestrion.domain.errors import Conflict, RuleBroken
from orchestrion.domain.events import Event
from orchestrion.domain.ports import Log
from orchestrion.domain.streams import new_id

LEASE_SECONDS = 60
"""So long after its last sign of life a conductor on another machine is taken for dead."""
RENEW_SECONDS = 20.0

_here: set[str] = set()
"""Holders at work in this process, for one process may conduct many sessions, one after the other or at once."""


class Holding:
    """One conductor's lease of `session`."""

    def __init__(self, log: Log, session: str, clock: Clock) -> None:
        self._log, self._session, self._now = log, session, clock
        self._holder, self._lease = new_id("hld"), leases.Lease()

    def first(self) -> list[Event]:
        """The fact that begins the lease of a session nobody ever held; to be appended with the session's own."""
        events = list(leases.decide(self._lease, self._take(None)))
        self._took(events)
        return events

    def take(self, lease: leases.Lease) -> None:
        """Take the place of a dead conductor. Raises RuleBroken if it lives, or another was quicker."""
        events = list(leases.decide(lease, self._take(alive(lease))))
        try:
            self._log.append(f"lease-{self._session}", events, expect=lease.version)
        except Conflict:
            raise RuleBroken(f"another conductor has just taken session {self._session}") from None
        self._lease = lease
        self._took(events)

    def renew(self) -> None:
        """Say that we live. Raises Conflict if another conductor has the session now."""
        events = list(leases.decide(self._lease, leases.Renew(self._session, self._holder, self._now())))
        self._log.append(f"lease-{self._session}", events, expect=self._lease.version)
        self._lease = replay(leases.evolve, self._lease, events)

    def forget(self) -> None:
        """This process conducts the session no more, whether it could say so or not."""
        _here.discard(self._holder)

    def _take(self, lives: bool | None) -> leases.Take:
        pid, birth, machine = myself()
        return leases.Take(self._session, self._holder, pid, birth, machine, LEASE_SECONDS, lives, self._now())

    def _took(self, events: list[Event]) -> None:
        self._lease = replay(leases.evolve, self._lease, events)
        _here.add(self._holder)


def alive(lease: leases.Lease) -> bool | None:
    """Whether the conductor that holds `lease` lives; None if it is on another machine and cannot be asked."""
    if lease.holder is None:
        return False
    if (lease.pid, lease.born, lease.host) == myself():
        return lease.holder in _here
    return is_alive(lease.pid, lease.born, lease.host)
