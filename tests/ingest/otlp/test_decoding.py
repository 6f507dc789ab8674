"""Bodies of OTLP requests: protobuf and JSON tell the same; what cannot be taken is refused with the right status."""

import gzip
import json

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from orchestrion.ingest.otlp.decoding import JSON, MAX_BYTES, PROTOBUF, Unacceptable, decoded, unpacked
from orchestrion.ingest.otlp.records import rule_of
from orchestrion.ingest.otlp.taking import Taker

VALUES = [
    {"stringValue": "a"},
    {"intValue": "-7"},
    {"doubleValue": 1.5},
    {"boolValue": True},
    {"bytesValue": "AAE="},
    {"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "b"}]}},
    {"kvlistValue": {"values": [{"key": "k", "value": {"stringValue": "v"}}]}},
]
LOGS = {
    "resourceLogs": [
        {
            "scopeLogs": [
                {
                    "logRecords": [
                        {"eventName": "gen_ai.choice", "traceId": "ab" * 16, "spanId": "cd" * 8, "timeUnixNano": "5",
                         "body": {"kvlistValue": {"values": [{"key": "message", "value": {"kvlistValue": {"values": [
                             {"key": "content", "value": {"stringValue": "seven"}}]}}}]}}},
                        {"body": {"stringValue": "GET /"}, "severityNumber": 9},
                        {"attributes": [{"key": "event.name", "value": {"stringValue": "gen_ai.user.message"}}]},
                        {"eventName": "claude_code.api_request"},
                    ]
                }
            ]
        }
    ]
}  # fmt: skip
METRICS = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "gen_ai.client.token.usage"}]}]}]}


def protobuf_of(request, document):
    """A document of OTLP's JSON as protobuf: ids are hexadecimal there, base64 in protobuf's own JSON."""
    import base64

    def turned(value):
        if isinstance(value, list):
            return [turned(each) for each in value]
        if not isinstance(value, dict):
            return value
        ids = ("traceId", "spanId", "parentSpanId")
        return {k: base64.b64encode(bytes.fromhex(v)).decode() if k in ids else turned(v) for k, v in value.items()}

    return ParseDict(turned(document), request()).SerializeToString()


def test_protobuf_and_json_tell_the_same(made):
    trace, as_otlp = made
    spans = trace()
    document = as_otlp(spans)
    attributes = [{"key": str(number), "value": value} for number, value in enumerate(VALUES)]
    document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"] += attributes
    document["resourceSpans"][0]["scopeSpans"][0]["spans"][1]["status"] = {"code": 2}
    document["resourceSpans"][0]["scopeSpans"][0]["spans"][1]["events"] = [
        {"name": "exception", "attributes": [{"key": "exception.message", "value": {"stringValue": "lost"}}]}
    ]
    json_spans = decoded("traces", f"{JSON}; charset=utf-8", "", json.dumps(document).encode()).spans
    body = protobuf_of(ExportTraceServiceRequest, document)
    assert decoded("traces", PROTOBUF, "gzip", gzip.compress(body)).spans == json_spans
    assert json_spans[1].error == "lost"
    assert [json_spans[0].attributes[str(n)] for n in range(len(VALUES))] == [
        "a", -7, 1.5, True, "AAE=", [1, "b"], {"k": "v"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("signal", "request_class", "document"),
    [("logs", ExportLogsServiceRequest, LOGS), ("metrics", ExportMetricsServiceRequest, METRICS)],
)
def test_logs_and_metrics_tell_the_same_in_both(signal, request_class, document):
    one = decoded(signal, JSON, "", json.dumps(document).encode()).records
    two = decoded(signal, PROTOBUF, "", protobuf_of(request_class, document)).records
    assert [(r.get("body"), r["attributes"], rule_of(r)) if "body" in r else rule_of(r) for r in one] == [
        (r.get("body"), r["attributes"], rule_of(r)) if "body" in r else rule_of(r) for r in two
    ]


def test_of_logs_the_answers_are_facts_and_the_rest_has_a_rule(workshop):
    exports = [
        decoded("logs", JSON, "", json.dumps(LOGS).encode()),
        decoded("metrics", JSON, "", json.dumps(METRICS).encode()),
    ]
    ledger = Taker(workshop.log, workshop.redactor).take(exports)
    assert ledger.rules == {"claude-code": 1, "log": 1, "metric": 1, "repeated-history": 1}
    assert (ledger.lines, ledger.recorded) == (5, 1)
    (message,) = workshop.events("message.sent")
    assert (message.type, message.payload) == ("response", {"text": "seven"})


@pytest.mark.parametrize(
    ("status", "kind", "encoding", "body"),
    [
        (415, "text/plain", "", b"{}"),
        (415, "", "", b""),
        (415, JSON, "br", b"{}"),
        (400, JSON, "", b""),
        (400, JSON, "", b"{"),
        (400, JSON, "", b"[]"),
        (400, JSON, "", b"\xff\xfe"),
        (400, JSON, "", b"[" * 100_000),
        (400, PROTOBUF, "", b"\xff\xff\xff"),
        (400, PROTOBUF, "", b"{}"),
        (400, JSON, "gzip", b"{}"),
        (400, JSON, "gzip", gzip.compress(b"{}" + b" " * 10_000, mtime=0)[:-12]),
        (413, JSON, "gzip", gzip.compress(b" " * (MAX_BYTES + 1), mtime=0)),
    ],
)
def test_what_cannot_be_taken_is_refused(status, kind, encoding, body):
    with pytest.raises(Unacceptable) as refused:
        decoded("traces", kind, encoding, body)
    assert refused.value.status == status


def test_a_bomb_is_not_unpacked_beyond_the_limit():
    import tracemalloc

    bomb = gzip.compress(bytes(400 * 1024 * 1024), 9)
    tracemalloc.start()
    with pytest.raises(Unacceptable):
        unpacked("gzip", bomb)
    assert tracemalloc.get_traced_memory()[1] < 4 * MAX_BYTES
    tracemalloc.stop()


def test_spans_without_a_valid_id_are_rejected_and_the_others_taken(made, workshop):
    trace, as_otlp = made
    document = as_otlp(trace())
    spans = document["resourceSpans"][0]["scopeSpans"][0]["spans"]
    spans[0]["traceId"], spans[1]["spanId"], spans[3]["spanId"] = "0" * 32, "", "xyz"
    export = decoded("traces", JSON, "", json.dumps(document).encode())
    assert (len(export.spans), export.rejected) == (8, 3)
    ledger = Taker(workshop.log, workshop.redactor).take([export])
    assert (ledger.lines, ledger.unparseable) == (11, 3)


def test_what_is_nested_to_the_limit_is_taken(workshop, made):
    value = {"stringValue": "deep"}
    for _ in range(300):
        value = {"arrayValue": {"values": [value]}}
    document = made[1](made[0]()[2:3])
    document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"].append({"key": "x", "value": value})
    export = decoded("traces", JSON, "", json.dumps(document).encode())
    assert Taker(workshop.log, workshop.redactor).take([export]).lines == 1
