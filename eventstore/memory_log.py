"""The log in memory, on the library's own recorder of that kind: for tests."""

import os
import threading
import uuid
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from eventsourcing.persistence import StoredEvent
from eventsourcing.popo import POPOApplicationRecorder

from orchestrion.domain.errors import LogDamaged, NotFound
from orchestrion.domain.ports import Redactor
from orchestrion.eventstore import clock
from orchestrion.eventstore.chain import chained, genesis
from orchestrion.eventstore.checkpoint import Seal
from orchestrion.eventstore.entry import ChainedRow, Entry, Outcome, Row, entry_of
from orchestrion.eventstore.log import RecordedLog
from orchestrion.eventstore.redaction import passing_redactor


class MemoryRecorder(POPOApplicationRecorder):
    """The library's in-memory recorder with rows, chain and blobs beside it."""

    def __init__(self, now: clock.Clock) -> None:
        super().__init__()
        self.identity = uuid.uuid4().hex
        self.grown = threading.Condition(self._database_lock)
        self._now = now
        self._rows: list[ChainedRow] = []
        self._blobs: dict[str, bytes] = {}

    def _update_table(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        last = self._rows[-1] if self._rows else (0, "", 0, "", "", b"", genesis(self.identity))
        self._rows += chained(last[6], last[0], clock.after(last[4], self._now()), map(entry_of, stored_events))
        positions = super()._update_table(stored_events, **kwargs)
        self.grown.notify_all()
        return positions

    def record(
        self, entries: Sequence[Entry], blobs: Mapping[str, bytes], *, expect: tuple[str, int] | None = None
    ) -> Outcome:
        """Keep what is new of `entries`, and `blobs`; with `expect` nothing at all if a place is taken."""
        with self._database_lock:
            fresh: dict[tuple[str, int], Entry] = {}
            duplicates, conflicts = 0, []
            for index, entry in enumerate(entries):
                place = (entry.stream, entry.version)
                standing = fresh[place].state if place in fresh else self._state(*place)
                if standing is None:
                    fresh[place] = entry
                elif standing == entry.state:
                    duplicates += 1
                else:
                    conflicts.append(index)
            if expect is not None and (conflicts or (expect[1] and self._state(*expect) is None)):
                return Outcome((), duplicates, conflicts or [0])
            positions = self.insert_events([entry.stored for entry in fresh.values()]) or ()
            for entry in fresh.values():
                self._blobs.update(entry.bodies)
            self._blobs.update(blobs)
            return Outcome(positions, duplicates, conflicts)

    def _state(self, stream: str, version: int) -> bytes | None:
        found = self._stored_events_index[stream].get(version)
        return None if found is None else self._stored_events[found].state

    def rows(self, after: int, upto: int | None, limit: int) -> list[Row]:
        """Rows beyond `after`, in order of position."""
        last = after + limit if upto is None else min(upto, after + limit)
        with self._database_lock:
            return [row[:6] for row in self._rows[after:last]]

    def chained_rows(self, after: int, limit: int) -> list[ChainedRow]:
        """Rows beyond `after` with their chain hashes, in order of position."""
        with self._database_lock:
            return self._rows[after : after + limit]

    def rows_of(self, stream: str) -> list[Row]:
        """All rows of one stream, by version."""
        with self._database_lock:
            index = self._stored_events_index[stream]
            return [self._rows[index[version]][:6] for version in sorted(index)]

    def streams(self, prefix: str) -> list[str]:
        """Names of the streams that begin with `prefix`, sorted."""
        with self._database_lock:
            return sorted(
                name for name, index in self._stored_events_index.items() if index and name.startswith(prefix)
            )

    def head(self) -> int:
        """The last position; 0 if there is none."""
        return len(self._rows)

    def last_ever(self) -> int:
        """As `head`: nothing is ever taken away here."""
        return len(self._rows)

    def blob(self, name: str) -> bytes:
        """The content of a blob. Raises NotFound, and LogDamaged if it is not what its hash says."""
        with self._database_lock:
            content = self._blobs.get(name)
        if content is None:
            raise NotFound(f"there is no blob {name} in the log in memory")
        if sha256(content).hexdigest() != name:
            raise LogDamaged(f"blob {name} in the log in memory is damaged")
        return content

    def has_blob(self, name: str) -> bool:
        """Whether a blob stands under that hash."""
        return name in self._blobs

    def blob_names(self, after: str, limit: int) -> list[str]:
        """Hashes beyond `after`, sorted."""
        with self._database_lock:
            names = sorted(self._blobs)
        first = bisect_right(names, after)
        return names[first : first + limit]

    def seal(self) -> Seal:
        """Where the log stands: in memory there is no outside."""
        with self._database_lock:
            last = self._rows[-1] if self._rows else (0, "", 0, "", "", b"", genesis(self.identity))
        return Seal(self.identity, last[0], last[6].hex())

    def close(self) -> None:
        """Nothing to let go of."""


class _Growth:
    """Wakes readers of the recorder's own process; there are no others."""

    def __init__(self, recorder: MemoryRecorder) -> None:
        self._recorder = recorder

    def wait(self, after: int, seconds: float) -> bool:
        """Whether the log is beyond `after`, waiting for it up to `seconds`."""
        with self._recorder.grown:
            return self._recorder.grown.wait_for(lambda: self._recorder.head() > after, seconds)

    def close(self) -> None:
        """Nothing to let go of."""


class MemoryLog(RecordedLog):
    """`ports.Log` in memory, with the same door, chain and answers as the one on disk.

    `redactor` None redacts with a key that is kept nowhere.
    """

    def __init__(self, redactor: Redactor | None = None, *, now: clock.Clock = clock.utc_now) -> None:
        recorder = MemoryRecorder(now)
        super().__init__(recorder, _Growth(recorder), redactor or passing_redactor(os.environ))
