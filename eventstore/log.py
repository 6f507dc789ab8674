"""The log as the rooms know it: the port `Log`, over a recorder that keeps rows and blobs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from hashlib import sha256
from types import TracebackType
from typing import Protocol, Self

import orjson

from orchestrion.domain.codec import decode
from orchestrion.domain.errors import Conflict, UnreadableEvent
from orchestrion.domain.events import Event
from orchestrion.domain.ports import Bulk, Redactor, Verification
from orchestrion.domain.record import Appended, DeadLetter, Fact, Record
from orchestrion.eventstore.checkpoint import Seal
from orchestrion.eventstore.door import Door
from orchestrion.eventstore.entry import ChainedRow, Entry, Outcome, Row
from orchestrion.eventstore.verifying import verify

PAGE_ROWS = 1000
"""How many rows a reader holds at once."""


class LogRecorder(Protocol):
    """What keeps the rows: the SQLite recorder, the one in memory, later PostgreSQL's."""

    identity: str

    def record(
        self, entries: Sequence[Entry], blobs: Mapping[str, bytes], *, expect: tuple[str, int] | None = None
    ) -> Outcome: ...
    def rows(self, after: int, upto: int | None, limit: int) -> list[Row]: ...
    def chained_rows(self, after: int, limit: int) -> list[ChainedRow]: ...
    def rows_of(self, stream: str) -> list[Row]: ...
    def streams(self, prefix: str) -> list[str]: ...
    def head(self) -> int: ...
    def last_ever(self) -> int: ...
    def blob(self, name: str) -> bytes: ...
    def has_blob(self, name: str) -> bool: ...
    def blob_names(self, after: str, limit: int) -> list[str]: ...
    def seal(self) -> Seal | None: ...
    def close(self) -> None: ...


class Waiting(Protocol):
    """What wakes a reader when the log goes on."""

    def wait(self, after: int, seconds: float) -> bool: ...
    def close(self) -> None: ...


class RecordedLog:
    """`ports.Log` over a recorder; a context manager. Safe to use from several threads."""

    def __init__(self, recorder: LogRecorder, waiting: Waiting, redactor: Redactor | None) -> None:
        self._recorder = recorder
        self._waiting = waiting
        self._door = Door(redactor)

    @property
    def identity(self) -> str:
        """A random name given to the log when it was made."""
        return self._recorder.identity

    def append(self, stream: str, events: Sequence[Event], *, expect: int) -> Appended:
        """Append a decider's `events` to `stream` as versions `expect + 1` and on, in one transaction.

        `expect` is the version the decision was made on, 0 for a new stream; it must be there. The same events at the
        same place are answered as duplicates. Raises Conflict if others stand there.
        """
        facts = [Fact(stream, version, event) for version, event in enumerate(events, expect + 1)]
        entries = [self._door.entry(fact) for fact in facts]
        outcome = self._recorder.record(entries, {}, expect=(stream, expect))
        if outcome.conflicts:
            place = f"{stream}@{facts[outcome.conflicts[0]].version}" if facts else f"{stream}@{expect}"
            raise Conflict(
                f"{place} is taken by something else, or {stream} does not reach version {expect}; read the stream "
                "again and decide anew"
            )
        return Appended(tuple(outcome.positions), outcome.duplicates)

    def observe(self, facts: Sequence[Fact], *, blobs: Sequence[bytes] = (), clean: bool = False) -> Appended:
        """Append witnessed `facts` (and `blobs`) in one transaction; what stands already is counted, never doubled.

        `clean` says that every string went through this log's own `redactor` and came from strict JSON. Blobs are
        stored as given: their maker has redacted them.
        """
        if not facts and not blobs:
            return Appended()
        entries = [self._door.entry(fact, clean=clean) for fact in facts]
        names = tuple(sha256(blob).hexdigest() for blob in blobs)
        outcome = self._recorder.record(entries, dict(zip(names, blobs, strict=True)))
        conflicts = tuple(facts[index] for index in outcome.conflicts)
        return Appended(tuple(outcome.positions), outcome.duplicates, conflicts, names)

    def bulk(self, size: int) -> AbstractContextManager[Bulk]:  # noqa: ARG002 - the port's signature
        """What appends about `size` bytes of facts and blobs while more of them are being made."""
        from orchestrion.eventstore.bulk import Threaded  # noqa: PLC0415 - only who brings much needs it

        return Threaded(self._door, self._recorder)

    def read(self, *, after: int = 0, upto: int | None = None) -> Iterator[Record | DeadLetter]:
        """The log from position `after` (excluded) to `upto` (included), in order.

        A field named in an event's `bodies` holds its preview; `domain.bodies.whole` fetches the rest.
        """
        while page := self._recorder.rows(after, upto, PAGE_ROWS):
            for row in page:
                yield record_of(row)
            after = page[-1][0]

    def read_stream(self, stream: str) -> list[Record]:
        """All records of one stream by version. Raises UnreadableEvent."""
        records = []
        for row in self._recorder.rows_of(stream):
            record = record_of(row)
            if isinstance(record, DeadLetter):
                raise UnreadableEvent(f"{stream}@{record.version} at position {record.position}: {record.reason}")
            records.append(record)
        return records

    def streams(self, prefix: str) -> list[str]:
        """Names of the streams that begin with `prefix`, sorted."""
        return self._recorder.streams(prefix)

    def rows(self, *, after: int, limit: int) -> list[Row]:
        """Undecoded rows for the projections: (position, stream, version, kind, recorded_at as ISO UTC, state)."""
        return self._recorder.rows(after, None, limit)

    def head(self) -> int:
        """The last position; 0 for an empty log."""
        return self._recorder.head()

    def wait(self, after: int, seconds: float) -> bool:
        """Wait until the log goes beyond `after`, or `seconds` have gone; True if it did. Wakes within ms."""
        return self._waiting.wait(after, seconds)

    def blob(self, name: str) -> bytes:
        """The whole of a blob by its hash: of a text field its UTF-8, of any other its JSON. Raises NotFound."""
        return self._recorder.blob(name)

    def verify(self) -> Verification:
        """Recompute the chain and every blob's hash, and compare with the checkpoint outside."""
        return verify(self._recorder)

    def close(self) -> None:
        """Let go of the file."""
        self._waiting.close()
        self._recorder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def record_of(row: Row) -> Record | DeadLetter:
    """A stored row as its event, or as a dead letter that says why it cannot be read."""
    position, stream, version, kind, recorded_at, state = row
    try:
        fields = orjson.loads(state)
        if not isinstance(fields, dict):
            raise UnreadableEvent("its state is no JSON object")
        return Record(position, stream, version, datetime.fromisoformat(recorded_at), decode(kind, fields))
    except (UnreadableEvent, ValueError) as error:
        return DeadLetter(position, stream, version, kind, str(error))
