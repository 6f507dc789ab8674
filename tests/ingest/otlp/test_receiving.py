"""The shipped collector, spoken to by real exporters, by wrong ones, and killed in between."""

import gzip
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from orchestrion.ingest.otlp.decoding import JSON, MAX_BYTES, PROTOBUF

PYDANTIC_AI = """
import sys
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from pydantic_ai import Agent
from pydantic_ai.models.instrumented import InstrumentationSettings
from pydantic_ai.models.test import TestModel

tracing = TracerProvider()
exporter = OTLPSpanExporter(sys.argv[1] + "/v1/traces", compression=Compression.Gzip)
tracing.add_span_processor(SimpleSpanProcessor(exporter))
Agent.instrument_all(InstrumentationSettings(tracer_provider=tracing))
helper, lead = Agent(TestModel(), name="helper"), Agent(TestModel(), name="lead")

@lead.tool_plain
def add(one: int, two: int) -> int:
    return one + two

@lead.tool_plain
async def ask(what: str) -> str:
    return (await helper.run(what)).output

lead.run_sync("count the coins")
tracing.shutdown()
"""


def test_pydantic_ai_and_the_sdks_exporter_are_understood(collector):
    done = subprocess.run(
        [sys.executable, "-c", PYDANTIC_AI, collector.url], capture_output=True, text=True, timeout=200, check=True
    )
    assert "error" not in done.stderr.lower()
    agents = {row["agent"]: row for row in collector.asked("agents")}
    assert {name: row["status"] for name, row in agents.items()} == {
        "main": "unknown", "lead": "completed", "helper": "completed",
    }  # fmt: skip
    calls = collector.asked("tools")
    assert {(row["agent"], row["tool"], row["status"]) for row in calls} == {
        ("lead", "add", "ok"),
        ("lead", "ask", "ok"),
    }
    said = {(row["sender"], row["recipient"], row["type"]) for row in collector.asked("messages")}
    assert said == {
        ("human", "lead", "prompt"), ("lead", "helper", "task"),
        ("helper", "lead", "result"), ("lead", "human", "response"),
    }  # fmt: skip
    (handoff,) = collector.asked("handoffs")
    assert (handoff["giver"], handoff["taker"], handoff["status"]) == ("lead", "helper", "completed")
    usage = collector.rows("SELECT agent, count(*) AS n, min(input_tokens) AS least FROM usage GROUP BY ALL ORDER BY 1")
    assert [(row["agent"], row["n"]) for row in usage] == [("helper", 1), ("lead", 2)]
    assert all(row["least"] > 0 for row in usage)
    collector.stop()


