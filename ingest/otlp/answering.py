"""What an exporter is answered, in the encoding it spoke: success, partial success, or a status that says what to do.

Source: OpenTelemetry Protocol specification 1.x, "OTLP/HTTP Response"; google.rpc.Status for failures.
"""

import orjson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.responses import Response

from orchestrion.ingest.otlp.decoding import JSON, PROTOBUF, Export

RETRY_SECONDS = 2
"""Said in Retry-After where the same request may succeed later."""
WITHOUT_ID = "spans without a valid trace and span id were rejected"

_MESSAGE_FIELD = b"\x12"
"""The tag of google.rpc.Status.message: field 2, a string."""


def accepted(export: Export, content_type: str) -> Response:
    """All of it is in the log, but for what was rejected."""
    json = _is_json(content_type)
    if not export.rejected:
        return Response(b"{}" if json else b"", 200, media_type=JSON if json else PROTOBUF)
    if json:
        partial = {"rejectedSpans": str(export.rejected), "errorMessage": WITHOUT_ID}
        return Response(orjson.dumps({"partialSuccess": partial}), 200, media_type=JSON)
    told = ExportTraceServiceResponse()
    told.partial_success.rejected_spans = export.rejected
    told.partial_success.error_message = WITHOUT_ID
    return Response(told.SerializeToString(), 200, media_type=PROTOBUF)


def refused(status: int, why: str, content_type: str, *, retry: bool = False) -> Response:
    """Nothing of it was taken, and why; `retry` says that the same may be taken later."""
    headers = {"Retry-After": str(RETRY_SECONDS)} if retry else {}
    if _is_json(content_type):
        return Response(orjson.dumps({"message": why}), status, headers, JSON)
    if content_type.startswith(PROTOBUF):
        said = why.encode("utf-8", "replace")
        return Response(_MESSAGE_FIELD + _varint(len(said)) + said, status, headers, PROTOBUF)
    return Response(why + "\n", status, headers, "text/plain; charset=utf-8")


def _is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == JSON


def _varint(number: int) -> bytes:
    """A number as protobuf writes lengths: seven bits a byte, the lowest first."""
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)
