"""Plays a made-up session into a real log, fact by fact: the tests' own small orchestra."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrion.domain import events as e
from orchestrion.domain.streams import witnessed

START = datetime(2026, 1, 30, 10, 23, 45, 123000, tzinfo=UTC)


class Play:
    """Appends events of one session to `log` (or only collects them, without one); times are seconds from START."""

    def __init__(self, log: Any = None, session: str = "ses_play") -> None:
        self.log, self.session = log, session
        self.events: list[e.Event] = []

    def add(self, kind: type[e.Event], seconds: float, agent: str | None = None, **fields: Any) -> None:
        run = fields.pop("run", f"{self.session}/{agent}" if agent else None)
        at = START + timedelta(seconds=seconds)
        fields = {"source": "conductor", "session": self.session, **fields}
        event = kind(happened_at=at, run=run, agent=agent, **fields)
        self.events.append(event)
        if self.log is not None:
            self.log.observe([witnessed(event)])

    def begin(self, request: str = "Fix security vulnerability in authentication endpoint") -> None:
        self.add(e.SessionStarted, 0, product="orchestrion", request=request, project="shop")

    def run(self, agent: str, start: float, end: float | None, **fields: Any) -> None:
        self.add(e.AgentStarted, start, agent, task=fields.pop("task", f"the work of {agent}"))
        if end is not None:
            self.add(e.AgentCompleted, end, agent, duration_ms=round((end - start) * 1000), **fields)

    def call(self, agent: str, tool: str, start: float, seconds: float | None, **fields: Any) -> None:
        name = fields.pop("name", f"{self.session}_call_{len(self.events)}")
        status, error = fields.pop("status", "ok"), fields.pop("error", None)
        params = fields.pop("params", {"n": len(self.events)})
        self.add(e.ToolCalled, start, agent, call=name, tool=tool, params=params, **fields)
        if seconds is not None:
            ended = {"call": name, "status": status, "error": error, "duration_ms": round(seconds * 1000)}
            self.add(e.ToolReturned, start + seconds, agent, **ended)

    def say(self, sender: str, recipient: str, type: str, seconds: float, **fields: Any) -> None:
        name = fields.pop("name", f"{self.session}_msg_{len(self.events)}")
        self.add(e.MessageSent, seconds, sender, message=name, sender=sender, recipient=recipient, type=type, **fields)

    def hand(self, giver: str, taker: str, offered: float, accepted: float | None) -> None:
        name, task = f"{self.session}_handoff_{len(self.events)}", "Fix security vulnerability"
        self.add(e.HandoffOffered, offered, giver, handoff=name, giver=giver, taker=taker, task=task, urgency="high")
        if accepted is not None:
            self.add(e.HandoffAccepted, accepted, taker, handoff=name, taker=taker)

    def end(self, seconds: float) -> None:
        self.add(e.SessionEnded, seconds, status="completed", duration_ms=round(seconds * 1000))


def story(play: Play) -> Iterator[None]:
    """The specification's example, a step at a time: an auditor finds, a developer fixes, two check side by side."""
    play.begin()
    yield
    play.add(e.AgentStarted, 1, "security-auditor", task="Find the vulnerability")
    play.call("security-auditor", "Read", 1.5, 0.4, params={"file_path": "auth.py"})
    play.call("security-auditor", "Grep", 2.5, 1.2)
    play.call("security-auditor", "query", 4.0, 2.0, mcp_server="postgres")
    yield
    finding = {"severity": "high", "issue": "organizationId is not checked", "file": "auth.py", "line": 45}
    play.say("security-auditor", "backend-api-developer", "finding_report", 7, priority="high", payload=finding)
    play.add(e.AgentCompleted, 8, "security-auditor", summary="one finding", duration_ms=7000)
    play.hand("security-auditor", "backend-api-developer", 8, 8.5)
    yield
    play.add(e.AgentStarted, 8.6, "backend-api-developer", task="Fix it")
    for number, tool in enumerate(("Read", "Edit", "Edit", "Bash")):
        status = "error" if tool == "Bash" else "ok"
        play.call("backend-api-developer", tool, 9 + number * 1.5, 1.1, status=status, params={"file_path": "auth.py"})
    yield
    changes = {"changes": ["check organizationId"], "files": ["auth.py"]}
    ask = {"name": f"{play.session}_ask", "priority": "high", "payload": changes}
    play.say("backend-api-developer", "security-auditor", "validation_request", 15.5, **ask)
    reply = {"in_reply_to": f"{play.session}_ask", "priority": "high", "payload": {"approved": True}}
    play.say("security-auditor", "backend-api-developer", "validation_result", 16, **reply)
    play.add(e.AgentCompleted, 16.7, "backend-api-developer", duration_ms=8100)
    yield
    play.add(e.AgentStarted, 17, "test-suite-developer", task="Test it")
    play.add(e.AgentStarted, 17.5, "docs-writer", task="Describe it")
    play.call("test-suite-developer", "pytest", 17.2, 4.0)
    play.call("docs-writer", "Write", 18, 2.0, params={"file_path": "docs/auth.md"})
    play.add(e.AgentCompleted, 22, "test-suite-developer", duration_ms=5000)
    play.add(e.AgentCompleted, 21, "docs-writer", duration_ms=3500)
    yield
    pattern = {
        "pattern": f"{play.session}_pattern",
        "name": "missing-organizationId-validation",
        "type": "security",
        "confidence": 0.95,
    }
    play.add(
        e.PatternDiscovered, 22.5, "security-auditor", context="authentication endpoints", evidence=(2,), **pattern
    )
    play.say("security-auditor", "all", "pattern_discovered", 23, payload={"pattern": "org id", "confidence": 0.95})
    tokens = {"request_id": f"{play.session}_request", "input_tokens": 1200, "output_tokens": 345, "model": "m"}
    play.add(e.UsageRecorded, 23, "security-auditor", **tokens)
    yield
    play.end(24)
    yield
