"""Drains the spool into the log: in order of arrival, each payload once, a file removed only when its facts stand."""

from dataclasses import dataclass, replace
from hashlib import sha256
from json import dumps
from pathlib import Path
from typing import Any

from orchestrion.domain import events as e
from orchestrion.domain.ports import Log
from orchestrion.domain.record import Fact
from orchestrion.domain.streams import witnessed
from orchestrion.ingest.hooks.facts import facts_of
from orchestrion.ingest.hooks.known import Known, standing
from orchestrion.ingest.hooks.payload import Payload, read
from orchestrion.ingest.hooks.spool import MAX_BYTES, Arrival, arrivals, put_aside

BATCH_FILES = 256
BATCH_BYTES = 8 * 2**20


@dataclass(frozen=True, slots=True)
class Drained:
    """What became of the spool: payloads taken; facts appended, facts that stood already, facts whose place was taken
    by other content (kept as incidents `conflict:<kind>`); files that are no payload (moved to `spool/bad`)."""

    payloads: int = 0
    events: int = 0
    duplicates: int = 0
    conflicts: int = 0
    bad: int = 0

    def __add__(self, other: "Drained") -> "Drained":
        return Drained(
            self.payloads + other.payloads,
            self.events + other.events,
            self.duplicates + other.duplicates,
            self.conflicts + other.conflicts,
            self.bad + other.bad,
        )


def drain(log: Log, spool: Path) -> Drained:
    """Bring every payload in the folder `spool` into `log`. Safe to run in several processes, and to be killed.

    The files hold what the agent sent, as it came; redaction happens at the log's door. Raises LogUnavailable, with
    what was not drained still in the spool.
    """
    total, waiting = Drained(), arrivals(spool)
    while waiting:
        batch, waiting = _batch(waiting)
        total += _drained(log, batch)
        waiting = waiting or arrivals(spool, batch[-1].path.name)
    return total


def _batch(waiting: list[Arrival]) -> tuple[list[Arrival], list[Arrival]]:
    """The first files of `waiting` that make one transaction, and the rest."""
    size, files = 0, 0
    for arrival in waiting[:BATCH_FILES]:
        size, files = size + arrival.bytes, files + 1
        if size > BATCH_BYTES:
            break
    return waiting[:files], waiting[files:]


def _drained(log: Log, batch: list[Arrival]) -> Drained:
    known, facts = Known(log), list[Fact]()
    taken, bad = list[Arrival](), 0
    for arrival in batch:
        try:
            payload = _payload(arrival)
        except FileNotFoundError:
            continue  # another drainer was faster
        if payload is None:
            put_aside(arrival)
            bad += 1
            continue
        found = facts_of(payload, known)
        known.add(found)
        facts += found
        taken.append(arrival)
    counts = _observed(log, facts)
    for arrival in taken:
        arrival.path.unlink(missing_ok=True)
    return counts + Drained(payloads=len(taken), bad=bad)


def _payload(arrival: Arrival) -> Payload | None:
    """What the file holds; None if it is no payload. Raises FileNotFoundError."""
    if arrival.at is None or arrival.bytes > MAX_BYTES:
        return None
    try:
        fields = read(arrival.path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError:
        return None
    return None if fields is None else Payload(fields, arrival.at, arrival.name)


def _observed(log: Log, facts: list[Fact]) -> Drained:
    """Append `facts`, then settle those whose place was taken."""
    appended = log.observe(facts)
    counts = Drained(events=len(appended.positions), duplicates=appended.duplicates)
    for fact in appended.conflicts:
        counts += _settled(log, fact)
    return counts


def _settled(log: Log, fact: Fact) -> Drained:
    """A fact whose place is taken: the same again at another time is a duplicate; anything else is kept beside it.

    Hooks carry no time, so a payload that is sent twice differs in its arrival alone. The log decides what is equal.
    """
    stands = standing(log, fact.stream).get(fact.version)
    if stands is not None:
        again = fact.event.model_copy(update={"happened_at": stands.happened_at})
        if not log.observe([replace(fact, event=again)]).conflicts:
            return Drained(duplicates=1)
    appended = log.observe([witnessed(_conflict(fact))])
    return Drained(events=len(appended.positions), conflicts=1)


def _conflict(fact: Fact) -> e.IncidentObserved:
    """What could not stand at its place, whole, under an identity of its own content."""
    told = {name: value for name, value in fact.event if value not in (None, (), {})}
    name = sha256(f"{fact.stream}@{fact.version} {fact.event.happened_at} {_text(told)}".encode()).hexdigest()[:16]
    return e.IncidentObserved(
        source="hook",
        happened_at=fact.event.happened_at,
        session=fact.event.session,
        run=fact.event.run,
        agent=fact.event.agent,
        incident=f"hook-conflict-{name}",
        type=f"conflict:{fact.event.kind}",
        detail={"place": f"{fact.stream}@{fact.version}", "event": told},
    )


def _text(told: dict[str, Any]) -> str:
    """`told` as a text that differs where it does; nothing where it is nested too deeply for one."""
    try:
        return dumps(told, default=str)
    except (RecursionError, ValueError):
        return ""
