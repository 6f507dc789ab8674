"""What the log knows of one session: its facts in order, whole, and where the next of each stream stands."""

from collections.abc import Iterable
from dataclasses import dataclass

from orchestrion.domain import lease as leases
from orchestrion.domain.bodies import whole
from orchestrion.domain.deciding import replay
from orchestrion.domain.errors import NotFound, Refused
from orchestrion.domain.events import CancelRequested, Event, PlanMade, SessionEnded, SessionStarted
from orchestrion.domain.ports import Log
from orchestrion.domain.record import Record
from orchestrion.domain.streams import OURS


@dataclass(frozen=True)
class Past:
    """The records of `session`, oldest first."""

    session: str
    records: tuple[Record, ...] = ()

    @property
    def events(self) -> list[Event]:
        """The facts alone."""
        return [record.event for record in self.records]

    @property
    def start(self) -> SessionStarted:
        """How it began."""
        return next(event for event in self.events if isinstance(event, SessionStarted))

    @property
    def end(self) -> SessionEnded | None:
        """How it ended, if it has."""
        return next((event for event in self.events if isinstance(event, SessionEnded)), None)

    @property
    def plan(self) -> PlanMade | None:
        """Who was to do what."""
        return next((event for event in self.events if isinstance(event, PlanMade)), None)

    @property
    def cancelled(self) -> CancelRequested | None:
        """Who asked for its end, if somebody did."""
        return next((event for event in self.events if isinstance(event, CancelRequested)), None)

    @property
    def lease(self) -> leases.Lease:
        """Who holds it."""
        return replay(leases.evolve, leases.Lease(), (e for e in self.events if e.kind.startswith("lease.")))


def recall(log: Log, session: str) -> Past:
    """The past of a session of ours. Raises NotFound, and Refused for one that was only imported."""
    began = log.read_stream(f"session-{session}")
    if not began:
        raise NotFound(f"there is no session {session!r} in the log; `orchestrion sessions` lists them")
    if began[0].event.source not in OURS:
        raise Refused(
            f"session {session} was recorded elsewhere; only sessions that ran here can be resumed or cancelled"
        )
    return Past(session, tuple(_of(session, log, log.read(after=began[0].position - 1))))


def _of(session: str, log: Log, records: Iterable[object]) -> Iterable[Record]:
    for record in records:
        if isinstance(record, Record) and record.event.session == session:
            event = whole(record.event, log.blob)
            yield Record(record.position, record.stream, record.version, record.recorded_at, event)
