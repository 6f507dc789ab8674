"""What the log, and the batch that is about to enter it, already hold of a stream, as far as hooks witnessed it."""

from orchestrion.domain.errors import UnreadableEvent
from orchestrion.domain.events import Event
from orchestrion.domain.ports import Log
from orchestrion.domain.record import Fact
from orchestrion.domain.streams import slot_of, stream_of


class Known:
    """Looks events up by their place; remembers what it looked up for as long as one batch lasts."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._streams: dict[str, dict[int, Event]] = {}

    def like(self, event: Event) -> Event | None:
        """The event that stands where the witnessed `event` would stand."""
        return self._stream(stream_of(event)).get(slot_of(event))

    def free(self, event: Event) -> bool:
        """Whether `event` finds its place empty, or taken by itself: a payload drained again has the same arrival."""
        stands = self.like(event)
        return stands is None or stands.happened_at == event.happened_at

    def add(self, facts: list[Fact]) -> None:
        """Take `facts` as known from now on; the first at a place stays."""
        for fact in facts:
            self._stream(fact.stream).setdefault(fact.version, fact.event)

    def _stream(self, name: str) -> dict[int, Event]:
        if name not in self._streams:
            self._streams[name] = standing(self._log, name)
        return self._streams[name]


def standing(log: Log, stream: str) -> dict[int, Event]:
    """The events of `stream` by version; none where one of them cannot be read."""
    try:
        return {record.version: record.event for record in log.read_stream(stream)}
    except UnreadableEvent:
        return {}
