"""Reads exported traces: OTLP as JSON (also a line at a time), what Tempo makes of it, Jaeger's, and Langfuse's."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from orchestrion.domain.record import Fact
from orchestrion.ingest.langfuse import spans_of_langfuse
from orchestrion.ingest.ledger import best
from orchestrion.ingest.spans import Span, SpanReader, figure, placed
from orchestrion.ingest.telling import objects
from orchestrion.ingest.values import mapping, text

RESOURCES = ("resourceSpans", "resource_spans", "batches")
SCOPES = ("scopeSpans", "scope_spans", "instrumentationLibrarySpans")
ERRORS = (2, "2", "STATUS_CODE_ERROR")
MICROSECONDS = 1000


def spans_in(document: Any) -> Iterator[Span] | None:
    """The spans of one exported document, placed; None if it is no export of a trace."""
    whole = mapping(document)
    if any(isinstance(whole.get(name), list) for name in RESOURCES):
        return placed(_of_otlp(whole))
    if isinstance(whole.get("data"), list) and any("spans" in each for each in objects(whole["data"])):
        return placed(_of_jaeger(whole["data"]))
    if "trace" in whole and isinstance(whole.get("observations"), list):
        return placed(spans_of_langfuse(whole))
    return None


def _of_otlp(whole: dict[str, Any]) -> Iterator[Span]:
    """OTLP's spans, by the names of any of its versions."""
    for resource in _under(whole, RESOURCES):
        for scope in _under(resource, SCOPES):
            for span in objects(_list(scope.get("spans"))):
                if (read := _otlp_span(span)) is not None:
                    yield read


def _otlp_span(span: dict[str, Any]) -> Span | None:
    trace, id = text(span.get("traceId")), text(span.get("spanId"))
    if trace is None or id is None:
        return None
    status = mapping(span.get("status"))
    failed = status.get("code") in ERRORS
    return Span(
        trace,
        id,
        text(span.get("parentSpanId")),
        text(span.get("name")) or "",
        figure(span.get("startTimeUnixNano")) or None,
        figure(span.get("endTimeUnixNano")) or None,
        (text(status.get("message")) or "error") if failed else None,
        {str(each.get("key")): _plain(each.get("value")) for each in objects(_list(span.get("attributes")))},
    )


def _plain(value: Any) -> Any:
    """A value of OTLP's, whose type is its name."""
    typed = mapping(value)
    if "intValue" in typed:
        return figure(typed["intValue"])
    if "arrayValue" in typed:
        return [_plain(each) for each in _list(mapping(typed["arrayValue"]).get("values"))]
    if "kvlistValue" in typed:
        entries = objects(_list(mapping(typed["kvlistValue"]).get("values")))
        return {str(each.get("key")): _plain(each.get("value")) for each in entries}
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

    def read(self, value: Any, facts: list[Fact]) -> str:
        """Add the facts of one span, or of all spans on one line."""
        spans = spans_in(value)
        if spans is None:
            return super().read(value, facts)
        return best([super(TraceReader, self).read(span.as_part(), facts) for span in spans])


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
        spans = spans_in(document)
        return None if spans is None else (span.as_part() for span in spans)

    def reader(self, companion: dict[str, Any] | None = None) -> TraceReader:  # noqa: ARG002 - the port's
        """A reader for one file."""
        return TraceReader()
