"""Given logs for the stories: small sessions written through the real event store and projections."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrion.domain import events as e
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import MemoryLog
from orchestrion.projections import VIEWS, Store
from orchestrion.tui.feed import Feed

NOON = datetime(2026, 3, 1, 12, 0, 0)


class Story:
    """Appends events to a log, a second apart."""

    def __init__(self, log: Any) -> None:
        self.log, self.clock = log, NOON
        self.calls = 0

    def tell(self, kind: type[e.Event], *, session: str = "ses_1", seconds: float = 1.0, **fields: Any) -> int:
        """Append one event; its position."""
        self.clock += timedelta(seconds=seconds)
        fields.setdefault("source", "conductor")
        event = kind(session=session, happened_at=self.clock, **fields)
        return self.log.observe([witnessed(event)]).positions[0]

    def call(self, run: str, agent: str, tool: str, *, status: str = "ok", seconds: float = 0.2, **fields: Any) -> int:
        """Append a call and its return; the return's position."""
        self.calls += 1
        call, session = f"call_{self.calls}", fields.pop("session", "ses_1")
        params, result = fields.pop("params", {"path": "auth.py"}), fields.pop("result", "done")
        self.tell(e.ToolCalled, session=session, run=run, agent=agent, call=call, tool=tool, params=params, **fields)
        return self.tell(
            e.ToolReturned, session=session, run=run, seconds=seconds, call=call, status=status, result=result,
            duration_ms=round(seconds * 1000),
        )  # fmt: skip

    def team(self, session: str = "ses_1", *, ended: bool = True) -> None:
        """A whole small session: an auditor, two developers in parallel, a handoff, a failure, a pattern."""
        agents = ("security-auditor", "backend-api-developer", "test-suite-developer")
        audit, build, test = (f"{session}/{agent}-1" for agent in agents)
        auditor, builder, tester = agents
        self.tell(
            e.SessionStarted, session=session, product="orchestrion", request="Fix the login endpoint", project="shop"
        )
        tasks = tuple(e.PlannedTask(id=f"t{i}", agent=agent, task=f"do {i}") for i, agent in enumerate(agents))
        self.tell(
            e.PlanMade,
            session=session,
            request="Fix",
            planner="words",
            tasks=tasks,
            phases=((auditor,), (builder, tester)),
        )
        self.tell(
            e.AgentStarted, session=session, run=audit, agent=auditor, task="look for holes", phase=1, task_id="t0"
        )
        self.call(audit, auditor, "Grep", params={"pattern": "password"}, session=session)
        self.call(audit, auditor, "Read", session=session, seconds=2.5)
        self.tell(
            e.MessageSent, session=session, run=audit, agent=auditor, message=f"msg_1{session}", sender=auditor,
            recipient=builder, recipient_runs=(build,), type="finding_report", priority="high",
            payload={"severity": "high", "issue": "no check of the organization", "file": "auth.py", "line": 12},
        )  # fmt: skip
        self.tell(
            e.HandoffOffered, session=session, run=audit, agent=auditor, handoff=f"hand_1{session}", giver=auditor,
            taker=builder, task="close the hole", urgency="high", package={"warnings": ["auth flow breaks"]},
        )  # fmt: skip
        self.tell(
            e.UsageRecorded, session=session, run=audit, request_id=f"req_1{session}", model="some-model",
            input_tokens=1200, output_tokens=300,
        )  # fmt: skip
        self.tell(e.AgentCompleted, session=session, run=audit, agent=auditor, summary="one hole", duration_ms=9000)
        self.tell(
            e.AgentStarted, session=session, run=build, agent=builder, parent_run=audit, task="close it", task_id="t1"
        )
        self.tell(
            e.AgentStarted, session=session, run=test, agent=tester, parent_run=audit, task="prove it", task_id="t2"
        )
        self.tell(e.MessageDelivered, session=session, run=build, message=f"msg_1{session}", recipient=builder)
        self.tell(e.HandoffAccepted, session=session, run=build, handoff=f"hand_1{session}", taker=builder)
        self.call(
            build, builder, "Edit", session=session, seconds=1.5,
            params={"file_path": "auth.py", "old_string": "if user:\n    go()", "new_string": "if user.org:\n    go()"},
        )  # fmt: skip
        self.call(test, tester, "Bash", session=session, status="error", seconds=4, result="2 failed, 3 passed")
        self.call(test, tester, "Bash", session=session, seconds=3, result="5 passed", mcp_server="shell")
        self.tell(
            e.PatternDiscovered, session=session, run=audit, agent=auditor, pattern=f"pat_1{session}",
            name="missing-organization-check", type="security", confidence=0.9, evidence=(3, 4), context="login",
        )  # fmt: skip
        if not ended:
            return
        self.tell(
            e.AgentCompleted, session=session, run=build, agent=builder, duration_ms=8000, files_modified=("auth.py",)
        )
        self.tell(e.AgentCompleted, session=session, run=test, agent=tester, duration_ms=12000)
        self.tell(e.SessionEnded, session=session, status="completed", duration_ms=40000)


@pytest.fixture
def log() -> Iterator[MemoryLog]:
    log = MemoryLog()
    yield log
    log.close()


@pytest.fixture
def story(log: MemoryLog) -> Story:
    return Story(log)


@pytest.fixture
def feed(log: MemoryLog, tmp_path: Path) -> Iterator[Feed]:
    """The real projections over the given log."""
    with Store(log, tmp_path / "projections") as store:

        def ask(sql: str, at: int | None) -> Any:
            return store.query(sql, at=at)

        yield Feed(
            views=store,
            ask=ask,
            verify=log.verify,
            house=lambda: {"position": log.head(), "home": str(tmp_path)},
            schema=VIEWS,
            queries=tmp_path / "queries.json",
        )


Drive = Callable[..., Any]
