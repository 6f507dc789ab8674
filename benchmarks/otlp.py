"""How many spans a second the shipped collector takes, of protobuf with gzip as exporters send it (no arguments)."""

import gzip
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

TRACES = 1000
BATCH_SPANS = 512
"""What a BatchSpanProcessor sends at most by default."""
PLUMBING = 10
TURNS = 4
MIN_PER_SECOND = 2000
BEGIN = 1_772_355_600_000_000_000
WORDS = "the quick brown fox counts the coins in the shop " * 10


def spans(trace: int) -> Iterator[tuple[int, int, str, dict[str, str | int]]]:
    """(id, parent, name, attributes) of one agent's run, children first: half of it plumbing, as in real traces."""
    for turn in range(TURNS):
        agent = {"gen_ai.agent.name": "lead", "gen_ai.conversation.id": str(trace)}
        yield 10 + turn, 1, "chat", {
            **agent, "gen_ai.operation.name": "chat", "gen_ai.request.model": "model-a",
            "gen_ai.usage.input_tokens": 1000 + turn, "gen_ai.usage.output_tokens": 50,
            "gen_ai.input.messages": WORDS * (turn + 1), "gen_ai.output.messages": WORDS,
        }  # fmt: skip
        yield 20 + turn, 1, "execute_tool read", {
            **agent, "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "read",
            "gen_ai.tool.call.arguments": f'{{"path": "src/{turn}.py"}}', "gen_ai.tool.call.result": WORDS,
        }  # fmt: skip
    for number in range(PLUMBING):
        yield 30 + number, 1, "POST", {"http.request.method": "POST", "url.full": "http://model/v1", "net.peer": "x"}
    yield 1, 0, "invoke_agent lead", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "lead"}


def bodies() -> Iterator[tuple[bytes, int]]:
    """Requests with gzip, and how many spans each holds."""
    request, held = ExportTraceServiceRequest(), 0
    for trace in range(1, TRACES + 1):
        for id, parent, name, attributes in spans(trace):
            if held == 0:
                into = request.resource_spans.add().scope_spans.add().spans
            span = into.add(trace_id=trace.to_bytes(16, "big"), span_id=id.to_bytes(8, "big"), name=name)
            span.parent_span_id = parent.to_bytes(8, "big") if parent else b""
            span.start_time_unix_nano, span.end_time_unix_nano = BEGIN + id, BEGIN + id + 1_000_000
            for key, value in attributes.items():
                said = span.attributes.add(key=key).value
                if isinstance(value, int):
                    said.int_value = value
                else:
                    said.string_value = value
            held += 1
            if held == BATCH_SPANS:
                yield gzip.compress(request.SerializeToString()), held
                request, held = ExportTraceServiceRequest(), 0
    if held:
        yield gzip.compress(request.SerializeToString()), held


def processor_seconds(pid: int) -> float:
    """The processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Print spans a second of processor time (one core) and of the clock; 1 if the bar is missed."""
    prepared = list(bodies())
    count = sum(held for _, held in prepared)
    with tempfile.TemporaryDirectory() as folder:
        command = [str(Path(sys.executable).parent / "orchestrion"), "collect", "--watch", "--port", "0"]
        command += [folder, "--home", f"{folder}/home"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as collector:
            assert collector.stderr is not None
            url = next(found[1] for line in collector.stderr if (found := re.search(r"OpenTelemetry at (\S+)", line)))
            headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
            used, began = processor_seconds(collector.pid), time.monotonic()
            with httpx.Client(timeout=60, headers=headers) as client:
                for body, _ in prepared:
                    assert client.post(f"{url}/v1/traces", content=body).status_code == 200
            took, used = time.monotonic() - began, processor_seconds(collector.pid) - used
            collector.terminate()
    per_second = count / used
    size = sum(len(body) for body, _ in prepared)
    print(f"{count} spans in {len(prepared)} requests, {size / 1e6:.1f} MB packed")
    print(f"{per_second:.0f} spans a second of one core ({count / took:.0f} by the clock)")
    print(f"bar: at least {MIN_PER_SECOND} a second on one core: {'met' if per_second >= MIN_PER_SECOND else 'MISSED'}")
    return 0 if per_second >= MIN_PER_SECOND else 1


if __name__ == "__main__":
    sys.exit(main())
