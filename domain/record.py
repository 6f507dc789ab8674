"""An event's place in the log."""

from dataclasses import dataclass
from datetime import datetime

from orchestrion.domain.events import Event


@dataclass(frozen=True, slots=True)
class Fact:
    """An event and the place it claims: `version` counts from 1 within its stream; gaps are legal."""

    stream: str
    version: int
    event: Event


@dataclass(frozen=True, slots=True)
class Record:
    """An event as it stands in the log. `position` rises over the whole log and is never reused; gaps are legal."""

    position: int
    stream: str
    version: int
    recorded_at: datetime
    event: Event

    @property
    def place(self) -> str:
        """`stream@version`, as `cause` names an event."""
        return f"{self.stream}@{self.version}"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A stored event that this version cannot read."""

    position: int
    stream: str
    version: int
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of the facts of one transaction: new ones, ones that stood already, ones whose place was taken."""

    positions: tuple[int, ...] = ()
    duplicates: int = 0
    conflicts: tuple[Fact, ...] = ()
    blobs: tuple[str, ...] = ()
    """The names of the blobs that were given beside them, in order."""


@dataclass(frozen=True, slots=True)
class Committed:
    """What became of one transaction of many: how many facts were new, stood already, or had their place taken."""

    appended: int = 0
    duplicates: int = 0
    conflicts: int = 0
    blobs: tuple[str, ...] = ()
    """The names of the blobs that were given, in order."""
