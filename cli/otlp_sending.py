"""Sends sessions as spans to whatever speaks OTLP over HTTP, so that they can be looked at there."""

import gzip
import os
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from orchestrion.cli import exits
from orchestrion.cli.otlp_spans import SpanOut, batches, spans_of
from orchestrion.cli.show import say
from orchestrion.cli.wiring import Home, asked
from orchestrion.domain.errors import CannotRun, OrchestrionError, Refused

if TYPE_CHECKING:
    from orchestrion.projections import Store

BATCH_SPANS = 256
TRIES = 6
RETRIED = frozenset({429, 502, 503, 504})
"""What the specification says to try again."""
WAIT_SECONDS, MOST_WAIT_SECONDS = 1.0, 30.0
TIMEOUT_SECONDS = 60
ERROR = 2
MISSING = "export --otlp needs the extra `otel`, which is not installed: pip install 'orchestrion[otel]'"


def sent(home: Home, session: str | None, url: str) -> int:
    """Send `session` (all, if None) to `url`; the exit code. Raises NotFound, Refused, CannotRun, OrchestrionError."""
    from orchestrion.cli.asking import session_of

    target = endpoint(url)
    with asked(home) as store:
        named = [session_of(store, session)] if session is not None else _all(store)
        count = rejected = skipped = 0
        for each in named:
            try:
                spans = spans_of(store, each)
            except Refused as error:
                if session is not None:
                    raise
                say(f"{error} (left out)")
                skipped += 1
                continue
            for batch in batches(spans, BATCH_SPANS):
                rejected += _posted(target, _encoded(batch))
            count += len(spans)
    say(f"{count} spans of {len(named) - skipped} sessions sent to {target}.")
    if rejected:
        say(f"orchestrion: {rejected} of them were rejected there.")
    return exits.FAILED if rejected else exits.OK


def endpoint(url: str) -> str:
    """Where traces are posted: `url`, with OTLP's own path if it has none. Raises Refused."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refused(f"{url!r} is no http address; for a collector on this machine say http://127.0.0.1:4318")
    return url if parts.path.strip("/") else f"{url.rstrip('/')}/v1/traces"


def _all(store: "Store") -> list[str]:
    return [row[0] for row in store.query("SELECT session FROM sessions ORDER BY started_at, session").rows]


def _encoded(spans: list[SpanOut]) -> bytes:
    """One request with `spans`, packed."""
    try:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    except ModuleNotFoundError as error:
        raise CannotRun(MISSING) from error
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    _attribute(resource.resource.attributes, "service.name", "orchestrion")
    scope = resource.scope_spans.add()
    scope.scope.name = "orchestrion"
    for span in spans:
        _fill(scope.spans.add(), span)
    return gzip.compress(request.SerializeToString(), 6)


def _fill(message: Any, span: SpanOut) -> None:
    message.trace_id, message.span_id = bytes.fromhex(span.trace), bytes.fromhex(span.id)
    message.parent_span_id = bytes.fromhex(span.parent or "")
    message.name, message.kind = span.name, 1
    message.start_time_unix_nano, message.end_time_unix_nano = span.start, span.end
    for name, value in span.attributes.items():
        _attribute(message.attributes, name, value)
    for each in span.events:
        event = message.events.add()
        event.time_unix_nano, event.name = each.at, each.name
        for name, value in each.attributes.items():
            _attribute(event.attributes, name, value)
    if span.error is not None:
        message.status.code, message.status.message = ERROR, span.error


def _attribute(attributes: Any, name: str, value: Any) -> None:
    import json

    said = attributes.add(key=name).value
    if isinstance(value, bool):
        said.bool_value = value
    elif isinstance(value, int) and -(2**63) <= value < 2**63:
        said.int_value = value
    elif isinstance(value, float):
        said.double_value = value
    else:
        said.string_value = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def _posted(url: str, body: bytes) -> int:
    """Post one request, again where that is asked for; returns how many spans were rejected."""
    wait = WAIT_SECONDS
    for attempt in range(1, TRIES + 1):
        status, answer, later = _answer(url, body)
        if status == 200:
            return _rejected(answer)
        if status not in RETRIED or attempt == TRIES:
            said = answer[:200].decode("utf-8", "replace")
            raise OrchestrionError(f"{url} answered {status}: {said.strip() or 'no reason given'}")
        time.sleep(min(MOST_WAIT_SECONDS, later or wait))
        wait *= 2
    raise AssertionError("the last attempt returns or raises")


def _answer(url: str, body: bytes) -> tuple[int, bytes, float | None]:
    """Status, body and the seconds of Retry-After."""
    headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip", **_headers()}
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - `endpoint` lets http alone through
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as found:  # noqa: S310
            return found.status, found.read(), None
    except urllib.error.HTTPError as error:
        later = error.headers.get("Retry-After", "")
        return error.code, error.read(), float(later) if later.isdigit() else None
    except (OSError, urllib.error.URLError) as error:
        reason = getattr(error, "reason", error)
        raise CannotRun(f"nothing takes spans at {url} ({reason}); is a collector running there?") from error


def _headers() -> dict[str, str]:
    """What OTEL_EXPORTER_OTLP_HEADERS names (`key=value,…`, percent-encoded), as all exporters take it."""
    given = os.environ.get("OTEL_EXPORTER_OTLP_HEADERS", "")
    pairs = (pair.partition("=") for pair in given.split(",") if "=" in pair)
    return {name.strip(): unquote(value.strip()) for name, _, value in pairs}


def _rejected(answer: bytes) -> int:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    try:
        return int(ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans)
    except DecodeError:
        return 0  # 200 says that it was taken, however that is spelled
