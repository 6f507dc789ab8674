"""Reads exported traces: OTLP as JSON (also a line at a time), what Tempo makes of it, Jaeger's, and Langfuse's."""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrion.domain.record import Fact
from orchestrion.ingest.langfuse import spans_of_langfuse
from orchestrion.ingest.ledger import best
from orchestrion.ingest.placing import Placement
from orchestrion.ingest.span_reader import SpanReader
from orchestrion.ingest.spans import DIGITS, Span, figure
from orchestrion.ingest.telling import objects
from orchestrion.ingest.values import mapping, text

RESOURCES = ("resourceSpans", "resource_spans", "batches")
SCOPES = ("scopeSpans", "scope_spans", "instrumentationLibrarySpans")
ERRORS = (2, "2", "STATUS_CODE_ERROR")
MICROSECONDS = 1000
HEX_IDS = (16, 32)
BASE64_IDS = (12, 24)
"""Characters of a span's and a trace's id."""


def spans_in(document: Any) -> Iterator[Span] | None:
    """The spans of one exported document; None if it is no export of a trace."""
    whole = mapping(document)
    if any(isinstance(whole.get(name), list) for name in RESOURCES):
        return spans_of_otlp(whole)
    if isinstance(whole.get("data"), list) and any("spans" in each for each in objects(whole["data"])):
        return _of_jaeger(whole["data"])
    if "trace" in whole and isinstance(whole.get("observations"), list):
        return spans_of_langfuse(whole)
    return None


def spans_of_otlp(whole: dict[str, Any]) -> Iterator[Span]:
    """OTLP's spans, by the names of any of its versions."""
    for resource in _under(whole, RESOURCES):
        for scope in _under(resource, SCOPES):
            for span in objects(_list(scope.get("spans"))):
                if (read := _otlp_span(span)) is not None:
                    yield read


def _otlp_span(span: dict[str, Any]) -> Span | None:
    trace, id = hexadecimal(span.get("traceId")), hexadecimal(span.get("spanId"))
    if trace is None or id is None:
        return None
    status = mapping(span.get("status"))
    failed = status.get("code") in ERRORS
    return Span(
        trace,
        id,
        hexadecimal(span.get("parentSpanId")),
        text(span.get("name")) or "",
        figure(span.get("startTimeUnixNano")) or None,
        figure(span.get("endTimeUnixNano")) or None,
        (text(status.get("message")) or raised(objects(_list(span.get("events")))) or "error") if failed else None,
        {str(each.get("key")): plain(each.get("value")) for each in objects(_list(span.get("attributes")))},
    )


def _integer(value: Any) -> Any:
    """A whole number, which OTLP writes as a string."""
    negative = isinstance(value, str) and value.startswith("-")
    digits = value[1:] if negative else value
    if not isinstance(digits, str) or not digits.isascii() or not digits.isdigit() or len(digits) >= DIGITS:
        return value
    return -int(digits) if negative else int(digits)


def hexadecimal(id: Any) -> str | None:
    """An id in small hexadecimal letters, as OTLP writes it; Tempo and plain protobuf's JSON write base64."""
    given = text(id)
    if given is None or len(given) not in BASE64_IDS:
        return given.lower() if given and len(given) in HEX_IDS else given
    try:
        return base64.b64decode(given, validate=True).hex()
    except ValueError:
        return given


def raised(events: Sequence[dict[str, Any]]) -> str | None:
    """The last exception that a span's events tell of."""
    return raised_by(
        {each.get("key"): plain(each.get("value")) for each in objects(_list(event.get("attributes")))}
        for event in reversed(events)
    )


def raised_by(events: Iterable[Mapping[Any, Any]]) -> str | None:
    """The first exception among the attributes of `events`."""
    said = (text(each.get("exception.message")) or text(each.get("exception.type")) for each in events)
    return next((each for each in said if each), None)


def plain(value: Any) -> Any:
    """A value of OTLP's, whose type is its name."""
    typed = mapping(value)
    if "intValue" in typed:
        return _integer(typed["intValue"])
    if "arrayValue" in typed:
        return [plain(each) for each in _list(mapping(typed["arrayValue"]).get("values"))]
    if "kvlistValue" in typed:
        entries = objects(_list(mapping(typed["kvlistValue"]).get("values")))
        return {str(each.get("key")): plain(each.get("value")) for each in entries}
    return next(iter(typed.values()), None)


def _of_jaeger(traces: list[Any]) -> Iterator[Span]:
    """Jaeger's spans: times in microseconds, the parent among the references."""
    for trace in objects(traces):
        for span in objects(_list(trace.get("spans"))):
            name, id = text(span.get("traceID")), text(span.get("spanID"))
            if name is None or id is None:
                continue
            tags = {str(tag.get("key")): tag.get("value") for tag in objects(_list(span.get("tags")))}
            parents = objects(_list(span.get("references")))
            start, took = figure(span.get("startTime")), figure(span.get("duration"))
            failed = tags.get("error") is True or tags.get("otel.status_code") == "ERROR"
            yield Span(
                name,
                id,
                next((text(each.get("spanID")) for each in parents if each.get("refType") == "CHILD_OF"), None),
                text(span.get("operationName")) or "",
                start * MICROSECONDS or None,
                (start + took) * MICROSECONDS or None,
                (text(tags.get("otel.status_description")) or "error") if failed else None,
                tags,
            )


def _under(value: dict[str, Any], names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The objects of all lists of `names`."""
    for name in names:
        yield from objects(_list(value.get(name)))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


class TraceReader(SpanReader):
    """Reads spans, or lines that are exports of some spans each."""

    def __init__(self) -> None:
        super().__init__()
        self._placement = Placement()

    def read(self, value: Any, facts: list[Fact]) -> str:
        """Add the facts of one span, or of all spans on one line and of earlier ones whose agent it shows."""
        found = spans_in(value)
        if found is None:
            return super().read(value, facts)
        spans = list(found)
        again = self._placement.place(spans)
        classes = [super(TraceReader, self).read(span.as_part(), facts) for span in spans]
        for span in again:
            super().read(span.as_part(), facts)
        return best(classes)


class Traces:
    """The formats of exported traces."""

    name = "traces"
    parser = TraceReader.parser
    usual_place: Path | None = None

    def recognises(self, values: Sequence[Any]) -> bool:
        """Whether the first line is an export of OTLP spans."""
        return any(isinstance(each.get(name), list) for each in objects(values[:1]) for name in RESOURCES[:2])

    def parts(self, document: Any) -> Iterator[dict[str, Any]] | None:
        """The spans of one export."""
        found = spans_in(document)
        if found is None:
            return None
        spans = list(found)
        Placement().place(spans)
        return (span.as_part() for span in spans)

    def reader(self, companion: dict[str, Any] | None = None) -> TraceReader:  # noqa: ARG002 - the port's
        """A reader for one file."""
        return TraceReader()
