"""Given logs for the stories: small sessions written through the real event store and projections."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.segment import Segment
from textual.geometry import Size
from textual.pilot import Pilot

from orchestrion.domain import events as e
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import MemoryLog
from orchestrion.projections import VIEWS, Store, ask
from orchestrion.tui.app import Dashboard
from orchestrion.tui.feed import Feed
from orchestrion.tui.screens.view import View
from orchestrion.tui.widgets.finder import Finder
from orchestrion.tui.widgets.grid import Grid

PATIENCE_SECONDS = 60
"""For what never comes; what comes is waited for no longer than it takes."""
NOON = datetime(2026, 3, 1, 12, 0, 0)


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Stories are coroutines: each runs in an event loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


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
    """The real projections over the given log; people's SQL in the real child."""
    folder = tmp_path / "projections"
    with Store(log, folder) as store:

        def house() -> dict[str, object]:
            return {"position": log.head(), "home": str(tmp_path)}

        yield Feed(
            views=store,
            ask=lambda sql, at: ask(log, folder, sql, at=at),
            verify=log.verify,
            house=house,
            blob=log.blob,
            schema=lambda: VIEWS,
            queries=tmp_path / "queries.json",
        )


class Reader:
    """Somebody at the keyboard: presses keys and looks when everything has settled."""

    def __init__(self, pilot: Pilot[None], log: MemoryLog) -> None:
        self.pilot, self.log = pilot, log
        self.app: Dashboard = pilot.app  # type: ignore[assignment]

    async def presses(self, *keys: str) -> "Reader":
        for key in keys:
            await self.pilot.press(key)
            await self.looks()
        return self

    async def finds(self, text: str) -> "Reader":
        """Search for `text`, as if it were pasted."""
        await self.presses("slash")
        self.app.screen.query_one(Finder).value = text
        await self.pilot.pause()
        return await self.presses("enter")

    async def looks(self) -> "Reader":
        """Wait until what is shown is all that the log holds. Raises TimeoutError after some seconds."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self.at_rest():
                await asyncio.sleep(0.005)  # a pause of the pilot's asks every widget, which is more than is waited for
        await self.pilot.pause()
        return self

    def at_rest(self) -> bool:
        screen = self.app.screen
        busy = isinstance(screen, View) and not screen.at_rest
        working = any(not worker.is_finished for worker in self.app.workers)
        return self.app.position == self.log.head() and not busy and not working

    def grid(self, name: str) -> Grid:
        return self.app.screen.query_one(f"#{name}", Grid)

    def column(self, name: str, key: str) -> list[str]:
        return self.grid(name).texts(key)

    async def goes_to(self, name: str, key: str, row: int = 0) -> "Reader":
        """Put the cursor on a column (by arrow keys) and a row."""
        grid = self.grid(name)
        grid.focus()
        index = next(i for i, column in enumerate(grid.columns) if column.key == key)
        while grid.row != row:
            await self.pilot.press("down" if grid.row < row else "up")
        while grid.column != index:
            await self.pilot.press("right" if grid.column < index else "left")
        return await self.looks()

    def text(self) -> str:
        """What stands on the screen, line by line."""
        return "\n".join("".join(piece.text for piece in line) for line in self.drawn())

    def drawn(self) -> list[list[Segment]]:
        """The same with its colours."""
        width, height = self.app.size
        strips = self.app.screen._compositor.render_strips(Size(width, height))
        return [list(Segment.simplify(strip)) for strip in strips]


@pytest.fixture
def open_dashboard(feed: Feed, log: MemoryLog) -> Callable[..., AbstractAsyncContextManager[Reader]]:
    """Open the dashboard on the given log; a `Reader` sits before it."""

    @asynccontextmanager
    async def open_it(*, size: tuple[int, int] = (120, 40), **options: Any) -> AsyncIterator[Reader]:
        app = Dashboard(feed, **options)
        async with app.run_test(size=size) as pilot:
            yield await Reader(pilot, log).looks()

    return open_it
