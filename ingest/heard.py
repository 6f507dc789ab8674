"""Which lines of a file a run of ours has heard already, under other names, while an agent's program wrote them."""

from collections.abc import Iterator
from datetime import datetime

from orchestrion.domain.events import SessionForked, ToolCalled, ToolReturned
from orchestrion.domain.ports import Log
from orchestrion.domain.record import Fact
from orchestrion.ingest.formats import Numbered

HEARD = "heard-while-run"
"""The rule by which such lines are ignored."""

_Stretch = tuple[datetime | None, datetime | None]
"""From when to when a program of ours ran; open at an end that is not known."""


class Heard:
    """What our runs heard of the session that `reader` reads: all of it while the program that they ran was at work.

    What a person said in that session before or afterwards was not heard.
    """

    def __init__(self, log: Log, reader: Numbered) -> None:
        self._log, self._reader = log, reader
        self._stretches: list[_Stretch] | None = None

    def holds(self, fact: Fact) -> bool:
        """Whether a run of ours heard what the line of `fact` tells."""
        if self._stretches is None:
            if self._reader.thread is None:
                return False
            self._stretches = list(self._found(self._reader.thread))
        at = fact.event.happened_at
        return any(
            at is None or ((since is None or since <= at) and (until is None or at <= until))
            for since, until in self._stretches
        )

    def _found(self, session: str) -> Iterator[_Stretch]:
        """When programs of ours wrote `session`, which they have said to be theirs (`Ear.is_session`)."""
        for record in self._log.read_stream(f"session-{session}"):
            event = record.event
            if isinstance(event, SessionForked) and event.source == "conductor":
                stream = (event.cause or "").rpartition("@")[0]
                told = [record.event for record in self._log.read_stream(stream)]
                called = (each.happened_at for each in told if isinstance(each, ToolCalled))
                ended = (each.happened_at for each in told if isinstance(each, ToolReturned))
                yield next(called, None), next(ended, None)
