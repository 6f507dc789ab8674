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
    """One event, encoded. `stored` is the library's record of it; `bodies` are the blobs it names, by hash."""

    stored: StoredEvent
    bodies: Mapping[str, bytes] = {}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the entries of one transaction; `conflicts` are indexes into them."""

    positions: Sequence[int] = ()
    duplicates: int = 0
    conflicts: Sequence[int] = field(default=())
