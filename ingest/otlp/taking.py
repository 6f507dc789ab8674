"""Takes what exporters sent into the log: facts, the redacted spans they came from, and a ledger of all of them."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from orchestrion.domain.errors import NotFound, UnreadableEvent
from orchestrion.domain.events import ImportCompleted
from orchestrion.domain.ports import Log, Redactor
from orchestrion.domain.record import Fact
from orchestrion.domain.streams import witnessed
from orchestrion.ingest.ledger import UNPARSEABLE, Ledger, ignored
from orchestrion.ingest.otlp.decoding import Export
from orchestrion.ingest.otlp.records import RecordReader, rule_of
from orchestrion.ingest.placing import Placement
from orchestrion.ingest.redacting import redacted
from orchestrion.ingest.span_reader import PARSER
from orchestrion.ingest.spans import OPERATION, PENDING, PLUMBING, SPAN, Span
from orchestrion.ingest.values import parse

FORMAT = "otlp"
PLACE = "otlp/http"
NAME = "otlp-"
"""Ledgers of what was received are named after their time: they have no file whose hash would name them."""
RECOVERED_SECONDS = 3600
"""After a start the spans of this last time are known again."""
SESSIONS_BEGUN = 10_000
"""After so many sessions a reader that remembers which of them it has begun gives way to a new one."""


class Taker:
    """Appends exports, one after the other. What it remembers of spans comes back from the log after a restart."""

    def __init__(self, log: Log, redactor: Redactor, *, clock: Callable[[], int] = time.time_ns) -> None:
        self._log, self._redactor, self._clock = log, redactor, clock
        self._placement: Placement | None = None
        self._reader, self._begun = RecordReader(), 0

    def take(self, exports: Sequence[Export]) -> ImportCompleted:
        """Append the facts of `exports` and their ledger. Raises LogUnavailable: then nothing of them is known."""
        placement = self._placement or self._recovered()
        self._placement = None
        ledger, facts = Ledger(), list[Fact]()
        spans, records, kept = self._cleaned(exports, ledger)
        again = placement.place(spans)
        for value in (*spans, *records):
            ledger.count(self._reader.read(value.as_part() if isinstance(value, Span) else value, facts))
        for span in again:
            self._reader.read(span.as_part(), facts)
        completed = self._appended(exports, ledger, facts, kept)
        self._placement = placement
        if len(ledger.sessions) + self._begun > SESSIONS_BEGUN:
            self._reader, self._begun = RecordReader(), 0
        self._begun += len(ledger.sessions)
        return completed

    def _cleaned(self, exports: Sequence[Export], ledger: Ledger) -> tuple[list[Span], list[dict[str, Any]], bytes]:
        """Spans and records without their secrets, and as they are kept. What is no fact is counted here and gone."""
        spans, records, kept = list[Span](), list[dict[str, Any]](), list[bytes]()
        for line, raw in redacted(list(_lines(exports, ledger)), self._redactor):
            kept.append(raw)
            for value in line.values:
                span = Span.of_part(value)
                if span is None:
                    records.append(value)
                else:
                    spans.append(span)
        return spans, records, b"\n".join([*kept, b""])

    def _appended(
        self, exports: Sequence[Export], ledger: Ledger, facts: Sequence[Fact], kept: bytes
    ) -> ImportCompleted:
        """Append the facts with what they were read from, then the ledger that names both."""
        found = self._log.observe(facts, blobs=[kept] if kept.strip() else [])
        ledger.appended, ledger.conflicts = len(found.positions), len(found.conflicts)
        ledger.blocks += found.blobs
        ledger.sessions.update((fact.event.session, None) for fact in facts if fact.event.session is not None)
        name = f"{NAME}{self._clock():020d}-{os.getpid()}"
        size = sum(export.bytes for export in exports)
        completed = ledger.completed(Path(PLACE), FORMAT, PARSER, name, size)
        completed = completed.model_copy(update={"source": "otlp"})
        self._log.observe([witnessed(completed)])
        return completed

    def _recovered(self) -> Placement:
        """The places of the spans that were received lately, from the log."""
        placement, since = Placement(), self._clock() - RECOVERED_SECONDS * 1_000_000_000
        self._reader, self._begun = RecordReader(), 0
        for stream in sorted(self._log.streams(f"import-{NAME}")):
            moment = stream.removeprefix(f"import-{NAME}").partition("-")[0]
            if moment.isdigit() and int(moment) >= since:
                placement.place(self._kept(stream))
        return placement

    def _kept(self, stream: str) -> Iterator[Span]:
        """The spans of one ledger; none where they cannot be read any more."""
        try:
            events = [record.event for record in self._log.read_stream(stream)]
            names = [name for event in events if isinstance(event, ImportCompleted) for name in event.blocks]
            blocks = [self._log.blob(name) for name in names]
        except (NotFound, UnreadableEvent):
            return
        for block in blocks:
            for line in block.split(b"\n"):
                yield from (span for value in parse(line).values if (span := Span.of_part(value)) is not None)


def _lines(exports: Sequence[Export], ledger: Ledger) -> Iterator[bytes]:
    """Each span and each record that is a fact as a line of JSON; of other spans only where they stand."""
    for export in exports:
        for span in export.spans:
            ledger.types[SPAN] += 1
            yield _encoded(_part(span))
        for record in export.records:
            ledger.types[str(record["type"])] += 1
            if (rule := rule_of(record)) is None:
                yield _encoded(record)
            else:
                ledger.count(ignored(rule))
        for _ in range(export.rejected):
            ledger.types[SPAN] += 1
            ledger.count(UNPARSEABLE)


def _part(span: Span) -> dict[str, Any]:
    """A span as it is kept: of one that tells nothing, what its children need."""
    if span.role != "other":
        return span.as_part()
    if span.rule != PLUMBING:  # the attribute that names the rule, and nothing else
        names = (*OPERATION, PENDING[0])
        said = {name: span.attributes[name] for name in names if name in span.attributes}
    else:
        said = {}
    where = {"trace": span.trace, "id": span.id, "parent": span.parent, "name": span.name}
    return {"type": SPAN, **where, "attributes": said}


def _encoded(part: dict[str, Any]) -> bytes:
    """One part as a line of JSON; what is nested too deeply for that loses its attributes, and says so."""
    try:
        return orjson.dumps(part, default=str)
    except TypeError:
        return orjson.dumps({**part, "body": None, "attributes": {"orchestrion.dropped": "nested too deeply"}})
