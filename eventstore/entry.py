"""What passes between the door and the recorders: encoded events, and what became of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from eventsourcing.persistence import StoredEvent

Row = tuple[int, str, int, str, str, bytes]
"""(position, stream, version, kind, recorded_at as ISO 8601 UTC with Z, state)."""

ChainedRow = tuple[int, str, int, str, str, bytes, bytes]
"""A `Row` and its chain hash (32 bytes)."""


class Entry(NamedTuple):
    """One event, encoded, and the place it claims; `bodies` are the blobs it names, by hash."""

    stream: str
    version: int
    kind: str
    state: bytes
    bodies: Mapping[str, bytes] = {}

    @property
    def stored(self) -> StoredEvent:
        """The library's record of it."""
        return StoredEvent(self.stream, self.version, self.kind, self.state)


def entry_of(stored: StoredEvent) -> Entry:
    """The entry that says what the library's record says."""
    return Entry(str(stored.originator_id), stored.originator_version, stored.topic, stored.state)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the entries of one transaction; `conflicts` are indexes into them."""

    positions: Sequence[int] = ()
    duplicates: int = 0
    conflicts: Sequence[int] = field(default=())