def test_every_request_is_answered_as_the_specification_says(collector, made):
    trace, as_otlp = made
    body = json.dumps(as_otlp(trace())).encode()
    broken = as_otlp(trace())
    broken["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"] = "no id"
    port = int(collector.url.rpartition(":")[2])
    with httpx.Client(base_url=collector.url, timeout=60) as client:

        def post(content, path="/v1/traces", **headers):
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return client.post(path, content=content, headers={"Content-Type": JSON, **named})

        assert (post(body).status_code, post(body).json()) == (200, {})
        assert post(gzip.compress(body), Content_Encoding="gzip").status_code == 200
        empty = post(b"", Content_Type=PROTOBUF)
        assert (empty.status_code, empty.content, empty.headers["content-type"]) == (200, b"", PROTOBUF)
        partial = post(json.dumps(broken).encode()).json()["partialSuccess"]
        assert partial["rejectedSpans"] == "1"
        assert "id" in partial["errorMessage"]
        assert post(b"{}", "/v1/logs").json() == post(b"{}", "/v1/metrics").json() == {}
        refused = post(b"{")
        assert refused.status_code == 400
        assert "no application/json" in refused.json()["message"]
        assert post(b"\xff", Content_Type=PROTOBUF).content.startswith(b"\x12")
        assert post(b"<xml/>", Content_Type="text/xml").status_code == 415
        assert post(body, Content_Encoding="br").status_code == 415
        assert post(b" " * (MAX_BYTES + 1)).status_code == 413
        assert post(iter([b" " * 2**20] * 17)).status_code == 413
        assert post(gzip.compress(bytes(64 * 2**20)), Content_Encoding="gzip").status_code == 413
        assert client.get("/v1/traces").status_code == 405
        assert post(body, "/v1/nothing").status_code == 404
        assert post(body, Host=f"evil.example:{port}").status_code == 403
        assert post(body, Origin="https://evil.example").status_code == 403
    with socket.create_connection(("127.0.0.1", port), timeout=30) as half:
        half.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
        half.sendall(b"Content-Length: 1000\r\n\r\n{")
    ledger = collector.rows("SELECT sum(recorded) AS r, sum(duplicates) AS d, sum(conflicts) AS c FROM imports")
    assert ledger == [{"r": 7, "d": 3 * 8 - 1, "c": 0}]
    assert len(collector.asked("tools")) == 3
    other = subprocess.run(
        [sys.executable, "-m", "orchestrion.cli.entry", "collect", "--watch", "--port", str(port), "--home",
         str(collector.home)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert other.returncode == 4
    assert f"port {port} of 127.0.0.1 is in use by another program" in other.stderr
    collector.stop()


def test_while_the_log_is_locked_exporters_are_told_to_come_again_and_nothing_is_lost(collector, made, monkeypatch):
    """The queue fills, 429 is said with Retry-After; once the lock is gone, all that was sent again is there, once."""
    trace, as_otlp = made
    padding = "x" * (6 * 2**20)
    bodies = []
    for number in range(14):
        spans = trace()[2:3]
        spans[0].trace = f"{number + 1:032x}"
        spans[0].attributes["padding"] = padding
        bodies.append(json.dumps(as_otlp(spans)).encode())
    lock = sqlite3.connect(collector.home / "log.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    waited: list[str] = []

    def send(body):
        with httpx.Client(timeout=120) as client:
            while True:
                answer = client.post(f"{collector.url}/v1/traces", content=body, headers={"Content-Type": JSON})
                if answer.status_code == 200:
                    return
                assert answer.status_code in (429, 503)
                waited.append(answer.headers["Retry-After"])
                time.sleep(0.3)

    threads = [threading.Thread(target=send, args=[body]) for body in bodies]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    while not waited and time.monotonic() < deadline:
        time.sleep(0.05)
    lock.execute("ROLLBACK")
    lock.close()
    for thread in threads:
        thread.join(200)
    assert set(waited) == {"2"}
    assert collector.rows("SELECT count(*) AS n, count(DISTINCT session) AS s FROM tool_calls") == [{"n": 14, "s": 14}]
    collector.stop()


def _kills(start, made, tmp_path: Path, times: int) -> None:
    """Kill the collector at random while an exporter sends again whatever was not acknowledged."""
    chance = random.Random(5)  # noqa: S311 - no secret
    trace, as_otlp = made
    left = []
    for number in range(times * 4):
        spans = trace()
        for each in spans:
            each.trace = f"{number + 1:032x}"
        left += [json.dumps(as_otlp(spans[cut : cut + 3])).encode() for cut in range(0, len(spans), 3)]
    for _ in range(times):
        collector = start()
        threading.Timer(chance.uniform(0.02, 0.6), collector.kill).start()
        while left and collector.process.poll() is None:
            try:
                answer = httpx.post(f"{collector.url}/v1/traces", content=left[0], headers={"Content-Type": JSON})
            except httpx.HTTPError:
                break
            if answer.status_code == 200:
                left.pop(0)
        collector.process.wait()
    collector = start()
    for body in left:
        answer = httpx.post(f"{collector.url}/v1/traces", content=body, headers={"Content-Type": JSON}, timeout=60)
        assert answer.status_code == 200
    collector.stop()
    sessions = times * 4
    counts = collector.rows(
        "SELECT (SELECT count(*) FROM sessions) AS sessions, (SELECT count(*) FROM tool_calls) AS calls,"
        "(SELECT count(DISTINCT agent) FROM tool_calls) AS agents, (SELECT sum(input_tokens) FROM usage) AS tokens,"
        "(SELECT bool_and(lines = recorded + duplicates + ignored + unparseable) FROM imports) AS whole,"
        "(SELECT sum(conflicts) FROM imports) AS conflicts"
    )
    assert counts == [
        {
            "sessions": sessions,
            "calls": 3 * sessions,
            "agents": 2,
            "tokens": 57 * sessions,
            "whole": True,
            "conflicts": 0,
        }
    ]


def test_a_collector_that_is_killed_goes_on_where_the_log_stands(start, made, tmp_path):
    _kills(start, made, tmp_path, 2)


@pytest.mark.slow
def test_a_collector_that_is_killed_fifty_times_goes_on_where_the_log_stands(start, made, tmp_path):
    _kills(start, made, tmp_path, 50)


def test_hooks_are_posted_with_the_token_alone_and_answered_at_once(collector):
    token = (collector.home / "collect.token").read_text()
    assert (collector.home / "collect.token").stat().st_mode & 0o777 == 0o600
    payload = {"session_id": "s1", "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_use_id": "toolu_1",
               "tool_input": {"command": "ls"}, "cwd": "/home/ann/shop"}  # fmt: skip
    returned = {**payload, "hook_event_name": "PostToolUse", "tool_response": {"stdout": "a"}}
    with httpx.Client(base_url=collector.url, timeout=60) as client:
        assert client.post("/hooks/guess", json=payload).status_code == 404
        assert (
            client.post(f"/hooks/{token}", json=payload, headers={"Origin": "https://evil.example"}).status_code == 403
        )
        assert client.post(f"/hooks/{token}", json=payload, headers={"Host": "evil.example"}).status_code == 403
        assert client.post(f"/hooks/{token}", content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
        assert client.get(f"/hooks/{token}").status_code == 405
        lock = sqlite3.connect(collector.home / "log.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")  # the log is locked, and the agent does not notice
        for each in (payload, returned, {"hook_event_name": "Novelty", "x": 1}):
            answer = client.post(f"/hooks/{token}", json=each)
            assert (answer.status_code, answer.json()) == (200, {})
        lock.execute("ROLLBACK")
        lock.close()
    (call,) = collector.asked("tools")
    assert (call["tool"], call["status"]) == ("Bash", "ok")
    assert collector.rows("SELECT type FROM incidents") == [{"type": "hook:Novelty"}]
    collector.stop()


def test_without_the_extra_the_port_is_refused_and_files_are_collected_all_the_same(tmp_path):
    """As where `orchestrion[otel]` is not installed: its package cannot be found."""
    hidden = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from orchestrion.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    run = [sys.executable, "-c", hidden, "collect", "--watch", str(tmp_path), "--home", str(tmp_path / "home")]
    asked = subprocess.run([*run, "--port", "0"], capture_output=True, text=True, timeout=60, check=False)
    assert asked.returncode == 4
    assert "pip install 'orchestrion[otel]'" in asked.stderr
    with subprocess.Popen(run, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stderr is not None
        said = [watching.stderr.readline() for _ in range(2)]
        os.kill(watching.pid, signal.SIGTERM)
        assert watching.wait(60) == 0
    assert any("pip install 'orchestrion[otel]'" in line for line in said)
