"""A collector as it is shipped, on a free port; and traces of our own."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrion.ingest.spans import Span

COMMAND = [sys.executable, "-P", "-m", "orchestrion.cli.entry"]
START_SECONDS = 60
TRACE = "0af7651916cd43dd8448eb211c80319c"
BEGIN = 1_772_355_600_000_000_000


class Collector:
    """`orchestrion collect --watch` in a process of its own."""

    def __init__(self, home: Path, folder: Path, *options: str) -> None:
        self.home, self.said = home, home.parent / "said"
        folder.mkdir(exist_ok=True)
        arguments = ["collect", "--watch", "--port", "0", str(folder), "--home", str(home), *options]
        with self.said.open("wb") as said:
            self.process = subprocess.Popen([*COMMAND, *arguments], stderr=said, stdout=said)
        self.url = self._url()

    def _url(self) -> str:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            if found := re.search(r"OpenTelemetry at (\S+)", self.said.read_text()):
                return found[1]
            time.sleep(0.05)
        raise AssertionError(self.said.read_text())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self.said.read_text()

    def asked(self, *arguments: str) -> Any:
        """What a command of ours answers as JSON."""
        run = [*COMMAND, *arguments, "--home", str(self.home), "--format", "json"]
        done = subprocess.run(run, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        answer = self.asked("sql", sql)
        return answer["rows"] if isinstance(answer, dict) else answer


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Collector]]:
    running: list[Collector] = []

    def started(*options: str, home: Path | None = None) -> Collector:
        running.append(Collector(home or tmp_path / "home", tmp_path / "sessions", *options))
        return running[-1]

    yield started
    for each in running:
        if each.process.poll() is None:
            each.kill()


@pytest.fixture
def collector(start: Callable[..., Collector]) -> Collector:
    return start()


def span(number: int, parent: int | None, name: str, start: int, end: int, **attributes: Any) -> Span:
    """A span by its number; times in milliseconds, attributes with `_` for `.`, and `__` for `_`."""
    named = {key.replace("__", "\0").replace("_", ".").replace("\0", "_"): value for key, value in attributes.items()}
    above = None if parent is None else f"{parent:016x}"
    at = [BEGIN + each * 1_000_000 for each in (start, end)]
    return Span(TRACE, f"{number:016x}", above, name, *at, attributes={f"gen_ai.{k}": v for k, v in named.items()})


def a_trace() -> list[Span]:
    """A lead that calls two tools, one of which is another agent; plumbing in between; children end first."""
    return [
        span(4, 5, "chat", 10, 20, operation_name="chat", usage_input__tokens=50, usage_output__tokens=5),
        span(5, 3, "chat wrapper", 8, 30, operation_name="chat", usage_input__tokens=50, usage_output__tokens=5),
        span(6, 3, "execute_tool count", 30, 40, operation_name="execute_tool", tool_name="count"),
        span(9, 8, "chat", 52, 60, operation_name="chat", usage_input__tokens=7, usage_output__tokens=1),
        span(10, 8, "execute_tool look", 60, 62, operation_name="execute_tool", tool_name="look"),
        span(8, 11, "invoke_agent coins", 51, 70, operation_name="invoke_agent", agent_name="coins"),
        span(11, 7, "POST /agents", 50, 71),
        span(7, 3, "execute_tool ask", 50, 72, operation_name="execute_tool", tool_name="ask"),
        span(3, 2, "invoke_agent lead", 5, 80, operation_name="invoke_agent", agent_name="lead"),
        span(2, 1, "run", 4, 81),
        span(1, None, "POST /", 0, 90),
    ]


def as_otlp(spans: list[Span]) -> dict[str, Any]:
    """Spans as OTLP's JSON."""

    def value(of: Any) -> dict[str, Any]:
        return {"intValue": str(of)} if isinstance(of, int) else {"stringValue": of}

    written = [
        {
            "traceId": each.trace,
            "spanId": each.id,
            "parentSpanId": each.parent or "",
            "name": each.name,
            "startTimeUnixNano": str(each.start),
            "endTimeUnixNano": str(each.end),
            "attributes": [{"key": key, "value": value(of)} for key, of in each.attributes.items()],
            "status": {"code": 2, "message": each.error} if each.error else {},
        }
        for each in spans
    ]
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": written}]}]}


@pytest.fixture
def made() -> Any:
    """How the traces of these tests are made: the trace, and what OTLP's JSON makes of some spans."""
    return a_trace, as_otlp
