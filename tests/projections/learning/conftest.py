"""Runs of agents as facts in the real log, and the store that answers from it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrion.domain import events as e
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import MemoryLog
from orchestrion.projections import Store

BEGAN = datetime(2026, 3, 1, 9, tzinfo=UTC)


@dataclass
class Past:
    """One run to be told: its tools in order, which of them failed and how, and how it ended."""

    agent: str = "fixer"
    task: str = "Fix the login endpoint"
    tools: Sequence[str] = ("Read", "Edit", "Bash")
    errors: dict[int, str] = field(default_factory=dict)
    server: str | None = None
    ms: int | None = 4000
    failed: str | None = None
    day: float = 0
    session: str | None = None
    side_by_side: bool = False

    def facts(self, number: int) -> list[e.Event]:
        """What a conductor would have told, in order."""
        session = self.session or f"s{number}"
        run, at = f"{session}/{self.agent}-{number}", BEGAN + timedelta(days=self.day, minutes=number)
        shared: dict[str, Any] = {"source": "conductor", "session": session, "run": run, "agent": self.agent}
        told: list[e.Event] = [e.AgentStarted(**shared, happened_at=at, task=self.task)]
        for i, tool in enumerate(self.tools):
            call, begun = f"{run}-{i}", at + timedelta(seconds=i)
            ended = begun + timedelta(seconds=1.5 if self.side_by_side else 0.5)
            said = self.errors.get(i)
            status: e.CallStatus = "error" if said is not None else "ok"
            server, params = (self.server if i == 0 else None), {"file_path": "src/login.py"}
            told.append(
                e.ToolCalled(**shared, happened_at=begun, call=call, tool=tool, mcp_server=server, params=params)
            )
            told.append(e.ToolReturned(**shared, happened_at=ended, call=call, status=status, error=said))
        end = at + timedelta(seconds=60)
        if self.failed is not None:
            told.append(e.AgentFailed(**shared, happened_at=end, reason=self.failed, duration_ms=self.ms))
        else:
            told.append(e.AgentCompleted(**shared, happened_at=end, duration_ms=self.ms))
        return told


def judgement(past: Past, number: int, *, by: str = "ann", **said: Any) -> e.OutcomeJudged:
    """A word on the run that `past` is when told as `number`."""
    session = past.session or f"s{number}"
    run = f"{session}/{past.agent}-{number}"
    return e.OutcomeJudged(
        source="user", happened_at=BEGAN, session=session, run=run, agent=past.agent, subject=run, by=by, **said
    )


class Told:
    """A log that runs and other facts are told to."""

    def __init__(self, folder: Path) -> None:
        self.log, self._folder, self._count, self.stores = MemoryLog(), folder, 0, list[Store]()

    def runs(self, *pasts: Past) -> "Told":
        """Append these runs."""
        for past in pasts:
            self.facts(*past.facts(self._count))
            self._count += 1
        return self

    def facts(self, *events: e.Event) -> "Told":
        """Append these facts as seen."""
        self.log.observe([witnessed(event) for event in events])
        return self

    def judge(self, event: e.OutcomeJudged) -> "Told":
        """Append a judgement at the end of its stream."""
        stream = f"outcome-{event.subject}"
        standing = self.log.read_stream(stream)
        self.log.append(stream, [event], expect=standing[-1].version if standing else 0)
        return self

    def store(self) -> Store:
        """A store that has caught up."""
        store = Store(self.log, self._folder / f"p{len(self.stores)}")
        store.catch_up()
        self.stores.append(store)
        return store


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Callable[[], Told]]:
    """Makes empty logs."""
    made: list[Told] = []

    def make() -> Told:
        made.append(Told(tmp_path / f"log{len(made)}"))
        return made[-1]

    yield make
    for each in made:
        for store in each.stores:
            store.close()
        each.log.close()


@pytest.fixture
def past() -> type[Past]:
    return Past


@pytest.fixture
def judged() -> Callable[..., e.OutcomeJudged]:
    return judgement
