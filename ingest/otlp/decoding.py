"""Decodes the body of an OTLP/HTTP request: protobuf or JSON, plain or gzip, never more than a bounded size.

Source: OpenTelemetry Protocol specification 1.x, "OTLP/HTTP"; message definitions by the package opentelemetry-proto.
"""

import base64
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from orchestrion.ingest.otlp.records import LOG, METRIC
from orchestrion.ingest.spans import Span
from orchestrion.ingest.telling import objects
from orchestrion.ingest.traces import plain, raised_by, spans_of_otlp
from orchestrion.ingest.values import mapping

Signal = Literal["traces", "logs", "metrics"]
PROTOBUF, JSON = "application/x-protobuf", "application/json"
MAX_BYTES = 16 * 1024 * 1024
"""Largest body that is taken, also after it is unpacked."""

_ERROR = 2
_TRACE_DIGITS, _SPAN_DIGITS = 32, 16


class Unacceptable(Exception):
    """A body that will never be taken: the HTTP status that says so, and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


@dataclass(slots=True)
class Export:
    """What one request brought."""

    signal: Signal
    bytes: int
    spans: list[Span] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    """Log records, as they are, and metrics, of which only the name is kept."""
    rejected: int = 0
    """Spans without a valid id."""


def decoded(signal: Signal, content_type: str, encoding: str, body: bytes) -> Export:
    """What `body` holds. Raises Unacceptable: 400 for what cannot be read, 413 for too much, 415 for other types."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (PROTOBUF, JSON):
        raise Unacceptable(415, f"Content-Type must be {PROTOBUF} or {JSON}")
    raw = unpacked(encoding.strip().lower(), body)
    export = Export(signal, len(raw))
    try:
        (_from_protobuf if kind == PROTOBUF else _from_json)(export, raw)
    except (DecodeError, orjson.JSONDecodeError, RecursionError) as error:
        raise Unacceptable(400, f"the body is no {kind} of {signal}: {error}") from error
    return export


def unpacked(encoding: str, body: bytes) -> bytes:
    """`body` without its gzip, at most MAX_BYTES of it. Raises Unacceptable."""
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise Unacceptable(415, "Content-Encoding must be gzip, or none")
    unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        raw = unzip.decompress(body, MAX_BYTES + 1)
    except zlib.error as error:
        raise Unacceptable(400, f"the body is no gzip: {error}") from error
    if len(raw) > MAX_BYTES:
        raise Unacceptable(413, f"the body unpacks to more than {MAX_BYTES} bytes")
    if not unzip.eof:
        raise Unacceptable(400, "the body's gzip is cut off")
    return raw


def _from_json(export: Export, raw: bytes) -> None:
    whole = orjson.loads(raw)
    if not isinstance(whole, dict):
        raise Unacceptable(400, "the body must be a JSON object")
    match export.signal:
        case "traces":
            _take(export, _sent(whole, "resourceSpans", "scopeSpans", "spans"), spans_of_otlp(whole))
        case "logs":
            for record in _below(whole, "resourceLogs", "scopeLogs", "logRecords"):
                attributes = {str(each.get("key")): plain(each.get("value")) for each in objects(_listed(record))}
                known = {
                    "event": record.get("eventName"),
                    "severity": record.get("severityNumber"),
                    "at": record.get("timeUnixNano"),
                    "body": plain(record.get("body")),
                }
                where = {"trace": record.get("traceId"), "span": record.get("spanId")}
                export.records.append({"type": LOG, **known, **where, "attributes": attributes})
        case "metrics":
            for metric in _below(whole, "resourceMetrics", "scopeMetrics", "metrics"):
                export.records.append({"type": METRIC, "name": metric.get("name")})


def _listed(record: Mapping[str, Any]) -> list[Any]:
    attributes = record.get("attributes")
    return attributes if isinstance(attributes, list) else []


def _below(whole: Mapping[str, Any], *names: str) -> Iterator[dict[str, Any]]:
    """The objects of the lists that lie below each other under `names`."""
    values = objects(found) if isinstance(found := whole.get(names[0]), list) else []
    for value in values:
        if len(names) == 1:
            yield value
        else:
            yield from _below(mapping(value), *names[1:])


def _sent(whole: Mapping[str, Any], *names: str) -> int:
    return sum(1 for _ in _below(whole, *names))


def _from_protobuf(export: Export, raw: bytes) -> None:
    _READ[export.signal](export, raw)


def _traces(export: Export, raw: bytes) -> None:
    request = ExportTraceServiceRequest.FromString(raw)
    sent = [span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]
    _take(export, len(sent), map(_span, sent))


def _logs(export: Export, raw: bytes) -> None:
    for resource in ExportLogsServiceRequest.FromString(raw).resource_logs:
        for scope in resource.scope_logs:
            for record in scope.log_records:
                known = {
                    "event": record.event_name,
                    "severity": record.severity_number,
                    "at": record.time_unix_nano,
                    "body": _any(record.body),
                }
                where = {"trace": record.trace_id.hex(), "span": record.span_id.hex()}
                export.records.append({"type": LOG, **known, **where, "attributes": _attributes(record.attributes)})


def _metrics(export: Export, raw: bytes) -> None:
    for resource in ExportMetricsServiceRequest.FromString(raw).resource_metrics:
        for scope in resource.scope_metrics:
            export.records += ({"type": METRIC, "name": metric.name} for metric in scope.metrics)


_READ: Mapping[Signal, Callable[[Export, bytes], None]] = {"traces": _traces, "logs": _logs, "metrics": _metrics}


def _take(export: Export, sent: int, spans: Iterable[Span]) -> None:
    """Keep the spans with valid ids, and count those without (of `sent` in all)."""
    export.spans = [span for span in spans if _valid(span.trace, _TRACE_DIGITS) and _valid(span.id, _SPAN_DIGITS)]
    export.rejected = sent - len(export.spans)


def _valid(id: str, digits: int) -> bool:
    return len(id) == digits and id.strip("0") != "" and all(each in "0123456789abcdef" for each in id)


def _span(span: Any) -> Span:
    """A span of OTLP's protobuf."""
    error = None
    if span.status.code == _ERROR:
        events = ({"attributes": _attributes(event.attributes)} for event in reversed(span.events))
        error = span.status.message or raised_by(each["attributes"] for each in events) or "error"
    return Span(
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex() or None,
        span.name,
        span.start_time_unix_nano or None,
        span.end_time_unix_nano or None,
        error,
        _attributes(span.attributes),
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _any(pair.value) for pair in pairs}


def _any(value: Any) -> Any:
    """A value of OTLP's protobuf as a plain one; bytes as base64, as its JSON has them."""
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [_any(each) for each in value.array_value.values]
        case "kvlist_value":
            return _attributes(value.kvlist_value.values)
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case name:
            return getattr(value, name)
