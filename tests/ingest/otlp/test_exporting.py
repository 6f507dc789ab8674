"""`export --otlp` sends any session as spans; our own collector reads them back, and tells the same of it."""

import gzip
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from orchestrion.eventstore import open_log
from orchestrion.projections import Store

COMMAND = [sys.executable, "-P", "-m", "orchestrion.cli.entry"]
CALLS = """SELECT tool, status, error IS NULL AS fine, started_at, ended_at, params, coalesce(agent, 'main') AS agent
FROM tool_calls ORDER BY started_at, tool"""
TOKENS = """SELECT r.agent, sum(input_tokens) AS i, sum(output_tokens) AS o, sum(cache_read_tokens) AS r,
sum(cache_write_tokens) AS w, count(*) AS n
FROM usage AS u JOIN agent_runs AS r USING (run) GROUP BY r.agent ORDER BY ALL"""
RUNS = """SELECT r.agent, p.agent AS parent, r.task, r.status FROM agent_runs AS r LEFT JOIN agent_runs AS p
ON r.parent_run = p.run WHERE r.agent <> 'main' ORDER BY ALL"""


class Somebody:
    """A receiver of spans as others write them: keeps what it gets and answers as it is told to."""

    def __init__(self, *answers: tuple[int, dict[str, str], bytes]) -> None:
        self.got: list[ExportTraceServiceRequest] = []
        self.paths: list[str] = []
        left, outer = list(answers), self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = gzip.decompress(self.rfile.read(int(self.headers["Content-Length"])))
                outer.paths.append(f"{self.path} {self.headers.get('X-Key', '')}".strip())
                status, headers, said = left.pop(0) if left else (200, {}, b"")
                if status == 200:
                    outer.got.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(said))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: object) -> None:
                return

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def spans(self):
        return [span for each in self.got for span in each.resource_spans[0].scope_spans[0].spans]


@pytest.fixture
def somebody():
    made = []

    def one(*answers):
        made.append(Somebody(*answers))
        return made[-1]

    yield one
    for each in made:
        each.server.shutdown()
        each.server.server_close()


def ours(home: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    run = [*COMMAND, *arguments, "--home", str(home)]
    return subprocess.run(run, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **environ})


@pytest.fixture
def brought(tmp_path, session_of):
    """A home with a session of a trunk and a subagent: calls that succeed, fail and never return."""
    trunk, helper = session_of(), session_of(agent="a1")
    trunk.user("count the coins")
    trunk.call("toolu_1", "Bash", command="ls")
    trunk.result("toolu_1", "coins.txt")
    trunk.call("toolu_2", "Task", description="count", prompt="count them", subagent_type="counter")
    helper.user("count them")
    helper.call("toolu_3", "Read", file_path="coins.txt")
    helper.result("toolu_3", "Error: no such file", error=True)
    helper.assistant("seven")
    trunk.result("toolu_2", [{"type": "text", "text": "seven"}],
                 toolUseResult={"status": "completed", "agentId": "a1", "prompt": "count them",
                                "content": [{"type": "text", "text": "seven"}]})  # fmt: skip
    trunk.call("toolu_4", "Bash", command="sleep 100")
    folder = tmp_path / "recorded"
    path = trunk.write(folder / f"{trunk.session}.jsonl")
    helper.write(folder / trunk.session / "subagents" / "agent-a1.jsonl")
    home = tmp_path / "first"
    done = ours(home, "import", "claude-code", str(path))
    assert done.returncode == 0, done.stderr
    return home


def told(home: Path) -> list[list[tuple[object, ...]]]:
    """What the tables of a home say of its one session."""
    with open_log(home) as log, Store(log, home / "tests") as store:
        store.catch_up()
        assert len(store.query("SELECT session FROM sessions").rows) == 1
        assert store.query("SELECT sum(conflicts) FROM imports").rows == [(0,)]
        return [store.query(question).rows for question in (CALLS, TOKENS, RUNS)]


def test_a_session_comes_back_through_our_own_collector(collector, brought):
    for _ in range(2):
        done = ours(brought, "export", "--otlp", collector.url, "last")
        assert done.returncode == 0, done.stderr
    assert "12 spans of 1 sessions sent" in done.stderr
    collector.stop()
    assert told(collector.home) == told(brought)


def test_spans_have_their_original_times_and_the_same_ids_each_time(brought, somebody):
    one, two = somebody(), somebody()
    for each in (one, two):
        assert ours(brought, "export", "--otlp", each.url).returncode == 0
    assert [(s.trace_id, s.span_id, s.start_time_unix_nano) for s in one.spans()] == [
        (s.trace_id, s.span_id, s.start_time_unix_nano) for s in two.spans()
    ]
    assert one.paths == ["/v1/traces"]
    spans = {span.name: span for span in one.spans()}
    begin = 1_772_355_600  # 2026-03-01T09:00:00Z, a second a line
    assert spans["execute_tool Task"].start_time_unix_nano == (begin + 3) * 10**9
    assert spans["execute_tool Read"].status.message == "Error: no such file"
    assert spans["invoke_agent counter"].parent_span_id == spans["execute_tool Task"].span_id
    assert spans["execute_tool Read"].parent_span_id == spans["invoke_agent counter"].span_id
    roots = [span for span in one.spans() if not span.parent_span_id]
    assert [root.name for root in roots] == ["session of claude-code"]
    said = [event for span in one.spans() for event in span.events if event.name == "message"]
    assert {event.attributes[0].value.string_value for event in said} >= {"prompt", "task", "result"}
    assert len({span.span_id for span in one.spans()}) == len(one.spans())


def test_what_the_other_side_says_is_heeded(brought, somebody):
    home = brought
    partial = ExportTraceServiceResponse()
    partial.partial_success.rejected_spans = 2
    busy = somebody((429, {"Retry-After": "1"}, b""), (503, {}, b""), (200, {}, partial.SerializeToString()))
    done = ours(home, "export", "--otlp", f"{busy.url}/own/path", OTEL_EXPORTER_OTLP_HEADERS="x-key=a%20b")
    assert done.returncode == 1
    assert "2 of them were rejected" in done.stderr
    assert busy.paths == ["/own/path a b"] * 3
    wrong = ours(home, "export", "--otlp", somebody((400, {}, b"no")).url)
    assert (wrong.returncode, "answered 400: no" in wrong.stderr) == (1, True)
    nobody = ours(home, "export", "--otlp", "http://127.0.0.1:9")
    assert (nobody.returncode, "is a collector running there?" in nobody.stderr) == (4, True)
    assert ours(home, "export", "--otlp", "file:///etc/passwd").returncode == 2
    assert ours(home, "export", "--otlp", busy.url, "nothing-like-it").returncode == 3


def test_a_session_without_times_is_refused(tmp_path):
    sample = Path(__file__).parents[1] / "formats" / "samples" / "mini-swe-agent.json"
    home = tmp_path / "home"
    assert ours(home, "import", "auto", str(sample)).returncode == 0
    refused = ours(home, "export", "--otlp", "http://127.0.0.1:9", "last")
    assert (refused.returncode, "no times at all" in refused.stderr) == (2, True)
